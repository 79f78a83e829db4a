"""Whether the identity token of a job of CI may be believed. No network, no database."""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from joserfc.jwk import Key

from app.exceptions import MalformedBodyError
from app.json_body import parse_json_object
from app.oidc.id_tokens import LEEWAY_SECONDS, UnknownKeyError, verify_signature
from app.oidc.schema import ProviderError
from app.publishers.kinds import clean, read_text
from app.publishers.refusals import IdentityTokenError
from app.text import find_encoding_error

# 31 December 9999, the last day that a datetime can hold.
_LAST_SECOND: Final = 253402300799
_JTI_LIMIT: Final = 1024


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a job is, as its issuer says and has signed."""

    issuer: str
    claims: Mapping[str, Any]

    @property
    def digest(self) -> bytes:
        """A hash by which the token is known again: of its own id or, without one, of all that it says."""
        name = read_text(self.claims, "jti") or json.dumps(self.claims, sort_keys=True)
        return hashlib.sha256(json.dumps([self.issuer, name]).encode()).digest()

    @property
    def ends_at(self) -> float:
        """The last second in which the token is taken, whoever's clock is right."""
        return min(float(self.claims["exp"]) + LEEWAY_SECONDS, _LAST_SECOND)


def read_issuer(token: str) -> str:
    """Takes a token as sent; gives whose it says it is, which nothing proves yet. Raises IdentityTokenError."""
    parts = token.split(".")
    if len(parts) != 3 or not token.isascii():
        raise _build_malformed()
    payload = parts[1]
    try:
        claims = parse_json_object(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
    except (MalformedBodyError, binascii.Error, ValueError):
        raise _build_malformed() from None
    issuer = read_text(claims, "iss")
    if not issuer:
        raise IdentityTokenError("missing_claim", "token has no iss: it is not the identity token of a job.")
    return issuer


def verify_identity(
    token: str, issuer: str, keys: Sequence[Key], algorithms: tuple[str, ...], audience: str, moment: float
) -> Identity:
    """Takes a token as sent, the issuer that it names and that issuer's keys, whom it must be for, and the time.

    Gives who the job is. Raises IdentityTokenError if it is not believed; if that is for want of the right key,
    UnknownKeyError.
    """
    try:
        claims, _ = verify_signature(token, keys, algorithms)
    except UnknownKeyError:
        raise
    except ProviderError as error:
        raise IdentityTokenError("bad_signature", f"token is not signed as it must be: {error}.") from error
    if claims.get("iss") != issuer:
        raise _build_malformed()
    _check_audience(claims.get("aud"), audience)
    _check_times(claims, moment)
    if "jti" in claims and not 0 < len(read_text(claims, "jti")) <= _JTI_LIMIT:
        raise IdentityTokenError("wrong_type", "token has a jti that is no text.")
    if any(find_encoding_error(text) for text in (*claims, *map(str, claims.values()))):
        raise IdentityTokenError("wrong_type", "token has a claim that is no text.")
    return Identity(issuer, claims)


def _check_audience(claimed: object, audience: str) -> None:
    # A token that is for somebody else as well could come from there.
    if claimed not in (audience, [audience]):
        shown = clean(claimed if isinstance(claimed, str) else json.dumps(claimed))
        raise IdentityTokenError(
            "wrong_audience",
            f"token is for the audience {shown!r}, and must be for {audience!r} alone: ask for it with that audience.",
        )


def _check_times(claims: Mapping[str, Any], moment: float) -> None:
    for name in ("exp", "iat", "nbf"):
        value = claims.get(name)
        if value is None and name == "nbf":
            continue
        if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= _LAST_SECOND:
            raise IdentityTokenError("missing_claim", f"token has no usable {name}.")
    if claims["exp"] + LEEWAY_SECONDS < moment:
        late = int(moment - claims["exp"])
        raise IdentityTokenError(
            "expired", f"token has expired {late} seconds ago: ask for a new one right before you send it."
        )
    if max(claims["iat"], claims.get("nbf") or 0) > moment + LEEWAY_SECONDS:
        raise IdentityTokenError("not_yet_valid", "token is not valid yet: are the clocks right?")


def _build_malformed() -> IdentityTokenError:
    return IdentityTokenError("malformed", "token is not a JSON Web Token with three parts.")
