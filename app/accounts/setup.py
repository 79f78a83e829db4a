"""The first start: a code proves that whoever creates the first organisation also started the server."""

from __future__ import annotations

import base64
import hmac

from flask import Flask, current_app

from app.accounts import attempts, passwords, queries, service, user_sessions
from app.accounts.actors import SignedInUser
from app.accounts.schema import OrganisationDraft, parse_organisation
from app.config import Settings
from app.crypto import derive_key
from app.database import lock_name, transaction
from app.exceptions import FieldError, NotFoundError, ValidationError
from app.language import say

_PURPOSE = "slipway/setup-code/1"
_GROUP = 5


def setup_code(settings: Settings) -> str:
    """Takes the settings; gives the code, the same at every start: ten letters and digits such as ABCDE-FGHIJ.

    50 bits out of SECRET_KEY, far more than can be tried through a throttled page.
    """
    text = base64.b32encode(derive_key(settings.secret_key, _PURPOSE)).decode("ascii")
    return f"{text[:_GROUP]}-{text[_GROUP : 2 * _GROUP]}"


def is_setup_code(settings: Settings, typed: str) -> bool:
    """Whether this is the code, in capitals or not, with its hyphen or without. Compared in constant time."""
    return hmac.compare_digest(_fold(typed), _fold(setup_code(settings)))


def setup_notice(app: Flask) -> str | None:
    """Gives what the operator must know to set Slipway up, or None once an organisation exists."""
    with app.app_context():
        if queries.has_organisation():
            return None
        settings: Settings = app.extensions["slipway"].settings
        return f"Set up Slipway at {settings.base_url}/setup with the setup code {setup_code(settings)}"


def require_not_set_up() -> None:
    """Raises NotFoundError once an organisation exists: from then on there is no such page."""
    if queries.has_organisation():
        raise NotFoundError(say("There is nothing here."))


def set_up(code: str, name: str, email: str, password: str, address: str, user_agent: str = "") -> SignedInUser:
    """Commits the organisation that an installation begins with, and signs its owner in.

    Raises ValidationError with every broken rule, a wrong code among them; NotFoundError if there is an organisation
    already (of two at the same instant one wins); ThrottledError.
    """
    require_not_set_up()
    with transaction() as session:
        attempt = attempts.admit_attempt(session, f"setup {address}", address)
    draft = _parse(code, name, email, password)
    password_hash = passwords.hash_password(draft.password)
    with transaction() as session:
        lock_name(session, service.CREATION_LOCK)
        require_not_set_up()
        attempts.clear_attempt(session, attempt)
        tenant, user = service.insert_organisation(session, draft, password_hash)
        return user_sessions.open_session(session, user, tenant, address=address, user_agent=user_agent, method="setup")


def _parse(code: str, name: str, email: str, password: str) -> OrganisationDraft:
    errors: list[FieldError] = []
    if not code.strip():
        errors.append(FieldError("setup_code", "required", say("Setup code is required.")))
    elif not is_setup_code(current_app.extensions["slipway"].settings, code):
        errors.append(
            FieldError("setup_code", "wrong", say("Setup code is wrong: it is printed where Slipway was started."))
        )
    try:
        draft = parse_organisation(name, email, password)
    except ValidationError as error:
        raise ValidationError([*errors, *error.errors]) from None
    if errors:
        raise ValidationError(errors)
    return draft


def _fold(code: str) -> bytes:
    return code.upper().replace("-", "").replace(" ", "").encode("utf-8", "surrogatepass")
