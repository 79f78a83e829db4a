"""Reads the setting of trusted publishing: whose identity tokens may be trusted. As ``app.config_values`` does."""

from __future__ import annotations

import re
from typing import Final

from app.config_values import is_loopback, split_url
from app.publishers.kinds import GITHUB_ISSUER, GITLAB_ISSUER

DEFAULT_ISSUERS: Final = (GITHUB_ISSUER, GITLAB_ISSUER)
_LIMIT = 20
_TEXT_LIMIT = 255
_VISIBLE = re.compile(r"[\x21-\x7e]+\Z")
_RULE = (
    "must be issuers separated by commas, each https://… without user, query or fragment; http:// only for one on this"
    " machine"
)


def parse_issuers(text: str) -> tuple[str, ...]:
    """Gives the issuers whose tokens may be trusted: those that are listed, beside those that always are."""
    listed = [part.strip() for part in text.split(",") if part.strip()]
    if len(listed) > _LIMIT or not all(_is_issuer(issuer) for issuer in listed):
        raise ValueError(_RULE)
    return tuple(dict.fromkeys((*DEFAULT_ISSUERS, *listed)))


def _is_issuer(text: str) -> bool:
    if not text.startswith(("https://", "http://")) or not _VISIBLE.match(text) or len(text) > _TEXT_LIMIT:
        return False
    parts = split_url(text)
    is_plain = "@" not in parts.netloc and not any(sign in text for sign in "?#\\")
    return is_plain and (parts.scheme == "https" or is_loopback(parts.hostname or ""))
