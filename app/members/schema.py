"""The validation of invitations and of who accepts one. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from app.accounts.actors import ROLE_SCOPES
from app.accounts.passwords import find_password_error
from app.accounts.schema import EMAIL_LIMIT, NAME_LIMIT, is_email, normalize_email
from app.exceptions import FieldError, ValidationError
from app.language import say
from app.text import find_line_error

# In the order of what they may do, the most first.
ROLES: tuple[str, ...] = tuple(ROLE_SCOPES)
# How long the link of an invitation is good.
INVITATION_DAYS = 7
_BAD_EMAIL = say("E-mail address must look like name@example.com, in ASCII letters, digits and signs.")


@dataclass(frozen=True, slots=True)
class InvitationDraft:
    """Who is to be invited, checked."""

    email: str
    role: str


@dataclass(frozen=True, slots=True)
class Newcomer:
    """Who accepts an invitation, checked; without a password they sign in by a provider alone."""

    name: str
    password: str | None


def parse_invitation(email: str, role: str) -> InvitationDraft:
    """Takes what was typed; gives the draft. Raises ValidationError with every broken rule."""
    email = normalize_email(email)
    if errors := [error for error in (_find_email_error(email), find_role_error(role)) if error]:
        raise ValidationError(errors)
    return InvitationDraft(email, role)


def parse_role(role: str) -> str:
    """Takes what was chosen; gives the role. Raises ValidationError."""
    if error := find_role_error(role):
        raise ValidationError([error])
    return role


def parse_newcomer(name: str, password: str | None) -> Newcomer:
    """Takes what was typed; gives who accepts. Raises ValidationError with every broken rule."""
    name = name.strip()
    found = (_find_name_error(name), None if password is None else find_password_error(password))
    if errors := [error for error in found if error]:
        raise ValidationError(errors)
    return Newcomer(name, password)


def find_role_error(role: str) -> FieldError | None:
    """Takes what was chosen; gives what is wrong with it, or None."""
    if not role:
        return FieldError("role", "required", say("Role is required."))
    if role not in ROLES:
        return FieldError("role", "unknown_role", say("Role must be one of owner, admin, editor and viewer."))
    return None


def _find_email_error(email: str) -> FieldError | None:
    if not email:
        return FieldError("email", "required", say("E-mail address is required."))
    if len(email) > EMAIL_LIMIT:
        message = say(
            "E-mail address must have at most {limit} characters; it has {count}.", limit=EMAIL_LIMIT, count=len(email)
        )
        return FieldError("email", "too_long", message)
    return None if is_email(email) else FieldError("email", "invalid_format", _BAD_EMAIL)


def _find_name_error(name: str) -> FieldError | None:
    if not name:
        return FieldError("name", "required", say("Name is required."))
    if len(name) > NAME_LIMIT:
        message = say("Name must have at most {limit} characters; it has {count}.", limit=NAME_LIMIT, count=len(name))
        return FieldError("name", "too_long", message)
    if error := find_line_error(name):
        code, rule = error
        return FieldError("name", code, say("Name {rule}", rule=rule))
    return None
