"""The one validation of a release, by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from app.exceptions import ValidationError
from app.releases.schema import parse_notes, parse_release

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
RAW: dict[str, Any] = {"name": "My App 1.2", "version": "1.2.0", "productId": "0f8fad5b-d9cb-469f-a165-70867728950e"}


def find_errors(**changes: Any) -> dict[str, str]:
    """Gives the machine word of each field that is refused."""
    with pytest.raises(ValidationError) as caught:
        parse_release({**RAW, **changes}, NOW)
    return {error.field: error.code for error in caught.value.errors}


def find_message(**changes: Any) -> str:
    """Gives the words of the one error that there is."""
    with pytest.raises(ValidationError) as caught:
        parse_release({**RAW, **changes}, NOW)
    (error,) = caught.value.errors
    return error.message


def test_what_is_optional_has_a_default() -> None:
    draft = parse_release(RAW, NOW)
    assert (draft.channel, draft.platforms, draft.private, draft.notes, draft.created_at) == (
        "stable",
        (),
        False,
        "",
        None,
    )


def test_null_means_not_given() -> None:
    optional = dict.fromkeys(("channel", "platforms", "private", "notes", "createdAt"))
    assert parse_release({**RAW, **optional}, NOW) == parse_release(RAW, NOW)


def test_every_broken_rule_is_told_at_once_and_in_order() -> None:
    with pytest.raises(ValidationError) as caught:
        parse_release({"version": "v1", "platforms": "linux", "private": "yes", "notes": 1, "createdAt": "now"}, NOW)
    fields = [error.field for error in caught.value.errors]
    assert fields == ["name", "version", "platforms", "private", "notes", "productId", "createdAt"]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", 5),
        ("version", 1.10),
        ("channel", []),
        ("private", "true"),
        ("private", 1),
        ("notes", {}),
        ("platforms", "linux"),
    ],
)
def test_nothing_is_coerced(field: str, value: object) -> None:
    assert find_errors(**{field: value}) == {field: "wrong_type"}


def test_missing_and_empty_get_the_same_words() -> None:
    assert find_message(name="") == find_message(name=None) == "Name is required."
    assert find_message(version="") == find_message(version=None) == "Version is required."


def test_a_limit_names_itself_and_what_was_sent() -> None:
    assert find_message(name="a" * 257) == "Name must have at most 256 characters; it has 257."
    assert find_message(notes="a" * 4097) == "Notes must have at most 4096 characters; they have 4097."


def test_lengths_count_code_points_after_line_ends_are_one_character() -> None:
    assert len(parse_release({**RAW, "name": "😀" * 256}, NOW).name) == 256
    assert parse_release({**RAW, "notes": "\r\n" * 4096}, NOW).notes == "\n" * 4096
    assert find_errors(notes="😀" * 4097) == {"notes": "too_long"}


def test_a_bad_platform_is_named_by_its_place() -> None:
    assert find_message(platforms=["linux", ""]) == "Platforms [1] is required."
    assert find_message(platforms=["linux", 1]) == "Platforms [1] must be a string."


def test_platforms_that_repeat_collapse_and_keep_their_order() -> None:
    draft = parse_release({**RAW, "platforms": ["win", "linux", "win"]}, NOW)
    assert draft.platforms == ("win", "linux")
    assert draft.warnings == ("Platforms that are named twice count once.",)


def test_too_many_platforms_are_refused() -> None:
    assert find_errors(platforms=[f"p{number}" for number in range(65)]) == {"platforms": "too_many"}


def test_an_older_client_may_send_one_platform() -> None:
    assert parse_release({**RAW, "platform": "linux"}, NOW).platforms == ("linux",)
    assert parse_release({**RAW, "platform": "linux"}, NOW).ignored_fields == ()
    assert parse_release({**RAW, "platform": "mac", "platforms": ["linux"]}, NOW).ignored_fields == ("platform",)
    assert find_errors(platform=5) == {"platforms": "wrong_type"}


def test_a_time_in_the_future_is_refused_and_now_is_not() -> None:
    assert find_errors(createdAt="2026-11-23T12:00:00.001Z") == {"createdAt": "in_the_future"}
    assert parse_release({**RAW, "createdAt": "2026-11-23T13:00:00+01:00"}, NOW).created_at == NOW


def test_a_future_time_is_told_together_with_everything_else() -> None:
    assert find_errors(createdAt="2099-01-01T00:00:00Z", name="") == {"name": "required", "createdAt": "in_the_future"}


def test_unknown_members_are_ignored_and_named_or_refused_if_one_is_strict() -> None:
    draft = parse_release({**RAW, "published": True, "id": "x"}, NOW)
    assert draft.ignored_fields == ("published", "id")
    with pytest.raises(ValidationError) as caught:
        parse_release({**RAW, "published": True}, NOW, is_strict=True)
    assert [(error.field, error.code) for error in caught.value.errors] == [("published", "unknown_field")]


def test_an_unknown_member_that_is_null_was_not_given() -> None:
    draft = parse_release({**RAW, "platform": None, "tenantId": None}, NOW, is_strict=True)
    assert (draft.ignored_fields, draft.warnings) == ((), ())


def test_a_number_that_is_too_large_is_told_in_a_sentence() -> None:
    message = "Version must not have a number larger than 18446744073709551615 (64 bits)."
    assert find_message(version="1.18446744073709551616") == message


def test_an_unknown_member_with_half_a_surrogate_pair_can_still_be_named() -> None:
    draft = parse_release({**RAW, "a\ud800": 1}, NOW)
    assert draft.warnings == ("There is no field a?. It is ignored.",)


@pytest.mark.parametrize("field", ["name", "version", "channel", "notes", "productId", "createdAt"])
@pytest.mark.parametrize("bad", ["a\x00b", "a\ud800b"])
def test_nul_and_half_surrogates_are_refused_everywhere(field: str, bad: str) -> None:
    assert list(find_errors(**{field: bad})) == [field]


def test_notes_that_are_too_complex_are_refused_with_the_reason() -> None:
    value, errors = parse_notes("[" * 4096)
    assert value == "[" * 4096
    assert [error.code for error in errors] == ["too_complex"] or not errors
