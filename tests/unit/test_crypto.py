"""Keys derived from SECRET_KEY, and what is encrypted with them."""

from __future__ import annotations

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.crypto import Cipher, DecryptionError, derive_key

OLD, NEW = "an older secret key of the installation", "the secret key of today's installation"


@given(st.binary(max_size=300))
def test_what_was_encrypted_is_read_again(plain: bytes) -> None:
    cipher = Cipher([NEW])
    stored = cipher.encrypt(plain)
    assert cipher.decrypt(stored) == plain
    assert stored != cipher.encrypt(plain)


def test_a_key_differs_by_secret_and_by_purpose() -> None:
    keys = {derive_key(secret, purpose) for secret in (OLD, NEW) for purpose in ("cipher", "setup")}
    assert len(keys) == 4
    assert {len(key) for key in keys} == {32}
    assert derive_key(OLD, "cipher") == derive_key(OLD, "cipher")


def test_an_earlier_secret_still_reads_and_no_longer_writes() -> None:
    stored = Cipher([OLD]).encrypt(b"token")
    rotated = Cipher([NEW, OLD])
    assert rotated.decrypt(stored) == b"token"
    with pytest.raises(DecryptionError):
        Cipher([OLD]).decrypt(rotated.encrypt(b"token"))


def test_a_forgotten_secret_is_named_as_the_cause() -> None:
    stored = Cipher([OLD]).encrypt(b"token")
    with pytest.raises(DecryptionError, match="SECRET_KEY_FALLBACKS"):
        Cipher([NEW]).decrypt(stored)


def test_a_change_of_any_byte_is_noticed() -> None:
    cipher = Cipher([NEW])
    stored = base64.urlsafe_b64decode(cipher.encrypt(b"a webhook's token"))
    for index in range(len(stored)):
        damaged = bytearray(stored)
        damaged[index] ^= 1
        with pytest.raises(DecryptionError):
            cipher.decrypt(base64.urlsafe_b64encode(damaged))
    with pytest.raises(DecryptionError):
        cipher.decrypt(b"")
