"""Makes deliveries as an outage leaves them, and works replays off as the relay does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select, update

from app import times
from app.accounts.actors import Actor
from app.database import clock, generate_id, transaction
from app.extensions import db
from app.replays import pace, service
from app.replays.models import Replay
from app.webhooks import service as webhooks
from app.webhooks.models import Delivery, Event, Webhook
from app.webhooks.schema import WebhookChangeSchema

# Nobody listens there.
DEAF = "http://127.0.0.1:9/hook"


def fill(
    webhook: Webhook,
    count: int,
    *,
    dead: int = 0,
    event_type: str = "release.created",
    at: datetime | None = None,
    is_owed: bool = True,
    is_test: bool = False,
) -> list[str]:
    """Writes so many events, with a delivery of each unless they are not owed, the first ones of them dead.

    They happened at the given time, else an hour ago, a millisecond apart. Gives the ids of the events.
    """
    start = at or times.now() - timedelta(hours=1)
    moments = [start + timedelta(milliseconds=number) for number in range(count)]
    ids = [generate_id() for _ in moments]
    common = {"tenant_id": webhook.tenant_id}
    events = [
        {**common, "id": event_id, "event_type": event_type, "entity_id": generate_id(), "request_id": ""}
        | {"body": f'{{"number":{number}}}'.encode(), "triggered_at": moments[number]}
        for number, event_id in enumerate(ids)
    ]
    deliveries = [
        {**common, "id": generate_id(), "event_id": event_id, "webhook_id": webhook.id, "is_test": is_test}
        | {"state": "dead" if number < dead else "delivered", "reason": "", "attempt_count": 10}
        | {"created_at": moments[number], "updated_at": moments[number]}
        for number, event_id in enumerate(ids)
    ]
    with transaction() as session:
        session.execute(insert(Event), events)
        if is_owed:
            session.execute(insert(Delivery), deliveries)
    return ids


def age(webhook: Webhook) -> Webhook:
    """Makes a webhook older than anything that is made here."""
    with transaction() as session:
        session.execute(
            update(Webhook).where(Webhook.id == webhook.id).values(created_at=times.now() - timedelta(days=2))
        )
    return webhook


def switch(actor: Actor, webhook: Webhook, *, active: bool) -> None:
    """Switches a webhook on or off."""
    webhooks.update_webhook(actor, webhook.id, WebhookChangeSchema(active=active))


def count_states() -> dict[str, int]:
    """Gives how many deliveries are in each state."""
    db.session.rollback()
    return dict(Counter(db.session.scalars(select(Delivery.state))))


def preview(actor: Actor, webhook: Webhook, **raw: Any) -> tuple[int, int, int]:
    """Gives what a replay of the last day would find: matching, total, missed."""
    since = times.format_time(times.now() - timedelta(days=1))
    found = service.preview(actor, webhook.id, {"since": since, **raw})
    return found.matching, found.total, found.missed


def give_up() -> None:
    """Lets every open delivery die."""
    end_all("dead")


def end_all(state: str) -> None:
    """Lets every open delivery end in a state."""
    with transaction() as session:
        session.execute(
            update(Delivery)
            .where(Delivery.state == "pending")
            .values(state=state, next_attempt_at=None, is_claimed=False, updated_at=clock())
        )


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets each step take as much as any may, however long ago the replay began."""
    monkeypatch.setattr(pace, "size_step", lambda *_: pace.LARGEST_STEP)


def order(actor: Actor, webhook: Webhook, raw: Mapping[str, Any] | None = None) -> Replay:
    """Orders a replay of the last day, unless told otherwise."""
    since = times.format_time(times.now() - timedelta(days=1))
    return service.create_replay(actor, webhook.id, service.parse_replay({"since": since, **(raw or {})}))


def load(replay: Replay) -> Replay:
    """Gives a replay as it is stored now."""
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(select(Replay).where(Replay.id == replay.id)).one()


def take_all_steps() -> list[int]:
    """Takes steps until one finds nothing; gives how many deliveries became due in each."""
    taken = []
    while count := service.take_steps():
        taken.append(count)
    return taken
