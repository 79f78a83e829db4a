"""The grammar and the order of versions.

Two to four dot-separated runs of ASCII digits, each of which fits 64 bits. A version is kept as it was typed and
compared as four integers, the missing ones zero: 1.10 is newer than 1.9, and 1.2 is 1.2.0.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from app.language import say

MAX_LENGTH = 128
FIRST_VERSION = "1.0.0"
_GRAMMAR = re.compile(r"[0-9]+(?:\.[0-9]+){1,3}\Z")
_PARTS = 4
_PART_BYTES = 8
_LARGEST = (1 << (8 * _PART_BYTES)) - 1
# What is still being typed: more may make a version of it.
_BEGINNING = re.compile(r"(?:[0-9]+\.){0,3}[0-9]*\Z")
_PREFIXED = re.compile(r"\s*[vV]\.?\s*(?P<version>[0-9].*?)\s*\Z")
# What may follow a version of two, three or four numbers: which number goes up, and how many the result has.
_STEPS = {
    2: {"patch": (2, 3), "minor": (1, 2), "major": (0, 2)},
    3: {"patch": (2, 3), "minor": (1, 3), "major": (0, 3)},
    4: {"build": (3, 4), "patch": (2, 4), "minor": (1, 4), "major": (0, 4)},
}


@dataclass(frozen=True, slots=True)
class NextVersion:
    """A version that may follow another one, and what goes up in it: build, patch, minor or major."""

    step: str
    version: str


def find_version_error(version: str) -> tuple[str, str] | None:
    """Takes what was given as a version; gives None, or a machine word and a sentence for people."""
    if not version:
        return "required", say("Version is required.")
    if len(version) > MAX_LENGTH:
        rule = say(
            "Version must have at most {limit} characters; it has {count}.", limit=MAX_LENGTH, count=len(version)
        )
        return "too_long", rule
    if not _GRAMMAR.match(version):
        return (
            "invalid_version",
            say("Version must be two to four numbers with dots between them: x.x, x.x.x or x.x.x.x, such as 1.4.0."),
        )
    if any(int(part) > _LARGEST for part in version.split(".")):
        rule = say("Version must not have a number larger than {limit} (64 bits).", limit=_LARGEST)
        return "number_too_large", rule
    return None


def build_version_key(version: str) -> bytes:
    """Takes a valid version; gives 32 bytes that sort and compare, on every database, as the version does."""
    parts = [int(part) for part in version.split(".")]
    parts += [0] * (_PARTS - len(parts))
    return b"".join(part.to_bytes(_PART_BYTES, "big") for part in parts)


def is_newer(version_key: bytes, version: str) -> bool:
    """Takes the key of a version, and a valid version; whether that is newer, by as many numbers as the second has.

    So 1.2.3.4 is no news to who has 1.2.3, and 1.2 no news to who has 1.2.9.
    """
    length = _PART_BYTES * (version.count(".") + 1)
    return version_key[:length] > build_version_key(version)[:length]


def list_spans(beginning: str) -> list[tuple[bytes, bytes]]:
    """Takes what a version begins with; gives the least and the greatest key of each span in which such versions lie.

    Not each version there begins so, if only because of zeros in front. It gives none if nothing can be said.
    """
    if len(beginning) > MAX_LENGTH or not _BEGINNING.match(beginning):
        return []
    *whole, last = beginning.split(".")
    numbers = [int(part) for part in whole]
    if max(numbers, default=0) > _LARGEST:
        return []
    start = b"".join(number.to_bytes(_PART_BYTES, "big") for number in numbers)
    return [(_fill(start + least, b"\x00"), _fill(start + greatest, b"\xff")) for least, greatest in _list_runs(last)]


def _list_runs(digits: str) -> Iterator[tuple[bytes, bytes]]:
    """Takes the first digits of a number; gives the runs of numbers that begin so: of 4 it is 4, 40 to 49, and on."""
    if not digits or digits.startswith("0"):
        # What stands behind a zero may be any number.
        yield b"", b""
        return
    least, greatest = int(digits), int(digits)
    while least <= _LARGEST:
        yield least.to_bytes(_PART_BYTES, "big"), min(greatest, _LARGEST).to_bytes(_PART_BYTES, "big")
        least, greatest = least * 10, greatest * 10 + 9


def _fill(start: bytes, filling: bytes) -> bytes:
    return start.ljust(_PARTS * _PART_BYTES, filling)


def list_next(version: str) -> list[NextVersion]:
    """Takes a valid version; gives those that may follow it, the smallest step first.

    They have as many numbers as it has, but for the patch of a version of two. A number that is at the end of its
    64 bits has none after it.
    """
    numbers = [int(part) for part in version.split(".")]
    found = []
    for step, (place, count) in _STEPS[len(numbers)].items():
        after = [*numbers, *[0] * (_PARTS - len(numbers))]
        if after[place] < _LARGEST:
            after[place] += 1
            after[place + 1 :] = [0] * (_PARTS - place - 1)
            found.append(NextVersion(step, ".".join(map(str, after[:count]))))
    return found


def is_unfinished(text: str) -> bool:
    """Whether the text is no version yet, and what is typed next may make it one."""
    error = find_version_error(text)
    return error is not None and error[0] in ("required", "invalid_version") and _BEGINNING.match(text) is not None


def strip_prefix(text: str) -> str | None:
    """Takes what was typed; gives the version in it if that only lacks the v in front, else None."""
    match = _PREFIXED.match(text)
    return match["version"] if match and find_version_error(match["version"]) is None else None
