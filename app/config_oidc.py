"""Reads the settings of sign-in through an OpenID provider. As ``app.config_values`` does."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from app.config_values import is_loopback, split_url
from app.text import find_line_error

# What a provider's address ends with (OpenID Connect Discovery 1.0, section 4).
WELL_KNOWN = "/.well-known/openid-configuration"
DEFAULT_SCOPES = "openid email profile"
_NAME_LIMIT = 40
_TEXT_LIMIT = 512
# RFC 6749, section 3.3.
_SCOPE = re.compile(r"[\x21\x23-\x5b\x5d-\x7e]+\Z")
_VISIBLE = re.compile(r"[\x21-\x7e]+\Z")
_URL_RULE = (
    f"must be https://…{WELL_KNOWN} without user, query or fragment; http:// only for a provider on this machine"
)


@dataclass(frozen=True, slots=True)
class OidcSettings:
    """The provider that people may sign in through, and who Slipway is to it. ``name`` is what the button says."""

    discovery_url: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str
    scopes: tuple[str, ...]

    @property
    def issuer(self) -> str:
        """The name that the provider must give itself, without a slash at its end."""
        return self.discovery_url.removesuffix(WELL_KNOWN)


def read_oidc(read: Callable[..., Any]) -> OidcSettings | None:
    """Takes what reads one variable by its parser and default; gives the provider, or None if none is set."""
    url = read("OIDC_DISCOVERY_URL", parse_discovery_url)
    client_id = read("OIDC_CLIENT_ID", parse_client_id(is_needed=bool(url)))
    secret = read("OIDC_CLIENT_SECRET", parse_client_secret(is_allowed=bool(url)))
    name = read("OIDC_NAME", parse_provider_name, urlsplit(url).hostname or "")
    scopes = read("OIDC_SCOPES", parse_scopes, DEFAULT_SCOPES)
    return OidcSettings(url, client_id, secret, name, scopes) if url else None


def parse_discovery_url(text: str) -> str:
    """Gives the address of a provider's metadata; no text gives none."""
    if not text:
        return ""
    if not text.startswith(("https://", "http://")) or not _VISIBLE.match(text):
        raise ValueError(_URL_RULE)
    parts = split_url(text)
    is_plain = "@" not in parts.netloc and not any(sign in text for sign in "?#\\")
    is_secure = parts.scheme == "https" or is_loopback(parts.hostname or "")
    if not is_plain or not is_secure or not parts.path.endswith(WELL_KNOWN) or len(text) > _TEXT_LIMIT:
        raise ValueError(_URL_RULE)
    return text


def parse_client_id(*, is_needed: bool) -> Callable[[str], str]:
    """Takes whether there is a provider; gives a parser of Slipway's name there."""

    def parse(text: str) -> str:
        if is_needed and not text:
            raise ValueError("must be set, because OIDC_DISCOVERY_URL is")
        if text and not is_needed:
            raise ValueError("must not be set without OIDC_DISCOVERY_URL")
        return _check_visible(text)

    return parse


def parse_client_secret(*, is_allowed: bool) -> Callable[[str], str]:
    """Takes whether there is a provider; gives a parser of the secret that it knows Slipway by, which may be none."""

    def parse(text: str) -> str:
        if text and not is_allowed:
            raise ValueError("must not be set without OIDC_DISCOVERY_URL")
        return _check_visible(text)

    return parse


def parse_provider_name(text: str) -> str:
    """Gives what people know the provider by."""
    if len(text) > _NAME_LIMIT or (text and find_line_error(text)):
        raise ValueError(f"must be a name of at most {_NAME_LIMIT} characters")
    return text


def parse_scopes(text: str) -> tuple[str, ...]:
    """Gives the scopes that are asked for, each once."""
    scopes = tuple(dict.fromkeys(text.split()))
    if "openid" not in scopes or len(text) > _TEXT_LIMIT or not all(_SCOPE.match(scope) for scope in scopes):
        raise ValueError(f"must be scopes separated by spaces, openid among them, such as {DEFAULT_SCOPES}")
    return scopes


def _check_visible(text: str) -> str:
    if text and (len(text) > _TEXT_LIMIT or not _VISIBLE.match(text)):
        raise ValueError(f"must have at most {_TEXT_LIMIT} characters: ASCII letters, digits and signs, no spaces")
    return text
