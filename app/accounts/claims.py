"""What an access token says, signed as a JWT (RFC 7519, RFC 9068), and whether it may be believed. No database."""

from __future__ import annotations

import base64
import hashlib
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from joserfc import jwt
from joserfc.jwk import RSAKey
from joserfc.jws import JWSRegistry

from app.exceptions import AuthenticationError, MalformedBodyError
from app.json_body import parse_json_object
from app.text import is_canonical_id

# Names of the installation, not addresses: a token outlives a change of BASE_URL.
ISSUER = "slipway"
AUDIENCE = "slipway:v3"
TOKEN_USAGE = "personal_access_token"  # noqa: S105 - the word that the contract asks for
# Of a job of CI, which a product trusts.
PUBLISHER_USAGE = "trusted_publisher"
ALGORITHM = "RS256"
_TYPES = frozenset({"at+jwt", "application/at+jwt"})
_MAX_LENGTH = 8192
# How far the clocks of two web servers may be apart.
_LEEWAY_SECONDS = 30
# 31 December 9999, the last day that a datetime can hold.
_LAST_SECOND = 253402300799
_COMPACT = re.compile(r"([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\.([A-Za-z0-9_-]+)\Z")
_VERIFIER = JWSRegistry(algorithms=[ALGORITHM]).get_alg(ALGORITHM)

FindKey = Callable[[str], RSAKey | None]


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token that is signed by us and in force says.

    ``product_id`` is set for a publisher's token alone, whose ``user_id`` is the publisher.
    """

    token_id: str
    user_id: str
    tenant_id: str
    key_id: str
    scopes: frozenset[str]
    product_id: str | None = None


@dataclass(frozen=True, slots=True)
class _Verified:
    """What a token says, and the key that has signed it."""

    kid: str
    key: RSAKey
    claims: dict[str, Any]


# By the hash of the token: no token is kept.
_verified: dict[bytes, _Verified] = {}
_VERIFIED_LIMIT = 4096


def build_refusal() -> AuthenticationError:
    """Gives the one exception for every bad token: whoever forges one learns nothing from the answer."""
    return AuthenticationError("The access token is not valid: unknown, expired, revoked or damaged.")


def sign_claims(kid: str, key: RSAKey, claims: dict[str, Any]) -> str:
    """Takes the key, its id and the claims that differ between tokens; gives the JWT."""
    header = {"alg": ALGORITHM, "typ": "at+jwt", "kid": kid}
    whole = {"iss": ISSUER, "aud": AUDIENCE, "token_usage": TOKEN_USAGE, **claims}
    return jwt.encode(header, whole, key, algorithms=[ALGORITHM])


def read_claims(token: str, find_key: FindKey) -> Claims:
    """Takes a token as sent; gives what it says. Raises AuthenticationError unless all of it can be believed.

    What was signed stays signed: of a token that comes again, all but the signature is looked at anew.
    """
    match = _COMPACT.match(token) if len(token) <= _MAX_LENGTH else None
    if match is None:
        raise build_refusal()
    digest = hashlib.sha256(token.encode("ascii")).digest()
    known = _verified.get(digest)
    if known is None or find_key(known.kid) is not known.key:
        known = _verify(match, find_key)
        if len(_verified) >= _VERIFIED_LIMIT:
            _verified.clear()
        _verified[digest] = known
    return _check_claims(known.claims, known.kid)


def _verify(match: re.Match[str], find_key: FindKey) -> _Verified:
    header, payload, signature = (_decode(part) for part in match.groups())
    kid = _check_header(_parse(header))
    key = find_key(kid)
    signed = match.string[: match.end(2)].encode("ascii")
    if key is None or not _VERIFIER.verify(signed, signature, key):
        raise build_refusal()
    return _Verified(kid, key, _parse(payload))


def _decode(part: str) -> bytes:
    raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)) if len(part) % 4 != 1 else b""
    # The last character may carry bits that mean nothing: a token has one spelling only.
    if not raw or base64.urlsafe_b64encode(raw).rstrip(b"=") != part.encode("ascii"):
        raise build_refusal()
    return raw


def _parse(raw: bytes) -> dict[str, Any]:
    try:
        return parse_json_object(raw)
    except MalformedBodyError:
        raise build_refusal() from None


def _check_header(header: dict[str, Any]) -> str:
    """Gives the key id. The header is not to be trusted yet: it may only choose among our own keys.

    ``alg`` is the one that we sign with (RFC 8725, section 3.1), ``typ`` that of an access token (RFC 9068,
    section 4); an extension that must be understood is not (RFC 7515, section 4.1.11). Keys and addresses of keys
    in the header are not looked at.
    """
    kid, kind = header.get("kid"), header.get("typ")
    is_ours = (
        header.get("alg") == ALGORITHM
        and isinstance(kind, str)
        and kind.lower() in _TYPES
        and "crit" not in header
        and "b64" not in header
    )
    if not is_ours or not isinstance(kid, str):
        raise build_refusal()
    return kid


def _check_claims(claims: dict[str, Any], kid: str) -> Claims:
    """Checks what RFC 9068, section 4, and the contract ask for, each claim by its exact type."""
    ids = [claims.get(name) for name in ("jti", "sub", "tenantid")]
    is_valid = (
        claims.get("iss") == ISSUER
        and _is_for_us(claims.get("aud"))
        and claims.get("token_usage", TOKEN_USAGE) in (TOKEN_USAGE, PUBLISHER_USAGE)
        and all(isinstance(value, str) and is_canonical_id(value) for value in ids)
        and _is_in_force(claims)
    )
    if not is_valid:
        raise build_refusal()
    token_id, user_id, tenant_id = ids
    scopes = _read_scopes(claims.get("scope"))
    product_id = claims.get("product")
    if claims.get("token_usage") == PUBLISHER_USAGE:
        if not isinstance(product_id, str) or not is_canonical_id(product_id):
            raise build_refusal()
        return Claims(str(token_id), str(user_id), str(tenant_id), kid, scopes, product_id)
    # There are no personal tokens for one product only. Whoever made one promised less than the scopes alone say.
    return Claims(str(token_id), str(user_id), str(tenant_id), kid, frozenset[str]() if "product" in claims else scopes)


def _is_for_us(audience: object) -> bool:
    audiences = audience if isinstance(audience, list) else [audience]
    return all(isinstance(item, str) for item in audiences) and AUDIENCE in audiences


def _is_in_force(claims: dict[str, Any]) -> bool:
    times = [claims.get("exp"), claims.get("iat"), claims.get("nbf", 1)]
    if not all(_is_time(value) for value in times):
        return False
    expires, issued, begins = (float(value) for value in times if value is not None)
    moment = time.time()
    return moment < expires and max(issued, begins) <= moment + _LEEWAY_SECONDS


def _is_time(value: object) -> bool:
    """Whether this is a NumericDate (RFC 7519, section 2). A boolean is a number to Python, and to nobody else."""
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value <= _LAST_SECOND


def _read_scopes(scope: object) -> frozenset[str]:
    """Gives the scopes of an array, or of a string with spaces (RFC 8693, section 4.2); of anything else none."""
    if isinstance(scope, str):
        return frozenset(scope.split(" "))
    if isinstance(scope, list):
        return frozenset(item for item in scope if isinstance(item, str))
    return frozenset()
