"""Writes what happened to webhooks some time ago straight into the tables: no test can wait for days."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import update

from app.database import clock, generate_id, transaction
from app.webhooks.models import Attempt, Delivery, Event, Webhook

DAY = 86400.0


def add_delivery(
    webhook: Webhook,
    state: str = "delivered",
    *,
    seconds_ago: float = 0,
    event_id: str | None = None,
    attempts: Sequence[tuple[str, int | None]] = (),
    is_test: bool = False,
) -> str:
    """Writes a delivery, with an event of its own unless one is named; gives the delivery's id.

    Event, delivery and attempts are of the same time. Each attempt is its outcome and how many milliseconds it took;
    they began a second after each other, the last one at that time.
    """
    then = clock(-seconds_ago)
    delivery = Delivery(
        id=generate_id(),
        tenant_id=webhook.tenant_id,
        event_id=event_id or generate_id(),
        webhook_id=webhook.id,
        state=state,
        attempt_count=len(attempts),
        next_attempt_at=clock(DAY) if state == "pending" else None,
        held_at=then if state == "held" else None,
        is_test=is_test,
        created_at=then,
        updated_at=then,
    )
    event = Event(
        id=delivery.event_id,
        tenant_id=webhook.tenant_id,
        event_type="release.created",
        entity_id=generate_id(),
        body=b"{}",
        request_id="",
        triggered_at=then,
    )
    with transaction() as session:
        session.add_all([] if event_id else [event])
        session.flush()
        session.add(delivery)
        session.flush()
        session.add_all(
            _build_attempt(delivery, number, outcome, milliseconds, seconds_ago + len(attempts) - number)
            for number, (outcome, milliseconds) in enumerate(attempts, 1)
        )
        return str(delivery.id)


def _build_attempt(
    delivery: Delivery, number: int, outcome: str, milliseconds: int | None, seconds_ago: float
) -> Attempt:
    return Attempt(
        tenant_id=delivery.tenant_id,
        delivery_id=delivery.id,
        webhook_id=delivery.webhook_id,
        number=number,
        is_test=delivery.is_test,
        outcome=outcome,
        started_at=clock(-seconds_ago),
        finished_at=None if outcome == "started" else clock(-seconds_ago),
        phases={} if milliseconds is None else {"connect": 1, "total": milliseconds},
    )


def change_webhook(webhook: Webhook, **values: Any) -> None:
    """Changes columns of a webhook's row, whatever the services think of it."""
    with transaction() as session:
        session.execute(
            update(Webhook)
            .where(Webhook.tenant_id == webhook.tenant_id, Webhook.id == webhook.id)
            .values(**values)
            .execution_options(synchronize_session=False)
        )


def let_fail(webhook: Webhook, *, days: float, count: int, warned_days_ago: float | None = None) -> None:
    """Writes that a webhook has failed for so long and so often, and when its owner was warned."""
    warned_at = None if warned_days_ago is None else clock(-warned_days_ago * DAY)
    change_webhook(webhook, failing_since=clock(-days * DAY), failure_count=count, warned_at=warned_at)
