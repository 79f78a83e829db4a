"""Records what became of attempts. Called by ``jobs`` inside its transactions, for many attempts at once."""

from __future__ import annotations

import functools
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, Update, bindparam, func, update
from sqlalchemy.orm import Session

from app.database import clock
from app.webhooks import health, recording
from app.webhooks.claims import Claim
from app.webhooks.delivery import Outcome
from app.webhooks.failures import INTERNAL_ERROR
from app.webhooks.models import Webhook
from app.webhooks.retry import MAX_ATTEMPTS, next_delay_seconds
from app.webhooks.states import DEAD, DELIVERED, FAILED, HELD, PENDING, SUCCESS

SUPERSEDED = "superseded"
_GONE = 410


@dataclass(frozen=True, slots=True)
class _Next:
    """What a delivery becomes by an outcome; ``delay_seconds`` is until its next attempt."""

    state: str
    delay_seconds: float | None = None
    reason: str = ""


def record_outcomes(session: Session, recorded: Sequence[tuple[Claim, Outcome]]) -> list[str]:
    """Writes down what became of attempts; gives the state that each one's delivery is in now.

    The attempt gets its outcome in any case. The delivery changes only if this attempt is still its last one: a
    worker that was stopped for longer than its lease finds another number there, and changes nothing.
    """
    # In one order for everybody, so that two workers never wait for each other.
    last = recording.lock_deliveries(session, sorted({claim.delivery_id for claim, _ in recorded}))
    states = []
    attempts: list[dict[str, Any]] = []
    changes: list[dict[str, Any]] = []
    for claim, outcome in recorded:
        following = _decide_next(claim, outcome)
        is_ours = _is_last(last.get(claim.delivery_id), claim, outcome)
        attempts.append(_describe_attempt(claim, outcome, following.delay_seconds if is_ours else None))
        if is_ours:
            changes.append(_describe_change(claim, following))
        states.append(following.state if is_ours else SUPERSEDED)
    recording.write_attempts(session, attempts)
    recording.write_deliveries(session, changes)
    _judge_webhooks(session, recorded, states)
    return states


def _is_last(delivery: Row[Any] | None, claim: Claim, outcome: Outcome) -> bool:
    if delivery is None or delivery.attempt_count != claim.number:
        return False
    # A webhook may have been paused meanwhile. What has arrived need not be held to be sent again.
    return bool(delivery.is_claimed) or (outcome.is_success and delivery.state == HELD)


def _decide_next(claim: Claim, outcome: Outcome) -> _Next:
    if outcome.is_success:
        return _Next(DELIVERED)
    if claim.is_test:
        return _Next(DEAD, reason="A test is sent once, and this one failed.")
    if outcome.status_code == _GONE:
        return _Next(DEAD, reason="The receiver answered 410 Gone; the webhook was switched off.")
    delay = next_delay_seconds(claim.round_number, outcome.retry_after_seconds, status_code=outcome.status_code)
    if delay is None:
        return _Next(DEAD, reason=f"All {MAX_ATTEMPTS} attempts failed.")
    return _Next(PENDING, delay)


def _describe_attempt(claim: Claim, outcome: Outcome, delay_seconds: float | None) -> dict[str, Any]:
    return {
        "the_tenant_id": claim.tenant_id,
        "the_delivery_id": claim.delivery_id,
        "the_number": claim.number,
        "the_delay": delay_seconds,
        "outcome": SUCCESS if outcome.is_success else FAILED,
        "status_code": outcome.status_code,
        "error": outcome.error,
        "error_message": outcome.error_message,
        "response_snippet": outcome.response_snippet,
        "address": outcome.address,
        "phases": dict(outcome.phases),
        "request_headers": dict(outcome.request_headers) if outcome.request_headers else None,
    }


def _describe_change(claim: Claim, following: _Next) -> dict[str, Any]:
    return {
        "the_tenant_id": claim.tenant_id,
        "the_id": claim.delivery_id,
        "the_state": following.state,
        "the_delay": following.delay_seconds,
        "the_reason": following.reason,
    }


def _judge_webhooks(session: Session, recorded: Sequence[tuple[Claim, Outcome]], states: Sequence[str]) -> None:
    """Counts failures since the last success of each webhook, and switches off those that are gone."""
    judged: dict[tuple[str, str], _Verdict] = defaultdict(_Verdict)
    for (claim, outcome), state in zip(recorded, states, strict=True):
        # A test says nothing of what really happens, nor does what is wrong with Slipway say anything of the receiver.
        if not claim.is_test and outcome.error != INTERNAL_ERROR:
            judged[claim.webhook_id, claim.tenant_id].add(claim, outcome, state)
    # Sorted, so that two workers never wait for each other.
    for (webhook_id, tenant_id), verdict in sorted(judged.items()):
        verdict.write(session, tenant_id, webhook_id)
    _forget_failures(session, sorted(webhook_id for (webhook_id, _), it in judged.items() if it.is_healthy))


def _forget_failures(session: Session, webhook_ids: Sequence[str]) -> None:
    # Of most webhooks there is nothing to forget, and nothing is locked or written.
    if webhook_ids:
        session.connection().execute(_build_forget(), {"the_ids": webhook_ids})


@functools.cache
def _build_forget() -> Update:
    return (
        update(Webhook.__table__)  # type: ignore[arg-type]
        .where(Webhook.id.in_(bindparam("the_ids", expanding=True)), Webhook.failure_count > 0)
        .values(failing_since=None, failure_count=0, warned_at=None)
    )


class _Verdict:
    """What some attempts say of their webhook, in the order in which they ended."""

    def __init__(self) -> None:
        self._failures = 0
        self._has_succeeded = False
        self._is_gone = False

    @property
    def is_healthy(self) -> bool:
        """Whether the newest attempt was a success."""
        return self._has_succeeded and not self._failures

    def add(self, claim: Claim, outcome: Outcome, state: str) -> None:
        if outcome.is_success:
            self._failures = 0
            self._has_succeeded = True
        else:
            self._failures += 1
            self._is_gone |= outcome.status_code == _GONE and state == DEAD

    def write(self, session: Session, tenant_id: str, webhook_id: str) -> None:
        if self._is_gone:
            # It locks deliveries first and the webhook then, as everybody does.
            health.switch_off(session, tenant_id, webhook_id, "The receiver answered 410 Gone.")
        if self._failures and self._has_succeeded:
            values = {"failing_since": clock(), "failure_count": self._failures, "warned_at": None}
            _change(session, tenant_id, webhook_id, **values)
        elif self._failures:
            since = func.coalesce(Webhook.failing_since, clock())
            count = Webhook.failure_count + self._failures
            _change(session, tenant_id, webhook_id, failing_since=since, failure_count=count)


def _change(session: Session, tenant_id: str, webhook_id: str, **values: Any) -> None:
    session.execute(
        update(Webhook)
        .where(Webhook.tenant_id == tenant_id, Webhook.id == webhook_id)
        .values(**values)
        .execution_options(synchronize_session=False)
    )
