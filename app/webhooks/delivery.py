"""Makes one attempt to deliver: the one guarded way out to the network.

The constraints: the URL is a customer's, so it may lead anywhere, and its receiver may do anything. So an attempt
connects to addresses that the guard has judged and to no others, through no proxy, follows no redirect, reads little,
and is over when its deadline is, whatever the receiver does. It gives an outcome in every case.
"""

from __future__ import annotations

import contextlib
import functools
import itertools
import re
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Final

from app.webhooks.connection import Connection, Deadline, connect
from app.webhooks.failures import describe_failure, is_own
from app.webhooks.guard import (
    Address,
    GuardError,
    Network,
    WebhookUrl,
    check_before_lookup,
    parse_webhook_url,
    pin_addresses,
)
from app.webhooks.resolver import LookUp, look_up, read_answer, resolve
from app.webhooks.response import (
    BadResponseError,
    IncompleteResponseError,
    Response,
    Stream,
    read_head,
    read_snippet,
)
from app.webhooks.retry import parse_retry_after
from app.webhooks.tls import TlsSocket

# For everything together, from asking for the address to the last byte of the answer.
DEADLINE_SECONDS: Final = 15.0
# Once the status is known, the body is only something to look at, and not worth a worker's time.
_BODY_SECONDS = 2.0
# The same webhooks are called again and again; what a URL says never changes.
_parse_url = functools.lru_cache(4096)(parse_webhook_url)
_HEADER_TEXT = re.compile(r"[ -~]*\Z")


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an attempt. Unless it is a success, ``error`` is a machine word and ``error_message`` a sentence.

    ``response_snippet`` is the beginning of the answer's body, ``address`` what was connected to. ``phases`` gives the
    milliseconds that ``dns``, ``connect``, ``tls``, ``first_byte``, ``head`` and ``total`` took, as far as it came.
    """

    is_success: bool = False
    status_code: int | None = None
    error: str | None = None
    error_message: str | None = None
    response_snippet: str | None = None
    address: str | None = None
    phases: Mapping[str, int] = field(default_factory=dict)
    retry_after_seconds: int | None = None
    # All headers that were sent; None if it never came to that.
    request_headers: Mapping[str, str] | None = None


class _Trace:
    """How far an attempt has come, and how long each part of it took."""

    def __init__(self) -> None:
        self.address: str | None = None
        self.phases: dict[str, int] = {}
        self.stage = ""
        self.request_headers: Mapping[str, str] | None = None
        self._begun_at = self._since = time.monotonic()

    def enter(self, stage: str) -> None:
        """Says that the attempt is in another stage from now on."""
        self.leave()
        self.stage = stage

    def leave(self) -> None:
        """Says that what was begun is over, well or not; ``stage`` still names it."""
        now = time.monotonic()
        if self.stage:
            self.phases[self.stage] = round((now - self._since) * 1000)
        self._since = now

    def close(self) -> None:
        """Says that the whole attempt is over."""
        self.phases["total"] = round((time.monotonic() - self._begun_at) * 1000)


async def send(
    url: str,
    body: bytes,
    headers: Mapping[str, str],
    *,
    allowed_networks: Sequence[Network] = (),
    deadline_seconds: float = DEADLINE_SECONDS,
    look: LookUp = look_up,
) -> Outcome:
    """POSTs the body once; gives what became of it, whatever the network and the receiver do. Runs in a reactor.

    ``headers`` go beside those that HTTP itself needs. ``look`` takes a host name and gives its addresses, in a thread
    of its own. Raises ValueError for a header that cannot stand in one line of ASCII.
    """
    trace, deadline = _Trace(), Deadline(deadline_seconds)
    _check_headers(headers)
    try:
        trace.enter("dns")
        target = _parse_url(url)
        addresses = await _find_addresses(target, allowed_networks, deadline, look)
        outcome = await _exchange(target, addresses, _build_headers(target, headers, body), body, deadline, trace)
    except (GuardError, BadResponseError, IncompleteResponseError, OSError) as error:
        trace.leave()
        word, message = describe_failure(error, trace.stage, deadline_seconds)
        outcome = Outcome(error=word, error_message=message)
    trace.close()
    return replace(outcome, address=trace.address, phases=trace.phases, request_headers=trace.request_headers)


async def _find_addresses(
    target: WebhookUrl, allowed_networks: Sequence[Network], deadline: Deadline, look: LookUp
) -> tuple[Address, ...]:
    """Gives the addresses to connect to, judged for this attempt."""
    if target.address:
        return pin_addresses(target, allowed_networks, look)
    check_before_lookup(target, allowed_networks)
    found: Sequence[str] | OSError
    try:
        found = await resolve(target.host, deadline.until, look)
    except TimeoutError:
        raise
    except OSError as error:
        if is_own(error):
            raise
        found = error
    return pin_addresses(target, allowed_networks, lambda _host: read_answer(found))


def _check_headers(headers: Mapping[str, str]) -> None:
    if not _HEADER_TEXT.match("".join(itertools.chain(headers, headers.values()))):
        raise ValueError("a header is not one line of ASCII")


def _build_headers(target: WebhookUrl, headers: Mapping[str, str], body: bytes) -> dict[str, str]:
    """Gives all headers of a request, in their order."""
    return {
        "Host": target.authority,
        **headers,
        "Content-Length": str(len(body)),
        # Nothing is ever decompressed, so nothing compressed is asked for; and each attempt has its own connection.
        "Accept": "*/*",
        "Accept-Encoding": "identity",
        "Connection": "close",
    }


def _build_request(target: WebhookUrl, headers: Mapping[str, str], body: bytes) -> bytes:
    """Gives head and body as one: sent apart, an answer that comes early could reset the connection in between."""
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"POST {target.target} HTTP/1.1\r\n{lines}\r\n".encode("ascii") + body


async def _exchange(
    target: WebhookUrl,
    addresses: Sequence[Address],
    headers: Mapping[str, str],
    body: bytes,
    deadline: Deadline,
    trace: _Trace,
) -> Outcome:
    trace.enter("connect")
    plain = await _connect(addresses, target.port, deadline, trace)
    with plain:
        opened: socket.socket | TlsSocket = plain
        if target.scheme == "https":
            trace.enter("tls")
            opened = secured = TlsSocket(plain, target.host)
            await secured.shake_hands(deadline.until)
        stream = Stream(Connection(opened, _build_request(target, headers, body), deadline).receive)
        trace.request_headers = headers
        trace.enter("first_byte")
        await stream.wait()
        trace.enter("head")
        response = await read_head(stream)
        trace.leave()
        deadline.shorten(_BODY_SECONDS)
        return _judge(response, await read_snippet(stream, response))


async def _connect(addresses: Sequence[Address], port: int, deadline: Deadline, trace: _Trace) -> socket.socket:
    """Tries each address in turn, each with its share of the time that is left."""
    *others, last = addresses
    for count, address in enumerate(others):
        trace.address = str(address)
        with contextlib.suppress(OSError):
            return await connect(address, port, deadline.share(len(addresses) - count))
    trace.address = str(last)
    return await connect(last, port, deadline.until)


def _judge(response: Response, snippet: str) -> Outcome:
    status = response.status_code
    if 200 <= status < 300:
        return Outcome(is_success=True, status_code=status, response_snippet=snippet)
    retry_after_seconds = parse_retry_after(response.get_all("retry-after"), datetime.now(UTC))
    if 300 <= status < 400:
        error, message = "redirect", f"The receiver answered {status}: redirects are not followed."
    else:
        error, message = "http_status", f"The receiver answered {status}."
    return Outcome(
        status_code=status,
        error=error,
        error_message=message,
        response_snippet=snippet,
        retry_after_seconds=retry_after_seconds,
    )
