"""Access tokens at the API's door: every attack of the corpus, and what takes effect from the next request on."""

from __future__ import annotations

import logging
import re
import socket
from typing import Any

import pytest
from flask import Flask

from tests.corpora import check_all
from tests.stored import count_rows
from tests.token_verdicts import CORPUS, ROWS, check, send
from tests.token_world import TokenWorld, build_token_world

# Tokens are checked by signature, and found on either database by every test of the API.
pytestmark = pytest.mark.once

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


def test_every_token_gets_its_verdict(world: TokenWorld, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    def check_row(row: dict[str, Any]) -> None:
        caplog.clear()
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

    check_all(ROWS, check_row, lambda row: row["id"])


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
