"""Keys derived from SECRET_KEY, and the cipher for secrets that must be read again: webhook tokens, signing keys."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Self

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from app.config import Settings
from app.exceptions import UnavailableError

_KEY_BYTES = 32
_CIPHER_PURPOSE = "slipway/cipher/1"


class DecryptionError(UnavailableError):
    """What is stored was encrypted with a SECRET_KEY that is no longer known, or is damaged."""

    code = "secret_unreadable"
    title = "Secret unreadable"

    def __init__(self) -> None:
        super().__init__(
            "A stored secret cannot be decrypted: SECRET_KEY is not the one that it was stored with. "
            "Add the earlier key to SECRET_KEY_FALLBACKS."
        )


def derive_key(secret: str, purpose: str) -> bytes:
    """Takes the installation's secret and what the key is for; gives 32 bytes by HKDF-SHA256 (RFC 5869).

    Keys of two purposes tell nothing of each other: one that leaks opens nothing else.
    """
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=purpose.encode()).derive(
        secret.encode("utf-8", "surrogatepass")
    )


class Cipher:
    """Encrypts with the key of the current SECRET_KEY; decrypts with that of the earlier ones, too.

    Fernet is AES-128-CBC with HMAC-SHA256: what was changed on the way is refused, never decrypted to nonsense.
    """

    def __init__(self, secrets: Sequence[str]) -> None:
        """Takes the current secret, then the earlier ones."""
        keys = [base64.urlsafe_b64encode(derive_key(secret, _CIPHER_PURPOSE)) for secret in secrets]
        self._current = Fernet(keys[0])
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    @classmethod
    def from_settings(cls, settings: Settings) -> Self:
        """Takes the settings; gives the cipher of SECRET_KEY and SECRET_KEY_FALLBACKS."""
        return cls((settings.secret_key, *settings.secret_key_fallbacks))

    def encrypt(self, plain: bytes) -> bytes:
        """Gives what may be stored; two encryptions of the same differ."""
        return self._fernet.encrypt(plain)

    def decrypt(self, stored: bytes) -> bytes:
        """Gives what was encrypted. Raises DecryptionError if no known key fits, or the bytes were changed."""
        try:
            return self._fernet.decrypt(stored)
        except InvalidToken:
            raise DecryptionError from None

    def renew(self, stored: bytes) -> bytes | None:
        """Gives the same, encrypted with the current key; None if it is so already. Raises DecryptionError."""
        try:
            self._current.decrypt(stored)
        except InvalidToken:
            return self.encrypt(self.decrypt(stored))
        return None
