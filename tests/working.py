"""Makes what is owed, and works it off inside the test's process, with the worker and the jobs of production."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from typing import Any

from flask import Flask
from sqlalchemy import select, update

from app.database import clock, transaction
from app.extensions import db
from app.webhooks import claims, relay
from app.webhooks.claims import Claim, ShareOut
from app.webhooks.models import Attempt, Delivery
from app.webhooks.pacing import Candidate, Quota
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


def get_delivery() -> Delivery:
    """Gives the one delivery that there is, as it is stored now."""
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(select(Delivery)).one()


def list_attempts() -> list[Attempt]:
    """Gives the attempts in order."""
    db.session.rollback()
    return list(db.session.scalars(select(Attempt).order_by(Attempt.number)))


def first_come(count: int) -> ShareOut:
    """Gives the rule of a worker that gives all of so many slots to whoever comes first."""

    def share_out(candidates: Iterable[Candidate]) -> list[Quota]:
        quotas, free = [], count
        for candidate in sorted(candidates, key=lambda it: (it.priority, it.oldest_at)):
            given = min(free, candidate.allowance)
            free -= given
            quotas += [Quota(candidate.webhook_id, candidate.priority, given)] if given > 0 else []
        return quotas

    return share_out


def claim(count: int) -> list[Claim]:
    """Claims so many deliveries."""
    with transaction() as session:
        return claims.claim_due(session, first_come(count))


def make_due() -> None:
    """Lets the time of every open delivery come."""
    with transaction() as session:
        session.execute(update(Delivery).where(Delivery.state == "pending").values(next_attempt_at=clock(-1)))
