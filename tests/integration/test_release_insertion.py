"""The one statement that stores a release on PostgreSQL: what it writes, and what it does when things go wrong."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from app.accounts import keys, tokens
from app.accounts.models import AccessToken, User
from app.audit.models import AuditEntry
from app.database import clock, generate_id, transaction
from app.extensions import db
from app.idempotency.models import IdempotencyKey
from app.releases import insertion, service
from app.releases.models import Release, ReleaseSlot
from app.releases.schema import ReleaseDraft
from app.webhooks.models import Delivery, Event, Webhook
from tests.counting import count, watching_statements
from tests.factories import Caller, Factory, Organisation
from tests.portal import URL

pytestmark = pytest.mark.once

TABLES: tuple[Any, ...] = (Release, ReleaseSlot, Event, Delivery, AuditEntry, IdempotencyKey)
FULL = {
    "name": "Rakete „1\\“", "version": "1.2", "channel": "beta", "platforms": ["b", "a", 'c"{},\\ ü'],
    "private": True, "notes": "- ü %s {0} $1 ''\n", "createdAt": "2019-08-24T14:15:22.123456Z",
}  # fmt: skip
BARE = {"name": "A", "version": "1.2.3.4"}


def watch(create: Callable[[], Release]) -> dict[str, list[dict[str, Any]]]:
    """Creates a release; gives all rows that this has written, without what differs between any two."""
    before = {model: read_rows(model) for model in TABLES}
    release_id = create().id
    written = {}
    for model in TABLES:
        new = [row for row in read_rows(model) if row not in before[model]]
        written[model.__tablename__] = sorted((clean(row, release_id) for row in new), key=repr)
    return written


def read_rows(model: Any) -> list[dict[str, Any]]:
    """Gives all rows of a table."""
    db.session.rollback()
    return [dict(row) for row in db.session.execute(select(*model.__table__.columns)).mappings()]


def clean(row: dict[str, Any], release_id: str) -> dict[str, Any]:
    """Gives a row without the ids and moments of its making."""
    ids = {"id", "event_id", "product_id", "key", "fingerprint"}
    moments = {name for name, value in row.items() if isinstance(value, datetime) and value.year > 2019}
    cleaned: dict[str, Any] = {
        name: "a moment" if name in moments else value for name, value in row.items() if name not in ids
    }
    if "body" in row:
        cleaned["body"] = clean_body(row["body"])
    return {name: "the release" if value == release_id else value for name, value in cleaned.items()}


def clean_body(body: bytes) -> dict[str, Any]:
    """Gives what an event tells, likewise."""
    told: dict[str, Any] = json.loads(body)
    data = told["data"]
    assert told["triggeredAt"] == data["updatedAt"]
    if data["createdAt"] == data["updatedAt"]:
        data["createdAt"] = "now"
    return {"event": told["event"], "data": {**data, "id": "the release", "updatedAt": "now", "productId": ""}}


@pytest.mark.parametrize("raw", [FULL, BARE], ids=["full", "bare"])
def test_it_writes_the_very_rows_that_several_statements_write(
    make: Factory, owner: Organisation, raw: dict[str, Any]
) -> None:
    held, off, other = (make.webhook(owner, URL).id for _ in range(3))
    make.webhook(owner, URL)
    make.webhook(make.organisation(), URL)
    with transaction() as session:
        session.execute(update(Webhook).where(Webhook.id == held).values(paused_at=clock()))
        session.execute(update(Webhook).where(Webhook.id == off).values(active=False))
        session.execute(update(Webhook).where(Webhook.id == other).values(deleted_at=clock()))
    _, jwt = tokens.create_token(owner.actor, "ci", ["release:write"])
    actor = tokens.authenticate(jwt)

    product_ids = [make.product(owner).id for _ in range(3)]

    def parse() -> ReleaseDraft:
        return service.parse_release(actor, {**raw, "productId": product_ids.pop()})

    def create_guarded() -> Release:
        caller = tokens.recall_caller(jwt)
        assert caller is not None
        release = insertion.create_at_once(caller, parse(), keys_of.pop())
        assert release is not None
        return release

    keys_of = ["k1", "k2", "k3"] if raw is FULL else [None] * 3
    single = watch(lambda: insertion.insert_release(actor, parse(), keys_of.pop()))
    guarded = watch(create_guarded)
    with patch.object(insertion, "is_enough", return_value=False):
        several = watch(lambda: service.create_release(actor, parse(), keys_of.pop()).release)
    assert single == guarded == several
    assert len(single["release_slots"]) == max(1, len(raw.get("platforms", [])))
    assert len(single["idempotency_keys"]) == (raw is FULL)
    assert {row["state"] for row in single["deliveries"]} == {"held", "pending"}


def change(model: Any, row_id: str, **values: Any) -> None:
    """Changes a row."""
    with transaction() as session:
        session.execute(update(model).where(model.id == row_id).values(**values))


# What may become of a token that was good a moment ago, and what its next request is answered.
ENDS: dict[str, tuple[int, Callable[[str, str], None]]] = {
    "revoked": (401, lambda token_id, _: change(AccessToken, token_id, revoked_at=clock())),
    "expired": (401, lambda token_id, _: change(AccessToken, token_id, expires_at=clock(-1))),
    "owner switched off": (401, lambda _, user_id: change(User, user_id, is_active=False)),
    "key retired": (401, lambda *_: keys.retire_key(keys.get_signing_key()[0])),
    "fewer scopes": (403, lambda token_id, _: change(AccessToken, token_id, scopes=["release:read"])),
    "lower role": (403, lambda _, user_id: change(User, user_id, role="viewer")),
    "other address": (201, lambda _, user_id: change(User, user_id, email="new@example.test")),
    "not used for hours": (201, lambda token_id, _: change(AccessToken, token_id, last_used_at=clock(-7200))),
}


def test_one_statement_verifies_the_caller_and_is_the_whole_transaction(
    make: Factory, owner: Organisation, body: dict[str, Any]
) -> None:
    for number, (why, (status, end)) in enumerate(ENDS.items()):
        token, jwt = tokens.create_token(owner.actor, why, ["release:write"])
        caller = Caller(make.app.test_client(), jwt)
        sent = [{**body, "version": f"{number}.{step}", "notes": why} for step in range(3)]
        # The first request of a process looks at who sends it.
        assert caller.post("/v3/releases", json=sent[0]).status_code == 201
        with watching_statements() as statements:
            assert caller.post("/v3/releases", json=sent[1]).status_code == 201
        assert len(statements) == 1, statements
        rows = [count(model) for model in TABLES]
        end(token.id, owner.actor.user_id)
        assert caller.post("/v3/releases", json=sent[2]).status_code == status, why
        assert ([count(model) for model in TABLES] == rows) is (status != 201), why
        change(User, owner.actor.user_id, is_active=True, role="owner")
    newest = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "release.created")).all()
    assert {entry.actor_email for entry in newest} == {owner.email, "new@example.test"}


def test_a_product_that_is_none_is_told_of_with_all_else_that_is_wrong(
    make: Factory, caller: Caller, body: dict[str, Any]
) -> None:
    foreign = make.product(make.organisation()).id
    for product_id in (foreign, generate_id(), "none", "none".upper(), body["productId"].upper()):
        answer = caller.post("/v3/releases", json={**body, "productId": product_id})
        assert [error["field"] for error in answer.get_json()["errors"]] == ["productId"], product_id
        answer = caller.post("/v3/releases", json={**body, "productId": product_id, "version": "x"})
        assert {error["field"] for error in answer.get_json()["errors"]} == {"productId", "version"}, product_id
    assert count(Release) == count(Event) == 0


def test_what_the_driver_forgets_is_prepared_again(caller: Caller, body: dict[str, Any]) -> None:
    for version in ("1.0", "1.1"):
        assert caller.post("/v3/releases", json={**body, "version": version}).status_code == 201
        with db.engine.connect() as connection:
            connection.execute(text("DEALLOCATE ALL"))
            connection.commit()


def test_a_connection_that_the_server_has_ended_is_replaced_before_it_is_used(
    app: Flask, caller: Caller, body: dict[str, Any]
) -> None:
    assert caller.post("/v3/releases", json=body).status_code == 201
    with db.engine.connect() as connection:
        others = "pid <> pg_backend_pid() AND datname = current_database()"
        connection.execute(text(f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {others}"))
    assert caller.post("/v3/releases", json={**body, "version": "2.0"}).status_code == 201
