"""The corpora through a real server: each row gets its verdict, nothing is a 5xx, and the next request is served."""

from __future__ import annotations

import dataclasses
import json
import socket
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import urlencode

import pytest
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.webhooks.models import Event
from tests import token_verdicts
from tests.corpora import build_body, load_corpus
from tests.factories import Factory
from tests.recorded import FILE
from tests.stack import Stack
from tests.token_world import TokenWorld, build_token_world
from tests.wire import Answer, Wire

pytestmark = pytest.mark.once

BODIES = load_corpus("release_bodies")
# The contract counts after CRLF has become LF, and it wins over the corpus: 2,049 line ends are 2,049 characters.
CONTRACT_WINS = {"length/notes-2049-crlf": "ok"}
STATUSES = {"ok": {201}, "bad": {400}, "type": {415}, "big": {400, 413}, "silent": {200, 201, 400, 413, 415, 422}}
VERSION_STATUSES = {"accept": {201}, "reject": {400}, "silent": {201, 400}}
RAW_TOKENS: list[dict[str, Any]] = [
    row
    for row in token_verdicts.CORPUS["cases"]
    if row.get("transport", "").startswith(("raw_socket", "many_headers", "size"))
]
JSON = ("Content-Type", b"application/json")


@pytest.fixture(scope="module")
def stack(shared_app: Flask, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A web process that keeps a connection while the next body is made, which may have 50 MB."""
    with Stack(environment, tmp_path_factory.mktemp("corpora")) as stack:
        stack.start_web("wsgi:app", 1, "127.0.0.1", "--keep-alive", "60")
        yield stack


class Verdicts:
    """Sends bodies of creates as one tenant, and keeps what was not as it must be."""

    def __init__(self, make: Factory, wire: Wire) -> None:
        own, other = make.organisation(), make.organisation()
        product = make.product(own)
        self.names = {
            "PRODUCT": product.id,
            "PRODUCT_UPPER": product.id.upper(),
            "PRODUCT_HEX": product.id.replace("-", ""),
            "FOREIGN": make.product(other).id,
            "OTHER_TENANT": other.tenant_id,
        }
        self.wrong: list[tuple[str, str]] = []
        self.created = 0
        self._token = make.caller(own).token
        self._authorization = ("Authorization", f"Bearer {self._token}".encode())
        self._wire = wire

    def send(self, body: bytes, headers: Mapping[str, str]) -> Answer:
        """Sends one."""
        given = [(name, value.encode()) for name, value in headers.items()]
        return self._wire.send("POST", "/v3/releases", [self._authorization, *given], body)

    def judge(self, name: str, answer: Answer, statuses: set[int], sent: Mapping[str, Any] | None) -> None:
        """Holds an answer against its verdict. What was created must be what was sent, and is deleted again."""
        if answer.status_code not in statuses:
            self.wrong.append((name, f"{answer.status_code} {answer.text[:200]}"))
        elif answer.status_code == 201:
            self._check_stored(name, answer.get_json(), sent or {})
        elif self._is_problem(answer) is False:
            self.wrong.append((name, f"no problem document: {answer.text[:200]}"))
        # The next request on the connection is served, and says that nothing was left.
        listed = self._wire.send("GET", "/v3/releases", [self._authorization])
        if (listed.status_code, listed.content) != (200, b"[]"):
            self.wrong.append((name, f"left behind: {listed.status_code} {listed.text[:200]}"))

    def _check_stored(self, name: str, stored: Mapping[str, Any], sent: Mapping[str, Any]) -> None:
        self.created += 1
        wrong = {member: stored[member] for member, value in sent.items() if value != stored[member]}
        if wrong:
            self.wrong.append((name, f"stored otherwise: {wrong}"))
        path = f"/v3/releases/{stored['id']}"
        gone = self._wire.send("DELETE", path, [self._authorization]).status_code
        if gone != 204:
            self.wrong.append((name, f"cannot be deleted: {gone}"))

    def _is_problem(self, answer: Answer) -> bool:
        members = {"type", "title", "status", "detail", "message", "code", "requestId"}
        return (
            answer.headers["Content-Type"] == "application/problem+json"
            and members <= answer.get_json().keys()
            and bool(answer.get_json()["message"])
            and "Traceback" not in answer.text
            and self._token not in answer.text
        )


def find_sent(row: Mapping[str, Any], body: bytes) -> dict[str, Any]:
    """Gives the members that must be stored as they were sent."""
    if row["expect"] != "ok":
        return {}
    sent = json.loads(body)
    names = ("name", "version", "channel", "private", "notes", "platforms")
    told = {name: sent[name] for name in names if sent.get(name) is not None}
    return told | ({"createdAt": row["stored_utc"]} if "stored_utc" in row else {})


def test_every_body_and_every_version_gets_its_verdict(make: Factory, stack: Stack) -> None:
    with Wire(stack.port) as wire:
        verdicts = Verdicts(make, wire)
        for row in BODIES["cases"]:
            body = build_body(row, BODIES["BASE"], verdicts.names)
            kind = {"Content-Type": row["content_type"]} if row.get("content_type") is not None else {}
            answer = verdicts.send(body, {**kind, **row.get("headers", {})})
            verdict = CONTRACT_WINS.get(row["id"], row["expect"])
            verdicts.judge(row["id"], answer, STATUSES[verdict], find_sent(row, body))
        for row in load_corpus("versions")["cases"]:
            # Spelled as the corpus spells it, lone surrogates and all.
            product_id = verdicts.names["PRODUCT"]
            sent = f'{{"name": "App", "productId": "{product_id}", "version": {row["value_json"]}}}'.encode()
            answer = verdicts.send(sent, {"Content-Type": "application/json"})
            stored = {"version": json.loads(row["value_json"])}
            verdicts.judge(row["id"], answer, VERSION_STATUSES[row["verdict"]], stored)
    assert verdicts.wrong == []
    told = Counter(db.session.scalars(select(Event.event_type)))
    assert told == {"release.created": verdicts.created, "release.deleted": verdicts.created}
    assert "unhandled exception" not in stack.read_logs()


@dataclasses.dataclass(frozen=True)
class ServedWorld(TokenWorld):
    """Sends what a ``TokenWorld`` sends to a server."""

    wire: Wire

    def send(self, method: str, path: str, environ: Mapping[str, str], options: Mapping[str, Any]) -> Answer:
        """Sends a request with these headers, as WSGI names them."""
        names = {name: name.removeprefix("HTTP_").replace("_", "-").title() for name in environ}
        headers = [(names[name], value.encode("latin-1")) for name, value in environ.items()]
        body = b""
        if "json" in options:
            headers, body = [*headers, JSON], json.dumps(options["json"]).encode()
        elif "data" in options:
            body = urlencode(options["data"]).encode()
            headers.append(("Content-Type", b"application/x-www-form-urlencoded"))
        return self.wire.send(method, path, headers, body)


def test_every_token_gets_its_verdict(app: Flask, stack: Stack) -> None:
    made = build_token_world(app)
    wrong = []
    with Wire(stack.port) as wire:
        parts = {field.name: getattr(made, field.name) for field in dataclasses.fields(made)}
        world = ServedWorld(**parts, wire=wire)
        for row in token_verdicts.ROWS:
            if row in RAW_TOKENS:
                continue
            token = world.forger.build(token_verdicts.CORPUS["reference"], row)
            answer = token_verdicts.send(world, row, token)
            # What is no header at all, or far too long, the server refuses before anybody could ask for a token.
            if "X-Request-Id" not in answer.headers and answer.status_code in (400, 431):
                continue
            try:
                token_verdicts.check(row, answer)
            except AssertionError as error:
                wrong.append((row["id"], str(error)))
        assert wrong == []
    logged = stack.read_logs()
    assert "unhandled exception" not in logged
    assert made.token not in logged


def build_headers(transport: str, token: str) -> str:
    """Takes the row's way of sending and a good token; gives the header lines."""
    kind, _, rest = transport.partition(":")
    if kind == "many_headers":
        return "".join(f"X-Number-{number}: 1\r\n" for number in range(500)) + f"Authorization: Bearer {token}\r\n"
    if kind == "raw_socket_fold":
        return f"Authorization: Bearer\r\n {token}\r\n"
    value = "Bearer " + "a" * int(rest) if kind == "size" else rest
    return f"Authorization: {value}\r\n"


def exchange(stack: Stack, raw: str) -> bytes:
    """Sends a request on a new connection; gives all that comes back."""
    answer = b""
    with socket.create_connection(("127.0.0.1", stack.port), timeout=10) as connection:
        try:
            connection.sendall(raw.encode("latin-1"))
            while data := connection.recv(65536):
                answer += data
        except ConnectionError:
            # A server that refuses in the middle of the headers need not read the rest of them.
            pass
    return answer


def test_every_request_that_is_odd_to_the_server_gets_its_verdict(make: Factory, stack: Stack) -> None:
    owner = make.organisation()
    caller = make.caller(owner)
    body = json.dumps({"name": "App", "version": "1.0", "productId": make.product(owner).id})
    head = "POST /v3/releases HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nConnection: close\r\n"
    statuses = {"invalid_request": 400, "invalid_token": 401}
    wrong = []
    for row in RAW_TOKENS:
        lines = build_headers(row["transport"], caller.token)
        answer = exchange(stack, f"{head}Content-Length: {len(body)}\r\n{lines}\r\n{body}")
        also = {int(word) for word in row.get("also", []) if word.isdigit()}
        if int(answer.split(b" ")[1]) not in {statuses[row["expect"]], *also} or caller.token.encode() in answer:
            wrong.append((row["id"], answer[:200]))
    assert wrong == []
    assert caller.get("/v3/releases").get_json() == []
    assert caller.token not in stack.read_logs()


def test_every_name_of_a_file_gets_its_verdict(make: Factory, stack: Stack) -> None:
    owner = make.organisation()
    caller = make.caller(owner)
    sent = {"name": "App", "version": "1.0", "productId": make.product(owner).id}
    release_id = caller.post("/v3/releases", json=sent).get_json()["id"]
    wrong = []
    with Wire(stack.port) as wire:
        headers = [("Authorization", f"Bearer {caller.token}".encode()), JSON]
        for row in load_corpus("file_names")["cases"]:
            name = json.loads(row["name_json"])
            body = json.dumps({**FILE, "name": name, "releaseId": release_id}).encode()
            answer = wire.send("POST", "/v3/release-files", headers, body)
            shown = answer.get_json()
            is_kept = answer.status_code == 201 and shown["name"] == name
            is_refused = answer.status_code == 400 and [error["field"] for error in shown["errors"]] == ["name"]
            if not is_kept and not is_refused:
                wrong.append((row["id"], answer.status_code, answer.text[:200]))
            if is_kept:
                wire.send("DELETE", f"/v3/release-files/{shown['id']}", headers)
    assert wrong == []
    assert "unhandled exception" not in stack.read_logs()
