"""HTTPS receivers: whose certificate counts, and what an attempt records of one that does not."""

from __future__ import annotations

import shutil
import ssl
import struct
import subprocess
import threading
import warnings
from collections.abc import Callable, Iterator, Sequence
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import IO

import pytest

from app.webhooks import tls
from app.webhooks.delivery import Outcome
from tests.certificates import Authority
from tests.corpora import load_corpus
from tests.receivers import Peer, RawReceiver
from tests.sending import send
from tests.stack import find_free_port

pytestmark = pytest.mark.once

OK = b"HTTP/1.1 204 No Content\r\n\r\n"
# These servers break TLS in ways that Python's ssl refuses to; each has a test of its own.
BEYOND_PYTHON = {"tls/alpn", "tls/reneg"}
ROWS = [row["id"] for row in load_corpus("webhook_receivers")["cases"] if row["id"].startswith("tls/")]


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Authority]:
    """An authority that this machine trusts."""
    authority = Authority(tmp_path_factory.mktemp("certificates"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SSL_CERT_FILE", str(authority.path))
        tls.get_tls_context.cache_clear()
        yield authority
    tls.get_tls_context.cache_clear()


def answer(peer: Peer) -> None:
    """Takes the request and answers."""
    peer.read_request()
    peer.send(OK)


def answer_anything(peer: Peer) -> None:
    """Answers whatever comes."""
    peer.connection.recv(1)
    peer.send(OK)


def deliver(tls: ssl.SSLContext | None, host: str = "hook.test", behave: Callable[[Peer], None] = answer) -> Outcome:
    """Sends to a receiver at the name, which is at 127.0.0.1."""

    def look(_host: str) -> Sequence[str]:
        return ["127.0.0.1"]

    with RawReceiver(behave, tls) as receiver:
        url = f"https://{host}:{receiver.port}/hook"
        return send(url, b"{}", {}, allowed_networks=[ip_network("127.0.0.0/8")], deadline_seconds=5, look=look)


def limit_version(context: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    """Gives the context, which then speaks this version alone."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
        context.maximum_version = version
    return context


def build_anonymous(_authority: Authority) -> ssl.SSLContext:
    """Gives the context of a server without a certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.set_ciphers("aNULL:@SECLEVEL=0")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    return context


def demand_certificate(authority: Authority) -> ssl.SSLContext:
    """Gives the context of a server that wants to know who calls: in TLS 1.3 it says so after the handshake."""
    context = authority.serve("hook.test")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.path)
    return context


TEN_YEARS = timedelta(days=3652)
# What is wrong, by the corpus's row: the server, the host in the URL, and the words that name the reason.
WRONG: dict[str, tuple[Callable[[Authority], ssl.SSLContext], str, str]] = {
    "tls/expired": (lambda a: a.serve("hook.test", ends_in=timedelta(hours=-1)), "hook.test", "expired"),
    "tls/clock": (
        lambda a: a.serve("hook.test", starts_in=TEN_YEARS, ends_in=2 * TEN_YEARS), "hook.test", "not yet valid"
    ),
    "tls/ip-no-san": (lambda a: a.serve("hook.test", common_name="127.0.0.1"), "127.0.0.1", "mismatch"),
    "tls/cn-only": (lambda a: a.serve(common_name="hook.test"), "hook.test", "mismatch"),
    "tls/sha1": (lambda a: a.serve("hook.test", is_sha1=True), "hook.test", "too weak"),
    "tls/rsa1024": (lambda a: a.serve("hook.test", key_bits=1024), "hook.test", "too weak"),
    "tls/tls10": (lambda a: limit_version(a.serve("hook.test"), ssl.TLSVersion.TLSv1), "hook.test", "version"),
    "tls/tls11": (lambda a: limit_version(a.serve("hook.test"), ssl.TLSVersion.TLSv1_1), "hook.test", "version"),
    "tls/anon": (build_anonymous, "hook.test", "handshake failure"),
    "tls/alert": (demand_certificate, "hook.test", "certificate required"),
    "another name": (lambda a: a.serve("other.test", "127.0.0.1"), "hook.test", "mismatch"),
    "too wide": (lambda a: a.serve("*.test"), "a.hook.test", "mismatch"),
}  # fmt: skip


def test_every_row_that_a_server_can_play_is_played() -> None:
    assert set(ROWS) - BEYOND_PYTHON <= set(WRONG)


@pytest.mark.parametrize("row", WRONG)
def test_a_connection_that_cannot_be_trusted_fails_and_names_the_reason(authority: Authority, row: str) -> None:
    build, host, words = WRONG[row]
    outcome = deliver(build(authority), host)
    assert (outcome.is_success, outcome.error, outcome.status_code) == (False, "tls_error", None)
    assert outcome.address == "127.0.0.1"
    assert outcome.error_message is not None
    assert words in outcome.error_message.lower()


def pick_what_was_not_offered(peer: Peer) -> None:
    """Answers the ClientHello with a ServerHello (RFC 5246, section 7.4.1.3) that chooses HTTP/2 by ALPN."""
    peer.connection.recv(65536)
    extensions = bytes.fromhex("ff01000100") + bytes.fromhex("00100005000302") + b"h2"
    hello = (
        bytes.fromhex("0303") + bytes(32) + bytes.fromhex("00c02f00") + struct.pack(">H", len(extensions)) + extensions
    )
    message = b"\x02" + len(hello).to_bytes(3, "big") + hello
    peer.send(bytes.fromhex("160303") + struct.pack(">H", len(message)) + message)
    peer.connection.recv(1)


def test_a_server_that_picks_a_protocol_that_was_not_offered_is_not_trusted(authority: Authority) -> None:
    outcome = deliver(None, behave=pick_what_was_not_offered)
    assert (outcome.error, outcome.error_message) == ("tls_error", "The TLS connection failed: unsolicited extension.")


@pytest.mark.skipif(shutil.which("openssl") is None, reason="no openssl here to play a server that renegotiates")
def test_a_server_that_renegotiates_is_not_trusted(authority: Authority) -> None:
    authority.serve("hook.test")
    port = find_free_port()
    command = ["openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-tls1_2", "-naccept", "1"]
    server = subprocess.Popen(
        [*command, "-cert", authority.last_path, "-key", authority.last_path],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    assert server.stdin is not None
    assert server.stdout is not None

    def renegotiate(stdin: IO[bytes], stdout: IO[bytes]) -> None:
        for line in stdout:
            if line.startswith(b"Content-Length"):
                stdin.write(b"R\n")
                stdin.flush()

    with server:
        # It says so once it listens.
        while server.stdout.readline() != b"ACCEPT\n":
            assert server.poll() is None
        thread = threading.Thread(target=renegotiate, args=(server.stdin, server.stdout))
        thread.start()
        outcome = send(
            f"https://hook.test:{port}/hook",
            b"{}",
            {},
            allowed_networks=[ip_network("127.0.0.0/8")],
            deadline_seconds=5,
            look=lambda _host: ["127.0.0.1"],
        )
        server.kill()
        thread.join()
    assert (outcome.is_success, outcome.error) == (False, "tls_error")
    assert "handshake failure" in str(outcome.error_message)


def test_an_authority_that_this_machine_does_not_know_is_not_trusted(authority: Authority, tmp_path: Path) -> None:
    outcome = deliver(Authority(tmp_path).serve("hook.test"))
    assert outcome.error == "tls_error"
    assert "certificate is not valid" in str(outcome.error_message)


def test_a_server_that_speaks_plainly_where_tls_is_expected_is_not_trusted(authority: Authority) -> None:
    outcome = deliver(None, behave=answer_anything)
    assert (outcome.error, outcome.error_message) == ("tls_error", "The TLS connection failed: wrong version number.")


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(("host", "names"), [("hook.test", ["hook.test"]), ("127.0.0.1", ["127.0.0.1"])])
def test_a_certificate_for_the_hosts_name_or_address_is_trusted(
    authority: Authority, host: str, names: list[str], version: ssl.TLSVersion
) -> None:
    outcome = deliver(limit_version(authority.serve(*names), version), host)
    assert (outcome.is_success, outcome.status_code, outcome.address) == (True, 204, "127.0.0.1")
    assert set(outcome.phases) == {"dns", "connect", "tls", "first_byte", "head", "total"}


def test_the_server_is_told_the_name_and_not_the_address(authority: Authority) -> None:
    told: list[str | None] = []
    context = authority.serve("hook.test")
    context.sni_callback = lambda _socket, name, _context: told.append(name)
    assert deliver(context).is_success
    assert told == ["hook.test"]


# A request to shake hands anew: it takes nine bytes, no certificate, and is to be ignored in the middle of a handshake.
HELLO_REQUEST = b"\x16\x03\x03\x00\x04\x00\x00\x00\x00"


def test_a_server_that_never_ends_its_handshake_is_not_read_for_ever() -> None:
    sent = 0

    def flood(peer: Peer) -> None:
        nonlocal sent
        peer.connection.recv(65536)
        for _ in range(1000):
            peer.connection.sendall(HELLO_REQUEST * 2000)
            sent += len(HELLO_REQUEST) * 2000

    with RawReceiver(flood) as receiver:
        url = f"https://127.0.0.1:{receiver.port}/"
        outcome = send(url, b"{}", {}, allowed_networks=[ip_network("127.0.0.0/8")], deadline_seconds=10)
    assert (outcome.error, outcome.error_message) == ("bad_response", "The receiver sent more than is read of it.")
    # What the system's buffers have taken beside what was read.
    assert sent < 16 * 1024 * 1024


def test_a_large_body_goes_out_over_tls_and_a_large_answer_comes_back(authority: Authority) -> None:
    body = b"x" * 300_000
    seen: list[bytes] = []

    def take(peer: Peer) -> None:
        seen.append(peer.read_request())
        peer.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4000\r\n\r\n" + b"y" * 4000)

    with RawReceiver(take, authority.serve("hook.test")) as receiver:
        url = f"https://hook.test:{receiver.port}/hook"
        networks = [ip_network("127.0.0.0/8")]
        outcome = send(url, body, {}, allowed_networks=networks, deadline_seconds=10, look=lambda _host: ["127.0.0.1"])
    assert (outcome.is_success, outcome.response_snippet) == (True, "y" * 4000)
    assert seen[0].endswith(b"\r\n\r\n" + body)


@pytest.mark.parametrize("cipher", ["DHE-RSA-AES256-GCM-SHA384", "AES256-GCM-SHA384"])
def test_a_key_exchange_that_costs_too_much_or_keeps_no_secret_is_not_offered(cipher: str) -> None:
    offered = {it["name"] for it in tls.get_tls_context().get_ciphers()}
    assert cipher not in offered
    assert "ECDHE-RSA-AES128-GCM-SHA256" in offered
