"""Changelogs in Markdown, as https://keepachangelog.com has them: a heading for each version, its notes below. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from app.exceptions import FieldError, ValidationError
from app.imports.formats.entries import Entry, ReadFile, collect
from app.imports.schema import CHANGELOG
from app.imports.tags import read_tag
from app.language import say

_HEADING = re.compile(r" {0,3}(#{1,6})[ \t]+(.*)\Z")
_UNDERLINE = re.compile(r" {0,3}(=+|-{3,})[ \t]*\Z")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_DEFINITION = re.compile(r" {0,3}\[([^\[\]\n]{1,200})\]:[ \t]*<?([^\s>]+)>?.*\Z")
_UNRELEASED = re.compile(r"\W*(unreleased|upcoming|next|to be released|tbd)\b", re.IGNORECASE)
# The version, in brackets or as a link, then perhaps a date behind a dash, in brackets or alone.
_TITLE = re.compile(r"\[?(?P<version>[^\s\]()\[]+(?:\s[vV]?[0-9][^\s\]()\[]*)?)\]?(?:\([^)\s]*\))?:?\s*(?P<rest>.*)\Z")
_WITHDRAWN = re.compile(r"\[?\byanked\b\]?", re.IGNORECASE)
# A hyphen and the two longer dashes.
_DASHES = "-\u2013\u2014"
_DATE_EDGES = f" \t()[]:,*_/{_DASHES}"
_NUMBERS = re.compile(r"[0-9]+\.[0-9]")
_USE = re.compile(r"\[([^\[\]\n]{1,200})\]")
_TITLE_LIMIT = 200


@dataclass(frozen=True, slots=True)
class _Section:
    """A heading and the lines below it."""

    line: int
    title: str
    lines: Sequence[str]


def read_changelog(text: str) -> ReadFile:
    """Takes a changelog; gives an entry for each heading with a version. Raises ValidationError if there is none."""
    lines = text.split("\n")
    definitions = dict(_list_definitions(lines))
    entries = collect(_read_section(section, definitions) for section in _cut(lines))
    if not entries:
        message = say("There is no heading with a version, such as ## [1.4.0] - 2024-05-28.")
        raise ValidationError([FieldError("content", "no_versions", message)])
    return ReadFile(CHANGELOG, entries)


def is_changelog(text: str) -> bool:
    """Whether a text has headings with versions."""
    return _find_level(text.split("\n")) is not None


def _find_level(lines: Sequence[str]) -> int | None:
    """Gives the level of the first heading that names a version, None without one."""
    return next((level for _, _, title, level in _list_headings(lines) if _is_version(title)), None)


def _cut(lines: Sequence[str]) -> Iterator[_Section]:
    """Gives the sections of versions: those of the level of the first heading that names one."""
    first = _find_level(lines)
    current: tuple[int, int, str] | None = None
    for at, length, title, level in _list_headings(lines) if first else ():
        if level > (first or 0):
            continue
        if current:
            yield _Section(current[0] + 1, current[2], lines[current[1] : at])
        current = (at, at + length, title) if _is_version(title) or _UNRELEASED.match(title) else None
    if current:
        yield _Section(current[0] + 1, current[2], lines[current[1] :])


def _list_headings(lines: Sequence[str]) -> Iterator[tuple[int, int, str, int]]:
    """Gives each heading that is not in a block of code: its line, how many lines it has, its text, its level."""
    fence = ""
    for number, line in enumerate(lines):
        if mark := _FENCE.match(line):
            if not fence:
                fence = mark[1]
            elif mark[1].startswith(fence) and not line.strip().strip(fence[0]):
                fence = ""
            continue
        if fence:
            continue
        if found := _HEADING.match(line):
            yield number, 1, _strip_closing(found[2]), len(found[1])
        elif number + 1 < len(lines) and (under := _UNDERLINE.match(lines[number + 1])) and _is_version(line):
            yield number, 2, line.strip(), 1 if under[1][0] == "=" else 2


def _strip_closing(title: str) -> str:
    """Takes what stands behind the signs of a heading; gives it without those that some write at its end, too."""
    title = title.strip()
    rest = title.rstrip("#")
    return rest.strip() if rest.endswith((" ", "\t")) else title


def _is_version(title: str) -> bool:
    match = _TITLE.match(title.strip().lstrip("*_`")) if len(title) <= _TITLE_LIMIT else None
    if match is None or not _NUMBERS.search(match["version"]):
        return False
    # A sentence that only mentions a version is none: what is left must read like a date or a remark in brackets.
    rest = match["rest"].strip()
    return read_tag(match["version"].strip("*_`")) is not None and (
        not rest or rest[0] in f"([:*_/{_DASHES}" or rest[0].isdigit()
    )


def _list_definitions(lines: Sequence[str]) -> Iterator[tuple[str, str]]:
    for line in lines:
        if match := _DEFINITION.match(line):
            yield match[1], match[2]


def _read_section(section: _Section, definitions: dict[str, str]) -> Entry:
    if not _is_version(section.title):
        return Entry(section.line, {"version": section.title.strip("[]*_` ")}, warnings=(_skip(),))
    match = _TITLE.match(section.title.lstrip("*_`"))
    label = match["version"].strip("*_`") if match else section.title
    rest = match["rest"] if match else ""
    warnings: list[FieldError] = []
    if _WITHDRAWN.search(rest):
        rest = _WITHDRAWN.sub("", rest)
        warnings.append(
            FieldError(
                "version", "withdrawn", say("The file says that it was withdrawn; it is imported like the others.")
            )
        )
    members: dict[str, Any] = {"version": label, "notes": _build_notes(section.lines, definitions)}
    if date := rest.strip(_DATE_EDGES):
        members["date"] = date
    if label in definitions:
        members["url"] = definitions[label]
    return Entry(section.line, members, warnings=tuple(warnings))


def _skip() -> FieldError:
    return FieldError("row", "unreleased", say("This is not released yet."))


def _build_notes(lines: Sequence[str], definitions: dict[str, str]) -> str:
    """Gives a section's text with the addresses of those links that it uses, wherever the file has them."""
    own = "\n".join(line for line in lines if not _DEFINITION.match(line)).strip("\n")
    # In the order in which they are used: to look for each of the file's in each section would take the square of it.
    used = [f"[{label}]: {definitions[label]}" for label in dict.fromkeys(_USE.findall(own)) if label in definitions]
    return "\n\n".join(part for part in (own.rstrip(), "\n".join(used)) if part)
