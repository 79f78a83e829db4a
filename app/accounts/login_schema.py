"""The validation of a sign-in by the API. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

from app.language import say
from app.schemas import Schema, find_unknown, parse_members, refuse

LABELS = {
    "email": say("E-mail address"),
    "password": say("Password"),
    "accountAlias": say("Account alias"),
    "code": say("Code"),
}


def _check_given(value: str) -> str:
    if not value:
        raise refuse("required", say("is required."))
    return value


Given = Annotated[str, AfterValidator(_check_given)]


class LoginSchema(Schema):
    """The members of ``POST /v3/accounts/login``.

    ``accountAlias`` is the name of an organisation, or its name in addresses: it is needed where the e-mail address
    and the password fit several. ``code`` is that of the second factor, or a recovery code, where there is one.
    """

    email: Given
    password: Given
    accountAlias: str | None = None  # noqa: N815 - the wire's name
    code: str | None = None


def parse_login(raw: Mapping[str, Any], *, is_strict: bool = False) -> LoginSchema:
    """Takes the members that were sent; gives the sign-in. Raises ValidationError with every broken rule.

    Whether they are right is not said here. With ``is_strict`` an unknown member breaks a rule.
    """
    return parse_members(LoginSchema, raw, LABELS, find_unknown(LoginSchema, raw) if is_strict else ())
