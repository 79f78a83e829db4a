"""Access tokens in requests that only a real server can judge: odd bytes, folded lines, far too many headers."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask

from tests.corpora import load_corpus
from tests.factories import Factory
from tests.stack import Stack

ROWS: list[dict[str, Any]] = [
    row
    for row in load_corpus("jwt_attacks")["cases"]
    if row.get("transport", "").startswith(("raw_socket", "many_headers", "size"))
]
STATUSES = {"invalid_request": 400, "invalid_token": 401}


@pytest.fixture(scope="module")
def stack(shared_app: Flask, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A web process."""
    with Stack(environment, tmp_path_factory.mktemp("tokens")) as stack:
        stack.start_web()
        yield stack


def build_headers(transport: str, token: str) -> str:
    """Takes the row's way of sending and a good token; gives the header lines."""
    kind, _, rest = transport.partition(":")
    if kind == "many_headers":
        return "".join(f"X-Number-{number}: 1\r\n" for number in range(500)) + f"Authorization: Bearer {token}\r\n"
    if kind == "raw_socket_fold":
        return f"Authorization: Bearer\r\n {token}\r\n"
    value = "Bearer " + "a" * int(rest) if kind == "size" else rest
    return f"Authorization: {value}\r\n"


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_request_that_is_odd_to_the_server_gets_its_verdict(make: Factory, stack: Stack, row: dict[str, Any]) -> None:
    owner = make.organisation()
    caller = make.caller(owner)
    body = json.dumps({"name": "App", "version": "1.0", "productId": make.product(owner).id})
    head = "POST /v3/releases HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n"
    raw = f"{head}Content-Length: {len(body)}\r\n{build_headers(row['transport'], caller.token)}\r\n{body}"
    answer = b""
    with socket.create_connection(("127.0.0.1", stack.port), timeout=10) as connection:
        try:
            connection.sendall(raw.encode("latin-1"))
            while data := connection.recv(65536):
                answer += data
        except ConnectionError:
            # A server that refuses in the middle of the headers need not read the rest of them.
            pass
    status = int(answer.split(b" ")[1])
    assert status in {STATUSES[row["expect"]], *(int(word) for word in row.get("also", []) if word.isdigit())}
    assert caller.token.encode() not in answer
    assert caller.get("/v3/releases").get_json() == []
    assert caller.token not in stack.read_logs()
