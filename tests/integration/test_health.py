"""How a webhook's health is told from its row and its last attempts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from flask import Flask

from app import times
from app.database import clock
from app.extensions import db
from app.webhooks import health, queries
from app.webhooks.health import Health
from app.webhooks.health_words import Standing, describe_state
from app.webhooks.models import Webhook
from tests.counting import watching_statements
from tests.factories import Factory, Organisation
from tests.history import DAY, add_delivery, change_webhook, let_fail

URL = "http://127.0.0.1:9/"
MOMENT = datetime(2026, 11, 24, 12, 0, tzinfo=UTC)


@pytest.fixture
def webhook(make: Factory, owner: Organisation) -> Webhook:
    """A webhook whose receiver nobody calls."""
    return make.webhook(owner, URL)


@pytest.fixture
def statements(app: Flask) -> Iterator[list[str]]:
    """The statements that the database was asked to run since the test began."""
    with watching_statements() as found:
        yield found


def describe(webhook: Webhook) -> Health:
    """Gives the health of the webhook as its row is now."""
    db.session.rollback()
    return health.describe(webhook.tenant_id, queries.get_webhook(webhook.tenant_id, webhook.id))


def stand(**values: object) -> Standing:
    """Gives the standing of an active webhook with some changes."""
    plain: dict[str, object] = {
        "is_active": True,
        "paused_at": None,
        "failing_since": None,
        "failure_count": 0,
        "warned_at": None,
        "disabled_at": None,
        "disabled_reason": "",
    }
    return Standing(**{**plain, **values})  # type: ignore[arg-type]


def test_a_new_webhook_has_no_figures(webhook: Webhook) -> None:
    found = describe(webhook)
    assert (found.state, found.words) == ("new", "New: nothing was sent yet.")
    assert (found.attempt_count, found.success_count, found.failure_count) == (0, 0, 0)
    assert (found.success_rate, found.p50_ms, found.p95_ms) == (None, None, None)
    assert (found.last_success_at, found.last_failure_at, found.disables_at) == (None, None, None)


def test_the_figures_are_of_the_last_hundred_attempts_that_ended(webhook: Webhook) -> None:
    add_delivery(webhook, seconds_ago=500, attempts=[("failed", 9000)] * 30)
    add_delivery(webhook, seconds_ago=200, attempts=[("failed", None)])
    for number in range(1, 100):
        add_delivery(webhook, seconds_ago=100 - number, attempts=[("success", number)])
    add_delivery(webhook, "pending", attempts=[("lost", None), ("started", None)])
    found = describe(webhook)
    assert (found.state, found.attempt_count, found.success_count) == ("healthy", 100, 99)
    assert found.success_rate == 0.99
    # By the nearest rank, of those 99 that are known to have taken 1 to 99 milliseconds.
    assert (found.p50_ms, found.p95_ms) == (50, 95)
    assert found.words == "Healthy at present: 99 of the last 100 attempts succeeded."
    assert found.last_success_at is not None
    assert found.last_failure_at is not None
    assert timedelta(seconds=150) < found.last_success_at - found.last_failure_at < timedelta(seconds=250)


def test_a_test_and_another_webhook_say_nothing_of_a_webhooks_health(
    webhook: Webhook, make: Factory, owner: Organisation
) -> None:
    add_delivery(webhook, attempts=[("success", 5)])
    add_delivery(webhook, "dead", attempts=[("failed", 15000)], is_test=True)
    add_delivery(make.webhook(owner, URL), "dead", attempts=[("failed", 15000)] * 3)
    found = describe(webhook)
    assert (found.state, found.words) == ("healthy", "Healthy: the last attempt succeeded.")
    assert (found.attempt_count, found.p95_ms, found.last_failure_at) == (1, 5, None)


def test_the_last_success_is_found_behind_any_number_of_failures(webhook: Webhook) -> None:
    add_delivery(webhook, seconds_ago=3 * DAY, attempts=[("success", 5)])
    for _ in range(11):
        add_delivery(webhook, "dead", attempts=[("failed", 5)] * 10)
    let_fail(webhook, days=2, count=110)
    found = describe(webhook)
    assert (found.state, found.attempt_count, found.success_count, found.success_rate) == ("failing", 100, 0, 0.0)
    assert found.last_success_at is not None
    assert abs(times.now() - timedelta(days=3) - found.last_success_at) < timedelta(minutes=1)
    assert found.failing_since is not None
    assert found.disables_at == found.failing_since + timedelta(days=5)


def test_a_webhook_that_is_switched_on_again_is_as_good_as_new(webhook: Webhook) -> None:
    add_delivery(webhook, "dead", attempts=[("failed", 5)] * 10)
    assert (describe(webhook).state, describe(webhook).words) == ("new", "Nothing was sent since it was switched on.")


def test_many_webhooks_are_described_in_two_statements(
    webhook: Webhook, make: Factory, owner: Organisation, statements: list[str]
) -> None:
    other = make.webhook(owner, URL)
    add_delivery(webhook, attempts=[("success", 1), ("success", 3)])
    add_delivery(other, "dead", attempts=[("failed", 7)])
    let_fail(other, days=1, count=1)
    webhooks = queries.list_webhooks(owner.tenant_id, 10)
    statements.clear()
    found = health.describe_all(owner.tenant_id, webhooks)
    assert len(statements) == 2
    assert {webhook_id: it.state for webhook_id, it in found.items()} == {webhook.id: "healthy", other.id: "failing"}
    assert (found[webhook.id].p50_ms, found[other.id].p50_ms) == (1, 7)
    assert health.describe_all(owner.tenant_id, []) == {}


def test_more_webhooks_than_one_statement_takes_are_described(
    webhook: Webhook, make: Factory, owner: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "_CHUNK", 2)
    many = [webhook.id, *(make.webhook(owner, URL).id for _ in range(4))]
    add_delivery(webhook, attempts=[("success", 1)])
    found = health.describe_all(owner.tenant_id, queries.list_webhooks(owner.tenant_id, 10))
    assert [found[webhook_id].attempt_count for webhook_id in many] == [1, 0, 0, 0, 0]


def test_another_tenant_sees_nothing_of_a_webhooks_attempts(webhook: Webhook, make: Factory) -> None:
    add_delivery(webhook, attempts=[("success", 1)])
    other = make.organisation()
    loaded = queries.get_webhook(webhook.tenant_id, webhook.id)
    assert health.describe(other.tenant_id, loaded).attempt_count == 0


def test_paused_and_switched_off_are_told_before_failing(webhook: Webhook) -> None:
    let_fail(webhook, days=4.5, count=30, warned_days_ago=0.5)
    assert describe(webhook).state == "failing"
    change_webhook(webhook, paused_at=clock())
    assert (describe(webhook).state, describe(webhook).disables_at) == ("paused", None)
    change_webhook(webhook, active=False)
    assert describe(webhook).state == "inactive"
    change_webhook(webhook, disabled_at=clock(), disabled_reason="It was time.")
    found = describe(webhook)
    assert (found.state, found.disabled_reason, found.disables_at) == ("disabled", "It was time.", None)


@pytest.mark.parametrize(
    ("standing", "words"),
    [
        (
            stand(failing_since=MOMENT - timedelta(days=3), failure_count=23),
            (
                "Failing since 21 Nov 2026, 12:00 UTC: 23 attempts in a row failed. "
                "It will be switched off on 26 Nov 2026, 12:00 UTC if none succeeds until then."
            ),
        ),
        (
            stand(failing_since=MOMENT - timedelta(minutes=5), failure_count=1),
            (
                "Failing since 24 Nov 2026, 11:55 UTC: 1 attempt failed. "
                "It will be switched off on 29 Nov 2026, 11:55 UTC if none succeeds until then "
                "and at least 20 have failed."
            ),
        ),
        # Nobody is switched off unwarned, however long it has failed.
        (
            stand(failing_since=MOMENT - timedelta(days=9), failure_count=20),
            (
                "Failing since 15 Nov 2026, 12:00 UTC: 20 attempts in a row failed. "
                "It will be switched off on 25 Nov 2026, 12:00 UTC if none succeeds until then."
            ),
        ),
        (
            stand(failing_since=MOMENT - timedelta(days=9), failure_count=20, warned_at=MOMENT - timedelta(hours=2)),
            (
                "Failing since 15 Nov 2026, 12:00 UTC: 20 attempts in a row failed. "
                "It will be switched off on 25 Nov 2026, 10:00 UTC if none succeeds until then."
            ),
        ),
        (
            stand(paused_at=MOMENT, failing_since=MOMENT),
            "Paused since 24 Nov 2026, 12:00 UTC: events are held, each for 30 days at most.",
        ),
        (stand(is_active=False), "Switched off: no event is recorded for it."),
        (
            stand(is_active=False, disabled_at=MOMENT, disabled_reason="The receiver answered 410 Gone."),
            "Switched off by Slipway on 24 Nov 2026, 12:00 UTC. The receiver answered 410 Gone.",
        ),
    ],
)
def test_the_state_is_told_in_words(standing: Standing, words: str) -> None:
    assert describe_state(standing.find_state(0), standing, 0, 0, MOMENT) == words
