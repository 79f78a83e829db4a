"""What a link may be: labels, destinations, titles and definitions.

Source: CommonMark 0.31.2, sections 4.7 and 6.3.
"""

from __future__ import annotations

import re
from typing import TypeAlias

from app.notes.entities import decode_entities

Definitions: TypeAlias = dict[str, tuple[str, str]]

LABEL_LIMIT = 999
LABEL = r"\[((?:[^\[\]\\]|\\.){1,999}+)\]"
_TITLE = r"\"(?:[^\"\\]|\\.)*+\"|'(?:[^'\\]|\\.)*+'|\((?:[^()\\]|\\.)*+\)"
_PLAIN = r"[^ \t\n()\\]|\\[()\\]|\\"
_BARE = rf"(?!<)(?:{_PLAIN}|\((?:{_PLAIN}|\((?:{_PLAIN})*+\))*+\))*+"
_TARGET = re.compile(rf"\([ \t\n]*+(?:<((?:[^<>\n\\]|\\.)*+)>|({_BARE}))(?:[ \t\n]++({_TITLE}))?[ \t\n]*+\)", re.DOTALL)
_DEFINITION = re.compile(
    rf" {{0,3}}{LABEL}:[ \t]*+\n?[ \t]*+(?:<((?:[^<>\n\\]|\\.)*+)>|((?!<)\S++))"
    rf"(?:(?:[ \t]++\n?|\n)[ \t]*+((?:{_TITLE})(?=[ \t]*+(?:\n|$))))?[ \t]*+(?:\n|$)",
    re.DOTALL,
)
REFERENCE_LABEL = re.compile(r"\[((?:[^\[\]\\]|\\.){0,999}+)\]", re.DOTALL)
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
# The host as browsers take it (WHATWG URL, forbidden host code points); any other would be a link to nowhere.
_HOST = r"(?:\[[0-9a-f:.]++\]|[^\s/?#\\@:\[\]<>^|%\"{}`]++)(?::\d{0,5})?(?=[/?#]|\Z)"
_ALLOWED_URL = re.compile(rf"(?:https?://(?:[^\s/?#\\@]*+@)?{_HOST}|mailto:[^\s?])", re.IGNORECASE)
_UNSAFE_IN_URL = re.compile(r"[\x00-\x20\"<>\\^`{|}\x7f]")


def fold_label(label: str) -> str:
    """Takes the label of a link; gives what two equal labels have in common (section 4.7)."""
    return " ".join(label.split()).casefold()


def resolve(text: str) -> str:
    """Takes a destination or title as typed; gives it without backslash escapes and entities."""
    return decode_entities(_ESCAPED.sub(r"\1", text)) if "\\" in text else decode_entities(text)


def clean_url(destination: str) -> str | None:
    """Takes a resolved destination; gives a URL that may stand in a page, or None.

    Only http, https and mailto: a relative one would differ from page to page, feed and mail, and could name a path
    of the portal that changes something.
    """
    destination = destination.strip()
    if _ALLOWED_URL.match(destination) is None:
        return None
    return _UNSAFE_IN_URL.sub(lambda unsafe: f"%{ord(unsafe[0]):02X}", destination)


def match_target(text: str, start: int) -> tuple[str, str, int] | None:
    """Takes text and where a parenthesis opens after a link's text; gives destination, title and the end, or None."""
    target = _TARGET.match(text, start)
    if target is None:
        return None
    destination = target[2] if target[1] is None else target[1]
    return resolve(destination), resolve((target[3] or "")[1:-1]), target.end()


def take_definitions(lines: list[str], definitions: Definitions) -> list[str]:
    """Takes the lines of a paragraph; adds the definitions it begins with, and gives the lines that remain."""
    if not lines or not lines[0].lstrip(" \t").startswith("["):
        return lines
    text, start = "\n".join(line.lstrip(" \t") for line in lines), 0
    while definition := _DEFINITION.match(text, start):
        label = fold_label(definition[1])
        # A footnote, which is no part of this Markdown, stays as typed rather than vanish as a definition.
        if not label or label.startswith("^"):
            break
        destination = definition[3] if definition[2] is None else definition[2]
        definitions.setdefault(label, (resolve(destination), resolve((definition[4] or "")[1:-1])))
        start = definition.end()
    return text[start:].split("\n") if text[start:] else []
