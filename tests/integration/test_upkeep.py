"""What the relay does for webhooks by itself: warns, switches off, gives up what was held, finds lost attempts."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import pytest
from flask import Flask
from sqlalchemy import select

from app import times
from app.accounts.models import User
from app.audit.models import AuditEntry
from app.database import clock, generate_id, transaction
from app.extensions import db
from app.mail.models import Mail
from app.webhooks import health, service, upkeep
from app.webhooks.models import Attempt, Delivery, Webhook
from tests.factories import Factory, Organisation
from tests.history import DAY, add_delivery, change_webhook, let_fail
from tests.working import run_twice_at_once

URL = "http://127.0.0.1:9/"


@pytest.fixture
def mailing(app: Flask, build_app: Callable[..., Flask]) -> Iterator[Flask]:
    """An application that owes e-mail, inside its context."""
    mailing = build_app(SMTP_URL="smtp://127.0.0.1:9", BASE_URL="https://releases.example.test")
    with mailing.app_context():
        yield mailing


@pytest.fixture
def webhook(mailing: Flask, make: Factory, owner: Organisation) -> Webhook:
    """A webhook of an organisation that has an owner, an admin, an admin who left, and an editor."""
    for email, role, is_active in (
        ("admin@example.test", "admin", True),
        ("gone@example.test", "admin", False),
        ("editor@example.test", "editor", True),
    ):
        with transaction() as session:
            session.add(
                User(
                    tenant_id=owner.tenant_id, email=email, role=role, is_active=is_active, password_hash="",
                    created_at=times.now(), updated_at=times.now(),
                )
            )  # fmt: skip
    return make.webhook(owner, URL, name="Build\u00a0server")


def read(webhook: Webhook) -> Webhook:
    """Gives the webhook's row as it is stored now."""
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(select(Webhook).where(Webhook.id == webhook.id)).one()


def read_owner(webhook: Webhook) -> str:
    """Gives the e-mail address of the webhook's owner."""
    query = select(User.email).where(User.tenant_id == webhook.tenant_id, User.role == "owner")
    return db.session.scalars(query).one()


def list_mails() -> Sequence[Mail]:
    """Gives what is owed by e-mail."""
    db.session.rollback()
    return db.session.scalars(select(Mail).order_by(Mail.recipient, Mail.created_at)).all()


def list_actions() -> Sequence[str]:
    """Gives what Slipway did by itself, as the audit log has it."""
    db.session.rollback()
    return db.session.scalars(select(AuditEntry.action).where(AuditEntry.actor_kind == "system")).all()


def read_delivery(delivery_id: str) -> Delivery:
    """Gives the delivery as it is stored now."""
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(select(Delivery).where(Delivery.id == delivery_id)).one()


def test_a_webhook_that_fails_for_four_days_is_warned_of_once(mailing: Flask, webhook: Webhook) -> None:
    let_fail(webhook, days=4.01, count=7)
    run_twice_at_once(mailing, upkeep.warn_and_disable)
    upkeep.warn_and_disable()
    found = read(webhook)
    assert found.active
    assert found.warned_at is not None
    assert [mail.recipient for mail in list_mails()] == ["admin@example.test", read_owner(webhook)]
    mail = list_mails()[0]
    assert mail.subject == "Webhook is failing: Build server"
    assert found.failing_since is not None
    since = found.failing_since
    assert f"Failing since {since.day} {since:%b %Y, %H:%M} UTC: 7 attempts in a row failed." in mail.body
    assert "if none succeeds until then and at least 20 have failed." in mail.body
    assert f"https://releases.example.test/webhooks/{webhook.id}\n" in mail.body
    assert URL not in mail.body


def test_it_is_switched_off_after_five_days_once(mailing: Flask, webhook: Webhook) -> None:
    pending = add_delivery(webhook, "pending", attempts=[("failed", 5)])
    test = add_delivery(webhook, "pending", is_test=True)
    dead = add_delivery(webhook, "dead", attempts=[("failed", 5)])
    let_fail(webhook, days=5.01, count=20, warned_days_ago=1.01)
    run_twice_at_once(mailing, upkeep.warn_and_disable)
    upkeep.warn_and_disable()
    found = read(webhook)
    assert not found.active
    assert found.disabled_at is not None
    assert found.disabled_reason.startswith("All 20 attempts since ")
    assert list_actions() == ["webhook.disabled"]
    assert [mail.recipient for mail in list_mails()] == ["admin@example.test", read_owner(webhook)]
    mail = list_mails()[0]
    assert mail.subject == "Webhook was switched off: Build server"
    assert found.disabled_reason in mail.body
    assert f"https://releases.example.test/webhooks/{webhook.id}\n" in mail.body
    held = read_delivery(pending)
    assert (held.state, held.next_attempt_at, held.reason) == ("held", None, "The webhook is switched off.")
    assert held.held_at is not None
    assert [read_delivery(it).state for it in (test, dead)] == ["pending", "dead"]


@pytest.mark.parametrize(
    ("days", "count", "warned_days_ago"),
    [(4.99, 500, 1.5), (5.01, 19, 1.5), (5.01, 500, 0.99), (30, 500, 0.0)],
    ids=["not five days", "not twenty failures", "warned less than a day ago", "warned just now"],
)
def test_nothing_is_switched_off_before_its_time(
    webhook: Webhook, days: float, count: int, warned_days_ago: float
) -> None:
    pending = add_delivery(webhook, "pending")
    let_fail(webhook, days=days, count=count, warned_days_ago=warned_days_ago)
    upkeep.warn_and_disable()
    assert read(webhook).active
    assert (read_delivery(pending).state, list_actions(), list(list_mails())) == ("pending", [], [])


def test_nothing_is_switched_off_unwarned_however_long_it_has_failed(webhook: Webhook) -> None:
    let_fail(webhook, days=40, count=500)
    upkeep.warn_and_disable()
    assert read(webhook).active
    assert {mail.subject for mail in list_mails()} == {"Webhook is failing: Build server"}
    upkeep.warn_and_disable()
    assert read(webhook).active


@pytest.mark.parametrize(
    "values", [{"active": False}, {"paused_at": clock()}, {"deleted_at": clock()}], ids=["off", "paused", "deleted"]
)
def test_a_webhook_that_is_off_paused_or_deleted_is_left_alone(webhook: Webhook, values: dict[str, object]) -> None:
    let_fail(webhook, days=5.01, count=20, warned_days_ago=1.01)
    change_webhook(webhook, **values)
    upkeep.warn_and_disable()
    assert read(webhook).disabled_at is None
    let_fail(webhook, days=5.01, count=20)
    upkeep.warn_and_disable()
    assert read(webhook).warned_at is None
    assert list(list_mails()) == []


def test_after_a_success_it_is_warned_of_anew(webhook: Webhook) -> None:
    let_fail(webhook, days=4.01, count=7)
    upkeep.warn_and_disable()
    change_webhook(webhook, failing_since=None, failure_count=0, warned_at=None)
    upkeep.warn_and_disable()
    assert read(webhook).warned_at is None
    let_fail(webhook, days=4.01, count=7)
    upkeep.warn_and_disable()
    assert len(list_mails()) == 4


def test_a_success_that_comes_between_look_and_act_saves_the_webhook(webhook: Webhook) -> None:
    pending = add_delivery(webhook, "pending")
    let_fail(webhook, days=5.01, count=20, warned_days_ago=1.01)
    change_webhook(webhook, failing_since=None, failure_count=0, warned_at=None)
    assert not upkeep._disable(webhook.tenant_id, webhook.id)
    assert read(webhook).active
    assert read_delivery(pending).state == "pending"


def test_without_a_server_for_e_mail_the_warning_stands_in_the_portal(
    app: Flask, make: Factory, owner: Organisation
) -> None:
    webhook = make.webhook(owner, URL)
    let_fail(webhook, days=4.01, count=7)
    upkeep.warn_and_disable()
    assert read(webhook).warned_at is not None
    assert list(list_mails()) == []
    assert health.describe(owner.tenant_id, read(webhook)).words.startswith("Failing since ")


def test_a_webhook_is_switched_off_for_a_reason_by_whoever_comes_first(webhook: Webhook) -> None:
    for expected in (True, False):
        with transaction() as session:
            assert health.switch_off(session, webhook.tenant_id, webhook.id, "It is gone.") is expected
    other = generate_id()
    with transaction() as session:
        assert not health.switch_off(session, webhook.tenant_id, other, "It is gone.")
    assert read(webhook).disabled_reason == "It is gone."
    assert list_actions() == ["webhook.disabled"]


def test_what_was_held_for_thirty_days_is_given_up_a_little_at_a_time(
    mailing: Flask, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(upkeep, "BATCH", 2)
    change_webhook(webhook, paused_at=clock(-31 * DAY))
    old = [add_delivery(webhook, "held", seconds_ago=30 * DAY + 60 + number) for number in range(3)]
    young = add_delivery(webhook, "held", seconds_ago=30 * DAY - 60)
    assert upkeep.expire_held()
    assert sorted(read_delivery(it).state for it in old) == ["dead", "dead", "held"]
    run_twice_at_once(mailing, upkeep.expire_held)
    assert not upkeep.expire_held()
    given_up = read_delivery(old[0])
    assert (given_up.state, given_up.held_at, given_up.next_attempt_at) == ("dead", None, None)
    assert given_up.reason == "It was held for 30 days, and the webhook was not switched on or resumed in that time."
    assert [read_delivery(it).state for it in (*old, young)] == ["dead", "dead", "dead", "held"]


def test_what_a_webhooks_owner_switches_off_is_given_up_in_the_end(
    mailing: Flask, webhook: Webhook, owner: Organisation
) -> None:
    pending = add_delivery(webhook, "pending", seconds_ago=40 * DAY)
    change = service.parse_webhook_change(owner.actor, {"active": False})
    service.update_webhook(owner.actor, webhook.id, change)
    assert not upkeep.expire_held()
    assert read_delivery(pending).state == "held"


def test_an_attempt_that_nobody_ended_is_marked_as_lost(webhook: Webhook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(upkeep, "_LOOKED_AT", 2)
    add_delivery(webhook, "held", seconds_ago=200, attempts=[("failed", 5), ("success", 5), ("started", None)])
    add_delivery(webhook, "pending", seconds_ago=60, attempts=[("started", None)])
    attempts = upkeep.LostAttempts()
    # It goes through them two at a time, and stops at the first that may still be under way.
    assert [attempts.mark() for _ in range(3)] == [True, False, False]
    db.session.rollback()
    found = db.session.scalars(select(Attempt).order_by(Attempt.id)).all()
    assert [it.outcome for it in found] == ["failed", "success", "lost", "started"]
    assert found[2].finished_at is not None
    assert found[2].error_message == "The worker died during this attempt, or could not record what came of it."
