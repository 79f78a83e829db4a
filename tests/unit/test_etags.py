"""Entity tags, and what is said by them: RFC 9110, sections 8.8.3 and 13.1, in a table."""

from __future__ import annotations

from typing import Any

import pytest

from app.etags import NONE, build_tag, parse_precondition
from app.exceptions import InvalidRequestError, PreconditionFailedError

pytestmark = pytest.mark.once

BODY: dict[str, Any] = {"name": "App", "files": [{"name": "a", "downloads": 2}, {"name": "b", "downloads": 3}]}
# Each pair of headers, and whether a change may be made of what has the tag "abc.5".
TABLE = [
    (None, None, True),
    ("*", None, True),
    ('"abc.5"', None, True),
    ('"abc.5-gzip"', None, True),
    # Downloads are nothing that a change could lose.
    ('"abc"', None, True),
    ('"abc.4"', None, True),
    ('"x", "abc.5"', None, True),
    (',, "x" ,,\t"abc.5" , ', None, True),
    ('"x"', None, False),
    ('"ABC.5"', None, False),
    ('"abcd"', None, False),
    ('""', None, False),
    # A list with a comma in a tag is one tag.
    ('"x,abc.5"', None, False),
    ('W/"abc.5"', None, False),
    ('W/"abc.5", "x"', None, False),
    (None, "*", False),
    (None, '"abc.5"', False),
    (None, 'W/"abc.5"', False),
    (None, '"abc.4"', True),
    (None, '"x"', True),
    ('"abc.5"', "*", True),
    ('"x"', '"x"', False),
]
MALFORMED = ["", " ", ",", "abc", '"abc', 'abc"', '"a" "b"', "*, *", '"a", *', 'w/"a"', '"a\x7f"', "'abc'", '"a";"b"']


def test_a_change_may_be_made_by_the_table() -> None:
    wrong = []
    for match, none_match, is_met in TABLE:
        precondition = parse_precondition(match, none_match)
        if precondition.is_met('"abc.5"') != is_met:
            wrong.append((match, none_match))
        if not is_met:
            with pytest.raises(PreconditionFailedError):
                precondition.check('"abc.5"')
    assert wrong == []
    assert parse_precondition(None, None) == NONE


@pytest.mark.parametrize("name", ["If-Match", "If-None-Match"])
def test_a_header_that_cannot_be_read_is_refused_and_not_passed_over(name: str) -> None:
    for value in MALFORMED:
        given = (value, None) if name == "If-Match" else (None, value)
        with pytest.raises(InvalidRequestError, match=f"{name} must be"):
            parse_precondition(*given)


def test_a_long_header_is_read_whole() -> None:
    for value in ('"a",' * 100_000 + "x", " ," * 200_000 + "x", '"' * 200_001, "," * 400_000):
        with pytest.raises(InvalidRequestError):
            parse_precondition(value, None)


def test_a_tag_changes_with_what_is_answered_and_with_nothing_else() -> None:
    tag = build_tag(BODY)
    assert build_tag({**BODY}) == tag
    assert tag.endswith('.5"')
    assert build_tag({**BODY, "name": "Ä"}) != tag
    assert build_tag({**BODY, "files": BODY["files"][:1]}) != tag
    fetched = {**BODY, "files": [{"name": "a", "downloads": 3}, BODY["files"][1]]}
    assert build_tag(fetched) != tag
    assert build_tag(fetched).partition(".")[0] == tag.partition(".")[0]
    # A member of that name may be something else, such as a header of a webhook.
    for name in ("downloads", "lastUsedAt"):
        assert build_tag({"headers": {name: "***"}}) != build_tag({"headers": {}})


def test_a_tag_tells_of_a_use_and_names_the_same_state() -> None:
    unused, used = ({"name": "Customer", "lastUsedAt": moment} for moment in (None, "2026-11-28T09:00:00Z"))
    assert build_tag(unused) != build_tag(used)
    assert parse_precondition(build_tag(unused), None).is_met(build_tag(used))
