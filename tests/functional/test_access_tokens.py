"""Access tokens at the API's door: every attack of the corpus, and what takes effect from the next request on."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Mapping
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from app.extensions import db
from tests.corpora import load_corpus
from tests.token_world import TokenWorld, build_token_world

CORPUS = load_corpus("jwt_attacks")
# What only a server can judge is sent to one in ``tests/e2e/test_raw_tokens.py``; races have a test of their own.
ROWS = [row for row in CORPUS["cases"] if not row.get("transport", "").startswith(("raw_socket", "many_", "race"))]
CHALLENGES = {
    "insufficient_scope": (403, 'Bearer error="insufficient_scope", scope="release:write"'),
    "invalid_request": (400, 'Bearer error="invalid_request"'),
    "invalid_token": (401, 'Bearer error="invalid_token"'),
    # The corpus wants no error attribute where there was no token; the contract wants invalid_token there, too.
    "no-auth": (401, 'Bearer error="invalid_token"'),
}
SIGNATURE = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.([A-Za-z0-9_-]+)\Z")


@pytest.fixture(scope="module")
def world(shared_app: Flask) -> TokenWorld:
    """Whom the corpus speaks of: users, tokens, keys and releases, made once."""
    return build_token_world(shared_app)


@pytest.fixture(autouse=True)
def _no_look_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Fails what would ask for the address of another machine while a token is checked."""

    def refuse(*args: Any, **_: Any) -> None:
        raise AssertionError(f"a name was looked up: {args}")

    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def count_rows() -> dict[str, int]:
    """Gives the number of rows of each table."""
    db.session.rollback()
    tables = db.metadata.sorted_tables
    return {table.name: db.session.scalar(select(func.count()).select_from(table)) or 0 for table in tables}


def send(world: TokenWorld, row: Mapping[str, Any], token: str) -> TestResponse:
    """Sends a token the way that the row says."""
    kind, _, rest = row.get("transport", "").partition(":")
    if kind == "get":
        return world.get(f"/v3/releases/{world.forger.fill(rest)}", token)
    if kind in ("cookie", "session_only"):
        return world.post(None, cookie=token if kind == "cookie" else world.session_cookie)
    if kind == "extra_only":
        name, _, value = rest.replace("@TOKEN", token).partition("=")
        return world.post(None, environ={f"HTTP_{name.upper().replace('-', '_')}": value})
    if kind == "header+query":
        return world.post(f"Bearer {token}", path=f"/v3/releases?access_token={token}")
    if kind == "header+form":
        return world.post(f"Bearer {token}", data={"access_token": token})
    good, bad = f"Bearer {token}", "Bearer a.b.c"
    headers = {
        "": good,
        "scheme": f"{rest} {token}",
        "raw": rest.replace("@TOKEN", token),
        # A server joins two headers of one name with a comma (RFC 9110, section 5.3).
        "dup": {"same": f"{good}, {good}", "bad-first": f"{bad}, {good}", "good-first": f"{good}, {bad}"}.get(rest, ""),
        "credential": f"Bearer {world.credentials.get(rest, '')}",
        "size": f"Bearer {'a' * int(rest)}" if kind == "size" else "",
    }
    return world.post(headers[kind])


def check(row: Mapping[str, Any], answer: TestResponse) -> None:
    """Holds an answer against the row's verdict."""
    status, expect = answer.status_code, row["expect"]
    found = (status, answer.headers.get("WWW-Authenticate"))
    assert status < 500, answer.text
    if expect == "ok":
        assert status in (200, 201), answer.text
    elif expect == "silent":
        assert status in (200, 201, 400, 401, 403), answer.text
    elif expect == "notfound":
        assert status == 404
    else:
        assert found in [CHALLENGES[word] for word in (expect, *row.get("also", [])) if word in CHALLENGES]
    if status >= 400:
        assert answer.headers["Cache-Control"] == "no-store"
        assert isinstance(answer.get_json()["message"], str)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_token_gets_its_verdict(world: TokenWorld, row: dict[str, Any], caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    token = world.forger.build(CORPUS["reference"], row)
    before = count_rows()
    answer = send(world, row, token)
    check(row, answer)
    if answer.status_code >= 400:
        assert count_rows() == before
    if row["expect"] == "silent":
        assert send(world, row, token).status_code == answer.status_code
    told = answer.text + str(answer.headers) + caplog.text
    assert token not in told or len(token) < 20
    if match := SIGNATURE.search(token):
        assert match[1] not in told


def test_the_corpus_is_not_empty() -> None:
    assert len(ROWS) >= 180


@pytest.mark.parametrize("path", ["/v3/releases/@ID", "/v3/releases/@ID/setup.exe", "/v3/@ID/setup.exe"])
def test_what_is_another_tenants_looks_as_if_it_never_was(world: TokenWorld, path: str) -> None:
    answers = []
    for release_id in (world.foreign_release_id, "0f8fad5b-d9cb-469f-a165-70867728950e"):
        answer = world.get(path.replace("@ID", release_id), world.token)
        assert answer.status_code == 404
        answers.append({**answer.get_json(), "requestId": ""})
    assert answers[0] == answers[1]
