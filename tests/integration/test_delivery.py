"""One attempt against receivers that misbehave in every way: what it records, and that it ends in time."""

from __future__ import annotations

import gzip
import re
import time
from collections.abc import Mapping
from ipaddress import ip_network
from typing import Any

import psutil
import pytest

from app.webhooks import delivery
from app.webhooks.delivery import DEADLINE_SECONDS, Outcome
from app.webhooks.due import LEASE_SECONDS
from app.webhooks.response import SNIPPET_BYTES
from tests.behaviours import (
    EMPTY,
    HEAD,
    Behave,
    answer,
    answer_first,
    answer_late,
    drip,
    flood,
    hold,
    read_slowly,
    reset_after,
    reset_after_request,
)
from tests.corpora import load_corpus
from tests.receivers import Peer, RawReceiver
from tests.sending import send

pytestmark = pytest.mark.once

LOOPBACK = (ip_network("127.0.0.0/8"), ip_network("::1/128"))
ROWS: dict[str, dict[str, Any]] = {row["id"]: row for row in load_corpus("webhook_receivers")["cases"]}
SHORT_SECONDS = 0.4
# More than the buffers of both sides hold.
LARGE_BODY = b"x" * (16 * 1024 * 1024)


def deliver(behave: Behave, body: bytes = b"{}", deadline_seconds: float = 5.0) -> tuple[Outcome, float]:
    """Sends to a receiver that behaves so; gives the outcome and the seconds that it took."""
    with RawReceiver(behave) as receiver:
        started_at = time.monotonic()
        outcome = send(
            receiver.url,
            body,
            {"webhook-id": "1"},
            allowed_networks=LOOPBACK,
            deadline_seconds=deadline_seconds,
        )
        seconds = time.monotonic() - started_at
        assert receiver.connection_count <= 1
    assert len(outcome.error or "") <= 32
    assert outcome.is_success == (outcome.error is None) == (outcome.error_message is None)
    return outcome, seconds


def build_status_line(row: Mapping[str, Any]) -> bytes:
    """Gives the answer of a receiver that only has a status to say."""
    odd = re.search(r'"(HTTP/1.1 .*)"', row["receiver_does"])
    line = odd[1] if odd else f"HTTP/1.1 {row['receiver_does'].split()[0]} X"
    location = "Location: http://127.0.0.1:9/other\r\n" if "Location" in row["receiver_does"] else ""
    return f"{line}\r\n{location}Content-Length: 0\r\n\r\n".encode()


def read_expectation(row: Mapping[str, Any]) -> tuple[bool, set[str | None]]:
    """Gives whether the corpus calls the attempt a success, and the machine words that fit what it says otherwise."""
    said = row["attempt"]
    if said.startswith("success"):
        return True, {None}
    words: dict[str, set[str | None]] = {
        "timeout": {"timeout"},
        "redirect": {"redirect"},
        "bad response": {"bad_response"},
        # Who sends a banner or half a line was reached, and did not answer in HTTP.
        "connection error": {"connection_error", "bad_response", "tls_error"},
        "the deadline or cap": {"timeout", "bad_response"},
        "total deadline": {"timeout"},
    }
    found = [fitting for phrase, fitting in words.items() if phrase in said]
    return False, found[0] if found else {"http_status"}


STATUS = {name: answer(build_status_line(row)) for name, row in ROWS.items() if name.startswith("status/")} | {
    "status/100": hold(b"HTTP/1.1 100 Continue\r\n\r\n"),
    "status/100-200": answer(b"HTTP/1.1 100 Continue\r\n\r\n" + EMPTY),
}
TIME = {
    "time/slow-header": drip(HEAD + b"X-Long: ", b"x"),
    "time/slow-body": drip(HEAD + b"Content-Length: 100000\r\n\r\n", b"x"),
    "time/never-end": hold(HEAD + b"Content-Length: 10\r\n\r\n12345"),
    "time/late": answer_late,
    "time/read-slow": read_slowly,
    "time/no-read": answer_first(b""),
    "time/early-2xx": answer_first(EMPTY),
    "time/early-413": reset_after(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig"),
}
BOMB = gzip.compress(b"0" * 10_000_000)
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
SIZE = {
    "size/gzip-bomb": flood(HEAD + b"Content-Encoding: gzip\r\n\r\n", BOMB),
    "size/br-bomb": flood(HEAD + b"Content-Encoding: br\r\n\r\n", BOMB),
    "size/chunk-inf": flood(CHUNKED, b"1\r\nx\r\n"),
    "size/chunk-bad": answer(CHUNKED + b"zz\r\nabc"),
    "size/chunk-huge": flood(CHUNKED + b"FFFFFFFFFFFFFFFF\r\n", b"x" * 1000),
    "size/hdr-1m": answer(HEAD + b"X-Long: " + b"x" * 1_000_000 + b"\r\n\r\n"),
    "size/hdr-10k": answer(HEAD + b"".join(b"X-%d: x\r\n" % number for number in range(10_000)) + b"\r\n"),
    "size/hdr-inf": flood(HEAD, b"X: x\r\n"),
    "size/trailers": answer(CHUNKED + b"0\r\n" + b"X: x\r\n" * 10_000 + b"\r\n"),
}
TEXT = {
    "text/nul": b"a\x00b",
    "text/latin1": "größer".encode("latin-1"),
    "text/charset-bad": "größer".encode(),
    "text/surrogate": b"a\xed\xa0\x80b",
    "text/html": b"<script>alert(1)</script>",
    "text/binary": bytes(range(256)) * 4,
    "text/long-line": "ö".encode() * 32_768,
}
CONNECTION: dict[str, Behave] = {
    "conn/reset-accept": Peer.reset,
    "conn/reset-after-req": reset_after_request,
    "conn/fin": answer(b""),
    "conn/http09": answer(b"OK"),
    "conn/ssh": answer_first(b"SSH-2.0-OpenSSH_9.9\r\n"),
    "conn/smtp": answer_first(b"220 mail.example.com ESMTP\r\n"),
    "conn/redis": answer(b"-ERR unknown command\r\n"),
    "conn/tls-on-plain": answer(bytes.fromhex("15030100020228")),
}


@pytest.mark.parametrize("name", STATUS)
def test_a_status_decides_alone_and_only_a_real_one_is_stored(name: str) -> None:
    is_success, errors = read_expectation(ROWS[name])
    outcome, _ = deliver(STATUS[name], deadline_seconds=SHORT_SECONDS if name == "status/100" else 5.0)
    assert (outcome.is_success, outcome.error in errors) == (is_success, True), outcome
    code = None if errors & {"bad_response", "timeout"} else int(re.findall(r"\d+", name)[-1])
    assert outcome.status_code == code


@pytest.mark.parametrize("name", TIME)
def test_no_receiver_holds_an_attempt_beyond_its_deadline(name: str) -> None:
    is_success, errors = read_expectation(ROWS[name])
    body = LARGE_BODY if name in {"time/read-slow", "time/no-read", "time/early-2xx", "time/early-413"} else b"{}"
    deadline_seconds = 5.0 if name in {"time/late", "time/early-2xx", "time/early-413"} else SHORT_SECONDS
    outcome, seconds = deliver(TIME[name], body, deadline_seconds)
    assert (outcome.is_success, outcome.error in errors) == (is_success, True), outcome
    assert seconds < deadline_seconds + 0.5
    assert outcome.phases["total"] == pytest.approx(seconds * 1000, abs=250)
    if name == "time/early-413":
        assert (outcome.status_code, outcome.response_snippet) == (413, "big")


@pytest.mark.parametrize("name", SIZE)
def test_whatever_is_sent_only_a_little_of_it_is_read(name: str) -> None:
    is_success, errors = read_expectation(ROWS[name])
    before = psutil.Process().memory_info().rss
    outcome, seconds = deliver(SIZE[name])
    # The corpus lets one rule decide on chunks that cannot be read: here the status does.
    assert outcome.is_success == (is_success or name == "size/chunk-huge")
    assert outcome.is_success or outcome.error in errors
    assert len(outcome.response_snippet or "") <= SNIPPET_BYTES
    assert seconds < 3
    assert psutil.Process().memory_info().rss - before < ROWS[name]["max_rss_growth_mb"] * 1024 * 1024


@pytest.mark.parametrize("name", TEXT)
@pytest.mark.parametrize("is_chunked", [False, True], ids=["plain", "chunked"])
def test_what_is_kept_of_a_body_is_text_that_a_database_can_store(name: str, is_chunked: bool) -> None:
    body = TEXT[name]
    head = HEAD.replace(b"text/plain", b"text/plain; charset=nope")
    framed = b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    outcome, seconds = deliver(answer(head + (framed if is_chunked else b"\r\n" + body)))
    snippet = outcome.response_snippet
    assert outcome.is_success
    assert snippet
    assert snippet.isprintable() or name == "text/binary"
    assert "\x00" not in snippet
    assert len(snippet.encode()) <= 3 * SNIPPET_BYTES
    assert seconds < 1
    if name in {"text/charset-bad", "text/html"}:
        assert snippet.encode() == body
    if name == "text/long-line":
        assert set(snippet) == {"ö"}


@pytest.mark.parametrize("name", CONNECTION)
def test_what_is_no_answer_in_http_is_a_failed_attempt(name: str) -> None:
    _, errors = read_expectation(ROWS[name])
    outcome, _ = deliver(CONNECTION[name])
    assert outcome.error in errors
    assert (outcome.status_code, outcome.address) == (None, "127.0.0.1")


def test_every_row_of_these_groups_is_played() -> None:
    groups = ("status/", "time/", "size/", "text/", "conn/")
    elsewhere = {
        # What a network does, and what names lead to: see the tests of the guarded way out.
        "conn/unreach", "time/dns-slow", "time/many-ip",
        # See the tests of TLS.
        "conn/plain-on-tls",
        # There are no kept connections; that each attempt has its own is tested below.
        "time/keepalive-stale",
    }  # fmt: skip
    played = {*STATUS, *TIME, *SIZE, *TEXT, *CONNECTION}
    assert {name for name in ROWS if name.startswith(groups)} - elsewhere == played


def test_a_long_header_is_read_in_one_go() -> None:
    # Spaces inside a value once made a parser look at each of them again from every one before.
    begun_at = time.process_time()
    outcome, _ = deliver(answer(HEAD + b"X-Long: a" + b" " * 65_000 + b"b\r\nRetry-After: 7 \t\r\n\r\n"))
    assert outcome.is_success
    assert time.process_time() - begun_at < 2


def test_an_attempt_has_fifteen_seconds_and_ends_long_before_its_lease() -> None:
    assert DEADLINE_SECONDS == 15
    assert LEASE_SECONDS >= DEADLINE_SECONDS + 10


def test_the_request_is_whole_and_asks_for_no_second_one_and_nothing_compressed() -> None:
    seen: list[bytes] = []

    def behave(peer: Peer) -> None:
        seen.append(peer.read_request())
        peer.send(EMPTY)

    body = "{größer}".encode()
    with RawReceiver(behave) as receiver:
        url, headers = f"{receiver.url}?a=%0d%0a", {"webhook-id": "7"}
        outcomes = [send(url, body, headers, allowed_networks=LOOPBACK) for _ in range(2)]
        assert all(outcome.is_success for outcome in outcomes)
        assert receiver.connection_count == 2
    head, _, sent = seen[0].partition(b"\r\n\r\n")
    lines = head.decode("ascii").split("\r\n")
    assert lines[0] == "POST /hook?a=%0d%0a HTTP/1.1"
    assert {f"Host: 127.0.0.1:{receiver.port}", "webhook-id: 7", f"Content-Length: {len(body)}"} < set(lines)
    assert {"Connection: close", "Accept-Encoding: identity"} < set(lines)
    assert outcomes[0].request_headers == dict(line.split(": ", 1) for line in lines[1:])
    assert sent == body


@pytest.mark.parametrize("header", [{"X-A": "1\r\nX-B: 2"}, {"X-A\n": "1"}, {"X-A": "\u010a"}, {"X-A": "\x00"}])
def test_a_header_that_would_break_out_of_its_line_is_never_sent(header: dict[str, str]) -> None:
    with pytest.raises(ValueError, match="not one line"):
        send("http://127.0.0.1:9/", b"", header, allowed_networks=LOOPBACK)


@pytest.mark.parametrize(
    ("lines", "seconds"),
    [
        ("503 X\r\nRetry-After: 120", 120),
        ("429 X\r\nretry-after:7\r\nRetry-After: 11", 11),
        ("503 X\r\nRetry-After: -5", None),
        ("200 X\r\nRetry-After: 120", None),
    ],
)
def test_a_failed_attempt_records_what_the_receiver_asked_for(lines: str, seconds: int | None) -> None:
    outcome, _ = deliver(answer(f"HTTP/1.1 {lines}\r\nContent-Length: 0\r\n\r\n".encode()))
    assert outcome.retry_after_seconds == seconds


def test_a_body_that_never_ends_holds_nobody_once_the_status_is_known(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delivery, "_BODY_SECONDS", 0.2)
    outcome, seconds = deliver(drip(b"HTTP/1.1 500 X\r\n\r\n", b"x"))
    assert (outcome.status_code, outcome.error) == (500, "http_status")
    assert outcome.response_snippet
    assert seconds < 1


def test_a_flood_of_interim_answers_is_no_answer() -> None:
    for behave in (flood(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"), flood(b"", b"\x00\xff\r\n"), flood(b"", b"x")):
        outcome, seconds = deliver(behave)
        assert (outcome.error, outcome.status_code) == ("bad_response", None)
        assert seconds < 3


def test_a_large_body_reaches_a_receiver_that_reads_it() -> None:
    received: list[int] = []

    def behave(peer: Peer) -> None:
        received.append(len(peer.read_request()))
        peer.send(EMPTY)

    outcome, _ = deliver(behave, LARGE_BODY)
    assert outcome.is_success
    assert received[0] > len(LARGE_BODY)
