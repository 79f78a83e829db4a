"""RFC 3339, read strictly and written plainly."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

import pytest

from app.times import format_time, now, parse_time
from tests.corpora import load_corpus

ROWS: list[dict[str, Any]] = [
    row
    for row in load_corpus("release_bodies")["cases"]
    # The longest values are cut in the corpus; the bodies that hold them whole go through the API's tests.
    if row["id"].startswith("createdAt/") and row.get("value_json", "").endswith(('"', "null"))
]


@pytest.mark.parametrize("row", [row for row in ROWS if row["expect"] == "ok"], ids=lambda row: row["id"])
def test_a_date_time_is_read_to_the_microsecond_in_utc(row: dict[str, Any]) -> None:
    text = json.loads(row["value_json"])
    if text is None:
        return
    moment = parse_time(text)
    assert moment is not None
    assert moment == datetime.fromisoformat(row["stored_utc"])
    assert format_time(moment) == row["stored_utc"]


@pytest.mark.parametrize("row", [row for row in ROWS if row["expect"] == "bad"], ids=lambda row: row["id"])
def test_what_is_not_a_date_time_is_none(row: dict[str, Any]) -> None:
    text = json.loads(row["value_json"])
    assert not isinstance(text, str) or parse_time(text) is None


@pytest.mark.parametrize(
    "text",
    ["0001-01-01T00:00:00+01:00", "9999-12-31T23:59:59-00:01", "2026-01-02T03:04:05+24:00", "2016-12-31T23:59:60Z"],
)
def test_a_time_that_cannot_be_held_is_none(text: str) -> None:
    assert parse_time(text) is None


def test_digits_beyond_the_microsecond_are_cut_off() -> None:
    assert parse_time("2026-01-02T03:04:05.999999999Z") == datetime(2026, 1, 2, 3, 4, 5, 999999, UTC)


def test_an_early_year_is_written_with_four_digits() -> None:
    assert format_time(datetime(90, 1, 2, tzinfo=UTC)) == "0090-01-02T00:00:00Z"


def test_now_can_be_written_and_read_again() -> None:
    moment = now()
    assert parse_time(format_time(moment)) == moment
