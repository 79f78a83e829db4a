"""The state of a delivery: as a word for machines, and in words for people."""

from __future__ import annotations

from datetime import datetime

from app.deliveries.schema import DEAD, DELIVERED, DELIVERING, HELD, QUEUED, RETRYING
from app.language import gettext as _
from app.webhooks import states
from app.webhooks.models import Delivery
from app.webhooks.pausing import SWITCHED_OFF
from app.webhooks.retry import MAX_ATTEMPTS


def find_state(delivery: Delivery) -> str:
    """Gives one of ``schema.STATES``."""
    if delivery.state != states.PENDING:
        return {states.DELIVERED: DELIVERED, states.DEAD: DEAD, states.HELD: HELD}[delivery.state]
    if delivery.is_claimed:
        return DELIVERING
    return RETRYING if count_round(delivery) else QUEUED


def describe_state(delivery: Delivery) -> tuple[str, str]:
    """Gives the state as a word and in words: when it arrived or is tried again, or why it is where it is."""
    state = find_state(delivery)
    words = {
        QUEUED: _("Queued"),
        DELIVERING: _(
            "Delivering (attempt {number} of {allowed})", number=count_round(delivery), allowed=count_allowed(delivery)
        ),
        DEAD: _("Dead: {reason}", reason=find_reason(delivery)),
        HELD: _("Held: {reason}", reason=find_reason(delivery)),
    }
    if state == DELIVERED and delivery.delivered_at:
        return state, _("Delivered at {time}", time=_format_clock(delivery.delivered_at))
    if state == RETRYING and delivery.next_attempt_at:
        return state, _(
            "Retrying at {time} (attempt {number} of {allowed})",
            time=_format_clock(delivery.next_attempt_at),
            number=count_round(delivery) + 1,
            allowed=count_allowed(delivery),
        )
    return state, words.get(state, state.capitalize())


def find_reason(delivery: Delivery) -> str:
    """Gives why a delivery is dead or held, in a sentence; nothing of one in another state."""
    if delivery.state == states.HELD:
        return delivery.reason or SWITCHED_OFF
    return delivery.reason if delivery.state == states.DEAD else ""


def count_round(delivery: Delivery) -> int:
    """Gives how many attempts there were since it was owed, or since it was last sent again."""
    return delivery.attempt_count - delivery.attempts_before


def count_allowed(delivery: Delivery) -> int:
    """Gives how many attempts there may be in a round; a test is sent once."""
    return 1 if delivery.is_test else MAX_ATTEMPTS


def _format_clock(moment: datetime) -> str:
    return f"{moment.day} {moment:%b}, {moment:%H:%M:%S} UTC"
