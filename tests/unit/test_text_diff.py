"""What has changed between two texts: lines, and words within them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.releases.text_diff import Line, compare

pytestmark = pytest.mark.once

SIGNS = {"same": " ", "removed": "-", "added": "+", "gap": "…"}


def show(lines: list[Line]) -> list[str]:
    """Gives each line with its sign in front, and what has changed within it in brackets."""
    return [
        SIGNS[line.kind] + "".join(f"[{part.text}]" if part.is_changed else part.text for part in line.parts)
        for line in lines
    ]


def join(lines: list[Line], *kinds: str) -> list[str]:
    """Gives the whole text of the lines of some kinds."""
    return ["".join(part.text for part in line.parts) for line in lines if line.kind in kinds]


def test_lines_that_differ_stand_among_a_few_that_do_not() -> None:
    before = "\n".join(f"line {number}" for number in range(1, 21))
    after = before.replace("line 10\n", "").replace("line 20", "line 20\nline 21")
    assert show(compare(before, after)) == [
        "…", " line 8", " line 9", "-line 10", " line 11", " line 12", "…", " line 19", " line 20", "+line 21",
    ]  # fmt: skip


def test_words_that_differ_are_marked_within_their_line() -> None:
    assert show(compare("- one small step\nend", "- one giant step\nend")) == [
        "-- one [small] step",
        "+- one [giant] step",
        " end",
    ]
    # Two lines with little in common are two lines.
    assert show(compare("alpha beta", "gamma delta epsilon")) == ["-alpha beta", "+gamma delta epsilon"]


def test_texts_that_are_new_gone_or_the_same() -> None:
    assert show(compare("", "a\nb")) == ["+a", "+b"]
    assert show(compare("a\nb", "")) == ["-a", "-b"]
    assert join(compare("a", "a"), "removed", "added") == []


TEXTS = st.lists(st.sampled_from(["", "a", "b b", "a b c", "<b>"]), max_size=12).map("\n".join)


@given(TEXTS, TEXTS)
def test_what_is_removed_was_there_and_what_is_added_is_there(before: str, after: str) -> None:
    lines = compare(before, after)
    old, new = before.split("\n") if before else [], after.split("\n") if after else []
    removed, added = join(lines, "removed"), join(lines, "added")
    assert len(old) - len(removed) == len(new) - len(added)
    assert all(line in old for line in removed)
    assert all(line in new for line in added)


def test_long_texts_without_anything_in_common_are_compared_less_closely() -> None:
    before, after = "a\n" * 2048, "\n".join(str(number) for number in range(900))
    lines = compare(before, after)
    assert (len(join(lines, "removed")), len(join(lines, "added"))) == (2049, 900)
