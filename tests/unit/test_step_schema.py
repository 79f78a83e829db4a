"""What archiving, and publishing at a time, can be asked for with."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from app.exceptions import ValidationError
from app.releases.step_schema import Archiving, parse_archiving, parse_publication

pytestmark = pytest.mark.once

NOW = datetime(2026, 2, 3, 12, 0, tzinfo=UTC)
ID = "0f8fad5b-d9cb-469f-a165-70867728950e"


def refuse(parse: Any, *arguments: Any) -> list[tuple[str, str]]:
    """Gives field and code of each error."""
    with pytest.raises(ValidationError) as caught:
        parse(*arguments)
    return [(error.field, error.code) for error in caught.value.errors]


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({}, Archiving()),
        ({"reason": None, "replacementId": None}, Archiving()),
        ({"reason": "", "replacementId": ""}, Archiving()),
        ({"reason": " a\r\nb\rc ", "replacementId": ID}, Archiving("a\nb\nc", ID)),
        ({"reason": "😀" * 1024}, Archiving("😀" * 1024)),
    ],
    ids=["nothing", "null", "empty", "both", "longest"],
)
def test_an_archiving_needs_nothing(raw: dict[str, Any], expected: Archiving) -> None:
    assert parse_archiving(raw) == expected


def test_all_that_is_wrong_with_an_archiving_is_told_at_once() -> None:
    raw = {"reason": "x" * 1025, "replacementId": "1.4", "replacementID": ID}
    expected = [("reason", "too_long"), ("replacementId", "unknown_release"), ("replacementID", "unknown_field")]
    assert refuse(parse_archiving, raw) == expected
    wrong_types = [("reason", "wrong_type"), ("replacementId", "wrong_type")]
    assert refuse(parse_archiving, {"reason": 1, "replacementId": []}) == wrong_types
    assert refuse(parse_archiving, {"reason": "a\x00b"}) == [("reason", "invalid_character")]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-02-03T12:00:01Z", datetime(2026, 2, 3, 12, 0, 1, tzinfo=UTC)),
        ("2026-02-03T14:00:00+01:00", datetime(2026, 2, 3, 13, 0, tzinfo=UTC)),
        ("2027-02-04T12:00:00Z", datetime(2027, 2, 4, 12, 0, tzinfo=UTC)),
    ],
)
def test_a_time_within_a_year_is_a_plan(text: str, expected: datetime) -> None:
    assert parse_publication({"publishAt": text}, NOW) == expected


def test_nothing_at_all_means_at_once() -> None:
    assert parse_publication({}, NOW) is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        ({"publishAt": None}, [("publishAt", "required")]),
        ({"publishAt": ""}, [("publishAt", "required")]),
        ({"publishAt": 1}, [("publishAt", "wrong_type")]),
        ({"publishAt": "tomorrow"}, [("publishAt", "invalid_time")]),
        ({"publishAt": "2026-02-03T12:00:00Z"}, [("publishAt", "in_the_past")]),
        ({"publishAt": "2027-02-04T12:00:01Z"}, [("publishAt", "too_late")]),
        ({"publish_at": "2026-03-01T00:00:00Z"}, [("publishAt", "required"), ("publish_at", "unknown_field")]),
    ],
    ids=["null", "empty", "number", "no time", "now", "too late", "misspelt"],
)
def test_whoever_means_a_time_never_publishes_at_once(raw: dict[str, Any], expected: list[tuple[str, str]]) -> None:
    assert refuse(parse_publication, raw, NOW) == expected
