"""Pages of a list: by number, as the contract's ``page`` and ``limit``, and by cursor. Pure."""

from __future__ import annotations

import base64
import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Protocol

from app import times
from app.text import is_canonical_id

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
# More rows than any list has come before this one.
MAX_PAGE = 1_000_000_000
SORT_RULE = "must be createdAt or -createdAt."
_NUMBER = re.compile(r"[0-9]{1,9}\Z")
_ID_LENGTH = 36


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list: after the row with this time and id."""

    moment: datetime
    id: str

    @property
    def key(self) -> tuple[Any, str]:
        """What the row stands in order by."""
        return self.moment, self.id


class Key(Protocol):
    """A place in a list of whatever order: the values of its row in the columns that the list is ordered by."""

    @property
    def key(self) -> tuple[Any, str]:
        """What the row stands in order by."""


@dataclass(frozen=True, slots=True)
class Place:
    """Which part of a list: ``limit`` rows after the cursor or, without one, on the page of this number."""

    limit: int = DEFAULT_LIMIT
    page: int = 1
    is_descending: bool = False
    after: Key | None = None


def build_cursor(moment: datetime, row_id: str) -> str:
    """Gives the cursor that a list goes on from after the row with this time and id. Clients must not look into it."""
    return pack_cursor(f"{times.format_time(moment)}{row_id}")


def parse_cursor(value: str) -> Cursor | None:
    """Takes what ``build_cursor`` gave; gives the place, or None if the text is no cursor."""
    start, row_id = unpack_cursor(value)
    moment = times.parse_time(start)
    return Cursor(moment, row_id) if moment is not None and is_canonical_id(row_id) else None


def pack_cursor(text: str) -> str:
    """Takes what a cursor says, an id at its end; gives it as it stands in an address."""
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def unpack_cursor(value: str) -> tuple[str, str]:
    """Takes what ``pack_cursor`` gave; gives what stands before the id, and the id. Of any other text, anything."""
    try:
        text = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode()
    except ValueError:
        return "", ""
    return text[:-_ID_LENGTH], text[-_ID_LENGTH:]


def parse_whole_number(value: str, low: int, high: int) -> int | None:
    """Takes text; gives the whole number from ``low`` to ``high`` that it spells, or None."""
    if not _NUMBER.match(value) or not low <= int(value) <= high:
        return None
    return int(value)


def parse_sort(value: str) -> bool | None:
    """Takes the parameter ``sort``; gives whether the newest row comes first, None if it is no order."""
    return {"createdAt": False, "-createdAt": True}.get(value)
