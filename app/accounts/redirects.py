"""Where to go after sign-in: to a page of Slipway's own, whatever ``next`` says. Pure."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

_MAX_LENGTH = 2000
# One slash, then no second one and no backslash, which browsers read as one (WHATWG URL, "relative slash state").
# Control characters, which browsers drop before they look, are none of these, and neither is a space.
_OWN_PATH = re.compile(r"/(?![/\\])[^\s\\\x00-\x1f\x7f]*\Z")
# These lead in a circle, or would undo what has just been done.
_DOORS = frozenset({"/sign-in", "/sign-out", "/setup"})


def find_own_path(target: str | None) -> str | None:
    """Takes what was given as ``next``; gives it if it is a path on this site that a browser cannot misread.

    Everything else gives None: other sites, other schemes, control characters, over-long values.
    """
    if not target or len(target) > _MAX_LENGTH or not target.isprintable() or not _OWN_PATH.match(target):
        return None
    path = re.split(r"[?#]", target, maxsplit=1)[0]
    # A path such as /.//host is harmless as it stands, and an address of another host once somebody tidies it up.
    if "//" in path or path in _DOORS or path.startswith("/sign-in/"):
        return None
    return target


def find_referring_path(referer: str | None, host: str) -> str | None:
    """Takes the header Referer and the host of the request; gives the page that it came from, with its query.

    A page of another site, and what ``find_own_path`` does not like, give None.
    """
    try:
        parts = urlsplit(referer or "")
    except ValueError:
        return None
    if parts.scheme not in ("http", "https") or parts.netloc.lower() != host.lower():
        return None
    return find_own_path(f"{parts.path}?{parts.query}" if parts.query else parts.path)
