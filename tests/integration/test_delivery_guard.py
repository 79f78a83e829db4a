"""The one way out is guarded: at every attempt, whatever DNS, a receiver or the environment says."""

from __future__ import annotations

import errno
import itertools
import os
import socket
import threading
import time
from collections.abc import Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest

from app.webhooks.delivery import Outcome
from app.webhooks.resolver import LookUp
from tests.corpora import load_corpus, load_corpus_lines
from tests.receivers import Peer, RawReceiver, Receiver
from tests.sending import send

pytestmark = pytest.mark.once

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
ROWS: list[dict[str, Any]] = [*load_corpus("ssrf_urls")["cases"], *load_corpus_lines("ssrf_more")]
FORBIDDEN = [row for row in ROWS if row["expect"] in ("block", "deny") and not row["id"].startswith("redirect/")]
RECEIVERS: dict[str, dict[str, Any]] = {row["id"]: row for row in load_corpus("webhook_receivers")["cases"]}
REDIRECTS = [name for name in RECEIVERS if name.startswith("redirect/")]
TARGETS = [row["url"].partition(" -> ")[2] for row in ROWS if row["id"].startswith("redirect/")]


@pytest.fixture
def connections(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every address that a socket is asked to connect to."""
    asked: list[Any] = []
    connect = socket.socket.connect

    def record(self: socket.socket, address: Any) -> None:
        asked.append(address)
        connect(self, address)

    monkeypatch.setattr(socket.socket, "connect", record)
    return asked


@pytest.fixture
def canary() -> Iterator[Receiver]:
    """A receiver that nothing may reach."""
    with Receiver() as canary:
        yield canary
        assert canary.requests == []


def has_ipv6() -> bool:
    """Whether a server can listen at ::1."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


def answer_with(*addresses: str) -> LookUp:
    """Gives a resolver that knows these addresses for every name."""
    return lambda _host: addresses


def fail_with(error: OSError) -> LookUp:
    """Gives a resolver that knows nothing."""

    def look(_host: str) -> Sequence[str]:
        raise error

    return look


AT_LOOPBACK = answer_with("127.0.0.1")


def deliver(
    url: str,
    look: LookUp = AT_LOOPBACK,
    networks: Sequence[IPv4Network | IPv6Network] = LOOPBACK,
    deadline_seconds: float = 5.0,
) -> Outcome:
    """Sends an empty object."""
    return send(url, b"{}", {}, allowed_networks=networks, look=look, deadline_seconds=deadline_seconds)


@pytest.mark.parametrize("row", FORBIDDEN, ids=lambda row: row["id"])
def test_nothing_is_ever_sent_to_where_no_webhook_may_lead(row: dict[str, Any], connections: list[Any]) -> None:
    # The name that leads elsewhere than when it was saved is judged by where it leads now.
    dns = ["127.0.0.1"] if row["id"] == "name/flip-retry" else row.get("dns", ["93.184.215.14"])
    answers = next(iter(dns.values()))[0] if isinstance(dns, dict) else dns
    outcome = deliver(row["url"], answer_with(*answers), ())
    assert outcome.error == ("dns_error" if not answers else "blocked")
    assert (outcome.is_success, outcome.address, outcome.response_snippet, connections) == (False, None, None, [])


@pytest.mark.parametrize("code", [301, 302, 303, 307, 308])
@pytest.mark.parametrize("target", [*TARGETS, "CANARY"])
def test_no_redirect_is_followed(code: int, target: str, canary: Receiver) -> None:
    location = target.replace("CANARY", canary.url)
    header = location if ": " in location else f"Location: {location}"

    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(f"HTTP/1.1 {code} X\r\n{header}\r\nContent-Length: 0\r\n\r\n".encode())

    with RawReceiver(behave) as receiver:
        outcome = deliver(receiver.url)
        assert receiver.connection_count == 1
    assert (outcome.error, outcome.status_code) == ("redirect", code)


def test_a_refresh_is_no_redirect_and_no_failure(canary: Receiver) -> None:
    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(f"HTTP/1.1 200 OK\r\nRefresh: 0;url={canary.url}\r\nContent-Length: 0\r\n\r\n".encode())

    with RawReceiver(behave) as receiver:
        assert deliver(receiver.url).is_success


def test_proxies_and_passwords_of_the_environment_are_not_used(
    canary: Receiver, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, canary.url)
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login somebody password secret\n")
    (tmp_path / ".netrc").chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    with Receiver() as receiver:
        assert deliver(receiver.url).is_success
    (request,) = receiver.requests
    assert request.headers["Authorization"] is None


def test_what_was_judged_is_what_is_connected_to(connections: list[Any]) -> None:
    answers = itertools.chain([["127.0.0.1"]], itertools.repeat(["127.0.0.66"]))
    with Receiver() as receiver:
        port = receiver.url.split(":")[2].partition("/")[0]
        outcome = deliver(f"http://flip.hook.test:{port}/x", lambda _host: next(answers))
    assert (outcome.is_success, outcome.address) == (True, "127.0.0.1")
    assert connections == [("127.0.0.1", int(port))]
    assert (receiver.requests[0].path, receiver.requests[0].headers["Host"]) == ("/x", f"flip.hook.test:{port}")


@pytest.mark.parametrize(
    ("name", "look", "error"),
    [
        ("dns/nx", fail_with(socket.gaierror(socket.EAI_NONAME, "Name or service not known")), "dns_error"),
        ("dns/servfail", fail_with(socket.gaierror(socket.EAI_AGAIN, "Temporary failure")), "dns_error"),
        ("dns/empty", answer_with(), "dns_error"),
        ("dns/private", answer_with("10.0.0.1"), "blocked"),
        ("dns/flip", answer_with("127.0.0.1"), "blocked"),
    ],
)
def test_a_name_without_an_allowed_address_fails_and_no_packet_is_sent(
    name: str, look: LookUp, error: str, connections: list[Any]
) -> None:
    assert RECEIVERS[name]["attempt"].startswith(f"failed: {error.replace('dns_error', 'name error')}")
    outcome = deliver("https://hook.test/", look, ())
    assert (outcome.error, outcome.address, connections) == (error, None, [])


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6, not even on the loopback interface")
def test_a_receiver_that_has_only_ipv6_is_reached() -> None:
    def behave(peer: Peer) -> None:
        peer.read_request()
        peer.send(b"HTTP/1.1 204 No Content\r\n\r\n")

    with RawReceiver(behave, host="::1") as receiver:
        for url in (f"http://six.hook.test:{receiver.port}/", receiver.url):
            outcome = deliver(url, answer_with("::1"))
            assert (outcome.is_success, outcome.address) == (True, "::1")


def test_if_one_address_cannot_be_reached_the_other_one_is_tried() -> None:
    with Receiver() as receiver:
        port = receiver.url.split(":")[2].partition("/")[0]
        outcome = deliver(f"http://dual.hook.test:{port}/", answer_with("::1", "127.0.0.1"))
    assert (outcome.is_success, outcome.address) == (True, "127.0.0.1")


def test_a_resolver_that_takes_too_long_ends_with_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    is_over = threading.Event()

    def look_up(*_: Any, **__: Any) -> list[Any]:
        is_over.wait(30)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    started_at = time.monotonic()
    outcome = send("https://slow.hook.test/", b"{}", {}, deadline_seconds=0.3)
    assert 0.3 <= time.monotonic() - started_at < 2
    is_over.set()
    assert (outcome.error, outcome.error_message) == ("timeout", "The host name was not resolved within 0.3 seconds.")


def test_ten_silent_addresses_share_one_deadline(connections: list[Any]) -> None:
    addresses = [str(ip_address("127.0.0.10") + number) for number in range(10)]
    with socket.create_server(("", 0), backlog=0) as listener:
        port = listener.getsockname()[1]
        # Once its backlog is full, a server answers nobody who connects.
        with socket.create_connection(("127.0.0.1", port)):
            outcome = deliver(f"http://many.hook.test:{port}/", answer_with(*addresses), deadline_seconds=0.3)
    assert outcome.error == "timeout"
    assert 300 <= outcome.phases["total"] < 2000
    assert connections[1:] == [(address, port) for address in addresses[:2]]


@pytest.mark.parametrize("code", [errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ECONNREFUSED])
def test_a_receiver_that_cannot_be_reached_is_a_failed_attempt(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    def refuse(_self: socket.socket, _address: Any) -> None:
        raise OSError(code, "No route to host")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    outcome = deliver("http://hook.test/")
    assert (outcome.error, outcome.address, outcome.status_code) == ("connection_error", "127.0.0.1", None)


@pytest.mark.parametrize("code", [errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM])
def test_what_slipway_is_short_of_is_not_said_of_the_receiver(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    shortage = OSError(code, os.strerror(code))

    def fail(*_: Any) -> None:
        raise shortage

    outcomes = [deliver("http://hook.test/", fail_with(shortage))]
    monkeypatch.setattr(socket.socket, "connect", fail)
    outcomes.append(deliver("http://hook.test/"))
    for outcome in outcomes:
        assert (outcome.error, outcome.is_success) == ("internal_error", False)
        assert outcome.error_message == f"Nothing was sent: Slipway is short of something: {os.strerror(code)}."
