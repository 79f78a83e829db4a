"""CSV as spreadsheets save it: separated by commas, semicolons or tabs, with the names of the columns first. Pure."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from typing import Any, Final

from app.exceptions import FieldError, ValidationError
from app.imports.formats.entries import Entry, ReadFile, collect, fold_name, list_members, quote
from app.imports.schema import CSV
from app.language import say

DELIMITERS: Final = (",", ";", "\t")
_NAMES: Final = list_members(
    {
        "version": ("tag", "tagName", "release", "releaseVersion", "versionNumber"),
        "name": ("title", "releaseName"),
        "channel": ("track", "releaseChannel"),
        "platforms": ("platform", "os"),
        "notes": ("body", "description", "changelog", "releaseNotes", "changes"),
        "date": ("createdAt", "created", "releasedAt", "released", "releaseDate", "publishedAt", "publicationDate"),
        "product": ("productName",),
        "draft": ("isDraft",),
        "published": ("isPublished",),
        "prerelease": ("isPrerelease",),
        "private": ("isPrivate", "internal"),
        "url": ("link", "htmlUrl", "source"),
    }
)
# Its title, and the member that it is read as, if it is one.
Column = tuple[str, str | None]
_TRUE = frozenset({"true", "yes", "y", "1", "x"})
_FALSE = frozenset({"false", "no", "n", "0", ""})
_BOOLEANS = ("private", "draft", "published", "prerelease")
_PLATFORM_ENDS = re.compile(r"[,;|\n]")
# A cell of notes may be long; those that are too long for a release are named as such.
_CELL_LIMIT = 1024 * 1024
# Each that is not read is named to the caller.
COLUMN_LIMIT: Final = 200
csv.field_size_limit(max(_CELL_LIMIT, csv.field_size_limit()))


def read_table(text: str) -> ReadFile:
    """Takes CSV; gives its entries. Raises ValidationError if its first line names no column of versions."""
    columns, delimiter = _find_columns(text)
    if "version" not in dict(columns).values():
        message = say("The first line must name the columns, and one of them must be version.")
        raise ValidationError([FieldError("content", "no_version_column", message)])
    if len(columns) > COLUMN_LIMIT:
        message = say("The first line names more than {limit} columns.", limit=COLUMN_LIMIT)
        raise ValidationError([FieldError("content", "too_many_columns", message)])
    names, unread = _sort_columns(columns)
    return ReadFile(CSV, collect(_read_rows(text, delimiter, names)), tuple(unread))


def is_table(text: str) -> bool:
    """Whether the first line of a text reads like one that names columns."""
    return "version" in dict(_find_columns(text)[0]).values()


def _find_columns(text: str) -> tuple[list[Column], str]:
    """Gives what stands in the first line, with the member that each name stands for, by the likeliest delimiter."""
    found: list[tuple[int, list[Column], str]] = []
    for delimiter in DELIMITERS:
        try:
            header = next(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter), [])
        except csv.Error:
            continue
        columns = [(name.strip(), _NAMES.get(fold_name(name))) for name in header[: COLUMN_LIMIT + 1]]
        found.append((sum(member is not None for _, member in columns), columns, delimiter))
    if not found:
        return [], ","
    _, columns, delimiter = max(found, key=lambda one: one[0])
    return columns, delimiter


def _sort_columns(columns: Sequence[Column]) -> tuple[list[str | None], list[str]]:
    names: list[str | None] = []
    unread: list[str] = []
    for title, member in columns:
        if member is None or member in names:
            # Of two columns for the same the first is read.
            unread.append(say('The column "{name}" is not read.', name=quote(title)))
        names.append(None if member in names else member)
    return names, unread


def _read_rows(text: str, delimiter: str, names: Sequence[str | None]) -> Iterator[Entry]:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    begins_at = 1
    while True:
        try:
            cells = next(reader, None)
        except csv.Error as error:
            message = say("This line is not valid CSV: {reason}.", reason=str(error))
            # What comes after a quotation mark that nothing ends cannot be told apart any more.
            yield Entry(begins_at, {}, (FieldError("row", "malformed", message),))
            return
        if cells is None:
            return
        if begins_at > 1 and any(cell.strip() for cell in cells):
            yield _read_row(begins_at, cells, names)
        begins_at = reader.line_num + 1


def _read_row(line: int, cells: Sequence[str], names: Sequence[str | None]) -> Entry:
    if len(cells) > len(names):
        message = say(
            "This row has {count} cells, and the first line names {columns}.", count=len(cells), columns=len(names)
        )
        return Entry(line, {}, (FieldError("row", "malformed", message),))
    members: dict[str, Any] = {}
    errors: list[FieldError] = []
    for name, cell in zip(names, cells, strict=False):
        # Blanks around a cell mean nothing, but in notes they may be Markdown.
        text = cell if name == "notes" else cell.strip()
        if name is None or not text:
            continue
        if name in _BOOLEANS:
            _read_boolean(name, text, members, errors)
        elif name == "platforms":
            members[name] = [part.strip() for part in _PLATFORM_ENDS.split(text) if part.strip()]
        else:
            members[name] = text
    return Entry(line, members, tuple(errors))


def _read_boolean(name: str, text: str, members: dict[str, Any], errors: list[FieldError]) -> None:
    folded = text.lower()
    if folded in _TRUE | _FALSE:
        members[name] = folded in _TRUE
    else:
        errors.append(FieldError(name, "wrong_type", say("{name} must be yes or no.", name=name.capitalize())))
