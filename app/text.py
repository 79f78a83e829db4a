"""Rules for text that people and machines send: what a line and a passage may hold. Pure."""

from __future__ import annotations

import re
import unicodedata

from app.language import say

# Overrides of the writing direction make one name look like another; noncharacters are never meant for exchange.
_BIDI_CONTROLS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
_SURROGATES = re.compile("[\ud800-\udfff]")
_FORBIDDEN_CATEGORIES = frozenset({"Cc", "Cs", "Zl", "Zp"})
_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cs", "Cn", "Zs", "Zl", "Zp", "Mn", "Me"})
# Letters by category, but drawn as nothing.
_INVISIBLE_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_IDEMPOTENCY_KEY = re.compile(r"[\x21-\x7e]{1,255}\Z")
_CANONICAL_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\Z")


def is_idempotency_key(value: str) -> bool:
    """Whether the text can be an Idempotency-Key: 1 to 255 visible ASCII characters."""
    return _IDEMPOTENCY_KEY.match(value) is not None


def find_encoding_error(value: str) -> tuple[str, str] | None:
    """Takes any string; gives None, or the machine word and the end of a sentence: what no database can store."""
    if "\x00" in value:
        return "invalid_character", say("must not contain the character NUL (U+0000).")
    if _SURROGATES.search(value):
        return "invalid_character", say("must not contain half of a surrogate pair (U+D800 to U+DFFF).")
    return None


def find_line_error(value: str) -> tuple[str, str] | None:
    """Takes what is meant as one line; gives None, or the machine word and the end of a sentence.

    A line has no control characters, no line breaks, nothing that turns the direction of writing, and something
    that can be seen.
    """
    if error := find_encoding_error(value):
        return error
    if value.isascii() and value.isprintable():
        return None if value.strip() else ("blank", say("must contain a character that can be seen."))
    for character in value:
        if (
            unicodedata.category(character) in _FORBIDDEN_CATEGORIES
            or character in _BIDI_CONTROLS
            or is_noncharacter(character)
        ):
            return "invalid_character", say("must not contain the character U+{code:04X}.", code=ord(character))
    if all(is_invisible(character) for character in value):
        return "blank", say("must contain a character that can be seen.")
    return None


def is_noncharacter(character: str) -> bool:
    """Whether the character is one of the 66 that Unicode keeps for internal use (section 23.7)."""
    code_point = ord(character)
    return 0xFDD0 <= code_point <= 0xFDEF or code_point & 0xFFFE == 0xFFFE


def is_invisible(character: str) -> bool:
    """Whether the character alone shows nothing."""
    return character in _INVISIBLE_LETTERS or unicodedata.category(character) in _INVISIBLE_CATEGORIES


def is_canonical_id(value: str) -> bool:
    """Whether the text is an id in the one spelling that is ours: a UUID, lower case, with hyphens (RFC 9562)."""
    return _CANONICAL_ID.match(value) is not None
