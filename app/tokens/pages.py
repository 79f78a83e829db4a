"""What the pages show of access tokens: from rows to what a template needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any
from uuid import uuid4

from sqlalchemy import Row
from werkzeug.datastructures import MultiDict

from app import times
from app.accounts.actors import SCOPES, Actor
from app.accounts.models import AccessToken, User
from app.accounts.schema import DEFAULT_EXPIRY_DAYS, normalize_email
from app.accounts.scope_words import SCOPE_WORDS
from app.answers import build_url
from app.language import gettext as _
from app.language import ngettext
from app.paging import Place, build_cursor, parse_cursor
from app.tokens.queries import TokenFilter
from app.tokens.schema import ON_A_DATE, PRESETS

PAGE_SIZE = 50
EVERYBODY = "all"
_SOON = timedelta(days=14)
_TEXT_FIELDS = ("name", "expiry", "expiresOn", "idempotencyKey", "signInEmail")


@dataclass(frozen=True, slots=True)
class TokenQuery:
    """Which tokens are asked for: as the page shows it, and as the query knows it."""

    values: Mapping[str, str]
    filters: TokenFilter
    place: Place

    @property
    def address(self) -> dict[str, Any]:
        """The parameters of an address that leads here."""
        return {name: value for name, value in self.values.items() if value}


def read_query(arguments: MultiDict[str, str], actor: Actor) -> TokenQuery:
    """Takes the URL's arguments; gives which tokens to list: one's own, or others for who manages users."""
    owner = arguments.get("owner", "").strip() if actor.has_scope("user:write") else ""
    state = "ended" if arguments.get("state") == "ended" else ""
    filters = TokenFilter(
        user_id=None if owner else actor.user_id,
        email=normalize_email(owner) if owner and owner != EVERYBODY else None,
        is_active=not state,
    )
    after = parse_cursor(arguments.get("cursor", ""))
    # One more row than is shown tells whether there is a next page.
    place = Place(limit=PAGE_SIZE + 1, is_descending=True, after=after)
    return TokenQuery({"owner": owner, "state": state}, filters, place)


def build_rows(found: Sequence[Row[AccessToken, User]], actor: Actor) -> list[SimpleNamespace]:
    """Takes tokens with their owners; gives what the list shows of them."""
    moment = times.now()
    return [_build_row(token, owner, actor, moment) for token, owner in found]


def find_cursor(found: Sequence[Row[AccessToken, User]]) -> str | None:
    """Takes what the query gave; gives where the next page begins, if there is one."""
    if len(found) <= PAGE_SIZE:
        return None
    last = found[PAGE_SIZE - 1][0]
    return build_cursor(last.created_at, last.id)


def _build_row(token: AccessToken, owner: User, actor: Actor, moment: datetime) -> SimpleNamespace:
    state, tone = _describe_state(token, owner, moment)
    return SimpleNamespace(
        id=token.id,
        name=token.name,
        owner=owner.email,
        is_own=owner.id == actor.user_id,
        scopes=token.scopes,
        created_at=token.created_at,
        last_used_at=token.last_used_at,
        expires_at=token.expires_at,
        state=state,
        tone=tone,
        is_active=token.revoked_at is None and token.expires_at > moment,
    )


def _describe_state(token: AccessToken, owner: User, moment: datetime) -> tuple[str, str]:
    if token.revoked_at is not None:
        return _("Revoked"), "is-bad"
    left = token.expires_at - moment
    if left <= timedelta():
        return _("Expired"), "is-bad"
    if not owner.is_active:
        return _("Owner deactivated"), "is-bad"
    # A sign-in by the API is over in an hour, and nobody need do anything about that.
    if left >= _SOON or token.is_login:
        return "", ""
    if left < timedelta(days=1):
        return _("Expires within a day"), "is-warning"
    return ngettext("Expires in {count} day", "Expires in {count} days", left.days), "is-warning"


def build_new_values() -> dict[str, Any]:
    """Gives the values of a form that nobody has touched. Its key makes a form that is sent twice one token."""
    return {
        "name": "",
        "scopes": [],
        "expiry": str(DEFAULT_EXPIRY_DAYS),
        "expiresOn": "",
        "idempotencyKey": str(uuid4()),
    }


def read_values(form: MultiDict[str, str]) -> dict[str, Any]:
    """Takes the form; gives every value as it was typed, so that the page can show it again."""
    return {**{name: form.get(name, "") for name in _TEXT_FIELDS}, "scopes": form.getlist("scopes")}


def list_scope_choices(actor: Actor | None) -> list[SimpleNamespace]:
    """Gives the scopes that the actor may give away, each with what it lets do; all of them where nobody is known."""
    return [
        SimpleNamespace(value=scope, words=SCOPE_WORDS[scope])
        for scope in SCOPES
        if actor is None or actor.has_scope(scope)
    ]


def list_expiry_choices() -> list[tuple[str, str]]:
    """Gives when a token may expire, as the form sends it and in words."""
    presets = [(str(days), ngettext("In {count} day", "In {count} days", days)) for days in PRESETS]
    return [*presets, (ON_A_DATE, _("On a date"))]


def build_example(scopes: Sequence[str]) -> str:
    """Takes what a token may do; gives a command that tries it."""
    path = next((path for scope, path in _EXAMPLES.items() if scope in scopes), "")
    return f'curl -sS {build_url(path)} -H "Authorization: Bearer $TOKEN"' if path else ""


_EXAMPLES = {"release:read": "/v3/releases", "webhook:read": "/v3/webhooks"}
