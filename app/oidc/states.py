"""What a browser remembers, in its signed session, while its user is away at the provider.

Nothing of it is kept in memory: any process can go on with what another one began.
"""

from __future__ import annotations

import json
import secrets
import time
from dataclasses import asdict, dataclass, fields
from typing import Any, Final

from flask import session

from app.oidc.schema import Account, Proof

# The names under which the session holds these.
_JOURNEYS: Final = "oidc"
_CHOICE: Final = "oidc_choice"
NAMES: Final = frozenset({_JOURNEYS, _CHOICE})
# Long enough for a second factor at the provider that has to be looked for first.
LIFETIME_SECONDS = 900
# Each tab may have one under way, as many as a cookie holds.
_MAX_JOURNEYS = 4
_MAX_BYTES = 1800
_MAX_PATH = 400
LONGEST_TEXT = 512
_SECRET_BYTES = 32

# What one goes to the provider for.
SIGN_IN: Final = "sign-in"
CONNECT: Final = "connect"
JOIN: Final = "join"


@dataclass(frozen=True, slots=True)
class Journey:
    """The way to the provider and back.

    ``bound_to`` is the session that connects an account, or the link of the invitation that is accepted.
    """

    state: str
    nonce: str
    verifier: str
    purpose: str
    next_path: str
    bound_to: str
    until: int

    @property
    def proof(self) -> Proof:
        """What proves to the provider and to Slipway that it is this one."""
        return Proof(self.state, self.nonce, self.verifier)


@dataclass(frozen=True, slots=True)
class Choice:
    """Somebody whom the provider has vouched for, and who has yet to say for which organisation."""

    state: str
    issuer: str
    subject: str
    email: str
    is_email_verified: bool
    next_path: str
    until: int

    @property
    def account(self) -> Account:
        """Who it is."""
        return Account(self.issuer, self.subject, self.email, self.is_email_verified)


def begin_journey(purpose: str, next_path: str = "", bound_to: str = "") -> Journey:
    """Takes what for, where to go on afterwards, and what else it belongs to; remembers a new one and gives it."""
    # A path that would not fit into the cookie is let go; the rest is not.
    kept_path = next_path if len(next_path) <= _MAX_PATH and next_path.isascii() else ""
    state, nonce, verifier = (secrets.token_urlsafe(_SECRET_BYTES) for _ in range(3))
    journey = Journey(state, nonce, verifier, purpose, kept_path, bound_to, _end())
    kept = [*_list_open(), asdict(journey)][-_MAX_JOURNEYS:]
    while len(kept) > 1 and len(json.dumps(kept)) > _MAX_BYTES:
        kept.pop(0)
    session[_JOURNEYS] = kept
    return journey


def end_journey(state: str) -> Journey | None:
    """Takes the state that came back; gives the journey, which ends here.

    Gives None if there is none: it was never begun, not in this browser, or too long ago.
    """
    found = None
    kept = []
    for item in _list_open():
        if secrets.compare_digest(item["state"].encode(), state.encode("utf-8", "replace")):
            found = Journey(**item)
        else:
            kept.append(item)
    if kept:
        session[_JOURNEYS] = kept
    else:
        session.pop(_JOURNEYS, None)
    return found


def ask(journey: Journey, account: Account) -> None:
    """Remembers who has to choose an organisation."""
    choice = Choice(
        state=journey.state,
        issuer=account.issuer,
        subject=account.subject,
        email=account.email,
        is_email_verified=account.is_email_verified,
        next_path=journey.next_path,
        until=_end(),
    )
    # A cookie does not hold both: what is under way in other tabs begins anew.
    session.pop(_JOURNEYS, None)
    session[_CHOICE] = asdict(choice)


def find_choice() -> Choice | None:
    """Gives who has to choose, while there is time."""
    found = session.get(_CHOICE)
    return Choice(**found) if found and found["until"] > time.time() else None


def forget_choice() -> None:
    """Ends the choosing."""
    session.pop(_CHOICE, None)


def is_expected(name: str, value: Any) -> bool:
    """Whether a value of the session has the shape that is written here, whoever signed it."""
    if name == _JOURNEYS:
        return isinstance(value, list) and len(value) <= _MAX_JOURNEYS and all(_has_shape(it, Journey) for it in value)
    return name == _CHOICE and _has_shape(value, Choice)


def _list_open() -> list[dict[str, Any]]:
    moment = time.time()
    return [item for item in session.get(_JOURNEYS, []) if item["until"] > moment]


def _has_shape(value: Any, kind: type) -> bool:
    types = {"until": int, "is_email_verified": bool}
    names = {field.name for field in fields(kind)}
    return (
        isinstance(value, dict)
        and set(value) == names
        and all(type(value[name]) is types.get(name, str) for name in names)
        and all(len(text) <= LONGEST_TEXT and text.isascii() for text in value.values() if isinstance(text, str))
    )


def _end() -> int:
    return int(time.time()) + LIFETIME_SECONDS
