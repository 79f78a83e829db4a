"""The one validation of a release, behind both doors. Pure: it looks only at what was sent, and at the clock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Annotated, Any, TypeVar

from pydantic import AfterValidator, Field, WithJsonSchema

from app import notes, times
from app.exceptions import FieldError, ValidationError
from app.language import say
from app.releases import versions
from app.schemas import TIME_SCHEMA, Line, Schema, complete_rule, describe_ignored, describe_unknown, refuse, validate
from app.text import find_encoding_error

S = TypeVar("S", bound=Schema)

NAME_LIMIT = 256
NOTES_LIMIT = 4096
PLATFORM_COUNT_LIMIT = 64
DEFAULT_CHANNEL = "stable"

LABELS = {
    "name": say("Name"),
    "version": say("Version"),
    "channel": say("Channel"),
    "platforms": say("Platforms"),
    "private": say("Private"),
    "notes": say("Notes"),
    "productId": say("Product"),
    "createdAt": say("Created at"),
}


def _check_version(value: str) -> str:
    error = versions.find_version_error(value)
    if error is None:
        return value
    code, message = error
    raise refuse(code, message)


def _check_platforms(value: list[str]) -> list[str]:
    unique = list(dict.fromkeys(value))
    if len(unique) > PLATFORM_COUNT_LIMIT:
        raise refuse(
            "too_many",
            say(
                "must name at most {limit} platforms; there are {count}.", limit=PLATFORM_COUNT_LIMIT, count=len(unique)
            ),
        )
    return unique


def _check_notes(value: str) -> str:
    value = notes.normalize(value)
    if error := find_notes_error(value):
        raise refuse(*error)
    return value


def find_notes_error(value: str) -> tuple[str, str] | None:
    """Takes normalised notes; gives None, or the machine word and the end of a sentence that begins with "Notes"."""
    if error := find_encoding_error(value):
        return error
    if len(value) > NOTES_LIMIT:
        return "too_long", say(
            "must have at most {limit} characters; they have {count}.", limit=NOTES_LIMIT, count=len(value)
        )
    if excess := notes.find_excess(value):
        return "too_complex", say("are too complex to show: {excess}", excess=excess)
    return None


def _check_created_at(value: str) -> str:
    moment = times.parse_time(value)
    if moment is None:
        raise refuse("invalid_time", say("must be a date and time by RFC 3339, such as 2019-08-24T14:15:22Z."))
    return value


Version = Annotated[
    str,
    AfterValidator(_check_version),
    WithJsonSchema({"type": "string", "pattern": r"^[0-9]{1,19}(\.[0-9]{1,19}){1,3}$"}),
]
Platforms = Annotated[list[Line], AfterValidator(_check_platforms)]
Notes = Annotated[str, AfterValidator(_check_notes), WithJsonSchema({"type": "string", "maxLength": NOTES_LIMIT})]
CreatedAt = Annotated[str, AfterValidator(_check_created_at), TIME_SCHEMA]


class ReleaseSchema(Schema):
    """The members of ``POST /v3/releases``."""

    name: Line
    version: Version
    channel: Line = DEFAULT_CHANNEL
    platforms: Platforms = Field(default_factory=list)
    private: bool = False
    notes: Notes = ""
    productId: Line  # noqa: N815 - the wire's name; these classes are the one place where the two spellings meet
    createdAt: CreatedAt | None = None  # noqa: N815


class ReleaseChangeSchema(Schema):
    """The members of ``PATCH /v3/releases/{id}``, by the same rules: what is not given stays as it is."""

    name: Line | None = None
    version: Version | None = None
    channel: Line | None = None
    platforms: Platforms | None = None
    private: bool | None = None
    notes: Notes | None = None
    productId: Line | None = None  # noqa: N815
    createdAt: CreatedAt | None = None  # noqa: N815


@dataclass(frozen=True, slots=True)
class ReleaseDraft:
    """A release that is valid as far as one can tell from what was sent. Times are aware and in UTC."""

    name: str
    version: str
    channel: str
    platforms: tuple[str, ...]
    private: bool
    notes: str
    product_id: str
    created_at: datetime | None
    ignored_fields: tuple[str, ...] = field(default=(), compare=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)

    @property
    def version_key(self) -> bytes:
        """The version as it is compared."""
        return versions.build_version_key(self.version)

    def to_json(self) -> dict[str, Any]:
        """Gives the members as they would be stored, in the wire's names."""
        return {
            "name": self.name,
            "version": self.version,
            "channel": self.channel,
            "platforms": list(self.platforms),
            "private": self.private,
            "notes": self.notes,
            "productId": self.product_id,
            "createdAt": times.format_time(self.created_at) if self.created_at else None,
        }


@dataclass(frozen=True, slots=True)
class ReleaseChange:
    """What is to be changed of a release; None stays as it is. Product and creation time cannot change."""

    name: str | None = None
    version: str | None = None
    channel: str | None = None
    platforms: tuple[str, ...] | None = None
    private: bool | None = None
    notes: str | None = None
    ignored_fields: tuple[str, ...] = field(default=(), compare=False)
    warnings: tuple[str, ...] = field(default=(), compare=False)


def parse_release(raw: Mapping[str, Any], now: datetime, *, is_strict: bool = False) -> ReleaseDraft:
    """Takes the members that were sent and the current time; gives a draft.

    Raises ValidationError with every broken rule. With ``is_strict`` an unknown member breaks one.
    """
    given, ignored = _sort_members(raw)
    sent = _read(ReleaseSchema, given, now, ignored if is_strict else ())
    return ReleaseDraft(
        name=sent.name,
        version=sent.version,
        channel=sent.channel,
        platforms=tuple(sent.platforms),
        private=sent.private,
        notes=sent.notes,
        product_id=sent.productId,
        created_at=times.parse_time(sent.createdAt) if sent.createdAt else None,
        ignored_fields=tuple(ignored),
        warnings=tuple(_find_warnings(given, sent, ignored)),
    )


def parse_release_change(raw: Mapping[str, Any], now: datetime, *, is_strict: bool = False) -> ReleaseChange:
    """Takes the members that were sent and the current time; gives what is to be changed. Raises as above.

    Whether product and creation time are those that the release has, only the stored release can tell.
    """
    given, ignored = _sort_members(raw)
    sent = _read(ReleaseChangeSchema, given, now, ignored if is_strict else ())
    return ReleaseChange(
        name=sent.name,
        version=sent.version,
        channel=sent.channel,
        platforms=None if sent.platforms is None else tuple(sent.platforms),
        private=sent.private,
        notes=sent.notes,
        ignored_fields=tuple(ignored),
        warnings=tuple(_find_warnings(given, sent, ignored)),
    )


def _read(schema: type[S], given: Mapping[str, Any], now: datetime, unknown: Iterable[str]) -> S:
    errors = [*_find_future(given, now), *(describe_unknown(name) for name in unknown)]
    try:
        sent = validate(schema, given, LABELS)
    except ValidationError as error:
        raise ValidationError([*error.errors, *errors]) from None
    if errors:
        raise ValidationError(errors)
    return sent


def parse_notes(text: str) -> tuple[str, tuple[FieldError, ...]]:
    """Takes notes as typed; gives them normalised with the error that a release with them would have."""
    value = notes.normalize(text)
    error = find_notes_error(value)
    if error is None:
        return value, ()
    code, rule = error
    return value, (FieldError("notes", code, complete_rule(LABELS["notes"], rule)),)


def _sort_members(raw: Mapping[str, Any]) -> tuple[dict[str, Any], list[str]]:
    given = {name: value for name, value in raw.items() if name in LABELS}
    ignored = [name for name, value in raw.items() if name not in LABELS and value is not None]
    # An older client sends one platform as a string.
    if raw.get("platform") is not None and given.get("platforms") is None:
        given["platforms"] = [raw["platform"]]
        ignored.remove("platform")
    return given, ignored


def _find_future(given: Mapping[str, Any], now: datetime) -> list[FieldError]:
    text = given.get("createdAt")
    moment = times.parse_time(text) if isinstance(text, str) else None
    if moment is None or moment <= now:
        return []
    message = say("Created at must not be in the future: it is only for old releases.")
    return [FieldError("createdAt", "in_the_future", message)]


def _find_warnings(
    given: Mapping[str, Any], sent: ReleaseSchema | ReleaseChangeSchema, ignored: list[str]
) -> list[str]:
    warnings = [describe_ignored(name) for name in ignored]
    if len(given.get("platforms") or ()) > len(sent.platforms or ()):
        warnings.append("Platforms that are named twice count once.")
    return warnings
