"""What is planned is published at its time: once, by whichever relay, and only while its planner may."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from app import times
from app.accounts.models import User
from app.audit.models import AuditEntry
from app.database import clock, transaction
from app.extensions import db
from app.releases import planning, rows
from app.releases.models import Release
from app.webhooks import relay
from tests.factories import Caller, Factory, Organisation
from tests.receivers import Receiver
from tests.recorded import list_event_types, read_last_audit, read_last_event
from tests.working import deliver_all, run_twice_at_once

LATER = times.format_time(times.now() + timedelta(days=3))


@pytest.fixture
def release(caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
    """A draft whose publication is planned."""
    return plan(caller, body)


def plan(caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
    """Makes a draft whose publication is planned; gives it."""
    created: dict[str, Any] = caller.post("/v3/releases", json=body).get_json()
    assert caller.post(f"/v3/releases/{created['id']}/publish", json={"publishAt": LATER}).status_code == 200
    return created


def let_come(seconds_ago: float = 5) -> None:
    """Lets the time of everything that is planned have come so many seconds ago."""
    with transaction() as session:
        planned = update(Release).where(Release.publish_at.is_not(None))
        session.execute(planned.values(publish_at=clock(-seconds_ago)))


def read(release: dict[str, Any]) -> Release:
    """Gives the release as it is stored now."""
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(select(Release).where(Release.id == release["id"])).one()


def test_until_its_time_nobody_outside_sees_it_and_then_everybody_hears_of_it_once(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, body: dict[str, Any]
) -> None:
    product = make.product(owner, "Rocket")
    with Receiver() as receiver:
        make.webhook(owner, receiver.url, events=["release.published"])
        release = plan(caller, {**body, "productId": product.id})
        path, customer = f"/v3/releases/{release['id']}", app.test_client()
        planning.publish_due()
        assert "My App 1.2" not in customer.get(f"/{owner.slug}/rocket").text
        # Until then it can be changed, and is published as it is then.
        assert caller.request("PATCH", path, json={"notes": "# later"}).status_code == 200
        let_come(seconds_ago=3600)
        run_twice_at_once(app, planning.publish_due)
        planning.publish_due()
        deliver_all(app)
    assert "My App 1.2" in customer.get(f"/{owner.slug}/rocket").text
    published = caller.get(path).get_json()
    (request,) = receiver.requests
    assert json.loads(request.body)["data"] == published
    assert (published["published"], published["notes"]) == (True, "# later")
    # A relay that was down publishes late, and says when it really was.
    moment = times.parse_time(published["publishedAt"])
    assert moment is not None
    assert abs(times.now() - moment) < timedelta(minutes=5)
    assert (read(release).publish_at, read(release).publish_by) == (None, None)
    entries = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "release.published")).all()
    assert [(entry.actor_kind, entry.actor_email) for entry in entries] == [("user", owner.email)]
    assert entries[0].details["version"] == "1.2.0"
    assert "plannedFor" in entries[0].details


@pytest.mark.parametrize("change", [{"role": "viewer"}, {"is_active": False}], ids=["demoted", "deactivated"])
def test_whoever_may_not_publish_any_more_has_planned_in_vain(
    app: Flask, owner: Organisation, release: dict[str, Any], change: dict[str, Any]
) -> None:
    with transaction() as session:
        session.execute(update(User).values(**change))
    let_come()
    run_twice_at_once(app, planning.publish_due)
    planning.publish_due()
    assert not read(release).published
    assert list_event_types() == ["release.created"]
    action, entity_id, details = read_last_audit()
    assert (action, entity_id, details["plannedBy"]) == ("release.not_published", release["id"], owner.email)
    # That it was planned is remembered until somebody has seen what came of it.
    assert (read(release).publish_at, read(release).publish_by) == (None, owner.actor.user_id)


@pytest.mark.parametrize("state", ["published", "archived"])
def test_what_a_process_of_the_version_before_did_to_it_is_neither_done_twice_nor_undone(
    release: dict[str, Any], state: str
) -> None:
    # That version knows nothing of what is planned, and leaves it.
    with transaction() as session:
        session.execute(update(Release).values({state: True}))
    let_come()
    planning.publish_due()
    assert list_event_types() == ["release.created"]
    found = read(release)
    assert (found.published, found.publish_at, found.publish_by) == (state == "published", None, None)


def test_one_that_cannot_be_published_does_not_keep_the_others_from_it(
    caller: Caller, body: dict[str, Any], release: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    other = plan(caller, {**body, "version": "2.0"})
    let_come()
    publish = rows.publish

    def fail_once(session: Any, actor: Any, found: Release, details: Any) -> None:
        if found.id == release["id"]:
            raise OperationalError("UPDATE releases", {}, Exception("canceling statement due to lock timeout"))
        publish(session, actor, found, details)

    monkeypatch.setattr(rows, "publish", fail_once)
    planning.publish_due()
    assert (read(release).published, read(other).published) == (False, True)
    monkeypatch.undo()
    planning.publish_due()
    assert read(release).published


def test_what_happens_at_that_very_moment_comes_before_or_after_it(
    app: Flask, caller: Caller, body: dict[str, Any]
) -> None:
    for number, step in enumerate(("publish", "archive", "unplan")):
        release = plan(caller, {**body, "version": f"7.{number}"})
        let_come()
        barrier = threading.Barrier(2)
        path = f"/v3/releases/{release['id']}"

        def relay_publishes(barrier: threading.Barrier = barrier) -> None:
            with app.app_context():
                barrier.wait(10)
                planning.publish_due()

        thread = threading.Thread(target=relay_publishes)
        thread.start()
        barrier.wait(10)
        method, target = ("DELETE", f"{path}/publish") if step == "unplan" else ("POST", f"{path}/{step}")
        status = caller.request(method, target).status_code
        thread.join(30)
        planning.publish_due()
        stored = read(release)
        assert stored.publish_at is None
        assert status in (200, 204, 409)
        assert stored.published or status in (200, 204)
    types = list_event_types()
    assert types.count("release.published") == db.session.query(Release).filter_by(published=True).count()


def test_the_relay_publishes_in_its_rounds(app: Flask, release: dict[str, Any]) -> None:
    let_come()
    for duty in relay.list_duties(app):
        if duty.name == "publish what is planned":
            assert duty.interval_seconds == 0.0
            assert duty.perform() is False
    assert read_last_event()[0] == "release.published"
    assert read(release).published
