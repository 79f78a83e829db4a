"""The validation of an access token as the API sends it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from pydantic import Field

from app import times
from app.accounts.actors import SCOPES
from app.accounts.schema import DEFAULT_EXPIRY_DAYS, MAX_EXPIRY_DAYS, TokenDraft, find_scope_errors
from app.exceptions import FieldError, ValidationError
from app.language import say
from app.schemas import Line, Schema, find_unknown, parse_members
from app.tokens.schema import TokenRequest

LABELS = {
    "name": say("Name"),
    "scopes": say("Scopes"),
    "expiresAt": say("Expires at"),
    "revoked": say("Revoked"),
}


class TokenSchema(Schema):
    """The members of ``POST /v3/personal-access-tokens``. Without ``expiresAt`` it expires in 90 days."""

    name: Line
    scopes: list[str] = Field(default_factory=list)
    expiresAt: str | None = None  # noqa: N815 - the wire's name


class TokenChangeSchema(Schema):
    """The members of the PATCH of one: its name, and that it is revoked.

    Scopes and expiry are signed into the token: they may be sent, as by clients that send all they know, not changed.
    """

    name: Line | None = None
    revoked: bool | None = None
    scopes: list[str] | None = None
    expiresAt: str | None = None  # noqa: N815


def parse_token(
    raw: Mapping[str, Any], allowed: frozenset[str], moment: datetime, *, is_strict: bool = False
) -> TokenRequest:
    """Takes the members that were sent, the scopes that may be given away, and the current time; gives the request.

    Raises ValidationError with every broken rule. With ``is_strict`` an unknown member breaks one.
    """
    errors: list[FieldError] = []
    try:
        parse_members(TokenSchema, raw, LABELS, find_unknown(TokenSchema, raw) if is_strict else ())
    except ValidationError as error:
        errors = list(error.errors)
    wrong = {error.field for error in errors}
    scopes = raw.get("scopes") or []
    if "scopes" not in wrong:
        errors += find_scope_errors(scopes, allowed)
    expires_at = None
    if "expiresAt" not in wrong and raw.get("expiresAt") is not None:
        expires_at, found = _read_expiry(raw["expiresAt"], moment)
        errors += found
    if errors:
        order = [*LABELS]
        raise ValidationError(
            sorted(errors, key=lambda error: order.index(error.field) if error.field in order else len(order))
        )
    chosen = tuple(scope for scope in SCOPES if scope in scopes)
    request = TokenRequest(TokenDraft(raw["name"], chosen, DEFAULT_EXPIRY_DAYS))
    return replace(request, expires_at=expires_at) if expires_at else request


def parse_token_change(raw: Mapping[str, Any], *, is_strict: bool = False) -> TokenChangeSchema:
    """Takes the members that were sent; gives those to change. Raises as above."""
    unknown = find_unknown(TokenChangeSchema, raw) if is_strict else ()
    sent = parse_members(TokenChangeSchema, raw, LABELS, unknown)
    if sent.expiresAt is not None and times.parse_time(sent.expiresAt) is None:
        raise ValidationError([_build_bad_time()])
    return sent


def _read_expiry(text: str, moment: datetime) -> tuple[datetime | None, list[FieldError]]:
    expires_at = times.parse_time(text)
    if expires_at is None:
        return None, [_build_bad_time()]
    if expires_at <= moment:
        return None, [FieldError("expiresAt", "in_the_past", say("Expires at must be in the future."))]
    last = moment + timedelta(days=MAX_EXPIRY_DAYS)
    if expires_at > last:
        message = say(
            "Expires at must be at most {days} days from now: {last}.",
            days=MAX_EXPIRY_DAYS,
            last=times.format_time(last.replace(microsecond=0)),
        )
        return None, [FieldError("expiresAt", "out_of_range", message)]
    return expires_at, []


def _build_bad_time() -> FieldError:
    message = say("Expires at must be a date and time by RFC 3339, such as 2019-08-24T14:15:22Z.")
    return FieldError("expiresAt", "invalid_time", message)
