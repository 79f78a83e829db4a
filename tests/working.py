"""Makes what is owed, and works it off inside the test's process, with the worker and the jobs of production."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from typing import Any

from flask import Flask
from sqlalchemy import Select, insert, literal, select, text, update

from app.database import Id, clock, generate_id, random_id, transaction
from app.extensions import db
from app.webhooks import claims, relay
from app.webhooks.claims import Claim, ShareOut
from app.webhooks.models import Attempt, Delivery, Event, Webhook
from app.webhooks.pacing import Candidate, Quota
from app.webhooks.rounds import FIRST
from app.webhooks.worker import build_worker
from tests.factories import Caller, Factory, Organisation


def work_off(app: Flask) -> bool:
    """Runs the jobs that wait; gives whether there were any."""
    worker = build_worker(app, threading.Event())
    return bool(worker.work(burst=True, logging_level="WARNING"))


def deliver_all(app: Flask) -> None:
    """Works until nothing is due."""
    while relay.ring_for_due(app):
        work_off(app)
    db.session.rollback()


def create_release(make: Factory, owner: Organisation, caller: Caller, version: str = "1.0") -> dict[str, Any]:
    """Makes a release; gives what the API answered."""
    body = {"name": "App", "version": version, "productId": make.product(owner).id, "notes": "größer 😀"}
    answer = caller.post("/v3/releases", json=body)
    assert answer.status_code == 201
    release: dict[str, Any] = answer.get_json()
    return release


def owe(webhook: Webhook, count: int, priority: int = FIRST, *, seconds: float = 0) -> None:
    """Owes a webhook so many events that nobody else hears of, due so many seconds from now."""
    number = select(literal(1).label("number")).cte("numbers", recursive=True)
    number = number.union_all(select(number.c.number + 1).where(number.c.number < count))
    tenant_id, webhook_id = literal(webhook.tenant_id, Id), literal(webhook.id, Id)
    entity_id = literal(generate_id(), Id)
    events: dict[str, Any] = {
        "id": random_id(),
        "tenant_id": tenant_id,
        "event_type": literal("release.updated"),
        "entity_id": entity_id,
        "body": literal(b"{}"),
        "request_id": literal(""),
        "triggered_at": clock(),
    }
    deliveries: dict[str, Any] = {
        "id": random_id(),
        "tenant_id": tenant_id,
        "event_id": Event.id,
        "webhook_id": webhook_id,
        "state": literal("pending"),
        "priority": literal(priority),
        **dict.fromkeys(("attempt_count", "attempts_before", "lost_count"), literal(0)),
        **dict.fromkeys(("is_claimed", "is_test"), literal(value=False)),
        "reason": literal(""),
        "next_attempt_at": clock(seconds),
        **dict.fromkeys(("created_at", "updated_at"), clock()),
    }
    fill(Event, events, select(*events.values()).select_from(number))
    fill(Delivery, deliveries, select(*deliveries.values()).where(Event.entity_id == entity_id))


def fill(model: Any, columns: Iterable[str], rows: Select[*tuple[Any, ...]]) -> None:
    """Inserts rows that the database makes by itself, and tells its planner of them, as it would find out in time."""
    with transaction() as session:
        session.execute(insert(model.__table__).from_select(list(columns), rows, include_defaults=False))
        session.execute(text(f"ANALYZE {model.__tablename__}"))


def get_delivery() -> Delivery:
    """Gives the one delivery that there is, as it is stored now."""
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(select(Delivery)).one()


def list_attempts() -> list[Attempt]:
    """Gives the attempts in order."""
    db.session.rollback()
    return list(db.session.scalars(select(Attempt).order_by(Attempt.number, Attempt.started_at)))


def first_come(count: int) -> ShareOut:
    """Gives the rule of a worker that gives all of so many slots to whoever comes first."""

    def share_out(candidates: Iterable[Candidate]) -> list[Quota]:
        quotas, free = [], count
        # What a webhook may begin is one number, however many of its priorities have something due.
        left: dict[str, int] = {}
        for candidate in sorted(candidates, key=lambda it: (it.priority, it.oldest_at)):
            allowance = left.get(candidate.webhook_id, candidate.allowance)
            given = min(free, allowance)
            if given > 0:
                left[candidate.webhook_id] = allowance - given
                free -= given
                quotas.append(Quota(candidate.webhook_id, candidate.priority, given))
        return quotas

    return share_out


def claim(count: int) -> list[Claim]:
    """Claims so many deliveries."""
    with transaction() as session:
        return claims.claim_due(session, first_come(count))


def make_due() -> None:
    """Lets the time of every open delivery come, and every lease end."""
    values = {"next_attempt_at": clock(-1), "leased_until": clock(-1)}
    with transaction() as session:
        session.execute(update(Delivery).where(Delivery.state == "pending").values(**values))


def run_twice_at_once(app: Flask, act: Callable[[], object]) -> None:
    """Lets two relays do the same at the same moment."""
    barrier = threading.Barrier(2)
    failures: list[BaseException] = []

    def work() -> None:
        try:
            with app.app_context():
                barrier.wait(10)
                act()
        except BaseException as error:
            failures.append(error)
            raise

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert failures == []
    # What was read before is not what is there now.
    db.session.rollback()
