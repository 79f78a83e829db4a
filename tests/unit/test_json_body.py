"""The strict reader of JSON bodies."""

from __future__ import annotations

import pytest

from app.exceptions import MalformedBodyError
from app.json_body import MAX_DEPTH, parse_json_object


def test_an_object_is_read_as_it_is() -> None:
    assert parse_json_object(b' {"a": [1, 2.5, true, null, "\\ud83d\\ude00"]} ') == {"a": [1, 2.5, True, None, "😀"]}


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"   ",
        b"null",
        b"[]",
        b'"text"',
        b"{",
        b'{"a":1,}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e999}',
        b'{"a":' + b"1" * 5000 + b"}",
        b'{"a":"\x01"}',
        b'{"a":"\xc0\xaf"}',
        b'\xef\xbb\xbf{"a":1}',
        b'{"a":1} {"b":2}',
        '{"a":1}'.encode("utf-16"),
    ],
)
def test_anything_but_one_json_object_is_malformed(raw: bytes) -> None:
    with pytest.raises(MalformedBodyError):
        parse_json_object(raw)


def test_a_member_that_is_given_twice_is_named() -> None:
    with pytest.raises(MalformedBodyError, match='"private" is given more than once'):
        parse_json_object(b'{"private":true,"priv\\u0061te":false}')


@pytest.mark.parametrize("raw", [b"[" * 100_000, b"[" * 100_000 + b"]" * 100_000, b'{"a":' * 50_000])
def test_deep_nesting_is_refused_before_it_is_parsed(raw: bytes) -> None:
    with pytest.raises(MalformedBodyError, match=f"deeper than {MAX_DEPTH}"):
        parse_json_object(raw)


def test_brackets_inside_strings_do_not_nest() -> None:
    assert parse_json_object(b'{"a": "' + b"[{" * 1000 + b'\\""}')["a"].startswith("[{[{")


def test_a_megabyte_of_escaped_quotes_is_looked_at_once() -> None:
    # A pattern that starts over at every quote would need hours for this.
    with pytest.raises(MalformedBodyError):
        parse_json_object(b'{"a": "' + b'\\"' * 500_000)
