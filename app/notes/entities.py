"""Characters: what is never shown, and HTML's names and numbers for the others."""

from __future__ import annotations

import html
import re
from html.entities import html5

# Control characters but tab and line feed, surrogates and noncharacters: U+FFFD stands for each, as CommonMark
# (section 2.3) has it for NUL. Two noncharacters mark checkboxes on their way through the sanitizer.
_UNSHOWABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]")
ENTITY = re.compile(r"&(?:#[0-9]{1,7}|#[xX][0-9a-fA-F]{1,6}|[A-Za-z][A-Za-z0-9]{1,31});")


def replace_unshowable(text: str) -> str:
    """Takes any text; gives it with U+FFFD for each character that no page can show."""
    return _UNSHOWABLE.sub("\ufffd", text)


def decode_entity(entity: str) -> str | None:
    """Takes one entity, from ampersand to semicolon; gives its characters, or None if it names none."""
    if entity[1] != "#" and entity[1:] not in html5:
        return None
    return replace_unshowable(html.unescape(entity)) or "\ufffd"


def decode_entities(text: str) -> str:
    """Takes text; gives it with the characters for all its entities."""
    return ENTITY.sub(lambda match: decode_entity(match[0]) or match[0], text) if "&" in text else text
