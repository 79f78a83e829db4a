"""Recovery codes: how they are made, typed and kept. Pure."""

from __future__ import annotations

import hashlib
from typing import Final

CODE_COUNT: Final = 10
_CODE_LENGTH = 16
_GROUP = 4
# Crockford's base32: no letter that looks like a digit. 16 of them are 80 bits: a plain hash of so much cannot be tried
# out, and nobody guesses one.
_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_LOOK_ALIKES = str.maketrans({"o": "0", "i": "1", "l": "1", "-": "", " ": "", "\t": "", "\u00a0": ""})


def build_codes(key: bytes) -> list[str]:
    """Takes a key that nobody can guess; gives the codes that belong to it, always the same.

    So a form that is sent twice makes the same codes twice, and whichever answer arrives shows those that count.
    """
    codes = []
    for number in range(CODE_COUNT):
        digest = hashlib.blake2b(bytes([number]), key=key, digest_size=_CODE_LENGTH).digest()
        code = "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in digest)
        codes.append("-".join(code[begin : begin + _GROUP] for begin in range(0, _CODE_LENGTH, _GROUP)))
    return codes


def fold_code(typed: str) -> str | None:
    """Takes what was typed; gives the code in the one spelling that is hashed, None if it can be none."""
    code = typed[:64].lower().translate(_LOOK_ALIKES)
    return code if len(code) == _CODE_LENGTH and set(code) <= set(_ALPHABET) else None


def hash_code(user_id: str, code: str) -> bytes:
    """Takes a user and a folded code; gives what is stored of it. The same code of two users differs."""
    return hashlib.sha256(f"{user_id} {code}".encode()).digest()
