"""What one line of text may hold."""

from __future__ import annotations

import pytest

from app.text import find_encoding_error, find_line_error, is_canonical_id


@pytest.mark.parametrize(
    "value", ["x", "My App 1.2", "Größe", "日本語", "👨‍👩‍👧", "../../etc/passwd", "a\u00a0b", "{{7*7}}"]
)
def test_text_that_can_be_seen_is_a_line(value: str) -> None:
    assert find_line_error(value) is None


@pytest.mark.parametrize(
    "value", ["a\x00b", "a\ud800b", "a\nb", "a\tb", "a\x1b[31m", "a\x85b", "a\u2028b", "\u202egpj.exe", "a\uffffb"]
)
def test_controls_and_direction_overrides_are_refused_by_name(value: str) -> None:
    error = find_line_error(value)
    assert error is not None
    assert error[0] == "invalid_character"


@pytest.mark.parametrize("value", [" ", "\u00a0", "\u200b", "\u2060\ufe0f", "\u3164", "\U000e0041"])
def test_a_line_that_shows_nothing_is_blank(value: str) -> None:
    error = find_line_error(value)
    assert error is not None
    assert error[0] == "blank"


def test_line_breaks_are_fine_in_a_passage_but_nul_is_not() -> None:
    assert find_encoding_error("a\n\tb") is None
    assert find_encoding_error("a\x00") is not None


@pytest.mark.parametrize(
    ("value", "verdict"),
    [
        ("0f8fad5b-d9cb-469f-a165-70867728950e", True),
        ("0F8FAD5B-D9CB-469F-A165-70867728950E", False),
        ("0f8fad5bd9cb469fa16570867728950e", False),
        ("{0f8fad5b-d9cb-469f-a165-70867728950e}", False),
        ("0f8fad5b-d9cb-469f-a165-70867728950e\n", False),
        ("", False),
    ],
)
def test_an_id_has_one_spelling(value: str, verdict: bool) -> None:
    assert is_canonical_id(value) is verdict
