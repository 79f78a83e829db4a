"""What every format is read into. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, Final

from app.exceptions import FieldError, ValidationError
from app.language import say

ROW_LIMIT: Final = 5000

# What a row may say of a release, whatever the file calls it.
MEMBERS: Final = (
    "version", "name", "channel", "platforms", "private", "notes", "date", "product", "productId", "draft",
    "published", "prerelease", "url",
)  # fmt: skip
_QUOTED: Final = 64


@dataclass(frozen=True, slots=True)
class Entry:
    """One release as a file has it: its members as they were written, by the names of ``MEMBERS``.

    ``line`` is where it begins, or which element of the array it is. ``errors`` are about how it is written; an entry
    that has any may have no members. ``warnings`` name what was read otherwise than written, or was left out.
    """

    line: int
    members: Mapping[str, Any]
    errors: tuple[FieldError, ...] = ()
    warnings: tuple[FieldError, ...] = ()


@dataclass(frozen=True, slots=True)
class ReadFile:
    """What a file holds: its format, its entries in order, and what is to be said of it as a whole."""

    format: str
    entries: tuple[Entry, ...]
    warnings: tuple[str, ...] = field(default=())


def collect(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """Takes entries that are read as they are asked for; gives them all.

    Raises ValidationError if there are too many. How many more is not looked at: a file of nothing but line ends or
    empty objects has millions.
    """
    found = tuple(islice(entries, ROW_LIMIT + 1))
    if len(found) > ROW_LIMIT:
        rule = say("The file has more than {limit} releases. At most so many can be imported at once.", limit=ROW_LIMIT)
        raise ValidationError([FieldError("content", "too_many", rule)])
    return found


def list_members(aliases: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Takes the other names of members; gives the member that each name stands for, as ``fold_name`` spells it."""
    return {
        fold_name(name): member
        for member in MEMBERS
        for name in (member, *aliases.get(member, ()))
    }  # fmt: skip


def quote(text: str) -> str:
    """Takes what stands in a file; gives it as a message can show it: short, and nothing that no database can hold."""
    return text[:_QUOTED].replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")


def fold_name(name: str) -> str:
    """Takes the name of a column or a member; gives it in lower case, without what separates its words."""
    return "".join(character for character in name.lower() if character.isalnum())
