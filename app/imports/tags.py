"""The version in a tag or a heading: what stands around it, and what makes it a prerelease. Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# What comes before the numbers ends with a separator, so that the digits of a name are none of a version's.
_TAG = re.compile(
    r"(?P<prefix>(?:.*?[/@_\-\s:=])??)(?P<letter>[vV]\.?\s?)?(?P<numbers>[0-9]+(?:\.[0-9]+)*)(?P<suffix>(?![0-9]).*)\Z",
    re.DOTALL,
)
_SUFFIX = re.compile(r"[-._]?(?P<word>[A-Za-z]+)[-._]?(?P<number>[0-9]*)\Z")
# How a prerelease is called that is written short (PEP 440).
_WORDS: Final = {"a": "alpha", "b": "beta", "c": "rc", "pre": "preview"}
# What comes after a version is no prerelease of it.
_LATER: Final = frozenset({"post", "r", "rev", "patch", "p", "final", "ga", "release", "stable", "sp"})
# Where a forge says that something is a prerelease, and its tag does not say which.
PRERELEASE_CHANNEL: Final = "beta"
_PARTS = 4
_FULL_PARTS = 3


@dataclass(frozen=True, slots=True)
class Tag:
    """What a tag says: the numbers of its version and, of a prerelease, its word and its number."""

    numbers: str
    suffix: str
    word: str = ""
    number: str = ""

    @property
    def is_prerelease(self) -> bool:
        """Whether it names a prerelease, as semantic versions and Python's do."""
        return bool(self.word)

    @property
    def text(self) -> str:
        """The version without what stands before it."""
        return self.numbers + self.suffix


def read_tag(text: str) -> Tag | None:
    """Takes a tag such as ``app/v1.2.3-beta.1``; gives what it says of a version, None if it holds none."""
    match = _TAG.match(text.strip())
    if match is None:
        return None
    suffix = match["suffix"]
    found = _SUFFIX.match(suffix)
    if found is None or (word := found["word"].lower()) in _LATER:
        return Tag(match["numbers"], suffix)
    return Tag(match["numbers"], suffix, _WORDS.get(word, word), found["number"])


def place_prerelease(tag: Tag) -> str | None:
    """Takes a prerelease's tag; gives its version on a channel of its own: 1.2.3-beta.4 is 1.2.3.4 there.

    None if its number has no place, because the version has four numbers already.
    """
    if not tag.number:
        return tag.numbers
    parts = tag.numbers.split(".")
    if len(parts) >= _PARTS:
        return None
    parts += ["0"] * (_FULL_PARTS - len(parts))
    return ".".join([*parts, tag.number])
