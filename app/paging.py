"""Pages of a list: by number, as the contract's ``page`` and ``limit``, and by cursor. Pure."""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from app import times
from app.exceptions import FieldError, ValidationError
from app.text import is_canonical_id

DEFAULT_LIMIT = 20
MAX_LIMIT = 100
MAX_PAGE = 1_000_000
SORT_RULE = "must be createdAt or -createdAt."
_NAMES = ("page", "limit", "sort")
_NUMBER = re.compile(r"[0-9]{1,9}\Z")
_ID_LENGTH = 36


@dataclass(frozen=True, slots=True)
class Page:
    """Which page, counted from 1, how many rows it has, and whether the newest row comes first."""

    number: int = 1
    limit: int = DEFAULT_LIMIT
    is_descending: bool = False


@dataclass(frozen=True, slots=True)
class Cursor:
    """A place in a list: after the row with this time and id."""

    moment: datetime
    id: str


@dataclass(frozen=True, slots=True)
class Place:
    """Which part of a list: ``limit`` rows after the cursor or, without one, on the page of this number."""

    limit: int = DEFAULT_LIMIT
    page: int = 1
    is_descending: bool = False
    after: Cursor | None = None


def build_cursor(moment: datetime, row_id: str) -> str:
    """Gives the cursor that a list goes on from after the row with this time and id. Clients must not look into it."""
    text = f"{times.format_time(moment)}{row_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def parse_cursor(value: str) -> Cursor | None:
    """Takes what ``build_cursor`` gave; gives the place, or None if the text is no cursor."""
    try:
        text = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode()
    except ValueError:
        return None
    moment, row_id = times.parse_time(text[:-_ID_LENGTH]), text[-_ID_LENGTH:]
    return Cursor(moment, row_id) if moment is not None and is_canonical_id(row_id) else None


def parse_whole_number(value: str, low: int, high: int) -> int | None:
    """Takes text; gives the whole number from ``low`` to ``high`` that it spells, or None."""
    if not _NUMBER.match(value) or not low <= int(value) <= high:
        return None
    return int(value)


def parse_page(parameters: Iterable[tuple[str, str]]) -> Page:
    """Takes the URL's parameters in order; gives the page. Others than ``page``, ``limit`` and ``sort`` say nothing.

    Raises ValidationError with every parameter that breaks a rule, or comes more than once.
    """
    given: dict[str, str] = {}
    errors: list[FieldError] = []
    for name, value in parameters:
        if name in given and name in _NAMES:
            errors.append(FieldError(name, "invalid_parameter", f"{name} must be given once."))
        given[name] = value
    number = parse_whole_number(given.get("page", "1"), 1, MAX_PAGE)
    limit = parse_whole_number(given.get("limit", str(DEFAULT_LIMIT)), 1, MAX_LIMIT)
    is_descending = parse_sort(given.get("sort", "createdAt"))
    if number is None:
        errors.append(describe_range("page", 1, MAX_PAGE))
    if limit is None:
        errors.append(describe_range("limit", 1, MAX_LIMIT))
    if is_descending is None:
        errors.append(FieldError("sort", "invalid_parameter", f"sort {SORT_RULE}"))
    if errors or number is None or limit is None or is_descending is None:
        raise ValidationError(errors)
    return Page(number, limit, is_descending)


def parse_sort(value: str) -> bool | None:
    """Takes the parameter ``sort``; gives whether the newest row comes first, None if it is no order."""
    return {"createdAt": False, "-createdAt": True}.get(value)


def describe_range(name: str, low: int, high: int) -> FieldError:
    """Gives the error of a parameter that is no whole number in its range."""
    return FieldError(name, "invalid_parameter", f"{name} must be a whole number from {low} to {high}.")
