"""How the provider is asked: within a time for everything, so many bytes, no redirect and no proxy.

The second way out to the network, beside ``app.webhooks.delivery``. That one goes where customers say and trusts
nothing; this one goes to the addresses of the one provider that the operator has named, and nowhere else.
"""

from __future__ import annotations

import contextlib
import functools
import io
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from typing import Any, cast

from authlib.integrations.requests_client import OAuth2Session
from requests import PreparedRequest, Response
from requests.adapters import HTTPAdapter
from requests.exceptions import ConnectionError as RequestsConnectionError
from requests.exceptions import ConnectTimeout, ReadTimeout
from requests.exceptions import HTTPError as StatusError
from urllib3 import HTTPConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import HTTPError

# For all that one page asks of the provider together: whoever waits for the page holds a thread of the web process.
DEADLINE_SECONDS = 8.0
# The key sets of the large providers have some 20 KB.
_LIMIT_BYTES = 256 * 1024
_PIECE_BYTES = 8 * 1024


def is_refusal(error: OSError) -> bool:
    """Whether there was an answer, and its status says that the request is at fault: no outage."""
    return isinstance(error, StatusError) and error.response is not None and error.response.status_code < 500


class ProviderSession(OAuth2Session):  # type: ignore[misc]
    """Authlib's session, of ``requests``, that keeps to the limits. ``until`` is a moment of ``time.monotonic``."""

    def __init__(self, *args: Any, until: float, **options: Any) -> None:
        super().__init__(*args, **options)
        # Neither proxies nor passwords for hosts come from the environment.
        self.trust_env = False
        self.headers["Accept-Encoding"] = "identity"
        self.adapters.clear()
        adapter = _Adapter(until)
        for scheme in ("https://", "http://"):
            self.mount(scheme, adapter)

    def request(self, method: str, url: str, **options: Any) -> Response:
        """Sends a request. Raises OSError, of which those of ``requests`` are, if no whole answer comes in time."""
        response: Response = super().request(method, url, **{**options, "allow_redirects": False})
        return response


class _Adapter(HTTPAdapter):
    """Opens connections that are cut at the deadline, and reads answers up to the limit."""

    def __init__(self, until: float) -> None:
        self._until = until
        super().__init__(max_retries=0)

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        super().init_poolmanager(connections, maxsize, block, ssl_context=get_tls_context(), **options)

    def get_connection_with_tls_context(self, *args: Any, **options: Any) -> HTTPConnectionPool:
        pool = cast(HTTPConnectionPool, super().get_connection_with_tls_context(*args, **options))
        guarded = _GuardedHttps if pool.scheme == "https" else _GuardedHttp
        pool.ConnectionCls = functools.partial(guarded, self._until)  # type: ignore[assignment]
        return pool

    def cert_verify(self, conn: HTTPConnectionPool, *args: Any) -> None:
        # The context says whom to trust, and there is no way to verify less.
        conn.cert_reqs = "CERT_REQUIRED"  # type: ignore[attr-defined]

    def send(self, request: PreparedRequest, *args: Any, **options: Any) -> Response:
        left = self._until - time.monotonic()
        if left <= 0:
            raise ConnectTimeout("there was no time left to ask", request=request)
        response = super().send(request, *args, **{**options, "stream": True, "timeout": left})
        try:
            body = b"".join(_read_pieces(response))
        except (HTTPError, OSError) as error:
            raise RequestsConnectionError(error, request=request) from error
        finally:
            response.close()
        # What was cut may look whole: an answer may end with its connection.
        if time.monotonic() >= self._until:
            raise ReadTimeout("the answer did not end in time", request=request)
        response.raw = io.BytesIO(body)
        return response


@functools.cache
def get_tls_context() -> ssl.SSLContext:
    """Gives the context of all connections: TLS 1.2 or later, and the authorities that the machine trusts."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


def _read_pieces(response: Response) -> Iterator[bytes]:
    count = 0
    for piece in response.raw.stream(_PIECE_BYTES, decode_content=True):
        count += len(piece)
        if count > _LIMIT_BYTES:
            raise OSError(f"the answer has more than {_LIMIT_BYTES} bytes")
        yield piece


class _Guard:
    """Cuts a connection at a moment, whatever its owner is reading then, a byte at a time perhaps."""

    def __init__(self, connected: socket.socket, until: float) -> None:
        # A copy of its own: the connection's may be wrapped in TLS and closed meanwhile.
        self._socket = connected.dup()
        self._timer = threading.Timer(max(0.0, until - time.monotonic()), self._cut)
        self._timer.daemon = True
        self._timer.start()

    def stop(self) -> None:
        """Ends the watch; the connection is over."""
        self._timer.cancel()
        self._socket.close()

    def _cut(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)


class _Guarded:
    """What both kinds of connection have in common."""

    _until: float
    _guard: _Guard | None = None

    # The one place between connecting and the handshake; there is no public one.
    def _new_conn(self) -> socket.socket:
        connected: socket.socket = super()._new_conn()  # type: ignore[misc]
        self._guard = _Guard(connected, self._until)
        return connected

    def close(self) -> None:
        if self._guard is not None:
            self._guard.stop()
        super().close()  # type: ignore[misc]


class _GuardedHttp(_Guarded, HTTPConnection):
    def __init__(self, until: float, *args: Any, **options: Any) -> None:
        self._until = until
        super().__init__(*args, **options)


class _GuardedHttps(_Guarded, HTTPSConnection):
    def __init__(self, until: float, *args: Any, **options: Any) -> None:
        self._until = until
        super().__init__(*args, **options)
