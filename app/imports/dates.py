"""Dates as changelogs and spreadsheets write them. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from email.utils import parsedate_to_datetime

from app import times

_MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("january", "jan"), ("february", "feb"), ("march", "mar"), ("april", "apr"), ("may",), ("june", "jun"),
            ("july", "jul"), ("august", "aug"), ("september", "sep", "sept"), ("october", "oct"),
            ("november", "nov"), ("december", "dec"),
        ),
        1,
    )
    for name in names
}  # fmt: skip
# The year first: all other orders of numbers mean different days to different people.
_DAY = re.compile(r"([0-9]{4})([-/.])([0-9]{1,2})\2([0-9]{1,2})\Z")
_MOMENT = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})[Tt ]([0-9]{1,2}):([0-9]{2})(?::([0-9]{2})(?:[.,][0-9]{1,12})?)?"
    r"\s*(Z|z|UTC|GMT|[+-][0-9]{2}:?[0-9]{2})?\Z"
)
_DAY_FIRST = re.compile(r"([0-9]{1,2})(?:st|nd|rd|th)?\s+(?:of\s+)?([A-Za-z]+)\.?,?\s+([0-9]{4})\Z")
_MONTH_FIRST = re.compile(r"([A-Za-z]+)\.?\s+([0-9]{1,2})(?:st|nd|rd|th)?,?\s+([0-9]{4})\Z")
_WEEKDAY = re.compile(r"[A-Za-z]{3}, [0-9]{1,2} [A-Za-z]{3} [0-9]{4} ")


@dataclass(frozen=True, slots=True)
class Date:
    """A moment, aware and in UTC; ``is_day`` if only a day was named, whose beginning it is."""

    moment: datetime
    is_day: bool


def parse_date(text: str) -> Date | None:
    """Takes a date as somebody wrote it; gives what it means, or None if that is not certain.

    A time without a zone is taken for UTC.
    """
    text = text.strip()
    if moment := times.parse_time(text) or _parse_moment(text) or _parse_header(text):
        return Date(moment, is_day=False)
    if match := _DAY.match(text):
        return _build_day(match[1], int(match[3]), match[4])
    if match := _DAY_FIRST.match(text):
        return _build_day(match[3], _MONTHS.get(match[2].lower(), 0), match[1])
    if match := _MONTH_FIRST.match(text):
        return _build_day(match[3], _MONTHS.get(match[1].lower(), 0), match[2])
    return None


def _build_day(year: str, month: int, day: str) -> Date | None:
    try:
        return Date(datetime(int(year), month, int(day), tzinfo=UTC), is_day=True)
    except ValueError:
        return None


def _parse_moment(text: str) -> datetime | None:
    match = _MOMENT.match(text)
    if match is None:
        return None
    year, month, day, hour, minute, second, zone = match.groups()
    try:
        local = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second or 0), tzinfo=UTC)
        return local.replace(tzinfo=_parse_zone(zone)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def _parse_zone(text: str | None) -> timezone:
    if text is None or text[0] not in "+-":
        return UTC
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(-offset if text[0] == "-" else offset)


def _parse_header(text: str) -> datetime | None:
    """Reads a time as feeds and mails have it (RFC 5322, section 3.3)."""
    if not _WEEKDAY.match(text):
        return None
    try:
        moment = parsedate_to_datetime(text)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, OverflowError):
        return None
