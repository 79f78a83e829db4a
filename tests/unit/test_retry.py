"""When a failed delivery is tried again."""

from __future__ import annotations

from datetime import UTC, datetime
from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.webhooks.retry import MAX_ATTEMPTS, RETRY_AFTER_LIMIT_SECONDS, next_delay_seconds, parse_retry_after
from tests.corpora import load_corpus

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)
# From the failure of an attempt to the next one.
SCHEDULE = [5, 300, 1800, 7200, 18000, 36000, 50400, 72000, 86400]
ASKED = {
    row["id"]: (row["receiver_does"].partition("Retry-After: ")[2], row["next"])
    for row in load_corpus("webhook_receivers")["cases"]
    if row["id"].startswith("retry-after/")
}
VALUES = {"5000 digits": ["9" * 5000], "two Retry-After fields": ["7", "11"], "Retry-After on 200": []}


class Extreme(Random):
    """Chance at one of its ends: 0 for the least, 1 for the most."""

    def __init__(self, end: int) -> None:
        super().__init__()
        self.end = end

    def uniform(self, a: float, b: float) -> float:
        """Gives one of the two."""
        return (a, b)[self.end]


def delay(number: int, asked: int | None = None, status_code: int | None = 500, end: int = 0) -> float:
    """Gives the delay at one end of chance."""
    found = next_delay_seconds(number, asked, status_code=status_code, random=Extreme(end))
    assert found is not None
    return found


def test_the_schedule_has_ten_attempts_and_ends() -> None:
    assert MAX_ATTEMPTS == len(SCHEDULE) + 1 == 10
    assert next_delay_seconds(MAX_ATTEMPTS, None, status_code=500) is None
    assert next_delay_seconds(MAX_ATTEMPTS, 60, status_code=429) is None


@pytest.mark.parametrize(("number", "seconds"), list(enumerate(SCHEDULE, 1)))
def test_each_delay_is_spread_by_a_fifth(number: int, seconds: int) -> None:
    assert delay(number, end=0) == pytest.approx(seconds * 0.8)
    assert delay(number, end=1) == pytest.approx(seconds * 1.2)
    spread = {next_delay_seconds(number, None, status_code=None) for _ in range(50)}
    assert len(spread) > 10


def test_a_receiver_may_ask_for_more_time_and_never_gets_less_than_the_schedule() -> None:
    assert delay(1, 120, 503) == 120
    assert delay(1, 1, 503) == delay(1)
    assert delay(1, 0, 503) == delay(1)
    assert delay(9, 3600, 503) == delay(9)


def test_nobody_waits_longer_than_a_day_because_a_receiver_asked() -> None:
    for end in (0, 1):
        assert delay(1, 999_999_999, 503, end) == RETRY_AFTER_LIMIT_SECONDS == 86400


def test_those_who_were_asked_to_come_back_at_one_moment_come_after_it_and_not_together() -> None:
    assert delay(1, 600, 503, 0) == 600
    assert delay(1, 600, 503, 1) == pytest.approx(720)


def test_too_many_requests_means_a_minute_at_least_unless_the_receiver_says_otherwise() -> None:
    assert delay(1, None, 429) == 60
    assert delay(2, None, 429) == delay(2)
    assert delay(1, 30, 429) == 30


@pytest.mark.parametrize(("text", "expected"), ASKED.values(), ids=ASKED.keys())
def test_each_odd_retry_after_gets_its_delay(text: str, expected: str) -> None:
    seconds = parse_retry_after(VALUES.get(text, [text]), NOW)
    found = delay(1, seconds, 503)
    if "capped" in expected:
        assert found == RETRY_AFTER_LIMIT_SECONDS
    else:
        assert found in {delay(1), *map(float, VALUES.get(text, []))}


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("0", 0),
        (" 120 ", 120),
        ("Fri, 02 Jan 2026 03:05:05 GMT", 60),
        ("Friday, 02-Jan-26 03:05:05 GMT", 60),
        ("Fri Jan  2 03:05:05 2026", 60),
        ("Fri, 02 Jan 2026 03:00:00 GMT", 0),
        ("+5", None),
        ("1_000", None),
        ("٣", None),
        ("", None),
        ("5, 6", None),
        ("soon", None),
    ],
)
def test_a_retry_after_is_seconds_or_a_date_in_each_of_the_three_forms(value: str, seconds: int | None) -> None:
    assert parse_retry_after([value], NOW) == seconds


@given(st.lists(st.text(max_size=50)))
def test_no_retry_after_raises(values: list[str]) -> None:
    seconds = parse_retry_after(values, NOW)
    assert seconds is None or seconds >= 0


def test_a_receiver_that_asks_for_centuries_gets_a_day() -> None:
    asked = parse_retry_after(["99999999999"], NOW)
    assert asked == 99_999_999_999
    delay = next_delay_seconds(1, asked, status_code=503)
    assert delay == RETRY_AFTER_LIMIT_SECONDS
