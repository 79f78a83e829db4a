"""What is said when the database goes away: whether anything was saved, as far as that is known."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from typing import Any

import psycopg
import pytest
from sqlalchemy import event, update
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app.accounts.models import AccessToken
from app.database import clock, is_sqlite, transaction
from app.extensions import db
from app.products.models import Product
from app.releases.models import Release
from app.statements import _Prepared
from app.webhooks import tags
from app.webhooks.models import Webhook
from tests.counting import count
from tests.factories import Caller, Factory, Organisation
from tests.portal import URL, Site

UNCHANGED = "The database cannot be reached or is busy. Nothing was changed; try again."
UNKNOWN = "The database went away: it is not known whether this was saved."
WEBHOOK: dict[str, Any] = {"name": "CI", "url": URL, "events": ["release.created"]}

Break = Callable[[Any], None]


class Single:
    """The connection of a statement that is a transaction by itself: to run it is to commit it."""

    def __init__(self, connection: Any, run: Callable[[], Any]) -> None:
        self.dbapi_connection = connection.dbapi_connection
        self.commit = run


@pytest.fixture
def break_commit(monkeypatch: pytest.MonkeyPatch) -> Callable[[Break], None]:
    """Lets something else happen instead of the next COMMIT, be it one of its own or that of a single statement."""
    dialect = db.engine.dialect
    commit, execute = dialect.do_commit, _Prepared._execute

    def arm(fail: Break) -> None:
        def fail_once(connection: Any) -> None:
            monkeypatch.setattr(dialect, "do_commit", commit)
            monkeypatch.setattr(_Prepared, "_execute", execute)
            fail(connection)

        def execute_once(statement: _Prepared, connection: Any, *values: Any) -> Any:
            if "INSERT" not in statement._sql:
                return execute(statement, connection, *values)
            return fail_once(Single(connection, lambda: execute(statement, connection, *values)))

        monkeypatch.setattr(dialect, "do_commit", fail_once)
        monkeypatch.setattr(_Prepared, "_execute", execute_once)

    return arm


def refuse(_connection: Any) -> None:
    """The database answers that it has not committed."""
    if is_sqlite():
        raise sqlite3.OperationalError("database is locked")
    raise psycopg.errors.SerializationFailure("could not serialize access")


def lose(connection: Any, *, is_saved: bool) -> None:
    """The connection breaks: before COMMIT has arrived there, or after that and before the answer is here."""
    if is_saved:
        connection.commit()
    connection.dbapi_connection.close()
    connection.commit()


@pytest.mark.parametrize("is_saved", [True, False], ids=["saved", "not-saved"])
def test_whose_answer_to_commit_is_lost_is_told_that_nobody_knows_and_sends_it_again_safely(
    caller: Caller, body: dict[str, Any], break_commit: Callable[[Break], None], is_saved: bool
) -> None:
    # The first request of a token writes down that it is used, by a COMMIT of its own.
    assert caller.get("/v3/releases").status_code == 200
    if is_sqlite():
        # It is in the same process: there is no answer that could be lost.
        break_commit(refuse)
    else:
        break_commit(lambda connection: lose(connection, is_saved=is_saved))
    answer = caller.post("/v3/releases", json=body, headers={"Idempotency-Key": "once"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    if is_sqlite():
        assert (answer.get_json()["code"], answer.get_json()["message"]) == ("unavailable", UNCHANGED)
    else:
        advice = "With the same Idempotency-Key it is safe to send it again."
        assert answer.get_json()["code"] == "outcome_unknown"
        assert answer.get_json()["message"] == f"{UNKNOWN} {advice}"
    again = caller.post("/v3/releases", json=body, headers={"Idempotency-Key": "once"})
    assert again.status_code == (200 if is_saved and not is_sqlite() else 201)
    assert count(Release) == 1


def test_a_page_says_so_too_and_a_read_has_nothing_to_save(
    make: Factory, owner: Organisation, caller: Caller, body: dict[str, Any], break_commit: Callable[[Break], None]
) -> None:
    site = Site(make, owner)
    release_id = caller.post("/v3/releases", json=body).get_json()["id"]
    fail = refuse if is_sqlite() else lambda connection: lose(connection, is_saved=True)
    break_commit(fail)
    answer = site.post("/products", name="Rocket", displayName="", description="")
    assert answer.status_code == 503
    told = UNCHANGED if is_sqlite() else f"{UNKNOWN} Look at what is there before you send it again."
    assert told in answer.text
    assert "Idempotency-Key" not in answer.text
    assert count(Product) == (1 if is_sqlite() else 2)
    db.session.rollback()
    # The page keeps the notes as it has rendered them.
    break_commit(fail)
    assert UNCHANGED in site.get(f"/releases/{release_id}", 503)


def test_what_the_database_refuses_to_commit_is_not_saved(
    caller: Caller, body: dict[str, Any], break_commit: Callable[[Break], None]
) -> None:
    assert caller.get("/v3/releases").status_code == 200
    break_commit(refuse)
    answer = caller.post("/v3/releases", json=body)
    assert (answer.status_code, answer.get_json()["message"]) == (503, UNCHANGED)
    assert count(Release) == 0


def test_safety_is_promised_to_nobody_whose_key_is_not_kept(
    make: Factory, owner: Organisation, caller: Caller, break_commit: Callable[[Break], None]
) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/")
    assert caller.get("/v3/webhooks").status_code == 200
    break_commit(refuse if is_sqlite() else lambda connection: lose(connection, is_saved=True))
    answer = caller.post(f"/v3/webhooks/{webhook.id}/test", headers={"Idempotency-Key": "once"})
    told = UNCHANGED if is_sqlite() else f"{UNKNOWN} Look at what is there before you send it again."
    assert answer.get_json()["message"] == told


def go_away(*_: Any, **__: Any) -> None:
    """Fails as whatever asks a database that has gone."""
    raise OperationalError("SELECT 1", {}, Exception("gone"), connection_invalidated=True)


def test_what_fails_after_the_commit_may_have_been_saved(caller: Caller, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tags, "find_former_ends", go_away)
    answer = caller.post("/v3/webhooks", json=WEBHOOK)
    assert (answer.status_code, answer.get_json()["code"]) == (503, "outcome_unknown")
    assert count(Webhook) == 1
    webhooks = caller.get("/v3/webhooks")
    assert (webhooks.status_code, webhooks.get_json()["message"]) == (503, UNCHANGED)


def test_what_was_written_about_the_caller_before_is_none_of_what_was_asked_for(caller: Caller) -> None:
    with transaction() as session:
        session.execute(update(AccessToken).values(last_used_at=clock(-7200)))

    def fail(session: Session, *_: Any) -> None:
        if any(isinstance(row, Webhook) for row in session.new):
            go_away()

    event.listen(Session, "before_flush", fail)
    try:
        answer = caller.post("/v3/webhooks", json=WEBHOOK)
    finally:
        event.remove(Session, "before_flush", fail)
    assert (answer.status_code, answer.get_json()["message"]) == (503, UNCHANGED)
    assert count(Webhook) == 0
