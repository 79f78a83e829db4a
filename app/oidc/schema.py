"""What a provider says of itself, and of whoever signed in there: read strictly. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from app.accounts.schema import EMAIL_LIMIT, NAME_LIMIT, is_email, normalize_email
from app.text import find_line_error

# Only signatures by a key that the provider alone has. With HS256 the client's secret would be that key, and with
# none there would be no signature.
ALGORITHMS = (
    *(f"{family}{bits}" for family in ("RS", "PS") for bits in (256, 384, 512)),
    *("ES256", "ES384", "ES512", "EdDSA", "Ed25519"),
)
_ISSUER_LIMIT = 255
_URL_LIMIT = 2048
# OpenID Connect Core 1.0, section 2: at most 255 ASCII characters.
_SUBJECT = re.compile(r"[\x20-\x7e]{1,255}\Z")
_VISIBLE = re.compile(r"[\x21-\x7e]+\Z")


class ProviderError(Exception):
    """The provider did not do as it should. The text is for the operator, in the log.

    ``is_outage``: it did not answer at all, or was too slow; so it is worth while to try again.
    """

    def __init__(self, reason: str, *, is_outage: bool = False) -> None:
        super().__init__(reason)
        self.is_outage = is_outage


@dataclass(frozen=True, slots=True)
class Metadata:
    """A provider as it describes itself, as far as Slipway makes use of it."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str
    algorithms: tuple[str, ...]
    # How the client proves who it is, of what both sides can do.
    is_secret_posted: bool
    # Whether it names itself in its answers (RFC 9207).
    names_itself: bool


@dataclass(frozen=True, slots=True)
class Proof:
    """What only one browser and Slipway know of a sign-in: its state, its nonce, and the verifier of PKCE."""

    state: str
    nonce: str
    verifier: str


@dataclass(frozen=True, slots=True)
class Account:
    """Who signed in at the provider. Issuer and subject never change; the address may, and counts if it is verified."""

    issuer: str
    subject: str
    email: str = ""
    is_email_verified: bool = False
    name: str = field(default="", compare=False)


def parse_metadata(raw: Mapping[str, Any], expected_issuer: str) -> Metadata:
    """Takes a provider's metadata and whose they ought to be. Raises ProviderError for what cannot be made use of."""
    issuer = _read_text(raw, "issuer", _ISSUER_LIMIT)
    # Else one provider could speak for another one (OpenID Connect Discovery 1.0, section 4.3). A slash at the end of
    # the name is not repeated in the address of the metadata.
    if issuer.removesuffix("/") != expected_issuer:
        raise ProviderError(f"its metadata name another issuer: {issuer[:200]!r}")
    is_local = expected_issuer.startswith("http://")
    names = ("authorization_endpoint", "token_endpoint", "jwks_uri")
    urls = {name: _read_url(raw, name, is_local=is_local) for name in names}
    userinfo = _read_url(raw, "userinfo_endpoint", is_local=is_local) if raw.get("userinfo_endpoint") else ""
    algorithms = _read_algorithms(raw)
    # OpenID Connect Discovery 1.0, section 3: left out, it means that one.
    methods = _read_list(raw, "token_endpoint_auth_methods_supported", ["client_secret_basic"])
    return Metadata(
        issuer=issuer,
        **urls,
        userinfo_endpoint=userinfo,
        algorithms=algorithms,
        is_secret_posted="client_secret_basic" not in methods and "client_secret_post" in methods,
        names_itself=raw.get("authorization_response_iss_parameter_supported") is True,
    )


@dataclass(frozen=True, slots=True)
class KeySource:
    """Where an issuer publishes its keys, and by which algorithms it signs."""

    jwks_uri: str
    algorithms: tuple[str, ...]


def parse_key_source(raw: Mapping[str, Any], issuer: str) -> KeySource:
    """Takes the metadata of an issuer that nobody signs in through, and which it ought to be.

    Raises ProviderError for what cannot be made use of.
    """
    # Else one issuer could speak for another one.
    if _read_text(raw, "issuer", _ISSUER_LIMIT) != issuer:
        raise ProviderError("its metadata name another issuer")
    return KeySource(_read_url(raw, "jwks_uri", is_local=issuer.startswith("http://")), _read_algorithms(raw))


def parse_account(issuer: str, claims: Mapping[str, Any]) -> Account:
    """Takes claims that are believed; gives who they are about. Raises ProviderError without a subject.

    An address counts as verified if ``email_verified`` is true: the JSON value, and no text or number.
    """
    subject = claims.get("sub")
    if not isinstance(subject, str) or not _SUBJECT.match(subject):
        raise ProviderError("its ID token has no usable sub")
    email, name = claims.get("email"), claims.get("name")
    email = normalize_email(email) if isinstance(email, str) and len(email) <= EMAIL_LIMIT else ""
    email = email if is_email(email) else ""
    name = name.strip()[:NAME_LIMIT] if isinstance(name, str) else ""
    return Account(
        issuer=issuer,
        subject=subject,
        email=email,
        is_email_verified=bool(email) and claims.get("email_verified") is True,
        name=name if name and find_line_error(name) is None else "",
    )


def _read_algorithms(raw: Mapping[str, Any]) -> tuple[str, ...]:
    offered = _read_list(raw, "id_token_signing_alg_values_supported", ["RS256"])
    algorithms = tuple(name for name in ALGORITHMS if name in offered)
    if not algorithms:
        raise ProviderError("it signs ID tokens by no algorithm that is taken here")
    return algorithms


def _read_text(raw: Mapping[str, Any], name: str, limit: int) -> str:
    value = raw.get(name)
    if not isinstance(value, str) or len(value) > limit or not _VISIBLE.match(value):
        raise ProviderError(f"its metadata have no usable {name}")
    return value


def _read_url(raw: Mapping[str, Any], name: str, *, is_local: bool) -> str:
    value = _read_text(raw, name, _URL_LIMIT)
    try:
        parts = urlsplit(value)
    except ValueError:
        raise ProviderError(f"its metadata have no usable {name}") from None
    allowed = ("https", "http") if is_local else ("https",)
    if parts.scheme not in allowed or not parts.hostname or "@" in parts.netloc or "#" in value or "\\" in value:
        raise ProviderError(f"its metadata have no usable {name}")
    return value


def _read_list(raw: Mapping[str, Any], name: str, default: list[str]) -> list[Any]:
    value = raw.get(name, default)
    if not isinstance(value, list):
        raise ProviderError(f"its metadata have no usable {name}")
    return value
