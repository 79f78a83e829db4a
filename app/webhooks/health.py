"""How well a webhook does, told from its last attempts; and how Slipway switches one off. Never commits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from flask import current_app
from sqlalchemy import ColumnElement, CompoundSelect, Row, Select, select, union_all, update
from sqlalchemy.orm import Session

from app import times
from app.accounts import queries as accounts
from app.accounts.actors import build_system_actor
from app.audit import service as audit
from app.database import clock
from app.extensions import db
from app.mail import outbox
from app.webhooks.health_words import Standing, State, describe_state, write_goodbye
from app.webhooks.models import Attempt, Webhook
from app.webhooks.pausing import SWITCHED_OFF, hold_pending
from app.webhooks.states import FAILED, SUCCESS

LAST_ATTEMPTS: Final = 100
# SQLite joins at most 500 queries to one.
_CHUNK = 100


@dataclass(frozen=True, slots=True)
class Health:
    """How a webhook does: ``words`` for people, the rest for whoever shows or watches it.

    The counts, the rate (0 to 1), the milliseconds and ``last_failure_at`` are of the last 100 attempts that ended,
    tests left out; so are attempts that were lost with their worker, which say nothing of the receiver.
    ``failure_count`` are the failures since the last success, and ``disables_at`` is when the webhook will be
    switched off if all goes on like this.
    """

    state: State
    words: str
    attempt_count: int
    success_count: int
    success_rate: float | None
    p50_ms: int | None
    p95_ms: int | None
    last_success_at: datetime | None
    last_failure_at: datetime | None
    failing_since: datetime | None
    failure_count: int
    disables_at: datetime | None
    disabled_at: datetime | None
    disabled_reason: str


def describe(tenant_id: str, webhook: Webhook) -> Health:
    """Gives the health of one of the tenant's webhooks."""
    return describe_all(tenant_id, [webhook])[webhook.id]


def describe_all(tenant_id: str, webhooks: Sequence[Webhook]) -> dict[str, Health]:
    """Gives the health of each of the tenant's webhooks by its id, in one or two queries for a hundred of them."""
    described = {}
    for start in range(0, len(webhooks), _CHUNK):
        chunk = webhooks[start : start + _CHUNK]
        attempts = _load_attempts(tenant_id, chunk)
        succeeded = _load_earlier_successes(tenant_id, [it for it in chunk if not _find_last(attempts[it.id], SUCCESS)])
        for webhook in chunk:
            described[webhook.id] = _describe(webhook, attempts[webhook.id], succeeded.get(webhook.id))
    return described


def build_standing(webhook: Any) -> Standing:
    """Takes a webhook, or a row with its columns; gives what it says of its health."""
    return Standing(
        is_active=webhook.active,
        paused_at=webhook.paused_at,
        failing_since=webhook.failing_since,
        failure_count=webhook.failure_count,
        warned_at=webhook.warned_at,
        disabled_at=webhook.disabled_at,
        disabled_reason=webhook.disabled_reason,
    )


def switch_off(
    session: Session, tenant_id: str, webhook_id: str, reason: str, criteria: Sequence[ColumnElement[bool]] = ()
) -> bool:
    """Switches a webhook off for a reason (a sentence), holds what it is owed, and tells its owners and admins.

    Gives whether it did: not if somebody was quicker, or the webhook does not meet the criteria (any more). Then what
    was pending is held all the same, which the caller may want to roll back. Deliveries are locked before the webhook,
    as by everybody else.
    """
    hold_pending(session, tenant_id, webhook_id, SWITCHED_OFF)
    name = session.scalar(
        update(Webhook)
        .where(
            Webhook.tenant_id == tenant_id,
            Webhook.id == webhook_id,
            Webhook.active.is_(True),
            Webhook.deleted_at.is_(None),
            *criteria,
        )
        .values(active=False, disabled_at=clock(), disabled_reason=reason, updated_at=clock())
        .returning(Webhook.name)
        .execution_options(synchronize_session=False)
    )
    if name is None:
        return False
    audit.record(session, build_system_actor(tenant_id), "webhook.disabled", webhook_id, {"reason": reason})
    organisation = accounts.get_tenant(tenant_id).name
    tell(session, tenant_id, *write_goodbye(name, organisation, build_link(webhook_id), reason))
    return True


def tell(session: Session, tenant_id: str, subject: str, text: str) -> None:
    """Owes an e-mail to each active owner and admin of the tenant, if e-mail is set up."""
    outbox.owe(session, tenant_id, accounts.list_administrators(tenant_id), subject, text)


def build_link(webhook_id: str) -> str:
    """Gives the URL of the webhook's page."""
    return f"{current_app.extensions['slipway'].settings.base_url}/webhooks/{webhook_id}"


def _load_attempts(tenant_id: str, webhooks: Sequence[Webhook]) -> Mapping[str, list[Row[Any]]]:
    last = _join(_select_attempts(tenant_id, webhook, (SUCCESS, FAILED)).limit(LAST_ATTEMPTS) for webhook in webhooks)
    found: dict[str, list[Row[Any]]] = {webhook.id: [] for webhook in webhooks}
    for row in db.session.execute(last):
        found[row.webhook_id].append(row)
    return found


def _load_earlier_successes(tenant_id: str, webhooks: Sequence[Webhook]) -> Mapping[str, datetime]:
    # The last success came before the first failure: there the index finds it at once, however many failures there are.
    failing = [webhook for webhook in webhooks if webhook.failing_since]
    if not failing:
        return {}
    before = _join(
        _select_attempts(tenant_id, webhook, (SUCCESS,)).where(Attempt.started_at <= webhook.failing_since).limit(1)
        for webhook in failing
    )
    return {row.webhook_id: row.finished_at for row in db.session.execute(before)}


def _select_attempts(tenant_id: str, webhook: Webhook, outcomes: Sequence[str]) -> Select[Any]:
    return (
        select(
            Attempt.webhook_id,
            Attempt.outcome,
            Attempt.finished_at,
            Attempt.phases["total"].as_integer().label("milliseconds"),
        )
        .where(
            Attempt.tenant_id == tenant_id,
            Attempt.webhook_id == webhook.id,
            Attempt.is_test.is_(False),
            Attempt.outcome.in_(outcomes),
        )
        .order_by(Attempt.started_at.desc())
    )


def _join(queries: Iterable[Select[Any]]) -> CompoundSelect[Any]:
    # SQLite takes a query with a limit as part of another one only inside parentheses of its own.
    return union_all(*(select(query.subquery()) for query in queries))


def _find_last(attempts: Sequence[Row[Any]], outcome: str) -> datetime | None:
    return max((row.finished_at for row in attempts if row.outcome == outcome), default=None)


def _describe(webhook: Webhook, attempts: Sequence[Row[Any]], earlier_success_at: datetime | None) -> Health:
    moment, standing = times.now(), build_standing(webhook)
    count, successes = len(attempts), sum(row.outcome == SUCCESS for row in attempts)
    milliseconds = sorted(row.milliseconds for row in attempts if row.milliseconds is not None)
    state = standing.find_state(successes)
    return Health(
        state=state,
        words=describe_state(state, standing, count, successes, moment),
        attempt_count=count,
        success_count=successes,
        success_rate=successes / count if count else None,
        p50_ms=_find_percentile(milliseconds, 50),
        p95_ms=_find_percentile(milliseconds, 95),
        last_success_at=_find_last(attempts, SUCCESS) or earlier_success_at,
        last_failure_at=_find_last(attempts, FAILED),
        failing_since=webhook.failing_since,
        failure_count=webhook.failure_count,
        disables_at=standing.find_disabling(moment),
        disabled_at=webhook.disabled_at,
        disabled_reason=webhook.disabled_reason,
    )


def _find_percentile(ordered: Sequence[int], percent: int) -> int | None:
    """Gives the smallest value that so many per cent of the values do not exceed (the nearest rank)."""
    return ordered[math.ceil(len(ordered) * percent / 100) - 1] if ordered else None
