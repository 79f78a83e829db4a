"""One run: releases are created while one fault is injected, and then it is judged what became of them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import datetime
from random import Random
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.extensions import db
from app.releases.models import Release
from app.times import format_time, now
from app.webhooks.models import Attempt, Delivery, Event
from tests.chaos.faults import Fault
from tests.chaos.world import SCHEMES, World

_CREATES_LIMIT = 3
# The longest moment from the first create to a strike from outside.
_STRIKE_SECONDS = 0.1
_FIRE_SECONDS = 15.0
_LOOK_SECONDS = 0.02
_OPEN_STATES = ("pending", "held")
_LOST_ATTEMPTS = 3


@contextmanager
def reading() -> Iterator[Session]:
    """Gives a session that is not kept: none may be open when the next fault ends the server."""
    try:
        yield db.session()
    finally:
        db.session.remove()


@dataclass
class Verdict:
    """What became of a run. ``problems`` says in words what did not hold; ``lost`` counts what never arrived.

    ``extras`` were received more than once, ``parked`` given up with a reason; ``seconds`` is from the fault until the
    last delivery was recorded.
    """

    fault: Fault
    lost: int = 0
    extras: int = 0
    parked: int = 0
    seconds: float = 0.0
    problems: list[str] = field(default_factory=list)


class Trial:
    """One run, from the fault until all that it owed is delivered or given up."""

    def __init__(self, world: World, fault: Fault, number: int, random: Random) -> None:
        self._world, self._fault, self._random = world, fault, random
        self._versions = [f"{number}.{index}.0" for index in range(random.randint(1, _CREATES_LIMIT))]
        self._paths = dict(world.paths)
        self._number = number
        self._own_webhook = ""
        self._release_ids: dict[str, str] = {}
        self._problems: list[str] = []
        self._began_at = self._hit_at = 0.0
        self._hit_time: datetime | None = None

    def inject(self, pool: ThreadPoolExecutor) -> None:
        """Creates the releases, lets the fault happen in the meantime, and brings back what died."""
        self._began_at, since = time.monotonic(), format_time(now())
        with self._world.holding_workers() if self._fault.holds_workers else nullcontext():
            if self._fault.has_replay:
                scheme = SCHEMES[self._number % len(SCHEMES)]
                self._own_webhook, _ = self._world.add_webhook(f"/missed-{self._number}", scheme, "release.deleted")
            if self._fault.point:
                self._world.arm(self._fault.point, self._fault.action)
            self._create_all(pool)
            if self._own_webhook:
                self._paths[self._own_webhook] = f"/missed-{self._number}"
                self._world.replay_missed(self._own_webhook, since)
            if not self._keep_up(self._is_hit, _FIRE_SECONDS):
                self._problems.append(f"the point was not reached within {_FIRE_SECONDS:g} s")
                self._world.disarm(self._fault.point)
                self._note_hit()
        self._world.kills.append(self._hit_at)
        self._world.revive()

    def _create_all(self, pool: ThreadPoolExecutor) -> None:
        jobs: list[Future[Any]] = [pool.submit(self._create, version) for version in self._versions]
        if self._fault.strike:
            jobs.append(pool.submit(self._strike))
        # A create gives up by itself.
        self._keep_up(lambda: all(job.done() for job in jobs), float("inf"))
        for job in jobs:
            job.result()

    def _create(self, version: str) -> None:
        try:
            statuses, self._release_ids[version] = self._world.create_release(version)
        except AssertionError as error:
            self._problems.append(str(error))
        else:
            # Only an answer that was lost can have been a success before.
            if statuses[-1] == 200 and not {0, 503} & set(statuses[:-1]):
                self._problems.append(f"{version}: {statuses} for one create")

    def _strike(self) -> None:
        time.sleep(self._random.uniform(0, _STRIKE_SECONDS))
        # A strike takes a while, too: what is gone must come back.
        self._note_hit()
        self._world.strike(self._fault.strike)

    def _is_hit(self) -> bool:
        if not self._hit_at and self._fault.point and not self._world.is_armed(self._fault.point):
            self._note_hit()
        return bool(self._hit_at)

    def _note_hit(self) -> None:
        self._hit_at, self._hit_time = time.monotonic(), now()

    def _keep_up(self, is_done: Callable[[], bool], seconds: float) -> bool:
        """Starts again what dies, until something is done; gives whether it was in time."""
        give_up_at = time.monotonic() + seconds
        while not is_done():
            self._world.revive()
            self._is_hit()
            if time.monotonic() > give_up_at:
                return False
            time.sleep(_LOOK_SECONDS)
        return True

    @property
    def seconds(self) -> float:
        """How long ago the fault was."""
        return time.monotonic() - self._hit_at

    def has_arrived(self) -> bool:
        """Whether every receiver got everything at least once, and nothing is open any more."""
        inbox = self._world.inbox
        pairs = [(release_id, path) for release_id in self._release_ids.values() for path in self._paths.values()]
        if not all(inbox.get_receipts(*pair) for pair in pairs):
            return False
        return not self._count_open()

    def _count_open(self) -> int:
        query = (
            select(func.count())
            .select_from(Delivery)
            .join(Event, Event.id == Delivery.event_id)
            .where(Event.entity_id.in_(self._release_ids.values()), Delivery.state.in_(_OPEN_STATES))
            .where(Delivery.webhook_id.in_(self._paths))
        )
        with reading() as session:
            return session.scalar(query) or 0

    def judge(self) -> Verdict:
        """Compares what the client was told, what the database holds and what the receivers got."""
        verdict = Verdict(self._fault, problems=self._problems)
        with reading() as session:
            for version in self._versions:
                self._judge_release(session, version, verdict)
        if self._own_webhook:
            self._world.remove_webhook(self._own_webhook)
        return verdict

    def _judge_release(self, session: Session, version: str, verdict: Verdict) -> None:
        rows = session.scalars(select(Release.id).where(Release.version == version)).all()
        answered = self._release_ids.get(version)
        if list(rows) != [answered]:
            verdict.problems.append(f"{version}: rows {rows}, answered {answered}")
            verdict.lost += 1
            return
        events = session.scalars(select(Event).where(Event.entity_id == answered)).all()
        if [event.event_type for event in events] != ["release.created"]:
            verdict.problems.append(f"{version}: events {[event.event_type for event in events]}")
            verdict.lost += not events
            return
        query = select(Delivery).where(Delivery.event_id == events[0].id, Delivery.webhook_id.in_(self._paths))
        deliveries = {delivery.webhook_id: delivery for delivery in session.scalars(query)}
        for webhook_id, path in self._paths.items():
            delivery = deliveries.get(webhook_id)
            if delivery is None:
                verdict.problems.append(f"{version}: nothing is owed to {path}")
                verdict.lost += 1
            else:
                self._judge_delivery(session, events[0], delivery, path, verdict)

    def _judge_delivery(self, session: Session, event: Event, delivery: Delivery, path: str, verdict: Verdict) -> None:
        receipts = self._world.inbox.get_receipts(event.entity_id, path)
        name = f"{path} {delivery.id}"
        if delivery.state == "dead" and delivery.lost_count >= _LOST_ATTEMPTS and delivery.reason:
            # Three workers died over it in a row, and its owner is told: that is a promise, too.
            verdict.parked += 1
        elif delivery.state != "delivered" or not receipts:
            verdict.problems.append(f"{name}: {delivery.state} {delivery.reason!r}, received {len(receipts)} times")
            verdict.lost += not receipts
        if {receipt.headers["webhook-id"] for receipt in receipts} - {delivery.id}:
            verdict.problems.append(f"{name}: received with another webhook-id")
        if {receipt.body for receipt in receipts} - {event.body}:
            verdict.problems.append(f"{name}: received with another body")
        if self._hit_time and delivery.delivered_at:
            verdict.seconds = max(verdict.seconds, (delivery.delivered_at - self._hit_time).total_seconds())
        extras = max(0, len(receipts) - 1)
        verdict.extras += extras
        attempts = _list_attempts(session, delivery)
        if extras > min(self._count_kills(), sum(attempt.outcome == "lost" for attempt in attempts)):
            told = ", ".join(f"{it.number} {it.outcome} {it.error or ''} {it.phases or ''}" for it in attempts)
            verdict.problems.append(f"{name}: received {extras + 1} times, after {self._count_kills()} kills: {told}")

    def _count_kills(self) -> int:
        return sum(at >= self._began_at for at in self._world.kills)


def _list_attempts(session: Session, delivery: Delivery) -> Sequence[Attempt]:
    return session.scalars(select(Attempt).where(Attempt.delivery_id == delivery.id).order_by(Attempt.number)).all()


def find_unknown(ids: Iterable[str]) -> set[str]:
    """Takes what receivers saw as webhook-id; gives those that no delivery in the database has."""
    with reading() as session:
        return set(ids) - set(session.scalars(select(Delivery.id)))
