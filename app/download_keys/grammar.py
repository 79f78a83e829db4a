"""How a download key is spelled, and what is kept of it."""

from __future__ import annotations

import base64
import hashlib
import hmac

from app.crypto import derive_key

PREFIX = "dlk_"
_PURPOSE = "slipway/download-key/1"
_BYTES = 24
_ENDING = 4


def build_key(secret: str, key_id: str) -> str:
    """Takes the installation's secret and the id of a key; gives the key, in characters that an address may hold.

    It is made from both and stored nowhere, so that a form that is sent again because its answer was lost gets the
    same one. Nobody finds it out from the id alone.
    """
    digest = hmac.digest(derive_key(secret, _PURPOSE), key_id.encode(), hashlib.sha256)
    return PREFIX + base64.urlsafe_b64encode(digest[:_BYTES]).decode()


def hash_key(key: str) -> bytes:
    """Gives what is kept of a key. It is long, and looks random: a plain hash is all that it needs."""
    return hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest()


def find_ending(key: str) -> str:
    """Gives the characters at its end, by which people tell keys apart."""
    return key[-_ENDING:]
