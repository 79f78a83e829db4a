"""The grammar and the order of versions.

Two to four dot-separated runs of ASCII digits, each of which fits 64 bits. A version is kept as it was typed and
compared as four integers, the missing ones zero: 1.10 is newer than 1.9, and 1.2 is 1.2.0.
"""

from __future__ import annotations

import re

MAX_LENGTH = 128
_GRAMMAR = re.compile(r"[0-9]+(?:\.[0-9]+){1,3}\Z")
_PARTS = 4
_PART_BYTES = 8


def find_version_error(version: str) -> tuple[str, str] | None:
    """Takes what was given as a version; gives None, or a machine word and a sentence for people."""
    if not version:
        return "required", "Version is required."
    if len(version) > MAX_LENGTH:
        return "too_long", f"Version must have at most {MAX_LENGTH} characters; it has {len(version)}."
    if not _GRAMMAR.match(version):
        return (
            "invalid_version",
            "Version must be two to four numbers with dots between them: x.x, x.x.x or x.x.x.x, such as 1.4.0.",
        )
    if any(int(part) >= 1 << (8 * _PART_BYTES) for part in version.split(".")):
        return "number_too_large", "Version must not have a number larger than 18446744073709551615 (64 bits)."
    return None


def build_version_key(version: str) -> bytes:
    """Takes a valid version; gives 32 bytes that sort and compare, on every database, as the version does."""
    parts = [int(part) for part in version.split(".")]
    parts += [0] * (_PARTS - len(parts))
    return b"".join(part.to_bytes(_PART_BYTES, "big") for part in parts)
