"""What a replay can be asked for. Pure: it looks only at what was sent, and at the clock."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Annotated, Any, Final

from pydantic import AfterValidator

from app import times
from app.exceptions import FieldError, ValidationError
from app.language import say
from app.schemas import Schema, describe_unknown, refuse, validate
from app.webhooks.field_types import Events

LABELS: Final = {
    "since": say("Since"),
    "until": say("Until"),
    "events": say("Events"),
    "includeMissed": say("Missed events"),
}


def _check_time(value: str) -> str:
    if times.parse_time(value) is None:
        raise refuse("invalid_time", say("must be a date and time by RFC 3339, such as 2019-08-24T14:15:22Z."))
    return value


Time = Annotated[str, AfterValidator(_check_time)]


class ReplaySchema(Schema):
    """The members of ``POST /v3/webhooks/{id}/replays``."""

    since: Time
    until: Time | None = None
    events: Events | None = None
    includeMissed: bool = False  # noqa: N815 - the wire's name


@dataclass(frozen=True, slots=True)
class ReplayOrder:
    """What to send again: of the span from ``since_at`` until before ``until_at``, aware and in UTC.

    ``event_types`` is None for every type.
    """

    since_at: datetime
    until_at: datetime
    event_types: tuple[str, ...] | None
    includes_missed: bool


def parse_replay(raw: Mapping[str, Any], now: datetime, retention_days: int) -> ReplayOrder:
    """Takes the members that were sent, the current time, and how many days are kept, 0 for all; gives an order.

    An end in the future is now: what fails later was not seen by who asked. Raises ValidationError with every broken
    rule. A member that is not known is one: a misspelt filter must not send everything again.
    """
    errors = [describe_unknown(name) for name in raw if name not in LABELS]
    sent = None
    try:
        sent = validate(ReplaySchema, raw, LABELS)
    except ValidationError as error:
        errors += error.errors
    since, until = (_read_time(raw.get(name)) for name in ("since", "until"))
    if since is not None:
        errors += _find_span_errors(since, until, now, retention_days)
    if errors or sent is None or since is None:
        raise ValidationError(sorted(errors, key=_find_place))
    return ReplayOrder(
        since_at=since,
        until_at=min(until or now, now),
        event_types=tuple(sent.events) if sent.events else None,
        includes_missed=sent.includeMissed,
    )


def _find_place(error: FieldError) -> int:
    return list(LABELS).index(error.field) if error.field in LABELS else len(LABELS)


def _read_time(value: Any) -> datetime | None:
    return times.parse_time(value) if isinstance(value, str) else None


def _find_span_errors(since: datetime, until: datetime | None, now: datetime, retention_days: int) -> list[FieldError]:
    errors = []
    if since > now:
        errors.append(FieldError("since", "in_the_future", say("Since must not be in the future.")))
    if retention_days and since < now - timedelta(days=retention_days):
        days = f"{retention_days} day{'s' if retention_days > 1 else ''}"
        errors.append(
            FieldError(
                "since", "too_old", say("Since must be within the last {days}: older events are gone.", days=days)
            )
        )
    if until is not None and until <= since:
        errors.append(FieldError("until", "before_since", say("Until must be later than since.")))
    return errors
