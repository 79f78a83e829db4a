"""Uploads to a real server: what a sender who dies, waits or never says how much it will be leaves behind."""

from __future__ import annotations

import hashlib
import http.client
import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask
from sqlalchemy import update

from app.database import clock, transaction
from app.files.models import Blob, ReleaseFile
from app.files.upkeep import clear_away
from tests.corpora import load_corpus
from tests.counting import count
from tests.factories import Caller, Factory, Organisation
from tests.stack import Stack, wait_until
from tests.stored import empty_storage, list_stored

pytestmark = pytest.mark.once

CONTENT = bytes(range(256)) * 8000
_SECONDS = 15.0


@pytest.fixture
def stack(environment: dict[str, str], app: Flask, tmp_path: Path) -> Iterator[Stack]:
    """Processes in front of an empty storage."""
    empty_storage(Path(environment["DATA_DIR"]))
    with Stack({**environment, "TRUSTED_HOSTS": "portal.test"}, tmp_path) as stack:
        yield stack
    empty_storage(Path(environment["DATA_DIR"]))


class Sender:
    """A connection on which a file is sent by hand."""

    def __init__(self, stack: Stack, path: str, token: str, framing: str) -> None:
        self._connection = socket.create_connection(("127.0.0.1", stack.port), timeout=_SECONDS)
        self.send(
            f"PUT {path} HTTP/1.1\r\nHost: portal.test\r\nAuthorization: Bearer {token}\r\n{framing}\r\n\r\n".encode()
        )

    def send(self, content: bytes) -> None:
        """Sends bytes."""
        self._connection.sendall(content)

    def read_status(self) -> int:
        """Waits for the answer; gives its status."""
        answer = b""
        while b"\r\n" not in answer:
            answer += self._connection.recv(4096)
        self.die()
        match = re.match(rb"HTTP/1\.1 (\d{3})", answer)
        assert match is not None, answer
        return int(match[1])

    def die(self) -> None:
        """Closes the connection, whatever is still to be sent."""
        self._connection.close()


def put_every_name(connection: http.client.HTTPConnection, caller: Caller, release: str) -> None:
    """Uploads a file by each name of the corpus: it is taken as it is by the contract's rule, or is no address."""
    taken, wrong = [], []
    for row in load_corpus("file_names")["cases"]:
        name = json.loads(row["name_json"])
        address = f"/v3/{release}/{quote(name.encode('utf-8', 'surrogatepass'), safe='')}"
        connection.request("PUT", address, b"x", {**caller.headers, "Host": "portal.test"})
        answer = connection.getresponse()
        said = json.loads(answer.read())
        if answer.status == 200 and said["name"] == name:
            taken.append(name)
        elif (answer.status, said["code"]) != (404, "not_found"):
            wrong.append((row["id"], answer.status, said))
    assert wrong == []
    # The contract's letters are fewer than those that the corpus would take.
    legal = ["a.tar.gz", "README", "x.xhtml", "x.xml", "x.mht", "myapp.exe"]
    assert [name for name in taken if len(name) < 256] == legal


def test_whatever_becomes_of_its_sender_a_file_is_there_whole_or_not_at_all(
    make: Factory, owner: Organisation, caller: Caller, body: dict[str, Any], data_dir: Path, stack: Stack
) -> None:
    # It waits for two seconds, not for twenty, until something more comes.
    web = stack.start_web("tests.e2e.echo_wsgi:app", host="portal.test")
    release = caller.post("/v3/releases", json=body).get_json()["id"]
    length = f"Content-Length: {len(CONTENT)}"

    # Refused as soon as the head is there: before any of the body, and with most of it still to come.
    assert Sender(stack, f"/v3/{release}/a.zip", "a.b.c", length).read_status() == 401
    late = Sender(stack, f"/v3/{release}/a.zip", caller.token, f"Content-Length: {2**40}")
    assert late.read_status() == 413
    assert Sender(stack, f"/v3/{release}/a.zip", caller.token, "Transfer-Encoding: chunked").read_status() == 400

    waiting = Sender(stack, f"/v3/{release}/waits.zip", caller.token, length)
    waiting.send(CONTENT[:600_000])
    dying = Sender(stack, f"/v3/{release}/dies.zip", caller.token, length)
    dying.send(CONTENT[:600_000])
    wait_until(lambda: len(list_stored(data_dir)) == 2, _SECONDS, "both have begun")
    dying.die()
    assert waiting.read_status() == 408
    wait_until(lambda: (list_stored(data_dir), count(Blob)) == ([], 0), _SECONDS, "nothing is left of either")

    connection = http.client.HTTPConnection("127.0.0.1", stack.port, timeout=_SECONDS)
    headers = {**caller.headers, "Host": "portal.test"}
    connection.request("PUT", f"/v3/{release}/whole.zip", CONTENT, {**headers, "Expect": "100-continue"})
    added = connection.getresponse().read()
    assert hashlib.md5(CONTENT).hexdigest().encode() in added
    connection.request("GET", f"/v3/{release}/whole.zip", headers=headers)
    assert connection.getresponse().read() == CONTENT
    assert caller.get(f"/v3/releases/{release}").get_json()["files"][0]["downloads"] == 1

    put_every_name(
        connection, make.caller(owner), caller.post("/v3/releases", json={**body, "version": "9.0"}).get_json()["id"]
    )
    connection.close()
    stored = len(list_stored(data_dir))
    killed = Sender(stack, f"/v3/{release}/killed.zip", caller.token, length)
    killed.send(CONTENT[:600_000])
    wait_until(lambda: len(list_stored(data_dir)) == stored + 1, _SECONDS, "it has begun")
    stack.kill(web)
    killed.die()
    assert (count(ReleaseFile), count(Blob)) == (stored, stored + 1)
    with transaction() as session:
        session.execute(update(Blob).where(Blob.reserved_until.is_not(None)).values(reserved_until=clock(-1000)))
    make.app.extensions["slipway"].storage.sweep(0.0)
    clear_away()
    assert len(list_stored(data_dir)) == stored
