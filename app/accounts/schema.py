"""The validation of what accounts are made from. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from app.accounts.actors import SCOPES
from app.accounts.passwords import find_password_error
from app.exceptions import FieldError, ValidationError
from app.language import Message, say
from app.text import find_line_error

NAME_LIMIT = 256
EMAIL_LIMIT = 254
DEFAULT_EXPIRY_DAYS = 90
MAX_EXPIRY_DAYS = 365

_UPPER_TO_LOWER = {upper: upper + 32 for upper in range(ord("A"), ord("Z") + 1)}
# The grammar of HTML's e-mail input, with the lengths of RFC 5321, section 4.5.3.1. ASCII only: of two addresses
# that look alike, one in Cyrillic or with a character of no width, only one can then exist.
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_EMAIL = re.compile(rf"[A-Za-z0-9.!#$%&'*+/=?^_`{{|}}~-]{{1,64}}@{_LABEL}(?:\.{_LABEL})*\Z")


@dataclass(frozen=True, slots=True)
class OrganisationDraft:
    """A new organisation and its owner, checked."""

    name: str
    email: str
    password: str


@dataclass(frozen=True, slots=True)
class ProfileDraft:
    """How a user is called, and what pages look like for them, checked; empty means as the browser asks."""

    name: str
    locale: str
    theme: str


@dataclass(frozen=True, slots=True)
class TokenDraft:
    """A new access token, checked; each scope once, in the order of SCOPES."""

    name: str
    scopes: tuple[str, ...]
    expires_in_days: int


def normalize_email(text: str) -> str:
    """Gives the one spelling under which an e-mail address is stored and looked up.

    Spaces around it are not part of it, and the letters A to Z count as small ones. Nothing else is changed.
    """
    return text.strip(" \t\r\n").translate(_UPPER_TO_LOWER)


def is_email(text: str) -> bool:
    """Whether the text, normalized, is an e-mail address that Slipway takes."""
    return len(text) <= EMAIL_LIMIT and _EMAIL.match(text) is not None


def parse_organisation(name: str, email: str, password: str) -> OrganisationDraft:
    """Takes what was typed; gives the draft. Raises ValidationError with every broken rule."""
    email = normalize_email(email)
    found = (
        _find_name_error("organisation", say("Organisation"), name),
        _find_email_error(email),
        find_password_error(password),
    )
    if errors := [error for error in found if error]:
        raise ValidationError(errors)
    return OrganisationDraft(name, email, password)


def parse_profile(raw: Mapping[str, str], locales: Collection[str], themes: Collection[str]) -> ProfileDraft:
    """Takes what was typed and chosen, and what there is to choose from; gives the draft.

    Raises ValidationError with every broken rule.
    """
    name, locale, theme = (raw.get(field, "") for field in ("name", "locale", "theme"))
    found = [_find_name_error("name", say("Name"), name) if name else None]
    if locale and locale not in locales:
        found.append(FieldError("locale", "unknown_value", say("Language must be one of the list.")))
    if theme and theme not in themes:
        found.append(FieldError("theme", "unknown_value", say("Appearance must be one of the three.")))
    if errors := [error for error in found if error]:
        raise ValidationError(errors)
    return ProfileDraft(name, locale, theme)


def parse_new_email(email: str) -> str:
    """Takes an e-mail address as typed; gives it normalized. Raises ValidationError on ``email``."""
    email = normalize_email(email)
    if error := _find_email_error(email):
        raise ValidationError([error])
    return email


def parse_token(name: str, scopes: Sequence[str], expires_in_days: int, allowed: frozenset[str]) -> TokenDraft:
    """Takes what was asked for and the scopes that may be given away; gives the draft.

    Raises ValidationError with every broken rule.
    """
    found = [_find_name_error("name", say("Name"), name), *find_scope_errors(scopes, allowed)]
    if not 1 <= expires_in_days <= MAX_EXPIRY_DAYS:
        message = say("Days until it expires must be a whole number from 1 to {limit}.", limit=MAX_EXPIRY_DAYS)
        found.append(FieldError("expiresInDays", "out_of_range", message))
    if errors := [error for error in found if error]:
        raise ValidationError(errors)
    return TokenDraft(name, tuple(scope for scope in SCOPES if scope in scopes), expires_in_days)


def _find_name_error(field: str, label: Message, value: str) -> FieldError | None:
    if not value:
        return FieldError(field, "required", say("{label} is required.", label=label))
    if len(value) > NAME_LIMIT:
        message = say(
            "{label} must have at most {limit} characters; it has {length}.",
            label=label,
            limit=NAME_LIMIT,
            length=len(value),
        )
        return FieldError(field, "too_long", message)
    if error := find_line_error(value):
        code, rule = error
        return FieldError(field, code, say("{label} {rule}", label=label, rule=rule))
    return None


def _find_email_error(email: str) -> FieldError | None:
    if not email:
        return FieldError("email", "required", say("E-mail address is required."))
    if not is_email(email):
        message = say("E-mail address must look like name@example.com, in ASCII letters, digits and signs.")
        return FieldError("email", "invalid_format", message)
    return None


def find_scope_errors(scopes: Sequence[str], allowed: frozenset[str]) -> list[FieldError]:
    """Takes the scopes that were asked for, and those that may be given away; gives what is wrong with them."""
    if not scopes:
        message = say("Scopes are required: one or more of {known}.", known=", ".join(SCOPES))
        return [FieldError("scopes", "required", message)]
    errors = []
    if unknown := sorted(set(scopes) - set(SCOPES)):
        shown = ", ".join(ascii(scope[:64]) for scope in unknown[:10])
        message = say("Scopes must be of {known}; not {shown}.", known=", ".join(SCOPES), shown=shown)
        errors.append(FieldError("scopes", "unknown_scope", message))
    if excess := [scope for scope in SCOPES if scope in scopes and scope not in allowed]:
        message = say("Scopes must be ones that its owner has; not {shown}.", shown=", ".join(excess))
        errors.append(FieldError("scopes", "not_allowed", message))
    return errors
