"""What operators look at: health, readiness, limits, headers."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import text

from app.embedded import ValkeyServer
from app.errors import answer_refusal
from app.exceptions import ThrottledError
from app.extensions import db
from tests.factories import Factory


def test_healthz_answers_as_long_as_the_process_does(client: FlaskClient) -> None:
    assert client.get("/healthz").get_json() == {"status": "ok"}


def test_readyz_tells_of_database_migration_queue_and_storage(
    client: FlaskClient, queue_server: ValkeyServer, data_dir: Path
) -> None:
    parts = ("status", "database", "migration", "queue", "storage")
    assert client.get("/readyz").get_json() == dict.fromkeys(parts, "ok")
    away = (data_dir / "files").rename(data_dir / "away")
    answer = client.get("/readyz")
    away.rename(data_dir / "files")
    assert (answer.status_code, answer.get_json()) == (200, {**dict.fromkeys(parts, "ok"), "storage": "unreachable"})
    queue_server.stop()
    answer = client.get("/readyz")
    assert (answer.status_code, answer.get_json()["queue"]) == (200, "unreachable")


def test_readyz_is_503_while_a_migration_is_pending(client: FlaskClient) -> None:
    db.session.execute(text("UPDATE alembic_version SET version_num = 'older'"))
    db.session.commit()
    try:
        answer = client.get("/readyz")
        assert (answer.status_code, answer.get_json()["migration"]) == (503, "pending")
    finally:
        db.session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
        db.session.commit()


def test_readyz_is_503_without_a_database(build_app: Callable[..., Flask], tmp_path: Path) -> None:
    url = "postgresql://nobody:secret@127.0.0.1:9/nothing"
    app = build_app(DATABASE_URL=url, DATA_DIR=str(tmp_path))
    client = app.test_client()
    assert client.get("/readyz").status_code == 503
    assert client.get("/healthz").status_code == 200
    answer = client.get("/sign-in")
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "secret" not in answer.text


@pytest.mark.parametrize("path", ["/sign-in", "/v3/releases", "/nothing/here", "/healthz", "/releases"])
def test_every_answer_carries_the_security_headers(client: FlaskClient, path: str) -> None:
    headers = client.get(path).headers
    policy = headers["Content-Security-Policy"]
    assert "default-src 'self'" in policy
    assert "unsafe" not in policy
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["X-Frame-Options"] == "DENY"
    assert headers["Cache-Control"] == "no-store"


def test_beyond_the_rate_limit_a_caller_is_told_when_to_come_back(
    make: Factory, build_app: Callable[..., Flask], queue_server: ValkeyServer, caplog: pytest.LogCaptureFixture
) -> None:
    token = make.caller(make.organisation()).token
    client = build_app(RATE_LIMIT="5").test_client()
    headers = {"Authorization": f"Bearer {token}"}
    answers = [client.get("/v3/releases", headers=headers) for _ in range(12)]
    # A window may end in between, so that at most two times five go through.
    refused = [answer for answer in answers if answer.status_code == 429]
    assert len(refused) >= 2
    assert 1 <= int(refused[0].headers["Retry-After"]) <= 60
    assert refused[0].get_json()["code"] == "too_many_requests"
    assert answers[0].headers["X-Rate-Limit-Limit"] == "5"
    assert answers[0].headers["X-Rate-Limit-Remaining"] == "4"
    assert 0 < int(answers[0].headers["X-Rate-Limit-Reset"]) - time.time() <= 6
    assert answers[0].headers["RateLimit-Policy"] == '"default";q=5;w=5'
    assert re.fullmatch('"default";r=4;t=[1-5]', answers[0].headers["RateLimit"])
    assert refused[0].headers["X-Rate-Limit-Remaining"] == "0"
    assert client.get("/healthz").status_code == 200

    queue_server.stop()
    open_answers = [client.get("/v3/releases", headers=headers) for _ in range(6)]
    assert {answer.status_code for answer in open_answers} == {200}
    assert "X-Rate-Limit-Limit" not in open_answers[0].headers
    # Said once, and not for every request.
    assert caplog.messages.count("requests are not limited: Redis cannot be reached") == 1


@pytest.mark.parametrize(("path", "seconds"), [("/v3/accounts/login", "60"), ("/sign-in", "300")])
def test_a_machine_is_never_told_to_wait_for_more_than_a_minute(app: Flask, path: str, seconds: str) -> None:
    with app.test_request_context(path):
        answer = answer_refusal(ThrottledError("Too often.", 300))
    assert (answer.status_code, answer.headers["Retry-After"]) == (429, seconds)
