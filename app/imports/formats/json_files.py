"""JSON Lines, and the arrays that forges and Slipway itself answer for their releases. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from io import StringIO
from itertools import chain, islice
from typing import Any, Final

from app.exceptions import FieldError, ValidationError
from app.imports.formats.entries import ROW_LIMIT, Entry, ReadFile, collect, fold_name, list_members
from app.imports.formats.strict_json import JsonFileError, iterate_values, parse_object
from app.imports.schema import GITHUB, GITLAB, JSONL
from app.language import say

_NAMES: Final = list_members(
    {
        "version": ("tag", "tagName"),
        "name": ("title", "releaseName"),
        "platforms": ("platform", "os"),
        "notes": ("body", "description", "changelog", "releaseNotes"),
        "date": ("createdAt", "releasedAt", "releaseDate", "publishedAt"),
        "productId": ("productIdentifier",),
        "product": ("productName",),
        "draft": ("isDraft",),
        "prerelease": ("isPrerelease",),
        "url": ("link", "htmlUrl", "source"),
    }
)


def read_lines(text: str) -> ReadFile:
    """Takes JSON Lines, or the same objects in an array; gives its entries. Raises ValidationError if it is neither."""
    if text.lstrip().startswith("["):
        return ReadFile(JSONL, collect(_read_objects(parse_array(text))))
    entries = (_read_line(number, line) for number, line in _list_lines(text))
    first = list(islice(entries, 1))
    if first and first[0].errors and (objects := _find_objects(text)):
        # Written over several lines each, as a person would.
        return ReadFile(JSONL, collect(_read_objects(objects)))
    return ReadFile(JSONL, collect(chain(first, entries)))


def read_github(text: str) -> ReadFile:
    """Takes what ``GET /repos/{owner}/{repo}/releases`` answers, or ``gh release list --json``; gives its entries."""
    return ReadFile(GITHUB, collect(_read_each(parse_array(text), _read_github)))


def read_gitlab(text: str) -> ReadFile:
    """Takes what ``GET /projects/{id}/releases`` answers; gives its entries. Raises ValidationError."""
    return ReadFile(GITLAB, collect(_read_each(parse_array(text), _read_gitlab)))


def parse_array(text: str) -> list[Any]:
    """Takes an array, or several one after another or within another, as tools write pages; gives all elements.

    Raises ValidationError.
    """
    try:
        values = list(iterate_values(text))
    except JsonFileError as error:
        message = say("Line {line}: {reason}", line=error.line, reason=error.message)
        raise ValidationError([FieldError("content", "malformed", message)]) from None
    elements: list[Any] = []
    for value in values:
        if not isinstance(value, list):
            raise ValidationError([FieldError("content", "malformed", say("The file must be an array of releases."))])
        is_slurped = bool(value) and all(isinstance(element, list) for element in value)
        elements += [element for page in value for element in page] if is_slurped else value
    return elements


def detect_array(text: str) -> str:
    """Takes an array; gives its format, by the members that only one forge has. Raises ValidationError."""
    first = next((element for element in parse_array(text) if isinstance(element, dict)), {})
    if {"tag_name", "tagName"} & first.keys():
        return GITLAB if {"released_at", "upcoming_release", "_links"} & first.keys() else GITHUB
    return JSONL


def _list_lines(text: str) -> Iterator[tuple[int, str]]:
    # Only these end a line of JSON: the other characters that Python would split at may stand in strings.
    for number, line in enumerate(StringIO(text, newline="\n"), 1):
        if line.strip():
            yield number, line.rstrip("\n")


def _find_objects(text: str) -> list[Any] | None:
    try:
        values = list(islice(iterate_values(text), ROW_LIMIT + 1))
    except JsonFileError:
        return None
    return values if all(isinstance(value, dict) for value in values) else None


def _read_line(number: int, line: str) -> Entry:
    try:
        return _read_object(number, parse_object(line))
    except JsonFileError as error:
        return Entry(number, {}, (FieldError("row", "malformed", error.message),))


def _read_objects(elements: Iterable[Any]) -> Iterator[Entry]:
    return _read_each(elements, _read_object)


def _read_each(elements: Iterable[Any], read: Any) -> Iterator[Entry]:
    for number, element in enumerate(elements, 1):
        if isinstance(element, dict):
            yield read(number, element)
        else:
            yield Entry(number, {}, (FieldError("row", "malformed", say("Each release must be a JSON object.")),))


def _read_object(number: int, element: Mapping[str, Any]) -> Entry:
    members: dict[str, Any] = {}
    for name, value in element.items():
        member = _NAMES.get(fold_name(name))
        # The first name that says something wins: "createdAt" before "publishedAt" of what Slipway itself has answered.
        if member is not None and value is not None:
            members.setdefault(member, value)
    # Slipway's own releases have an address for none of them, and a forge's "source" may be anything.
    if not isinstance(members.get("url", ""), str):
        del members["url"]
    if isinstance(members.get("platforms"), str):
        members["platforms"] = [members["platforms"]]
    return Entry(number, members)


def _read_github(number: int, element: Mapping[str, Any]) -> Entry:
    def get(*names: str) -> Any:
        return next((element[name] for name in names if element.get(name) is not None), None)

    members = {
        "version": get("tag_name", "tagName"),
        "name": get("name") or None,
        "notes": get("body"),
        # When it was published: it was created with its tag, or with its draft.
        "date": get("published_at", "publishedAt", "created_at", "createdAt"),
        "draft": get("draft", "isDraft"),
        "prerelease": get("prerelease", "isPrerelease"),
        "url": get("html_url", "url"),
    }
    return Entry(number, _drop_absent(members), warnings=_find_files(element.get("assets")))


def _read_gitlab(number: int, element: Mapping[str, Any]) -> Entry:
    links = element.get("_links")
    assets = element.get("assets")
    members = {
        "version": element.get("tag_name"),
        "name": element.get("name") or None,
        "notes": element.get("description"),
        "date": element.get("released_at") or element.get("created_at"),
        "url": links.get("self") if isinstance(links, dict) else None,
    }
    files = assets.get("links") if isinstance(assets, dict) else None
    return Entry(number, _drop_absent(members), warnings=_find_files(files))


def _drop_absent(members: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _find_files(files: Any) -> tuple[FieldError, ...]:
    if not isinstance(files, list) or not files:
        return ()
    return (FieldError("files", "left_out", say("Its files are not imported; there are {count}.", count=len(files))),)
