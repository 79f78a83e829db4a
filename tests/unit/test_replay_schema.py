"""What a replay can be asked for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.exceptions import ValidationError
from app.replays.schema import parse_replay

NOW = datetime(2026, 7, 1, 12, 0, tzinfo=UTC)


def find_errors(raw: dict[str, Any], retention_days: int = 90) -> list[tuple[str, str]]:
    """Gives field and code of each broken rule."""
    try:
        parse_replay(raw, NOW, retention_days)
    except ValidationError as error:
        return [(item.field, item.code) for item in error.errors]
    return []


def test_a_span_without_an_end_ends_now_and_takes_every_type() -> None:
    order = parse_replay({"since": "2026-07-01T10:00:00+02:00"}, NOW, 90)
    assert (order.since_at, order.until_at) == (datetime(2026, 7, 1, 8, 0, tzinfo=UTC), NOW)
    assert (order.event_types, order.includes_missed) == (None, False)


def test_types_are_sorted_and_an_end_in_the_future_is_now() -> None:
    raw = {
        "since": "2026-06-30T00:00:00Z",
        "until": "2026-08-01T00:00:00Z",
        "events": ["release.published", "release.created", "release.published"],
        "includeMissed": True,
    }
    order = parse_replay(raw, NOW, 90)
    assert (order.until_at, order.includes_missed) == (NOW, True)
    assert order.event_types == ("release.created", "release.published")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, [("since", "required")]),
        ({"since": None}, [("since", "required")]),
        ({"since": 5}, [("since", "wrong_type")]),
        ({"since": "yesterday"}, [("since", "invalid_time")]),
        ({"since": "2026-07-01T10:00"}, [("since", "invalid_time")]),
        ({"since": "2026-07-01T12:00:01Z"}, [("since", "in_the_future")]),
        ({"since": "2026-01-01T00:00:00Z"}, [("since", "too_old")]),
        ({"since": "2026-07-01T10:00:00Z", "until": "2026-07-01T10:00:00Z"}, [("until", "before_since")]),
        ({"since": "2026-07-01T10:00:00Z", "until": "x"}, [("until", "invalid_time")]),
        ({"since": "2026-07-01T10:00:00Z", "events": []}, [("events", "required")]),
        ({"since": "2026-07-01T10:00:00Z", "events": ["webhook.test"]}, [("events", "unknown_event")]),
        ({"since": "2026-07-01T10:00:00Z", "includeMissed": "yes"}, [("includeMissed", "wrong_type")]),
        # A misspelt filter must not send everything again, and neither must one with an empty value.
        ({"since": "2026-07-01T10:00:00Z", "event": ["release.created"]}, [("event", "unknown_field")]),
        ({"since": "2026-07-01T10:00:00Z", "untill": None}, [("untill", "unknown_field")]),
        (
            {"since": "2026-01-01T00:00:00Z", "until": "2025-01-01T00:00:00Z", "events": "x", "includeMissed": 1},
            [
                ("since", "too_old"),
                ("until", "before_since"),
                ("events", "wrong_type"),
                ("includeMissed", "wrong_type"),
            ],
        ),
    ],
)
def test_every_broken_rule_is_told_at_once(raw: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert find_errors(raw) == expected


def test_a_span_reaches_as_far_back_as_is_kept_and_any_distance_where_all_is() -> None:
    edge = NOW - timedelta(days=7)
    assert find_errors({"since": edge.isoformat()}, 7) == []
    assert find_errors({"since": (edge - timedelta(seconds=1)).isoformat()}, 7) == [("since", "too_old")]
    assert find_errors({"since": "1990-01-01T00:00:00Z"}, 0) == []
