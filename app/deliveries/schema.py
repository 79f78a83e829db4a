"""What a list of deliveries can be asked for, and the ids of attempts. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.exceptions import FieldError, ValidationError
from app.paging import Place
from app.parameters import PLACE, BadValueError, Parameters, Reader, read_parameters, read_time
from app.text import is_canonical_id
from app.webhooks.events import ALL_EVENT_TYPES, WEBHOOK_TEST
from app.webhooks.field_types import URL_LIMIT

QUEUED: Final = "queued"
RETRYING: Final = "retrying"
DELIVERING: Final = "delivering"
DELIVERED: Final = "delivered"
DEAD: Final = "dead"
HELD: Final = "held"
# The states that people and machines tell apart; the database keeps the first three as one.
STATES: Final = (QUEUED, RETRYING, DELIVERING, DELIVERED, DEAD, HELD)
KNOWN_EVENT_TYPES: Final = (*ALL_EVENT_TYPES, WEBHOOK_TEST)
_RELEASE_LIMIT = 256

# An id without the digit that is its version, and without the four last ones, is the same for all attempts.
_VERSION_AT = 14
_NUMBER_AT = -4
# Version 4 is what the database makes, and 8 is for meanings of one's own (RFC 9562, sections 5.4 and 5.8).
_DELIVERY_VERSION, _ATTEMPT_VERSION = "4", "8"


@dataclass(frozen=True, slots=True)
class DeliveryFilter:
    """Which deliveries are wanted. ``release`` is an id, or a text in its name or version.

    ``webhook`` is an id, a name, or else a text in names or URLs: which are meant, ``webhooks.queries`` finds out. The
    state ``dead`` without a webhook is that of dead letters, see ``queries``.

    They are of the time from ``since`` on, and before ``until``.
    """

    webhook: str | None = None
    event_type: str | None = None
    release: str | None = None
    state: str | None = None
    since: datetime | None = None
    until: datetime | None = None


def parse_filter(parameters: Parameters) -> tuple[DeliveryFilter, Place]:
    """Takes the URL's parameters in order; gives which deliveries to list. Those that are not known say nothing.

    Raises ValidationError with every parameter that breaks a rule.
    """
    found = read_parameters(parameters, {**_READERS, **PLACE})
    place = Place(**{key: found.pop(key) for key, _ in PLACE.values() if key in found})
    filters = DeliveryFilter(**found)
    check_span(filters.since, filters.until)
    return filters, place


def check_span(since: datetime | None, until: datetime | None) -> None:
    """Raises ValidationError for a span that ends before it begins, or as it does."""
    if since and until and since >= until:
        raise ValidationError([FieldError("until", "invalid_parameter", "until must be later than since.")])


def _read_state(value: str) -> str:
    if value not in STATES:
        raise BadValueError(f"must be one of {', '.join(STATES)}.")
    return value


def _read_event(value: str) -> str:
    if value not in KNOWN_EVENT_TYPES:
        raise BadValueError(f"must be one of {', '.join(KNOWN_EVENT_TYPES)}.")
    return value


def _read_webhook(value: str) -> str:
    if len(value) > URL_LIMIT:
        raise BadValueError(f"must be an id, a name, or at most {URL_LIMIT} characters of a name or URL.")
    return value


def read_release(value: str) -> str:
    """Gives the id, or the text in a name or version, that a parameter holds. Raises BadValueError."""
    if not value or len(value) > _RELEASE_LIMIT:
        raise BadValueError(f"must be an id, or 1 to {_RELEASE_LIMIT} characters of a name or version.")
    return value


_READERS: Mapping[str, Reader] = {
    "webhook": ("webhook", _read_webhook),
    "event": ("event_type", _read_event),
    "release": ("release", read_release),
    "state": ("state", _read_state),
    "since": ("since", read_time),
    "until": ("until", read_time),
}


@dataclass(frozen=True, slots=True)
class AttemptKey:
    """What an attempt's id says: its number, and between which two ids, both included, that of its delivery is."""

    first_delivery_id: str
    last_delivery_id: str
    number: int


def build_attempt_id(delivery_id: str, number: int) -> str:
    """Takes a delivery's id and the number of its attempt, up to 65,535; gives the id of the attempt.

    So it needs no column, no index and no write of its own: it is the delivery's, its last four digits the number.
    """
    return f"{delivery_id[:_VERSION_AT]}{_ATTEMPT_VERSION}{delivery_id[_VERSION_AT + 1 : _NUMBER_AT]}{number:04x}"


def parse_attempt_id(value: str) -> AttemptKey | None:
    """Takes what may be an attempt's id; gives what it says, None if it is none."""
    if not is_canonical_id(value) or value[_VERSION_AT] != _ATTEMPT_VERSION:
        return None
    start = f"{value[:_VERSION_AT]}{_DELIVERY_VERSION}{value[_VERSION_AT + 1 : _NUMBER_AT]}"
    return AttemptKey(f"{start}0000", f"{start}ffff", int(value[_NUMBER_AT:], 16))
