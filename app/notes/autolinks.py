"""Addresses that become links by themselves: those that stand bare in a text, and those in angle brackets.

Source: GitHub Flavored Markdown 0.29, sections 6.8 and 6.9 (autolinks), but without other schemes than ours.
"""

from __future__ import annotations

import re

from app.notes.links import clean_url
from app.notes.nodes import Piece, wrap

_LOCAL = r"[A-Za-z0-9._+-]"
# Where a bare address may begin. Only a text with an "@" in it is searched for mail addresses, which takes longer.
BARE_START = r"(?<![A-Za-z0-9])(?=[Hh][Tt][Tt][Pp][Ss]?://)|(?:(?<=[\s*_~(])|\A)(?=www\.)"
MAIL_START = rf"(?<!{_LOCAL})(?={_LOCAL}++@[A-Za-z0-9_-])"

_HOST = r"(?:https?://|www\.)(?:[^\s/?#<>\[\]()\"'*_~\\^|{}]|_(?=\w))[^\s/?#<>\[\]\"\\^|{}]*+"
_URL = re.compile(rf"{_HOST}(?:[/?#][^\s<]*+)?+", re.IGNORECASE)
# Within brackets the URL may be the text of a link: [https://a.example](https://b.example).
_URL_IN_BRACKETS = re.compile(rf"{_HOST}(?:[/?#][^\s<\]]*+)?+", re.IGNORECASE)
_MAIL = re.compile(rf"{_LOCAL}++@[A-Za-z0-9_-]++(?:\.[A-Za-z0-9_-]++)++(?!@)(?<=[A-Za-z])")
_ANGLE_URL = re.compile(r"<((?:https?://|mailto:)[^\s<>\x00-\x1f]++)>", re.IGNORECASE)
_ANGLE_MAIL = re.compile(r"<([\w.!#$%&'*+/=?^`{|}~-]++@[A-Za-z0-9-]++(?:\.[A-Za-z0-9-]++)*+)>")
_TRAILING_ENTITY = re.compile(r"&[A-Za-z0-9]++;\Z")


def read_bare_address(text: str, start: int, is_in_bracket: bool) -> tuple[Piece, int] | None:
    """Takes text and where an address may begin in it; gives the link and where the address ends, or None.

    What looks like an address but leads nowhere, such as ``http://a:b``, is given as text.
    """
    url = (_URL_IN_BRACKETS if is_in_bracket else _URL).match(text, start)
    if url is None:
        mail = _MAIL.match(text, start)
        return (wrap("a", [mail[0]], {"href": f"mailto:{mail[0]}"}), mail.end()) if mail else None
    shown = trim_url(url[0])
    target = clean_url(f"http://{shown}" if shown.startswith("www.") else shown)
    return shown if target is None else wrap("a", [shown], {"href": target}), start + len(shown)


def read_angle_address(text: str, start: int) -> tuple[Piece, int] | None:
    """Takes text and where "<" stands in it; gives the link to the address in the brackets and their end, or None."""
    found = _ANGLE_URL.match(text, start) or _ANGLE_MAIL.match(text, start)
    if found is None:
        return None
    shown = found[1]
    target = clean_url(shown if ":" in shown else f"mailto:{shown}")
    return shown if target is None else wrap("a", [shown], {"href": target}), found.end()


def trim_url(url: str) -> str:
    """Takes a bare URL with what stuck to its end; gives it without punctuation that belongs to the sentence."""
    end, surplus = len(url), url.count(")") - url.count("(")
    while end:
        last = url[end - 1]
        if last in "?!.,:*_~'\"":
            end -= 1
        elif last == ")" and surplus > 0:
            end, surplus = end - 1, surplus - 1
        elif last == ";":
            entity = _TRAILING_ENTITY.search(url[max(0, end - 40) : end])
            end -= len(entity[0]) if entity else 1
        else:
            break
    return url[:end]
