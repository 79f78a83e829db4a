"""What is past its time is deleted a little at a time, and what is open never is."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import event, select

from app.accounts.models import SignInAttempt
from app.database import clock, generate_id, transaction
from app.extensions import db
from app.mail.models import Mail
from app.replays.models import Replay
from app.webhooks import retention
from app.webhooks.models import Attempt, Delivery, Event, FormerSecret, Webhook
from tests.counting import count
from tests.factories import Factory, Organisation
from tests.history import DAY, add_delivery
from tests.working import claim, run_twice_at_once

URL = "http://127.0.0.1:9/"
OLD = 90 * DAY + 60
YOUNG = 90 * DAY - 60


@pytest.fixture
def webhook(make: Factory, owner: Organisation) -> Webhook:
    """A webhook whose receiver nobody calls."""
    return make.webhook(owner, URL)


def delete_all_old() -> int:
    """Deletes what is past its time; gives in how many steps."""
    steps = 0
    while retention.delete_old():
        steps += 1
    return steps


def list_deliveries() -> set[str]:
    """Gives the ids of the deliveries that are left, each of which still has its event and its attempt."""
    db.session.rollback()
    query = (
        select(Delivery.id).join(Event, Event.id == Delivery.event_id).join(Attempt, Attempt.delivery_id == Delivery.id)
    )
    return set(db.session.scalars(query))


@pytest.mark.parametrize(
    ("state", "seconds_ago", "is_test", "is_kept"),
    [
        ("delivered", OLD, False, False),
        ("dead", OLD, False, False),
        ("dead", OLD, True, False),
        ("delivered", YOUNG, False, True),
        ("pending", OLD, False, True),
        ("held", OLD, False, True),
    ],
)
def test_what_has_ended_is_deleted_once_it_is_old(
    webhook: Webhook, state: str, seconds_ago: float, is_test: bool, is_kept: bool
) -> None:
    kept = add_delivery(webhook, seconds_ago=DAY, attempts=[("success", 1)])
    judged = add_delivery(webhook, state, seconds_ago=seconds_ago, attempts=[("failed", 1)], is_test=is_test)
    delete_all_old()
    assert list_deliveries() == ({kept, judged} if is_kept else {kept})
    assert count(Event) == count(Delivery) == count(Attempt) == (2 if is_kept else 1)


def test_an_event_stays_whole_while_one_of_its_deliveries_is_open(
    webhook: Webhook, make: Factory, owner: Organisation
) -> None:
    first = add_delivery(webhook, "dead", seconds_ago=OLD, attempts=[("failed", 1)])
    event_id = db.session.scalars(select(Delivery.event_id)).one()
    second = add_delivery(
        make.webhook(owner, URL), "held", seconds_ago=OLD, event_id=event_id, attempts=[("failed", 1)]
    )
    assert delete_all_old() == 0
    assert list_deliveries() == {first, second}


def test_an_event_that_nobody_subscribed_to_is_deleted_too(owner: Organisation) -> None:
    with transaction() as session:
        for seconds_ago in (OLD, YOUNG):
            session.add(
                Event(
                    tenant_id=owner.tenant_id,
                    event_type="release.created",
                    entity_id=generate_id(),
                    body=b"{}",
                    request_id="",
                    triggered_at=clock(-seconds_ago),
                )
            )
    delete_all_old()
    assert count(Event) == 1


def test_replays_and_e_mails_go_when_they_are_over_and_old(webhook: Webhook) -> None:
    with transaction() as session:
        for state, seconds_ago in (("done", OLD), ("cancelled", OLD), ("done", YOUNG), ("running", OLD)):
            session.add(
                Replay(
                    tenant_id=webhook.tenant_id,
                    webhook_id=webhook.id,
                    since_at=clock(-OLD),
                    until_at=clock(-OLD),
                    state=state,
                    total=0,
                    created_by="",
                    created_at=clock(-OLD),
                    updated_at=clock(-OLD),
                    finished_at=None if state == "running" else clock(-seconds_ago),
                )
            )
        for state, seconds_ago in (("sent", OLD), ("dead", OLD), ("sent", YOUNG), ("pending", OLD)):
            session.add(
                Mail(
                    tenant_id=webhook.tenant_id,
                    recipient="a@example.test",
                    subject="",
                    body="",
                    state=state,
                    created_at=clock(-seconds_ago),
                )
            )
    delete_all_old()
    db.session.rollback()
    assert sorted(db.session.scalars(select(Replay.state))) == ["done", "running"]
    assert sorted(db.session.scalars(select(Mail.state))) == ["pending", "sent"]


@pytest.mark.parametrize("days", ["90", "0"])
def test_former_secrets_and_tries_to_sign_in_go_by_their_own_time(
    webhook: Webhook, make: Factory, build_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch, days: str
) -> None:
    monkeypatch.setattr(retention, "BATCH", 2)
    other = make.webhook(make.organisation(), URL)
    with transaction() as session:
        for of, seconds in ((webhook, -1), (other, -DAY), (webhook, -OLD), (webhook, 60)):
            session.add(
                FormerSecret(
                    tenant_id=of.tenant_id,
                    webhook_id=of.id,
                    token=b"",
                    created_at=clock(-OLD),
                    expires_at=clock(seconds),
                )
            )
        session.add_all(SignInAttempt(subject="address:unknown", attempted_at=clock(-ago)) for ago in (301, DAY, OLD))
        session.add(SignInAttempt(subject="address:unknown", attempted_at=clock(-290)))
    with build_app(RETENTION_DAYS=days).app_context():
        assert delete_all_old() == 3
    assert (count(FormerSecret), count(SignInAttempt)) == (1, 1)
    assert db.session.scalars(select(FormerSecret.expires_at > clock())).one()


def test_a_big_backlog_of_all_tenants_goes_in_small_steps(
    webhook: Webhook, make: Factory, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "BATCH", 10)
    other = make.webhook(make.organisation(), URL)
    for number in range(12):
        add_delivery(webhook, seconds_ago=OLD + number, attempts=[("failed", 1), ("success", 1)])
        add_delivery(other, seconds_ago=OLD + number, attempts=[("success", 1)])
    kept = add_delivery(webhook, "pending", seconds_ago=OLD, attempts=[("failed", 1)])
    total = count(Attempt) + count(Delivery) + count(Event)
    steps = 0
    while retention.delete_old():
        steps += 1
        left = count(Attempt) + count(Delivery) + count(Event)
        # What was read must not stay open: the next step is to see what is there then.
        db.session.rollback()
        assert 0 < total - left <= 10
        total = left
    assert total == 3
    assert steps >= 9
    assert list_deliveries() == {kept}


@pytest.mark.parametrize("days", ["0", "91"])
def test_it_is_the_installation_that_says_how_long_rows_are_kept(
    webhook: Webhook, build_app: Callable[..., Flask], days: str
) -> None:
    kept = add_delivery(webhook, seconds_ago=OLD, attempts=[("success", 1)])
    with build_app(RETENTION_DAYS=days).app_context():
        assert not retention.delete_old()
    assert list_deliveries() == {kept}


def test_who_claims_in_the_middle_of_a_step_does_not_wait(app: Flask, webhook: Webhook) -> None:
    """On SQLite there is one writer: it waits, for as long as one small step takes."""
    add_delivery(webhook, seconds_ago=OLD, attempts=[("success", 1)])
    due = add_delivery(webhook, "pending", seconds_ago=OLD)
    with transaction() as session:
        session.execute(Delivery.__table__.update().where(Delivery.id == due).values(next_attempt_at=clock(-1)))  # type: ignore[attr-defined]
    claimed: list[str] = []

    def claim_beside() -> None:
        with app.app_context():
            claimed.extend(it.delivery_id for it in claim(10))

    thread = threading.Thread(target=claim_beside)

    def claim_before_commit(_session: object) -> None:
        thread.start()
        if db.engine.dialect.name == "postgresql":
            thread.join(10)
            assert claimed == [due]

    session_to_watch = db.session()
    event.listen(session_to_watch, "before_commit", claim_before_commit, once=True)
    assert retention._delete_of_tenant(webhook.tenant_id, clock(-90 * DAY)) == 3
    thread.join(10)
    assert claimed == [due]


def test_two_relays_delete_the_same_at_once(app: Flask, webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 5)
    for number in range(10):
        add_delivery(webhook, seconds_ago=OLD + number, attempts=[("success", 1)])
    run_twice_at_once(app, delete_all_old)
    # What one of them held when the other looked for more goes in the next run.
    delete_all_old()
    assert count(Event) == count(Delivery) == count(Attempt) == 0
