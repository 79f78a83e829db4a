"""The parameters of a list's address, read one by one, with every error told at once. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any

from app import times
from app.exceptions import FieldError, ValidationError
from app.language import say
from app.paging import MAX_LIMIT, MAX_PAGE, SORT_RULE, Cursor, Place, parse_cursor, parse_sort, parse_whole_number
from app.text import find_encoding_error

_BOOLEANS = {"true": True, "True": True, "false": False, "False": False}

Parameters = Iterable[tuple[str, str]]
# What a parameter is called in Slipway, and what makes a value of its text.
Reader = tuple[str, Callable[[str], Any]]


class BadValueError(Exception):
    """The value of one parameter breaks a rule; the message ends a sentence that begins with its name."""


def read_parameters(
    parameters: Parameters, readers: Mapping[str, Reader], read_other: Callable[[str, str], None] | None = None
) -> dict[str, Any]:
    """Takes the parameters in order; gives what the readers make of those that they know, each of which comes once.

    ``read_other`` takes the name and the text of every other one; without it they say nothing. Raises ValidationError
    with every parameter that breaks a rule.
    """
    found: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, value in parameters:
        try:
            if error := find_encoding_error(value):
                raise BadValueError(error[1])
            if name in readers:
                key, read = readers[name]
                if key in found:
                    raise BadValueError(say("must be given once."))
                found[key] = read(value)
            elif read_other is not None:
                read_other(name, value)
        except BadValueError as error:
            errors.append(FieldError(name, "invalid_parameter", f"{name} {error}"))
    if errors:
        raise ValidationError(errors)
    return found


def build_refusal(known: Iterable[str]) -> BadValueError:
    """Gives what a list says of a parameter that it does not know."""
    return BadValueError(f"is no parameter of this list. It knows {', '.join(known)}.")


def read_time(value: str) -> datetime:
    """Gives the time that a text spells by RFC 3339. Raises BadValueError."""
    # A plus sign that was not percent-encoded arrives as a space.
    moment = times.parse_time(value.replace(" ", "+"))
    if moment is None:
        raise BadValueError(say("must be a date and time by RFC 3339, such as 2019-08-24T14:15:22Z."))
    return moment


def read_boolean(value: str) -> bool:
    """Gives the truth value that a text spells. Raises BadValueError."""
    if value not in _BOOLEANS:
        raise BadValueError(say("must be true or false."))
    return _BOOLEANS[value]


def build_number_reader(low: int, high: int) -> Callable[[str], int]:
    """Gives a function that reads a whole number from ``low`` to ``high``, and raises BadValueError."""

    def read(value: str) -> int:
        number = parse_whole_number(value, low, high)
        if number is None:
            raise BadValueError(say("must be a whole number from {low} to {high}.", low=low, high=high))
        return number

    return read


def _read_page(value: str) -> int:
    # Clients go on until a page is empty, and however far past the end one is, it is empty.
    if not re.fullmatch("[0-9]+", value) or not value.strip("0"):
        raise BadValueError(say("must be a whole number from 1."))
    return int(value) if len(value) < len(str(MAX_PAGE)) else MAX_PAGE


def _read_sort(value: str) -> bool:
    is_descending = parse_sort(value)
    if is_descending is None:
        raise BadValueError(SORT_RULE)
    return is_descending


def _read_cursor(value: str) -> Cursor:
    cursor = parse_cursor(value)
    if cursor is None:
        raise BadValueError("is not a cursor of this list.")
    return cursor


# What every list knows: where it begins, how long it is, and in which order.
PLACE: Mapping[str, Reader] = {
    "page": ("page", _read_page),
    "limit": ("limit", build_number_reader(1, MAX_LIMIT)),
    "sort": ("is_descending", _read_sort),
    "cursor": ("after", _read_cursor),
}


def read_place(parameters: Parameters) -> Place:
    """Takes the parameters of a list that has no filters; gives which part of it is wanted.

    Raises ValidationError with every parameter that breaks a rule, or that is none of these.
    """

    def refuse(_name: str, _value: str) -> None:
        raise build_refusal(PLACE)

    return Place(**read_parameters(parameters, PLACE, refuse))
