"""Claims deliveries that are due. Called by ``jobs`` inside its transactions.

A claim is made in two steps under one lock, which the next claimant waits for: find the webhooks that have something
due, however much it is, and what each may begin now; then take so many deliveries of each by one UPDATE.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import ColumnElement, Insert, Row, Select, bindparam, case, insert, literal, select, update
from sqlalchemy.orm import Session
from sqlalchemy.sql.dml import ReturningUpdate

from app.database import call_after_commit, clock, is_sqlite, lock_name
from app.webhooks.due import LEASE_SECONDS, find_candidates
from app.webhooks.measures import WORKER_DIED, Measurement
from app.webhooks.models import Attempt, Delivery, Event, FormerSecret, Webhook
from app.webhooks.pacing import Candidate, Quota
from app.webhooks.picking import build_parameters, find_due, select_due
from app.webhooks.rounds import FIRST
from app.webhooks.states import DEAD, LOST, LOST_REASON, PENDING, STARTED

MAX_LOST_ATTEMPTS = 3
_CLAIM_LOCK = "slipway/webhooks/claim"
_DELIVERIES: Any = Delivery.__table__
_WEBHOOKS: Any = Webhook.__table__
_THE_IDS: Any = bindparam("the_ids", expanding=True)
_CLAIMED = (
    "id", "tenant_id", "webhook_id", "event_id", "attempt_count", "attempts_before", "lost_count", "is_test",
    "priority", "created_at",
)  # fmt: skip

ShareOut = Callable[[Iterable[Candidate]], Sequence[Quota]]


@dataclass(frozen=True, slots=True)
class Claim:
    """One attempt that this worker, and no other, may make now. ``body`` is what goes over the wire.

    ``round_number`` counts the attempts since the delivery was owed or sent again, ``number`` all of them. ``tokens``
    are the secrets that are valid now, the newest first, and ``headers`` the owner's own, all of them encrypted.
    ``waited_seconds`` is how long ago the event was committed, for the first attempt of all.
    """

    delivery_id: str
    tenant_id: str
    webhook_id: str
    event_id: str
    number: int
    round_number: int
    url: str
    tokens: tuple[bytes, ...]
    headers: bytes | None
    scheme: str
    body: bytes
    request_id: str
    is_test: bool
    waited_seconds: float | None


def claim_due(session: Session, share_out: ShareOut) -> list[Claim]:
    """Claims deliveries that are due, as many of each webhook as ``share_out`` says, and writes their attempts down.

    A delivery whose last attempt was claimed and never recorded lost it with its worker; when that has happened
    too often in a row, it is dead.
    """
    # Whoever claims at the same time would count the same attempts under way, and exceed what a webhook may have.
    lock_name(session, _CLAIM_LOCK)
    quotas = share_out(find_candidates(session))
    if not quotas:
        return []
    rows = _claim_stepwise(session, quotas) if is_sqlite() else _claim_at_once(session, quotas)
    lost = [row for row in rows if row.lost_count]
    for row in lost:
        _record_lost(session, row)
    if lost:
        died = [Measurement(LOST, WORKER_DIED, None)] * len(lost)
        call_after_commit(session, lambda: current_app.extensions["slipway"].measures.count(died))
    alive = [row for row in rows if row.lost_count < MAX_LOST_ATTEMPTS]
    former = _load_former_secrets(session, {row.webhook_id for row in alive if row.has_former_secrets})
    return [_build_claim(row, former.get(row.webhook_id, ())) for row in alive]


def _build_claim(row: Row[Any], former: Sequence[bytes]) -> Claim:
    return Claim(
        delivery_id=row.id,
        tenant_id=row.tenant_id,
        webhook_id=row.webhook_id,
        event_id=row.event_id,
        number=row.attempt_count,
        round_number=row.attempt_count - row.attempts_before,
        url=row.url,
        tokens=(row.token, *former),
        headers=row.headers,
        scheme=row.scheme,
        body=row.body,
        request_id=row.request_id,
        is_test=row.is_test,
        waited_seconds=_measure_wait(row),
    )


def _measure_wait(row: Row[Any]) -> float | None:
    # Of what was held, or missed and replayed, it would say nothing of how quick we are.
    if row.attempt_count > 1 or row.priority != FIRST:
        return None
    waited: timedelta = row.claimed_at - row.created_at
    return max(0.0, waited.total_seconds())


def _claim_at_once(session: Session, quotas: Sequence[Quota]) -> Sequence[Row[Any]]:
    """Claims, writes the attempts and reads what they need by one statement."""
    return session.connection().execute(_build_claim_at_once(), build_parameters(quotas)).all()


def _claim_stepwise(session: Session, quotas: Sequence[Quota]) -> Sequence[Row[Any]]:
    """Does the same where a statement can do only one of it; a transaction that writes is alone there."""
    connection = session.connection()
    is_due = _DELIVERIES.c.id.in_(_THE_IDS)
    moved = connection.execute(_build_move(is_due), {"the_ids": find_due(session, quotas)}).all()
    the_ids = {"the_ids": [row.id for row in moved]}
    connection.execute(_build_write_attempts(_DELIVERIES, is_due), the_ids)
    return connection.execute(_build_load(_DELIVERIES).where(is_due), the_ids).all()


@functools.cache
def _build_claim_at_once() -> Select[*tuple[Any, ...]]:
    moved = _build_move(_DELIVERIES.c.id == select_due()).cte("moved")
    written = _build_write_attempts(moved).cte("written")
    return _build_load(moved).add_cte(written)


def _build_move(is_chosen: ColumnElement[bool]) -> ReturningUpdate[Any]:
    return (
        update(_DELIVERIES)
        .where(is_chosen, _DELIVERIES.c.state == PENDING)
        .values(
            attempt_count=_DELIVERIES.c.attempt_count + 1,
            lost_count=_DELIVERIES.c.lost_count + case((_DELIVERIES.c.is_claimed, 1), else_=0),
            is_claimed=True,
            leased_until=clock(LEASE_SECONDS),
            updated_at=clock(),
        )
        .returning(*(_DELIVERIES.c[name] for name in _CLAIMED))
    )


def _build_write_attempts(claimed: Any, *criteria: Any) -> Insert:
    values = {
        "tenant_id": claimed.c.tenant_id,
        "delivery_id": claimed.c.id,
        "webhook_id": claimed.c.webhook_id,
        "number": claimed.c.attempt_count,
        "is_test": claimed.c.is_test,
        # What is called now; the webhook may lead elsewhere later.
        "url": _WEBHOOKS.c.url,
        "outcome": literal(STARTED),
        "started_at": clock(),
    }
    is_its_own = (_WEBHOOKS.c.id == claimed.c.webhook_id) & (_WEBHOOKS.c.tenant_id == claimed.c.tenant_id)
    rows = (
        select(*values.values())
        .select_from(claimed)
        .join(_WEBHOOKS, is_its_own)
        .where(claimed.c.lost_count < MAX_LOST_ATTEMPTS, *criteria)
    )
    return insert(Attempt.__table__).from_select(list(values), rows, include_defaults=False)  # type: ignore[arg-type]


def _build_load(claimed: Any) -> Select[*tuple[Any, ...]]:
    former = select(literal(1)).where(FormerSecret.webhook_id == Webhook.id, FormerSecret.expires_at > clock())
    return (
        select(
            *(claimed.c[name] for name in _CLAIMED),
            Webhook.url, Webhook.token, Webhook.headers, Webhook.scheme,
            Event.body, Event.request_id, former.exists().label("has_former_secrets"),
            clock().label("claimed_at"),
        )
        .select_from(claimed)
        .join(Webhook, (Webhook.id == claimed.c.webhook_id) & (Webhook.tenant_id == claimed.c.tenant_id))
        .join(Event, (Event.id == claimed.c.event_id) & (Event.tenant_id == claimed.c.tenant_id))
    )  # fmt: skip


def _load_former_secrets(session: Session, webhook_ids: set[str]) -> Mapping[str, list[bytes]]:
    found: dict[str, list[bytes]] = {}
    if webhook_ids:
        query = (
            select(FormerSecret.webhook_id, FormerSecret.token)
            .where(FormerSecret.webhook_id.in_(webhook_ids), FormerSecret.expires_at > clock())
            .order_by(FormerSecret.id.desc())
        )
        for webhook_id, token in session.execute(query):
            found.setdefault(webhook_id, []).append(token)
    return found


def _record_lost(session: Session, row: Row[Any]) -> None:
    session.execute(
        update(Attempt)
        .where(
            Attempt.tenant_id == row.tenant_id,
            Attempt.delivery_id == row.id,
            Attempt.number < row.attempt_count,
            Attempt.outcome == STARTED,
        )
        .values(outcome=LOST, finished_at=clock(), error_message=LOST_REASON)
    )
    if row.lost_count < MAX_LOST_ATTEMPTS:
        return
    session.execute(
        update(Delivery)
        .where(Delivery.tenant_id == row.tenant_id, Delivery.id == row.id)
        .values(
            state=DEAD,
            reason=f"{MAX_LOST_ATTEMPTS} attempts were lost with the worker that made them.",
            is_claimed=False,
            next_attempt_at=None,
            updated_at=clock(),
        )
        .execution_options(synchronize_session=False)
    )


def change_open(
    session: Session, tenant_id: str, webhook_id: str, states: tuple[str, ...], values: dict[str, Any]
) -> None:
    """Changes what a webhook is owed in these states.

    An attempt that is under way keeps its claim in vain: its outcome finds ``is_claimed`` unset, and changes nothing.
    """
    session.execute(
        update(Delivery)
        .where(Delivery.tenant_id == tenant_id, Delivery.webhook_id == webhook_id, Delivery.state.in_(states))
        .values(is_claimed=False, updated_at=clock(), **values)
        .execution_options(synchronize_session=False)
    )
