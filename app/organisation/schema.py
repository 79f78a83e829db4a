"""The validation of the settings of an organisation. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.accounts.schema import NAME_LIMIT
from app.exceptions import FieldError, ValidationError
from app.language import Message, say
from app.slugs import MAX_LENGTH, PATTERN, RESERVED
from app.text import find_encoding_error, find_line_error

DESCRIPTION_LIMIT = 1024
_SLUG = re.compile(PATTERN)


@dataclass(frozen=True, slots=True)
class OrganisationChange:
    """What an organisation is to be, checked."""

    name: str
    slug: str
    description: str
    requires_two_factor: bool


def parse_organisation(values: Mapping[str, Any]) -> OrganisationChange:
    """Takes what was typed; gives the change. Raises ValidationError with every broken rule."""
    name, slug = values["name"].strip(), values["slug"].strip().lower()
    # Browsers send line breaks as CRLF; one is one character.
    description = values["description"].replace("\r\n", "\n").strip()
    found = (_find_name_error(name), _find_slug_error(slug), _find_description_error(description))
    if errors := [error for error in found if error]:
        raise ValidationError(errors)
    return OrganisationChange(name, slug, description, bool(values["requiresTwoFactor"]))


def _find_name_error(name: str) -> FieldError | None:
    if not name:
        return FieldError("name", "required", say("Name is required."))
    if len(name) > NAME_LIMIT:
        return _build_too_long("name", say("Name"), NAME_LIMIT, len(name))
    if error := find_line_error(name):
        return FieldError("name", error[0], say("Name {rule}", rule=error[1]))
    return None


def _find_slug_error(slug: str) -> FieldError | None:
    if not slug:
        return FieldError("slug", "required", say("Address is required."))
    if len(slug) > MAX_LENGTH:
        return _build_too_long("slug", say("Address"), MAX_LENGTH, len(slug))
    if not _SLUG.fullmatch(slug):
        message = say("Address must be of the letters a to z, digits and single hyphens between them.")
        return FieldError("slug", "invalid_format", message)
    if slug in RESERVED:
        message = say("Address must not be {slug}: pages of Slipway are there.", slug=slug)
        return FieldError("slug", "reserved", message)
    return None


def _find_description_error(description: str) -> FieldError | None:
    if len(description) > DESCRIPTION_LIMIT:
        return _build_too_long("description", say("Description"), DESCRIPTION_LIMIT, len(description))
    if error := find_encoding_error(description):
        return FieldError("description", error[0], say("Description {rule}", rule=error[1]))
    return None


def _build_too_long(field: str, label: Message, limit: int, length: int) -> FieldError:
    message = say(
        "{label} must have at most {limit} characters; it has {length}.", label=label, limit=limit, length=length
    )
    return FieldError(field, "too_long", message)
