"""Slugs: the names of tenants and products in the addresses of the customer pages. Pure."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Container

MAX_LENGTH = 48
# The first step of every address that is Slipway's own: a tenant of this name would hide behind it.
RESERVED = frozenset(
    [
        "about",
        "account",
        "accounts",
        "admin",
        "api",
        "assets",
        "audit",
        "cli",
        "docs",
        "drafts",
        "favicon.ico",
        "feed",
        "feeds",
        "healthz",
        "help",
        "imports",
        "invitations",
        "livez",
        "login",
        "logout",
        "me",
        "metrics",
        "new",
        "oidc",
        "preview",
        "products",
        "readyz",
        "releases",
        "robots.txt",
        "security",
        "settings",
        "setup",
        "sign-in",
        "sign-out",
        "sign-up",
        "signin",
        "signout",
        "signup",
        "static",
        "status",
        "style",
        "team",
        "tokens",
        "users",
        "v1",
        "v2",
        "v3",
        "v4",
        "webhooks",
        "well-known",
    ]
)
# What a slug looks like in an address; whatever else stands there is nobody's.
PATTERN = r"[a-z0-9]+(?:-[a-z0-9]+)*"


def build_slug(name: str, taken: Container[str], fallback: str) -> str:
    """Takes a name and the slugs that are taken; gives a free one: ASCII letters, digits and single hyphens.

    A name without any of these gives the fallback. What is taken or reserved gets a number.
    """
    folded = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode("ascii").lower()
    base = re.sub(r"[^a-z0-9]+", "-", folded).strip("-")[:MAX_LENGTH].strip("-") or fallback
    slug, number = base, 1
    while slug in taken or slug in RESERVED:
        number += 1
        slug = f"{base}-{number}"
    return slug
