"""Imports of history, from the file to its releases: what is created, told and kept, and that nothing comes twice."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, func, select, update

from app.accounts.models import User
from app.audit.models import AuditEntry
from app.database import transaction
from app.exceptions import NotFoundError
from app.extensions import db
from app.imports import queries, rows, service, steps
from app.imports.models import Import, ImportRow
from app.paging import Place
from app.products.models import Product
from app.releases import backfill
from app.releases import schema as releases_schema
from app.releases import service as releases
from app.releases.models import Release
from app.webhooks.models import Delivery, Event
from tests.factories import Factory, Organisation
from tests.importing import CHANGELOG, build_lines, build_real_file, count, create, finish, make_real_products, run

ROWS = [
    {"version": f"1.{number}.0", "date": f"2024-01-{number + 1:02}", "notes": f"Number {number}."}
    for number in range(9)
]


@pytest.fixture
def product(make: Factory, owner: Organisation) -> Product:
    return make.product(owner, "Rocket")


def count_all(model: type) -> int:
    db.session.rollback()
    return db.session.scalars(select(func.count()).select_from(model)).one()


def list_releases() -> list[Release]:
    db.session.rollback()
    return list(db.session.scalars(select(Release).order_by(Release.version_key)))


def list_rows(owner: Organisation, record: queries.ImportRecord) -> list[ImportRow]:
    return list(queries.list_rows(owner.tenant_id, record.entity.id, queries.RowQuery(limit=100)))


def create_release(owner: Organisation, product: Product, **members: Any) -> Release:
    raw = {"name": "Rocket 1.0.0", "version": "1.0.0", "productId": product.id, **members}
    return releases.create_release(owner.actor, releases_schema.parse_release(raw, datetime.now(UTC))).release


def test_all_real_releases_come_in_one_go_and_only_once(make: Factory, owner: Organisation) -> None:
    make_real_products(make, owner)
    record = create(owner, build_real_file(), publish=True)
    assert (count(record), count_all(Release)) == ({"create": 249, "error": 18}, 0)
    assert count(run(owner, record)) == {"created": 249, "error": 18}
    again = create(owner, build_real_file(), publish=True)
    assert count(again) == {"same": 249, "error": 18}
    # What was too long before is shortened now; all else is there.
    assert count(run(owner, create(owner, build_real_file(), publish=True, longNotes="cut"))) == {
        "created": 18,
        "same": 249,
    }
    assert count_all(Release) == 267


def test_old_releases_have_their_dates_and_tell_that_they_are_old(
    make: Factory, owner: Organisation, product: Product
) -> None:
    make.webhook(owner, "http://127.0.0.1:9/", events=["release.created", "release.published"])
    run(owner, create(owner, CHANGELOG, productId=product.id, publish=True))
    first = list_releases()[0]
    moment = datetime(2024, 1, 1, tzinfo=UTC)
    assert (first.version, first.created_at, first.published_at) == ("1.0.0", moment, moment)
    assert (first.published, first.is_historic, first.name) == (True, True, "Rocket 1.0.0")
    bodies = [json.loads(body) for body in db.session.scalars(select(Event.body).order_by(Event.triggered_at))]
    assert [(body["event"], body["data"]["version"], body["backdated"]) for body in bodies] == [
        (event, version, True)
        for version in ("1.0.0", "1.1.0", "1.2.0")
        for event in ("release.created", "release.published")
    ]
    created, published = bodies[:2]
    assert (created["data"]["published"], created["data"]["publishedAt"]) == (False, None)
    assert (published["data"]["published"], published["data"]["publishedAt"]) == (True, "2024-01-01T00:00:00Z")
    assert created["triggeredAt"] > "2026"
    assert count_all(Delivery) == 6


def test_a_quiet_import_tells_nobody_but_the_audit_log(make: Factory, owner: Organisation, product: Product) -> None:
    make.webhook(owner, "http://127.0.0.1:9/")
    record = run(owner, create(owner, build_lines(ROWS[:2]), productId=product.id, quiet=True))
    assert [release.published for release in list_releases()] == [False, False]
    assert (count_all(Event), count_all(Delivery)) == (0, 0)
    entries = db.session.execute(
        select(AuditEntry.action, AuditEntry.details).where(AuditEntry.action.not_like("user%")).order_by(AuditEntry.id)
    ).all()
    assert [entry.action for entry in entries][-4:] == [
        "import.started", "release.created", "release.created", "import.finished",
    ]  # fmt: skip
    assert entries[-2].details == {"version": "1.1.0", "importId": record.entity.id}
    assert entries[-1].details["created"] == 2


def test_what_is_there_is_left_alone(owner: Organisation, product: Product) -> None:
    # By CI on the day, at some time of it; and one with other notes.
    same = create_release(owner, product, notes="- First.", createdAt="2024-01-01T17:30:00Z")
    other = create_release(owner, product, name="Rocket 1.1.0", version="1.1", notes="Else")
    record = create(owner, CHANGELOG, productId=product.id, publish=True)
    assert count(record) == {"create": 1, "same": 1, "conflict": 1, "skip": 1}
    _, _, conflict, there = list_rows(owner, record)
    assert (conflict.release_id, there.release_id) == (other.id, same.id)
    assert [error["code"] for error in conflict.errors] == ["duplicate_release"]
    assert [warning["code"] for warning in there.warnings] == ["stays_draft"]
    done = run(owner, record)
    assert count(done) == {"created": 1, "same": 1, "conflict": 1, "skip": 1}
    assert [release.notes for release in list_releases()][:2] == ["- First.", "Else"]


def test_a_run_that_is_ended_anywhere_goes_on_where_it_was(
    owner: Organisation, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(steps, "_ROWS", 2)
    record = create(owner, build_lines(ROWS), productId=product.id)
    service.run_import(owner.actor, record.entity.id)
    settle = rows.settle_rows
    calls: list[int] = []

    def die(*args: Any) -> None:
        settle(*args)
        calls.append(1)
        if len(calls) % 2 == 0:
            raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(rows, "settle_rows", die)
        with pytest.raises(KeyboardInterrupt):
            steps.take_steps()
        assert (count_all(Release), count_all(Event)) == (2, 2)
        with pytest.raises(KeyboardInterrupt):
            steps.take_steps()
    assert count_all(Release) == 4
    service.stop_import(owner.actor, record.entity.id)
    finish()
    assert count_all(Release) == 4
    assert count(run(owner, record)) == {"created": 9}
    # Once done it is done, however often somebody presses the button.
    assert count(run(owner, record)) == {"created": 9}
    assert (count_all(Release), count_all(Event)) == (9, 9)


def test_whoever_comes_first_has_the_place(
    owner: Organisation, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Both found the place free.
    record = create(owner, build_lines(ROWS[:3]), productId=product.id)
    create_release(owner, product, notes="Number 0.", createdAt="2024-01-01T00:00:00Z")
    create_release(owner, product, name="Rocket 1.1.0", version="1.1.0", notes="Else")
    find = backfill.find_holders
    calls: list[int] = []

    def overlook(*args: Any) -> Any:
        calls.append(1)
        # The first look of the batch, and the first at each of its rows, come a moment too early.
        return {} if len(calls) in (1, 2, 4) else find(*args)

    monkeypatch.setattr(backfill, "find_holders", overlook)
    assert count(run(owner, record)) == {"created": 1, "same": 1, "conflict": 1}
    assert count_all(Release) == 3


def test_rows_of_one_file_do_not_fight(owner: Organisation, product: Product) -> None:
    twice = [
        {"version": "1.0", "notes": "a", "platforms": ["linux", "macos"]},
        {"version": "1.0.0", "notes": "a", "platforms": ["macos"]},
        {"version": "1.0", "notes": "a", "platforms": ["linux", "macos"]},
        {"version": "1.0", "notes": "a", "platforms": ["win64"]},
    ]
    record = create(owner, build_lines(twice), productId=product.id)
    assert [row.state for row in list_rows(owner, record)] == ["create", "conflict", "same", "create"]
    assert count(run(owner, record)) == {"created": 2, "same": 1, "conflict": 1}


def test_who_may_not_create_releases_any_more_creates_none(
    owner: Organisation, make: Factory, product: Product
) -> None:
    editor = make.member(owner, "editor")
    record = create(editor, build_lines(ROWS), productId=product.id)
    service.run_import(editor.actor, record.entity.id)
    with transaction() as session:
        session.execute(update(User).where(User.id == editor.actor.user_id).values(role="viewer"))
    finish()
    stopped = queries.get_import(owner.actor, record.entity.id).entity
    assert (stopped.state, stopped.reason) == (
        "stopped", "Whoever started it may not create releases any more.",
    )  # fmt: skip
    assert count(run(owner, record)) == {"created": 9}


def test_who_may_act_for_one_product_imports_into_that_one(
    owner: Organisation, make: Factory, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    boat = make.product(owner, "Boat")
    lines = build_lines([ROWS[0], {**ROWS[1], "product": "Boat"}])
    job = replace(owner, actor=replace(owner.actor, product_id=product.id, kind="publisher"))
    record = create(job, lines)
    assert (record.entity.product_id, count(record)) == (product.id, {"create": 1, "error": 1})
    with pytest.raises(NotFoundError):
        queries.get_import(job.actor, create(owner, lines, productId=boat.id).entity.id)
    # Somebody else's preview may name more products, and then its rows are not for everybody's eyes.
    wide = create(owner, lines, productId=product.id)
    assert queries.list_imports(job.actor, Place()) == []
    with pytest.raises(NotFoundError):
        service.run_import(job.actor, wide.entity.id)
    monkeypatch.setattr("app.imports.steps.accounts.find_actor", lambda *_: None)
    monkeypatch.setattr("app.imports.steps.credentials.find_actor", lambda *_: job.actor)
    assert count(run(owner, wide)) == {"created": 1, "error": 1}
    assert [error["code"] for error in list_rows(owner, wide)[1].errors] == ["other_product"]


def test_a_product_that_goes_takes_its_imports_along(owner: Organisation, make: Factory, product: Product) -> None:
    rocket, boat = product.id, make.product(owner, "Boat").id
    lines = build_lines([{**ROWS[0], "product": "Boat"}, ROWS[1]])
    record = create(owner, lines, productId=rocket)
    with transaction() as session:
        session.execute(delete(Product).where(Product.id == boat))
    done = run(owner, record)
    assert count(done) == {"created": 1, "error": 1}
    assert [error["code"] for error in list_rows(owner, done)[0].errors] == ["unknown_product"]
    empty = make.product(owner, "Empty").id
    create(owner, build_lines(ROWS), productId=empty)
    with transaction() as session:
        session.execute(delete(Product).where(Product.id == empty))
    assert count_all(Import) == 1


def test_files_that_nobody_runs_are_forgotten(
    app: Flask, owner: Organisation, product: Product, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PREVIEW_LIMIT", 2)
    for row in ROWS[:4]:
        create(owner, build_lines([row]), productId=product.id)
    assert count_all(Import) == 2
    steps.forget_old()
    assert count_all(Import) == 2
    with transaction() as session:
        session.execute(update(Import).values(updated_at=datetime(2024, 1, 1, tzinfo=UTC)))
    steps.forget_old()
    assert (count_all(Import), count_all(ImportRow)) == (0, 0)
