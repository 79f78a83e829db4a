"""Raw bytes on a socket: whatever comes, no 5xx, nothing smuggled, and the next request is served."""

from __future__ import annotations

import base64
import http.client
import json
import re
import socket
import time
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from app.extensions import db
from app.releases.models import Release
from tests.corpora import load_corpus
from tests.factories import Factory
from tests.stack import Stack

RAW: list[dict[str, Any]] = [row for row in load_corpus("raw_http")["cases"] if not row["id"].startswith("slow/")]
HOSTS: list[dict[str, Any]] = load_corpus("host_headers")["cases"]
# The server may wait for more of a body that was cut; closing the sending side tells it that there is none.
_ANSWER_SECONDS = 10.0


@pytest.fixture(scope="module")
def stack(shared_app: Flask, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A web process that trusts one host only."""
    with Stack({**environment, "TRUSTED_HOSTS": "portal.test"}, tmp_path_factory.mktemp("raw")) as stack:
        stack.start_web("tests.e2e.echo_wsgi:app", host="portal.test")
        yield stack


def exchange(stack: Stack, raw: bytes) -> bytes:
    """Sends bytes on a new connection; gives all that comes back until the server closes or has nothing to say."""
    answer = b""
    with socket.create_connection(("127.0.0.1", stack.port), timeout=_ANSWER_SECONDS) as connection:
        try:
            connection.sendall(raw)
            connection.shutdown(socket.SHUT_WR)
            while data := connection.recv(65536):
                answer += data
        except OSError:
            return answer
    return answer


def read_statuses(answer: bytes) -> list[int]:
    """Gives the status of each answer."""
    return [int(status) for status in re.findall(rb"^HTTP/1\.[01] (\d{3})", answer, re.MULTILINE)]


def check_alive(stack: Stack) -> None:
    """A plain request on a new connection is served."""
    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=_ANSWER_SECONDS)
    connection.request("GET", "/healthz", headers={"Host": "portal.test"})
    assert connection.getresponse().status == 200
    connection.close()


@pytest.mark.parametrize("row", RAW, ids=lambda row: row["id"])
def test_a_raw_request_gets_its_verdict(stack: Stack, row: dict[str, Any]) -> None:
    raw = (
        base64.b64decode(row["raw_b64"]) if "raw_b64" in row else zlib.decompress(base64.b64decode(row["raw_zlib_b64"]))
    )
    answer = exchange(stack, raw)
    statuses = read_statuses(answer)
    if row["expect"] == "2xx":
        assert statuses
        assert all(200 <= status < 300 for status in statuses)
    elif row["expect"] == "any but 5xx":
        assert all(status < 500 for status in statuses)
    else:
        assert all(400 <= status < 500 or status == 501 for status in statuses)
    assert row.get("not_in", "SECRET-PAGE").encode() not in answer
    check_alive(stack)


@pytest.mark.parametrize("row", HOSTS, ids=lambda row: row["id"])
def test_only_the_trusted_host_is_served_and_no_header_moves_it(stack: Stack, row: dict[str, Any]) -> None:
    lines = "".join(f"{line}\r\n" for line in row["lines"])
    answer = exchange(stack, f"GET /sign-in HTTP/1.1\r\n{lines}Connection: close\r\n\r\n".encode("latin-1", "replace"))
    (status,) = read_statuses(answer)
    if row["expect"].startswith("400 ") or row["expect"] == "400":
        assert status == 400
    else:
        assert status < 500
    assert b"evil" not in answer.lower() or b"evil" not in answer.lower().split(b"\r\n\r\n")[0]
    assert b"<script>alert(1)" not in answer


def build_create(make: Factory, framing: str, size: int = 0) -> tuple[bytes, bytes]:
    """Gives the head of a create and its JSON body, which spaces fill up to the size."""
    owner = make.organisation()
    body = json.dumps({"name": "App", "version": "1.0", "productId": make.product(owner).id}).encode().ljust(size)
    head = (
        f"POST /v3/releases HTTP/1.1\r\nHost: portal.test\r\nAuthorization: Bearer {make.caller(owner).token}\r\n"
        f"Content-Type: application/json\r\nConnection: close\r\n{framing.format(length=len(body))}\r\n\r\n"
    )
    return head.encode(), body


def build_chunks(body: bytes) -> bytes:
    """Frames a body as chunks of 64 KiB (RFC 9112, section 7.1)."""
    pieces = [body[at : at + 65536] for at in range(0, len(body), 65536)]
    return b"".join(b"%x\r\n%s\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\n\r\n"


@pytest.mark.parametrize(("more", "status"), [(0, 201), (1, 413), (300_000, 413)])
def test_a_chunked_body_has_the_same_limit_as_any_other(make: Factory, stack: Stack, more: int, status: int) -> None:
    head, body = build_create(make, "Transfer-Encoding: chunked", 1024 * 1024 + more)
    answer = exchange(stack, head + build_chunks(body))
    assert read_statuses(answer) == [status]
    assert status == 201 or b"larger than 1048576 bytes" in answer
    check_created(int(status == 201))


def check_created(count: int) -> None:
    """So many releases are stored."""
    db.session.rollback()
    assert db.session.scalar(select(func.count()).select_from(Release)) == count


@pytest.mark.parametrize("framing", ["Content-Length: {length}", "Transfer-Encoding: chunked"])
def test_a_body_that_ends_early_creates_nothing(make: Factory, stack: Stack, framing: str) -> None:
    # What comes is JSON by itself; only its end is missing.
    head, body = build_create(make, framing, 500)
    sent = body.rstrip() if "Length" in framing else build_chunks(body.rstrip()).removesuffix(b"0\r\n\r\n")
    answer = exchange(stack, head + sent)
    assert read_statuses(answer) == [400]
    assert b"ended early" in answer
    check_created(0)


@pytest.mark.parametrize("path", ["/sign-in", "/form"])
def test_a_form_that_ends_early_or_never_is_refused(make: Factory, stack: Stack, path: str) -> None:
    make.organisation()
    head = f"POST {path} HTTP/1.1\r\nHost: portal.test\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    cut = exchange(stack, f"{head}Connection: close\r\nContent-Length: 20\r\n\r\nemail=a".encode())
    assert read_statuses(cut) == [400]
    assert b"ended early" in cut
    chunks = build_chunks(b"a=" + b"b" * 1024 * 1024)
    long = exchange(stack, f"{head}Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n".encode() + chunks)
    assert read_statuses(long) == [413]


def test_a_body_that_takes_too_long_is_given_up(make: Factory, stack: Stack) -> None:
    begun = []
    for framing in ("Content-Length: {length}", "Transfer-Encoding: chunked"):
        head, body = build_create(make, framing, 100_000)
        begun.append(head + (body[:50_000] if "Length" in framing else b"%x\r\n%s" % (len(body), body[:50_000])))
    # Each silent once, and once with a byte every now and then; all at the same time, for this takes its time.
    with ThreadPoolExecutor(4) as pool:
        for waited in [pool.submit(wait_for_408, stack, sent, drip) for sent in begun for drip in (b"", b" ")]:
            waited.result()
    check_created(0)
    check_alive(stack)


def wait_for_408(stack: Stack, sent: bytes, drip: bytes) -> None:
    """Sends the beginning of a request, and drips until it is answered: it was given up."""
    answer, began_at = b"", time.monotonic()
    with socket.create_connection(("127.0.0.1", stack.port), timeout=0.2) as connection:
        connection.sendall(sent)
        while not answer and time.monotonic() < began_at + _ANSWER_SECONDS:
            try:
                answer = connection.recv(65536)
            except TimeoutError:
                connection.sendall(drip)
        assert read_statuses(answer) == [408]
        connection.settimeout(_ANSWER_SECONDS)
        while connection.recv(65536):
            pass
