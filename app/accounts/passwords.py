"""Passwords: which are allowed, and their hashes.

A password counts as typed: nothing is trimmed, cut or folded, and any character may be in it. Only its spelling in
Unicode is made one (NFC), because keyboards differ in how they compose the same letter (NIST SP 800-63B, 3.1.1.2).
"""

from __future__ import annotations

import contextlib
import unicodedata
from functools import cache
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.exceptions import FieldError
from app.language import Message, say

MIN_LENGTH = 10
MAX_LENGTH = 1024
# Stands in place of a hash where somebody has no password, because they sign in by a provider. No password fits it.
UNUSABLE: Final = "!"
_LABEL = say("Password")

# Argon2id with what OWASP asks for at least: 19 MiB and two passes. More memory would let a few sign-ins at once
# push everything else off a small machine.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def find_password_error(password: str, field: str = "password", label: Message = _LABEL) -> FieldError | None:
    """Takes a password that somebody wants, and what its field is called; gives what is wrong with it, or None."""
    length = len(password)
    if not password:
        return FieldError(field, "required", say("{label} is required.", label=label))
    if length < MIN_LENGTH:
        message = say(
            "{label} must have at least {limit} characters; it has {length}.",
            label=label,
            limit=MIN_LENGTH,
            length=length,
        )
        return FieldError(field, "too_short", message)
    if length > MAX_LENGTH:
        message = say(
            "{label} must have at most {limit} characters; it has {length}.",
            label=label,
            limit=MAX_LENGTH,
            length=length,
        )
        return FieldError(field, "too_long", message)
    if _encode(password) is None:
        message = say("{label} must not contain half of a surrogate pair (U+D800 to U+DFFF).", label=label)
        return FieldError(field, "invalid_character", message)
    return None


def hash_password(password: str) -> str:
    """Takes an allowed password; gives its Argon2id hash (RFC 9106) with salt and parameters."""
    encoded = _encode(password)
    if encoded is None:
        raise ValueError("this password has no spelling in UTF-8")
    return _hasher.hash(encoded)


def is_password(password_hash: str, password: str) -> bool:
    """Whether the password is the one of the hash. One that is too long is not even looked at.

    None is that of ``UNUSABLE``, and it takes as long to say so.
    """
    encoded = _encode(password) if len(password) <= MAX_LENGTH else None
    if encoded is None:
        return False
    if password_hash == UNUSABLE:
        _pretend(encoded)
        return False
    try:
        return _hasher.verify(password_hash, encoded)
    except (VerificationError, InvalidHashError):
        return False


def pretend_check(password: str) -> None:
    """Takes as long as ``is_password``, so that time does not tell whether there is such an account."""
    is_password(UNUSABLE, password)


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return password_hash != UNUSABLE and _hasher.check_needs_rehash(password_hash)


def _pretend(encoded: bytes) -> None:
    with contextlib.suppress(VerificationError):
        _hasher.verify(_dummy_hash(), encoded)


@cache
def _dummy_hash() -> str:
    return _hasher.hash(b"nobody's password")


def _encode(password: str) -> bytes | None:
    try:
        return unicodedata.normalize("NFC", password).encode()
    except UnicodeEncodeError:
        return None
