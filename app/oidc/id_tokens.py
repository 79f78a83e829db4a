"""Whether an ID token may be believed (OpenID Connect Core 1.0, section 3.1.3.7). No network, no database."""

from __future__ import annotations

import hmac
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jws
from joserfc.errors import JoseError, SecurityWarning
from joserfc.jwk import ECKey, JWKRegistry, Key, OKPKey, RSAKey
from joserfc.jws import JWSRegistry

from app.exceptions import MalformedBodyError
from app.json_body import parse_json_object
from app.oidc.schema import ProviderError

# How far the clocks of the provider and of Slipway may be apart.
LEEWAY_SECONDS = 60
_MAX_KEYS = 64
# For these no standard says by which hash ``at_hash`` is made.
_WITHOUT_HASH = ("EdDSA", "Ed25519")
_PUBLIC_KEYS = (RSAKey, ECKey, OKPKey)


class UnknownKeyError(ProviderError):
    """None of the keys has signed it. The provider may have changed them since they were fetched."""

    def __init__(self) -> None:
        super().__init__("its ID token is signed by a key that is not among its keys")


@dataclass(frozen=True, slots=True)
class Expected:
    """What an ID token must say: who made it, whom it is for, which sign-in it ends, and how it may be signed."""

    issuer: str
    client_id: str
    nonce: str
    algorithms: tuple[str, ...]


def parse_key_set(raw: Mapping[str, Any]) -> list[Key]:
    """Takes a JWK set (RFC 7517); gives its public keys that sign. Others are none of ours to complain about.

    Raises ProviderError if it is no key set.
    """
    members = raw.get("keys")
    if not isinstance(members, list) or len(members) > _MAX_KEYS:
        raise ProviderError("its key set is none")
    return [key for member in members if (key := _parse_key(member)) is not None]


def verify(token: str, keys: Sequence[Key], expected: Expected, access_token: str) -> dict[str, Any]:
    """Takes an ID token as sent, and the access token that came with it; gives its claims.

    Raises ProviderError if it is not believed; if that is for want of the right key, UnknownKeyError.
    """
    claims, header = verify_signature(token, keys, expected.algorithms)
    _check_types(claims)
    if not hmac.compare_digest(claims["nonce"].encode("utf-8", "replace"), expected.nonce.encode()):
        raise ProviderError("its ID token has another nonce")
    options = {
        "iss": {"essential": True, "value": expected.issuer},
        "aud": {"essential": True, "value": expected.client_id},
    }
    params = {"nonce": expected.nonce, "client_id": expected.client_id}
    if header["alg"] not in _WITHOUT_HASH:
        params["access_token"] = access_token
    try:
        CodeIDToken(claims, header, options, params).validate(leeway=LEEWAY_SECONDS)
    except JoseError as error:
        raise ProviderError(f"its ID token is refused: {error}") from error
    return claims


def verify_signature(
    token: str, keys: Sequence[Key], algorithms: tuple[str, ...]
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Takes a token as sent, and by which keys and algorithms its issuer signs; gives its claims and its header.

    Nothing that the claims say has been looked at then. Raises ProviderError; if it is for want of the right key,
    UnknownKeyError.
    """
    # The header is not to be trusted yet: it may only choose among the provider's keys.
    registry = JWSRegistry(algorithms=algorithms, strict_check_header=False)
    try:
        found = jws.extract_compact(token.encode("ascii", "replace"), registry=registry)
        header = found.headers()
        if header.get("alg") not in algorithms:
            raise ProviderError(f"its ID token is signed by {str(header.get('alg'))[:40]!r}, which is not taken here")
        key = _find_key(keys, header.get("kid"), header.get("alg"))
        if not jws.validate_compact(found, key, registry=registry):
            raise ProviderError("its ID token has a wrong signature")
        return parse_json_object(found.payload or b""), header
    except (JoseError, MalformedBodyError, ValueError, TypeError, RecursionError) as error:
        raise ProviderError(f"its ID token is refused: {error}") from error


def _find_key(keys: Sequence[Key], kid: object, algorithm: object) -> Key:
    fitting = [key for key in keys if key.get("alg") in (None, algorithm)]
    if kid is not None:
        fitting = [key for key in fitting if key.kid == kid]
    elif len(fitting) > 1:
        raise ProviderError("its ID token names no key, and there are several")
    if not fitting:
        raise UnknownKeyError
    return fitting[0]


def _parse_key(member: object) -> Key | None:
    if not isinstance(member, dict) or member.get("use", "sig") != "sig":
        return None
    with warnings.catch_warnings():
        # A key that is too short is none.
        warnings.simplefilter("error", SecurityWarning)
        try:
            key = JWKRegistry.import_key(member)
        except (JoseError, SecurityWarning, ValueError, TypeError, KeyError, AttributeError):
            return None
    return key if isinstance(key, _PUBLIC_KEYS) and not key.is_private else None


def _check_types(claims: Mapping[str, Any]) -> None:
    audience = claims.get("aud")
    audiences = audience if isinstance(audience, list) else [audience]
    texts = [claims.get("iss"), claims.get("sub"), claims.get("nonce"), claims.get("at_hash", ""), *audiences]
    # What is there but false would be taken for absent.
    texts += [claims[name] for name in ("azp",) if name in claims]
    if not audiences or not all(isinstance(value, str) for value in texts):
        raise ProviderError("its ID token has a claim of a wrong type")
