"""Encrypts what of a webhook is secret before it is stored, and reads it again: its tokens and its own headers."""

from __future__ import annotations

import json
from collections.abc import Mapping

from flask import current_app

from app.crypto import Cipher


def seal_token(token: str) -> bytes:
    """Takes a secret; gives what may be stored."""
    return _get_cipher().encrypt(token.encode())


def open_token(stored: bytes) -> str:
    """Gives the secret again. Raises DecryptionError."""
    return _get_cipher().decrypt(stored).decode()


def seal_headers(headers: Mapping[str, str]) -> bytes | None:
    """Takes names and values; gives what may be stored, None for no headers."""
    return _get_cipher().encrypt(json.dumps(dict(headers)).encode()) if headers else None


def open_headers(stored: bytes | None) -> dict[str, str]:
    """Gives the names and values again. Raises DecryptionError."""
    return read_headers(_get_cipher().decrypt(stored)) if stored else {}


def read_headers(plain: bytes) -> dict[str, str]:
    """Takes what was decrypted; gives the names and values."""
    return {str(name): str(value) for name, value in json.loads(plain).items()}


def _get_cipher() -> Cipher:
    cipher: Cipher = current_app.extensions["slipway"].cipher
    return cipher
