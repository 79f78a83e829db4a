"""The one statement that stores a release on PostgreSQL: what it writes, and what it does when things go wrong."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import datetime
from typing import Any
from unittest.mock import patch

import pytest
from flask import Flask
from sqlalchemy import select, text, update

from app.accounts.actors import Actor
from app.audit.models import AuditEntry
from app.database import clock, generate_id, is_sqlite, transaction
from app.extensions import db
from app.idempotency.models import IdempotencyKey
from app.releases import insertion, service
from app.releases.models import Release, ReleaseSlot
from app.webhooks.models import Delivery, Event, Webhook
from tests.counting import count
from tests.factories import Caller, Factory, Organisation
from tests.portal import URL

pytestmark = pytest.mark.once

TABLES: tuple[Any, ...] = (Release, ReleaseSlot, Event, Delivery, AuditEntry, IdempotencyKey)
FULL = {
    "name": "Rakete „1\\“", "version": "1.2", "channel": "beta", "platforms": ["b", "a", 'c"{},\\ ü'],
    "private": True, "notes": "- ü %s {0} $1 ''\n", "createdAt": "2019-08-24T14:15:22.123456Z",
}  # fmt: skip
BARE = {"name": "A", "version": "1.2.3.4"}


def create(actor: Actor, product_id: str, raw: dict[str, Any], key: str | None) -> dict[str, list[dict[str, Any]]]:
    """Creates a release; gives all rows that this has written, without what differs between any two."""
    before = {model: read_rows(model) for model in TABLES}
    draft = service.parse_release(actor, {**raw, "productId": product_id})
    creation = service.create_release(actor, draft, key)
    assert not creation.is_replay
    written = {}
    for model in TABLES:
        new = [row for row in read_rows(model) if row not in before[model]]
        written[model.__tablename__] = sorted((clean(row, creation.release.id) for row in new), key=repr)
    assert clean_body(written["events"][0]["body"])["data"]["id"] == "the release"
    return written


def read_rows(model: Any) -> list[dict[str, Any]]:
    """Gives all rows of a table."""
    db.session.rollback()
    return [dict(row) for row in db.session.execute(select(*model.__table__.columns)).mappings()]


def clean(row: dict[str, Any], release_id: str) -> dict[str, Any]:
    """Gives a row without the ids and moments of its making."""
    ids = {"id", "event_id", "product_id", "key"}
    moments = {name for name, value in row.items() if isinstance(value, datetime) and value.year > 2019}
    cleaned = {name: "a moment" if name in moments else value for name, value in row.items() if name not in ids}
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
    run = {"workflow": "ci"} if raw is FULL else None
    actor = replace(owner.actor, kind="token", token_id=generate_id(), run=run)
    key = "k" if raw is FULL else None
    single = create(actor, make.product(owner).id, raw, key)
    with patch.object(insertion, "is_enough", return_value=False):
        several = create(actor, make.product(owner).id, raw, key and f"{key}2")
    for rows in (single, several):
        rows["events"] = [{**row, "body": clean_body(row["body"])} for row in rows["events"]]
        for row in rows["idempotency_keys"]:
            # It holds the product's id.
            assert len(row.pop("fingerprint")) == 32
    assert single == several
    assert {row["state"] for row in single["deliveries"]} == {"held", "pending"}


def test_on_the_api_one_statement_is_the_whole_transaction(caller: Caller, body: dict[str, Any]) -> None:
    with patch.object(insertion, "insert_release", wraps=insertion.insert_release) as insert:
        assert caller.post("/v3/releases", json=body).status_code == 201
    assert insert.call_count == (0 if is_sqlite() else 1)


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
