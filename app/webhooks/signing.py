"""Signs what is sent, so that a receiver can tell that it comes from here and is whole. Pure.

Three schemes. ``cryptlex`` is the contract's: base64 of HMAC-SHA256 over the raw body. ``standard`` is the symmetric
one of Standard Webhooks 1.0 (``v1``), ``asymmetric`` its other one (``v1a``, Ed25519 by RFC 8032); both sign
``id.timestamp.body``.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
from collections.abc import Sequence
from typing import Final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

CRYPTLEX: Final = "cryptlex"
STANDARD: Final = "standard"
ASYMMETRIC: Final = "asymmetric"
SCHEMES: Final = (CRYPTLEX, STANDARD, ASYMMETRIC)

# How Standard Webhooks spells a shared secret, a private key and a public key; base64 follows.
SECRET_PREFIX: Final = "whsec_"  # noqa: S105 - it only says what follows
PRIVATE_PREFIX: Final = "whsk_"
PUBLIC_PREFIX: Final = "whpk_"
SECRET_BYTES: Final = (24, 64)

_MADE_BYTES = 32
_SEED_BYTES = 32
# A private key is stored as its seed with the public key behind it, which is how most libraries for Ed25519 read one.
_PRIVATE_BYTES = 64
_BASE64 = re.compile(r"[A-Za-z0-9+/]*={0,2}\Z")
_USER_AGENT = "Slipway-Webhooks/1"


def generate_token(scheme: str = CRYPTLEX) -> str:
    """Gives a new secret: 256 bits that both symmetric schemes can sign with, or a key pair for the asymmetric one."""
    if scheme != ASYMMETRIC:
        return SECRET_PREFIX + _encode(secrets.token_bytes(_MADE_BYTES))
    key = Ed25519PrivateKey.generate()
    return PRIVATE_PREFIX + _encode(key.private_bytes_raw() + key.public_key().public_bytes_raw())


def can_sign(scheme: str, token: str) -> bool:
    """Whether the scheme can sign with the secret, and a receiver with a public library can verify it."""
    if scheme == ASYMMETRIC:
        return token.startswith(PRIVATE_PREFIX) and len(_decode(token.removeprefix(PRIVATE_PREFIX))) == _PRIVATE_BYTES
    if scheme == STANDARD:
        # The libraries decode every secret as base64, with or without the prefix: what they would make of a plain
        # one is either an error or other bytes than its own.
        return token.startswith(SECRET_PREFIX) and is_shared_secret(token)
    return not token.startswith((PRIVATE_PREFIX, PUBLIC_PREFIX))


def is_shared_secret(token: str) -> bool:
    """Whether what follows ``whsec_`` is base64 of 24 to 64 bytes, with its padding or without."""
    shortest, longest = SECRET_BYTES
    return shortest <= len(_decode(token.removeprefix(SECRET_PREFIX))) <= longest


def show_token(token: str) -> str:
    """Takes a stored secret; gives what its owner sees: the secret itself, of a key pair the public key alone."""
    if not token.startswith(PRIVATE_PREFIX):
        return token
    return PUBLIC_PREFIX + _encode(_read_public_key(token))


def build_jwk(token: str) -> dict[str, str]:
    """Takes a private key; gives its public key as a JWK (RFC 8037, section 2), whose id is its thumbprint."""
    key = {"crv": "Ed25519", "kty": "OKP", "x": _encode_url(_read_public_key(token))}
    # The thumbprint's input: the required members alone, sorted, without spaces (RFC 7638, section 3).
    canonical = json.dumps(key, separators=(",", ":"), sort_keys=True).encode("ascii")
    kid = _encode_url(hashlib.sha256(canonical).digest())
    return {"kty": "OKP", "crv": "Ed25519", "kid": kid, "use": "sig", "alg": "EdDSA", "x": key["x"]}


def build_headers(
    scheme: str, tokens: Sequence[str], delivery_id: str, timestamp: int, number: int, body: bytes
) -> dict[str, str]:
    """Gives the headers of one attempt.

    Takes the webhook's scheme and the secrets that are valid now, the newest first; the delivery's id, which is the
    same on every attempt; the time of this attempt in seconds since 1970; its number from 1; and the body as it will
    be sent. Raises ValueError for a scheme that is unknown, or secrets that it cannot sign with.
    """
    return {
        "Content-Type": "application/json; charset=utf-8",
        "User-Agent": _USER_AGENT,
        "webhook-id": delivery_id,
        "webhook-timestamp": str(timestamp),
        "webhook-attempt": str(number),
        "Webhook-Signature": _sign(scheme, tokens, f"{delivery_id}.{timestamp}.".encode("ascii") + body, body),
    }


def _sign(scheme: str, tokens: Sequence[str], message: bytes, body: bytes) -> str:
    if not tokens:
        raise ValueError("there is no secret to sign with")
    if scheme == CRYPTLEX:
        # There is room for one signature. Until it is cut over, a receiver knows the secret that was there before;
        # the key is the secret's own characters.
        return _digest(tokens[-1].encode("utf-8"), body)
    if scheme not in SCHEMES or not all(can_sign(scheme, token) for token in tokens):
        raise ValueError(f"the scheme {scheme!r} cannot sign with these secrets")
    if scheme == STANDARD:
        return " ".join(f"v1,{_digest(_decode(token.removeprefix(SECRET_PREFIX)), message)}" for token in tokens)
    return " ".join(f"v1a,{_encode(_read_private_key(token).sign(message))}" for token in tokens)


def _digest(key: bytes, message: bytes) -> str:
    return _encode(hmac.new(key, message, hashlib.sha256).digest())


def _read_private_key(token: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(_decode(token.removeprefix(PRIVATE_PREFIX))[:_SEED_BYTES])


def _read_public_key(token: str) -> bytes:
    return _decode(token.removeprefix(PRIVATE_PREFIX))[_SEED_BYTES:]


def _encode(raw: bytes) -> str:
    return base64.b64encode(raw).decode("ascii")


def _encode_url(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode("ascii")


def _decode(encoded: str) -> bytes:
    """Gives the bytes, or none of what is not base64 (RFC 4648, section 4)."""
    if not _BASE64.match(encoded):
        return b""
    try:
        # The padding may have been left out.
        return base64.b64decode(encoded if "=" in encoded else encoded + "=" * (-len(encoded) % 4), validate=True)
    except binascii.Error:
        return b""
