"""What a browser sends of a form that is not finished: as it was typed, right or wrong. Pure.

Whether it makes sense is judged when the form is sent. Here is only judged whether it can be a form's text at all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from app.exceptions import FieldError, NotFoundError, ValidationError
from app.language import say
from app.text import is_canonical_id, is_idempotency_key
from app.times import parse_time

# Four times what the longest notes have room for in a request, names and all.
CONTENT_LIMIT = 262_144
FIELD_LIMIT = 100
VALUE_LIMIT = 200
KNOWN_LIMIT = 32
NEW_RELEASE = "release:new"
_RELEASE = "release:"
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,63}\Z")
_MARK = re.compile(r"[A-Za-z0-9-]{8,64}\Z")

Fields = Mapping[str, list[str]]


@dataclass(frozen=True, slots=True)
class SentDraft:
    """The text of a form in one window.

    ``mark`` is the name that the window gave to this state of the text, ``known`` are the marks of those that it has
    seen. ``key`` is the idempotency key that it will be sent under, ``base`` when the release that it changes was
    changed last, as the window knows it.
    """

    window: str
    mark: str
    known: tuple[str, ...]
    key: str
    base: str
    fields: Fields


def find_release_id(subject: str) -> str | None:
    """Takes what a draft is of; gives the release that it changes, None if it makes a new one.

    Raises NotFoundError if there are no drafts of such a thing.
    """
    if subject == NEW_RELEASE:
        return None
    release_id = subject.removeprefix(_RELEASE)
    if release_id == subject or not is_canonical_id(release_id):
        raise NotFoundError("There is no such form.")
    return release_id


def name_change(release_id: str) -> str:
    """Gives what the draft of a change is called."""
    return f"{_RELEASE}{release_id}"


def parse_draft(raw: Mapping[str, Any]) -> SentDraft:
    """Takes the body of a request; gives what is to be kept. Raises ValidationError with everything that is wrong."""
    errors = [*_find_wrong_marks(raw), *_find_wrong_fields(raw.get("fields"))]
    if errors:
        raise ValidationError(errors)
    return SentDraft(
        window=raw["window"],
        mark=raw["mark"],
        known=parse_known({"known": raw.get("known") or []}),
        key=raw.get("key") or "",
        base=raw.get("base") or "",
        fields=raw["fields"],
    )


def parse_known(raw: Mapping[str, Any]) -> tuple[str, ...]:
    """Takes the body of a request; gives the marks of the texts that it speaks of. Raises ValidationError."""
    known = raw.get("known")
    if not isinstance(known, list) or len(known) > KNOWN_LIMIT or not all(is_mark(mark) for mark in known):
        message = say("known must be a list of at most {limit} marks.", limit=KNOWN_LIMIT)
        raise ValidationError([FieldError("known", "invalid_mark", message)])
    return tuple(known)


def is_mark(value: Any) -> bool:
    """Whether this can be the name of a window, or of a state of its text."""
    return isinstance(value, str) and _MARK.match(value) is not None


def _find_wrong_marks(raw: Mapping[str, Any]) -> Iterator[FieldError]:
    for name in ("window", "mark"):
        if not is_mark(raw.get(name)):
            message = say("{field} must be 8 to 64 letters, digits and hyphens.", field=name)
            yield FieldError(name, "invalid_mark", message)
    try:
        parse_known({"known": raw.get("known") or []})
    except ValidationError as error:
        yield from error.errors
    key = raw.get("key") or ""
    if not isinstance(key, str) or (key and not is_idempotency_key(key)):
        yield FieldError("key", "invalid_key", say("key must be 1 to 255 visible ASCII characters."))
    base = raw.get("base") or ""
    if not isinstance(base, str) or (base and parse_time(base) is None):
        yield FieldError("base", "invalid_time", say("base must be a time as RFC 3339 has it."))


def _find_wrong_fields(fields: Any) -> Iterator[FieldError]:
    if not isinstance(fields, dict) or len(fields) > FIELD_LIMIT or not all(map(_is_field, fields.items())):
        rule = say("fields must have at most {limit} names of fields, each with a list of texts.", limit=FIELD_LIMIT)
        yield FieldError("fields", "invalid_fields", rule)
    elif (length := _count_characters(fields.values())) > CONTENT_LIMIT:
        message = say(
            "fields must have at most {limit} characters in all; they have {length}.",
            limit=CONTENT_LIMIT,
            length=length,
        )
        yield FieldError("fields", "too_long", message)


def _is_field(field: tuple[str, Any]) -> bool:
    name, values = field
    return (
        _NAME.match(name) is not None
        and isinstance(values, list)
        and len(values) <= VALUE_LIMIT
        and all(isinstance(value, str) for value in values)
    )


def _count_characters(fields: Iterable[list[str]]) -> int:
    return sum(len(value) for values in fields for value in values)
