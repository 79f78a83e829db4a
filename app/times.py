"""Times as the API reads and writes them: RFC 3339. Pure."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone

_RFC_3339 = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt]([0-9]{2}):([0-9]{2}):([0-9]{2})(?:\.([0-9]{1,12}))?"
    r"(?:[Zz]|([+-])([0-9]{2}):([0-9]{2}))\Z"
)


def parse_time(text: str) -> datetime | None:
    """Takes a date-time by RFC 3339, section 5.6; gives it aware and in UTC, or None if it is not one.

    Digits of a second beyond the sixth are cut off. Leap seconds, which ``datetime`` cannot hold, are refused.
    """
    match = _RFC_3339.match(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, fraction, sign, offset_hour, offset_minute = match.groups()
    if sign and (int(offset_hour) > 23 or int(offset_minute) > 59):
        return None
    offset = timedelta(hours=int(offset_hour or 0), minutes=int(offset_minute or 0))
    try:
        return datetime(
            int(year),
            int(month),
            int(day),
            int(hour),
            int(minute),
            int(second),
            int((fraction or "0").ljust(6, "0")[:6]),
            timezone(-offset if sign == "-" else offset),
        ).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def format_time(value: datetime) -> str:
    """Takes an aware time; gives RFC 3339 in UTC with ``Z``, and as many digits of a second as it has (0, 3 or 6)."""
    text = value.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="microseconds")
    if text.endswith(".000000"):
        text = text[:-7]
    elif text.endswith("000"):
        text = text[:-3]
    return f"{text}Z"


def now() -> datetime:
    """The current time in UTC, to the microsecond, which is as much as both databases keep."""
    return datetime.now(UTC)
