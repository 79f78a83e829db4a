"""The grammar and the order of versions."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.releases import versions
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


@pytest.mark.parametrize(
    ("version", "following"),
    [
        ("1.4", {"patch": "1.4.1", "minor": "1.5", "major": "2.0"}),
        ("1.9.9", {"patch": "1.9.10", "minor": "1.10.0", "major": "2.0.0"}),
        ("1.4.0.2", {"build": "1.4.0.3", "patch": "1.4.1.0", "minor": "1.5.0.0", "major": "2.0.0.0"}),
        ("01.02.03", {"patch": "1.2.4", "minor": "1.3.0", "major": "2.0.0"}),
        ("1.18446744073709551615", {"patch": "1.18446744073709551615.1", "major": "2.0"}),
        (".".join(["18446744073709551615"] * 4), {}),
    ],
)
def test_what_follows_a_version_is_valid_and_newer(version: str, following: dict[str, str]) -> None:
    found = versions.list_next(version)
    assert {next_one.step: next_one.version for next_one in found} == following
    for next_one in found:
        assert versions.find_version_error(next_one.version) is None
        assert versions.build_version_key(next_one.version) > versions.build_version_key(version)


@pytest.mark.parametrize(
    ("typed", "version"),
    [("v1.2", "1.2"), (" V1.2.3 ", "1.2.3"), ("v.1.2", "1.2"), ("v1", None), ("vv1.2", None), ("1.2", None)],
)
def test_only_a_version_with_a_v_in_front_is_one_without_it(typed: str, version: str | None) -> None:
    assert versions.strip_prefix(typed) == version


@pytest.mark.parametrize(
    ("typed", "is_unfinished"),
    [
        ("", True),
        ("1", True),
        ("1.", True),
        ("1.2.3.", True),
        ("1.2", False),
        ("1.2.3.4.", False),
        ("1..", False),
        ("x", False),
        ("1.18446744073709551616", False),
    ],
)
def test_what_may_become_a_version_is_not_wrong_yet(typed: str, is_unfinished: bool) -> None:
    assert versions.is_unfinished(typed) is is_unfinished


@pytest.mark.parametrize("beginning", ["", "1", "1.", "1.2", "10.0", "1.2.3", "0", "1844674407370955161", "1.2.3.4"])
def test_every_version_with_a_beginning_lies_in_one_of_its_spans(beginning: str) -> None:
    spans = versions.list_spans(beginning)
    ends = ("0", "5", "9", "12", "999", "00", "07", ".0", ".1.2", "1.18446744073709551615", ".5")
    found = [beginning + end for end in ends if versions.find_version_error(beginning + end) is None]
    assert found or beginning.count(".") == 3
    for version in [*found, *([beginning] if versions.find_version_error(beginning) is None else [])]:
        assert any(least <= versions.build_version_key(version) <= greatest for least, greatest in spans), version


@pytest.mark.parametrize("beginning", ["x", "1..2", "1.2.3.4.", "1.2.3.4.5", "99999999999999999999.1", "1" * 5000])
def test_of_what_begins_no_version_nothing_is_said(beginning: str) -> None:
    assert versions.list_spans(beginning) == []


def test_spans_leave_out_what_begins_otherwise() -> None:
    spans = versions.list_spans("1.2")
    for version in ("1.1", "1.3", "1.19.9", "2.2", "1.30"):
        assert not any(least <= versions.build_version_key(version) <= greatest for least, greatest in spans)
