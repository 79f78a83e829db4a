"""How long and how much the provider may answer, over real sockets."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.oidc import transport
from app.oidc.transport import ProviderSession
from tests.behaviours import HEAD, Behave
from tests.certificates import Authority
from tests.receivers import Peer, RawReceiver
from tests.stack import wait_until

pytestmark = pytest.mark.once

SECONDS = 0.3
# What a busy machine may add; whatever was told here goes on for ever.
PATIENCE_SECONDS = 5.0


def fetch(url: str) -> bytes:
    """Gives what is answered within the time."""
    with ProviderSession(until=time.monotonic() + SECONDS) as session:
        answer: bytes = session.request("GET", url, withhold_token=True).content
    return answer


def say(data: bytes) -> Behave:
    """Gives a provider that answers with these bytes, and closes."""

    def behave(peer: Peer) -> None:
        peer.connection.recv(65536)
        peer.send(data)

    return behave


def drip(head: bytes) -> Behave:
    """Gives a provider that answers so much at once, and then goes on byte by byte."""

    def behave(peer: Peer) -> None:
        peer.connection.recv(65536)
        peer.send(head)
        peer.drip(b"x")

    return behave


def flood(peer: Peer) -> None:
    """Answers without end."""
    peer.connection.recv(65536)
    peer.send(HEAD + b"\r\n")
    peer.flood(b"x" * 65536)


ENDLESS: dict[str, tuple[str, Behave]] = {
    "the head drips": ("http", drip(b"HTTP/1.1 200 OK\r\nX: ")),
    "the body drips": ("http", drip(HEAD + b"Content-Length: 100000\r\n\r\n")),
    "the body floods": ("http", flood),
    "the handshake drips": ("https", drip(b"\x16\x03\x03\x40\x00\x02")),
}


@pytest.mark.parametrize("name", ENDLESS)
def test_whatever_goes_on_for_ever_is_cut_and_leaves_nothing_behind(name: str) -> None:
    scheme, behave = ENDLESS[name]
    with RawReceiver(behave) as receiver:
        begun = time.monotonic()
        with pytest.raises(OSError, match=r"\w"):
            fetch(receiver.url.replace("http", scheme))
        assert time.monotonic() - begun < SECONDS + PATIENCE_SECONDS
    wait_until(lambda: not any(isinstance(it, threading.Timer) for it in threading.enumerate()), 10, "the watch ends")


def test_no_redirect_is_followed_and_no_proxy_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    with RawReceiver(say(HEAD + b"Content-Length: 2\r\n\r\n{}")) as other:
        location = f"HTTP/1.1 302 Found\r\nLocation: {other.url}\r\nContent-Length: 2\r\n\r\n[]".encode()
        with RawReceiver(say(location)) as receiver:
            assert fetch(receiver.url) == b"[]"
        assert other.connection_count == 0


@contextmanager
def trusting(authority: Authority, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Within it, this machine trusts an authority."""
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.path))
    transport.get_tls_context.cache_clear()
    yield
    transport.get_tls_context.cache_clear()


def test_the_certificate_must_be_of_the_host_and_of_an_authority_that_the_machine_trusts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    authority = Authority(tmp_path)
    answer = say(HEAD + b"Content-Length: 2\r\n\r\n{}")
    monkeypatch.setattr("tests.integration.test_oidc_transport.SECONDS", PATIENCE_SECONDS)
    with (
        RawReceiver(answer, authority.serve("127.0.0.1")) as right,
        RawReceiver(answer, authority.serve("x.test")) as w,
    ):
        good, bad = (receiver.url.replace("http", "https") for receiver in (right, w))
        with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
            fetch(good)
        with trusting(authority, monkeypatch):
            assert fetch(good) == b"{}"
            with pytest.raises(OSError, match="CERTIFICATE_VERIFY_FAILED"):
                fetch(bad)
