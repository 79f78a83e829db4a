"""When a failed delivery is tried again. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from random import Random, SystemRandom
from typing import Final

_HOUR = 3600
# The seconds before each attempt: the first at once, the last 75 hours after it.
_SCHEDULE: Final = (
    0, 5, 5 * 60, 30 * 60, 2 * _HOUR, 5 * _HOUR, 10 * _HOUR, 14 * _HOUR, 20 * _HOUR, 24 * _HOUR,
)  # fmt: skip
MAX_ATTEMPTS: Final = len(_SCHEDULE)
RETRY_AFTER_LIMIT_SECONDS: Final = 24 * _HOUR
# Deliveries that failed together must not come back together.
_JITTER = 0.2
_TOO_MANY_REQUESTS = 429
_OVERLOADED_SECONDS = 60.0

_DELAY = re.compile(r"[0-9]{1,20}\Z")
_DATE_LENGTH = 40


def next_delay_seconds(
    number: int, retry_after_seconds: int | None, *, status_code: int | None, random: Random | None = None
) -> float | None:
    """Takes the number of the attempt that failed, from 1; gives the seconds until the next one, None after the last.

    The receiver may ask for more time than the schedule gives (Retry-After), up to a day, and never for less. Who
    answers 429 without saying for how long gets a minute.
    """
    if number >= MAX_ATTEMPTS:
        return None
    random = random or SystemRandom()
    delay = _SCHEDULE[number] * random.uniform(1 - _JITTER, 1 + _JITTER)
    if retry_after_seconds is not None:
        # Whoever asked many at once to come back at one moment did not mean at the same instant.
        asked = min(retry_after_seconds, RETRY_AFTER_LIMIT_SECONDS) * random.uniform(1, 1 + _JITTER)
        return max(delay, min(asked, RETRY_AFTER_LIMIT_SECONDS))
    if status_code == _TOO_MANY_REQUESTS:
        return max(delay, _OVERLOADED_SECONDS * random.uniform(1, 1 + _JITTER))
    return delay


def parse_retry_after(values: Iterable[str], now: datetime) -> int | None:
    """Takes the values of all Retry-After headers; gives the longest time asked for in seconds, None if none is one.

    A value is a number of seconds or a date (RFC 9110, section 10.2.3); a date that has passed is 0 seconds.
    """
    found = [seconds for value in values if (seconds := _parse_value(value.strip(), now)) is not None]
    return max(found, default=None)


def _parse_value(value: str, now: datetime) -> int | None:
    if _DELAY.match(value):
        return int(value)
    if len(value) > _DATE_LENGTH or not value.isascii() or not value[:1].isalpha():
        return None
    try:
        moment = parsedate_to_datetime(value)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    # A date without a zone is meant as UTC: HTTP knows no other.
    return max(0, round(((moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now).total_seconds()))
