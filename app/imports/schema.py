"""How a file of releases is to be read and what is to come of it. Pure: it looks only at what was sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final

from pydantic import AfterValidator, Field

from app.exceptions import FieldError, ValidationError
from app.language import say
from app.releases.schema import DEFAULT_CHANNEL, Platforms
from app.schemas import Line, Schema, describe_unknown, refuse, validate
from app.text import find_line_error

AUTO: Final = "auto"
JSONL, CSV, GITHUB, GITLAB, CHANGELOG = "jsonl", "csv", "github", "gitlab", "changelog"
FORMATS: Final = (AUTO, JSONL, CSV, GITHUB, GITLAB, CHANGELOG)
ERROR, CHANNEL, SKIP = "error", "channel", "skip"
CUT: Final = "cut"
PRERELEASES: Final = (ERROR, CHANNEL, SKIP)
LONG_NOTES: Final = (ERROR, CUT)
_PREFIX_LIMIT = 128
_FILE_NAME_LIMIT = 256

LABELS: Final = {
    "productId": say("Product"),
    "oneProduct": say("One product"),
    "format": say("Format"),
    "fileName": say("File name"),
    "channel": say("Channel"),
    "platforms": say("Platforms"),
    "private": say("Private"),
    "publish": say("Publish"),
    "quiet": say("Quiet"),
    "prereleases": say("Prereleases"),
    "longNotes": say("Long notes"),
    "tagPrefix": say("Beginning of tags"),
}


def _check_choice(*allowed: str) -> AfterValidator:
    def check(value: str) -> str:
        if value not in allowed:
            raise refuse("invalid_choice", say("must be one of {choices}.", choices=", ".join(allowed)))
        return value

    return AfterValidator(check)


def _check_text(limit: int) -> AfterValidator:
    def check(value: str) -> str:
        if len(value) > limit:
            raise refuse(
                "too_long", say("must have at most {limit} characters; it has {count}.", limit=limit, count=len(value))
            )
        # A line that may be empty.
        if value and (error := find_line_error(value)):
            raise refuse(*error)
        return value

    return AfterValidator(check)


class ImportSchema(Schema):
    """The options of ``POST /v3/imports``."""

    productId: Line | None = None  # noqa: N815 - the wire's names
    oneProduct: bool = False  # noqa: N815
    format: Annotated[str, _check_choice(*FORMATS)] = AUTO
    fileName: Annotated[str, _check_text(_FILE_NAME_LIMIT)] = ""  # noqa: N815
    channel: Line = DEFAULT_CHANNEL
    platforms: Platforms = Field(default_factory=list)
    private: bool = False
    publish: bool = False
    quiet: bool = False
    prereleases: Annotated[str, _check_choice(*PRERELEASES)] = ERROR
    longNotes: Annotated[str, _check_choice(*LONG_NOTES)] = ERROR  # noqa: N815
    tagPrefix: Annotated[str, _check_text(_PREFIX_LIMIT)] = ""  # noqa: N815


@dataclass(frozen=True, slots=True)
class ImportOptions:
    """How a file is read. ``product_id`` is where rows go that name no product, or all with ``is_one_product``."""

    product_id: str | None
    is_one_product: bool
    format: str
    file_name: str
    channel: str
    platforms: tuple[str, ...]
    private: bool
    publishes: bool
    is_quiet: bool
    prereleases: str
    long_notes: str
    tag_prefix: str

    def to_json(self) -> dict[str, Any]:
        """Gives the options in the wire's names."""
        return {
            "productId": self.product_id,
            "oneProduct": self.is_one_product,
            "format": self.format,
            "fileName": self.file_name,
            "channel": self.channel,
            "platforms": list(self.platforms),
            "private": self.private,
            "publish": self.publishes,
            "quiet": self.is_quiet,
            "prereleases": self.prereleases,
            "longNotes": self.long_notes,
            "tagPrefix": self.tag_prefix,
        }


def parse_options(raw: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> ImportOptions:
    """Takes the options that were sent, and those that hold where they say nothing, as ``to_json`` gives them.

    Raises ValidationError with every broken rule. An option that is not known is one: a misspelt ``quiet`` must not
    tell everybody.
    """
    errors = [describe_unknown(name) for name in raw if name not in LABELS]
    given = {**(before or {}), **{name: value for name, value in raw.items() if value is not None}}
    sent = None
    try:
        sent = validate(ImportSchema, {name: given[name] for name in LABELS if name in given}, LABELS)
    except ValidationError as error:
        errors = [*error.errors, *errors]
    if sent and sent.oneProduct and not sent.productId:
        errors.append(
            FieldError("productId", "required", say("Product is required where all rows go into one product."))
        )
    if errors or sent is None:
        raise ValidationError(errors)
    return ImportOptions(
        product_id=sent.productId,
        is_one_product=sent.oneProduct,
        format=sent.format,
        file_name=sent.fileName,
        channel=sent.channel,
        platforms=tuple(sent.platforms),
        private=sent.private,
        publishes=sent.publish,
        is_quiet=sent.quiet,
        prereleases=sent.prereleases,
        long_notes=sent.longNotes,
        tag_prefix=sent.tagPrefix,
    )
