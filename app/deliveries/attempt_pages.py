"""What a page shows of an attempt: its outcome in words, and how long each part of it took."""

from __future__ import annotations

from dataclasses import dataclass
from types import SimpleNamespace

from app.deliveries.serializers import find_retry_reason, find_url, measure_duration
from app.language import say, translate
from app.webhooks import states
from app.webhooks.models import Attempt, Delivery, Webhook

_PARTS = {
    "dns": "DNS",
    "connect": say("Connect"),
    "tls": "TLS",
    "first_byte": say("First byte"),
    "head": say("Head"),
}
_OUTCOMES = {
    states.SUCCESS: (say("Arrived"), "is-good"),
    states.FAILED: (say("Failed"), "is-bad"),
    states.LOST: (say("Lost"), "is-warning"),
    states.STARTED: (say("Under way"), "is-accent"),
}
# The bar is so many units long.
BAR_LENGTH = 1000


@dataclass(frozen=True, slots=True)
class Part:
    """A part of an attempt: what it is called, its milliseconds, and where on the bar it lies and how long it is."""

    name: str
    label: str
    milliseconds: int
    start: int
    length: int


def build_attempt(attempt: Attempt, delivery: Delivery, webhook: Webhook) -> SimpleNamespace:
    """Takes an attempt, its delivery and their webhook; gives what a page shows of it."""
    word, tone = _OUTCOMES[attempt.outcome]
    return SimpleNamespace(
        number=attempt.number,
        word=translate(word),
        tone=tone,
        status_code=attempt.status_code,
        started_at=attempt.started_at,
        duration_ms=measure_duration(attempt),
        parts=build_parts(attempt),
        error_message=attempt.error_message,
        retry_at=attempt.retry_at,
        retry_reason=find_retry_reason(attempt, delivery),
        url=find_url(attempt, webhook),
        address=attempt.address,
        request_headers=attempt.request_headers or {},
        snippet=attempt.response_snippet,
        # Of an attempt that is under way nothing is known, which is not the same as an empty answer.
        has_answer=attempt.status_code is not None,
    )


def build_parts(attempt: Attempt) -> list[Part]:
    """Gives the parts of an attempt in order, as far as it came; what is left of its time is the answer's body."""
    phases = attempt.phases or {}
    found = [(name, label, int(phases[name])) for name, label in _PARTS.items() if name in phases]
    rest = int(phases.get("total", 0)) - sum(milliseconds for _, _, milliseconds in found)
    if attempt.status_code is not None and rest > 0:
        found.append(("body", say("Body"), rest))
    total = max(1, sum(milliseconds for _, _, milliseconds in found))
    parts: list[Part] = []
    passed = 0
    for name, label, milliseconds in found:
        start, passed = passed, passed + milliseconds
        begin, end = start * BAR_LENGTH // total, passed * BAR_LENGTH // total
        parts.append(Part(name, label, milliseconds, begin, end - begin))
    return parts
