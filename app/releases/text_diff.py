"""What has changed between two texts, line by line, and word by word within a line. Pure.

How long it takes is bounded: where a text is too long to be compared closely, it is compared less closely.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from itertools import zip_longest
from typing import Final, Literal

# Unchanged lines that are shown before and after a change.
_CONTEXT = 2
# Beyond this product of lengths two sequences are not compared closely.
_CLOSELY = 250_000
# Two lines with less in common than this are two lines, and not one that was changed.
_KINSHIP = 0.4
_WORDS = re.compile(r"\w+|\s+|[^\w\s]")

Kind = Literal["same", "removed", "added", "gap"]
GAP: Final[Kind] = "gap"


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a line, and whether it is what has changed in it."""

    text: str
    is_changed: bool


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the comparison. A gap stands for lines that are the same, and has no parts."""

    kind: Kind
    parts: tuple[Part, ...] = ()


def compare(before: str, after: str) -> list[Line]:
    """Takes two texts; gives the lines that differ, with a few around them that do not."""
    old, new = before.split("\n") if before else [], after.split("\n") if after else []
    lines: list[Line] = []
    blocks = list(_find_blocks(old, new))
    for number, (tag, old_lines, new_lines) in enumerate(blocks):
        if tag == "equal":
            lines += _cut(old_lines, is_first=number == 0, is_last=number == len(blocks) - 1)
        else:
            lines += _describe_change(old_lines, new_lines)
    return lines


def _find_blocks(old: Sequence[str], new: Sequence[str]) -> Iterator[tuple[str, Sequence[str], Sequence[str]]]:
    """Gives runs that are equal, and runs that stand in each other's place."""
    start = _count_common(old, new)
    end = _count_common(old[start:][::-1], new[start:][::-1])
    middle_old, middle_new = old[start : len(old) - end], new[start : len(new) - end]
    if start:
        yield "equal", old[:start], new[:start]
    if len(middle_old) * len(middle_new) > _CLOSELY:
        yield "replace", middle_old, middle_new
    else:
        for tag, i1, i2, j1, j2 in SequenceMatcher(None, middle_old, middle_new).get_opcodes():
            yield tag, middle_old[i1:i2], middle_new[j1:j2]
    if end:
        yield "equal", old[len(old) - end :], new[len(new) - end :]


def _count_common(first: Sequence[str], second: Sequence[str]) -> int:
    count = 0
    for one, other in zip(first, second, strict=False):
        if one != other:
            break
        count += 1
    return count


def _cut(lines: Sequence[str], *, is_first: bool, is_last: bool) -> list[Line]:
    """Leaves out what is far from any change."""
    before = 0 if is_first else _CONTEXT
    after = 0 if is_last else _CONTEXT
    shown = [Line("same", (Part(line, is_changed=False),)) for line in lines]
    if len(shown) <= before + after + 1:
        return shown
    return [*shown[:before], Line(GAP), *shown[len(shown) - after :]]


def _describe_change(old: Sequence[str], new: Sequence[str]) -> list[Line]:
    if len(old) != len(new):
        return [*_build_whole("removed", old), *_build_whole("added", new)]
    removed, added = [], []
    for one, other in zip_longest(old, new, fillvalue=""):
        first, second = _compare_words(one, other)
        removed.append(Line("removed", first))
        added.append(Line("added", second))
    return [*removed, *added]


def _build_whole(kind: Kind, lines: Sequence[str]) -> list[Line]:
    return [Line(kind, (Part(line, is_changed=False),)) for line in lines]


def _compare_words(old: str, new: str) -> tuple[tuple[Part, ...], tuple[Part, ...]]:
    """Gives both lines with what has changed in them; nothing is marked if they have little in common."""
    old_words, new_words = _WORDS.findall(old), _WORDS.findall(new)
    whole = (Part(old, is_changed=False),), (Part(new, is_changed=False),)
    if len(old_words) * len(new_words) > _CLOSELY:
        return whole
    matcher = SequenceMatcher(None, old_words, new_words)
    if matcher.ratio() < _KINSHIP:
        return whole
    first: list[Part] = []
    second: list[Part] = []
    for tag, i1, i2, j1, j2 in matcher.get_opcodes():
        is_changed = tag != "equal"
        if i1 < i2:
            first.append(Part("".join(old_words[i1:i2]), is_changed))
        if j1 < j2:
            second.append(Part("".join(new_words[j1:j2]), is_changed))
    return tuple(first), tuple(second)
