"""Passwords: which are allowed, and their hashes.

A password counts as typed: nothing is trimmed, cut or folded, and any character may be in it. Only its spelling in
Unicode is made one (NFC), because keyboards differ in how they compose the same letter (NIST SP 800-63B, 3.1.1.2).
"""

from __future__ import annotations

import unicodedata
from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.exceptions import FieldError

MIN_LENGTH = 10
MAX_LENGTH = 1024

# Argon2id with what OWASP asks for at least: 19 MiB and two passes. More memory would let a few sign-ins at once
# push everything else off a small machine.
_hasher = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1)


def find_password_error(password: str) -> FieldError | None:
    """Takes a password that somebody wants; gives what is wrong with it, or None."""
    length = len(password)
    if not password:
        return FieldError("password", "required", "Password is required.")
    if length < MIN_LENGTH:
        message = f"Password must have at least {MIN_LENGTH} characters; it has {length}."
        return FieldError("password", "too_short", message)
    if length > MAX_LENGTH:
        message = f"Password must have at most {MAX_LENGTH} characters; it has {length}."
        return FieldError("password", "too_long", message)
    if _encode(password) is None:
        message = "Password must not contain half of a surrogate pair (U+D800 to U+DFFF)."
        return FieldError("password", "invalid_character", message)
    return None


def hash_password(password: str) -> str:
    """Takes an allowed password; gives its Argon2id hash (RFC 9106) with salt and parameters."""
    encoded = _encode(password)
    if encoded is None:
        raise ValueError("this password has no spelling in UTF-8")
    return _hasher.hash(encoded)


def is_password(password_hash: str, password: str) -> bool:
    """Whether the password is the one of the hash. One that is too long is not even looked at."""
    encoded = _encode(password) if len(password) <= MAX_LENGTH else None
    if encoded is None:
        return False
    try:
        return _hasher.verify(password_hash, encoded)
    except (VerificationError, InvalidHashError):
        return False


def pretend_check(password: str) -> None:
    """Takes as long as ``is_password``, so that time does not tell whether there is such an account."""
    is_password(_dummy_hash(), password)


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with other parameters than today's."""
    return _hasher.check_needs_rehash(password_hash)


@cache
def _dummy_hash() -> str:
    return _hasher.hash(b"nobody's password")


def _encode(password: str) -> bytes | None:
    try:
        return unicodedata.normalize("NFC", password).encode()
    except UnicodeEncodeError:
        return None
