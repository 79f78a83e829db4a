"""Which part of a file is asked for (RFC 9110, section 14). Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

# Longer numbers than any file has bytes are cut off where they are read.
_ONE: Final = re.compile(r"bytes[ \t]*=[ \t,]*(?P<first>[0-9]{0,19})-(?P<last>[0-9]{0,19})[ \t,]*\Z", re.IGNORECASE)


class UnsatisfiableRangeError(Exception):
    """What is asked for lies beyond the file's end."""


@dataclass(frozen=True, slots=True)
class Range:
    """The bytes from ``start`` to before ``end``. ``is_end_only`` says that so many were asked for, from the end on."""

    start: int
    end: int
    is_end_only: bool = False


def find_range(header: str | None, size: int) -> Range | None:
    """Takes the header ``Range`` and the size of the file; gives the part that is asked for, None for all of it.

    What cannot be read, or names several parts, says nothing: the file is sent whole, as the standard allows. Raises
    UnsatisfiableRangeError.
    """
    match = _ONE.match(header or "")
    if match is None or not (match["first"] or match["last"]):
        return None
    if not match["first"]:
        length = int(match["last"])
        if not length:
            raise UnsatisfiableRangeError
        return Range(max(0, size - length), size, is_end_only=True)
    start = int(match["first"])
    last = int(match["last"]) if match["last"] else size - 1
    if match["last"] and last < start:
        return None
    if start >= size:
        raise UnsatisfiableRangeError
    return Range(start, min(last + 1, size))
