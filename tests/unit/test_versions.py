"""The grammar and the order of versions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.releases.versions import build_version_key, find_version_error
from tests.corpora import load_corpus

ROWS: list[dict[str, Any]] = load_corpus("versions")["cases"]
STRINGS = [(row["verdict"], json.loads(row["value_json"])) for row in ROWS]
STRINGS = [(verdict, value) for verdict, value in STRINGS if isinstance(value, str)]


@pytest.mark.parametrize("version", [value for verdict, value in STRINGS if verdict == "accept"])
def test_two_to_four_runs_of_digits_are_a_version(version: str) -> None:
    assert find_version_error(version) is None


@pytest.mark.parametrize("version", [value for verdict, value in STRINGS if verdict == "reject"])
def test_anything_else_is_not_a_version(version: str) -> None:
    error = find_version_error(version)
    assert error is not None
    assert error[1].startswith("Version ")


@pytest.mark.parametrize("version", [value for verdict, value in STRINGS if verdict == "silent"])
def test_what_the_grammar_leaves_open_gets_a_verdict_and_no_exception(version: str) -> None:
    if find_version_error(version) is None:
        assert len(build_version_key(version)) == 32


def test_each_number_of_a_version_fits_64_bits() -> None:
    assert find_version_error("1.18446744073709551615") is None
    error = find_version_error("1.18446744073709551616")
    assert error is not None
    assert error[0] == "number_too_large"


def test_versions_order_by_number_and_not_by_text() -> None:
    ordered = ["0.9", "1.2", "1.2.0.1", "1.2.3", "1.9", "1.10", "1.10.0.1", "2.0", "10.0"]
    by_text = sorted(ordered)
    assert by_text != ordered
    assert sorted(by_text, key=build_version_key) == ordered


@pytest.mark.parametrize(("left", "right"), [("1.2", "1.2.0"), ("1.2", "1.2.0.0"), ("01.002", "1.2")])
def test_missing_parts_are_zero_and_leading_zeros_say_nothing(left: str, right: str) -> None:
    assert build_version_key(left) == build_version_key(right)
