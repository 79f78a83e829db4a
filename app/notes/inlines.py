"""Reads the markup within a paragraph, heading or cell, in time linear in its length.

Python-Markdown looks for each kind of markup in turn, from every bracket to the end of the text: four thousand "["
take it seconds. This reader goes once from left to right and keeps what is still open on a stack.
Source: CommonMark 0.31.2, chapter 6, and its appendix; strikethrough and bare addresses by GitHub Flavored Markdown
0.29, sections 6.5 and 6.9.
"""

from __future__ import annotations

import re
from bisect import bisect_left

from app.notes import links
from app.notes.autolinks import BARE_START, MAIL_START, read_angle_address, read_bare_address
from app.notes.emphasis import read_run
from app.notes.entities import ENTITY, decode_entity
from app.notes.html_tags import INLINE_TAGS, INVISIBLE_SPANS, Tag, link_image, read_tag
from app.notes.links import Definitions, fold_label, match_target
from app.notes.nodes import Node, Piece
from app.notes.openers import Nesting, Opener

_SPECIAL = re.compile(rf"[\\`*_~\[\]!<&\n]|{BARE_START}")
_SPECIAL_OR_MAIL = re.compile(rf"{_SPECIAL.pattern}|{MAIL_START}")
_TICKS = re.compile(r"`++")
_PUNCTUATION = frozenset("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~")


def read_inlines(text: str, definitions: Definitions) -> list[Piece]:
    """Takes the text of a block and the document's link definitions; gives its pieces."""
    return _InlineReader(text, definitions).read()


class _InlineReader:
    """Each reader takes where its mark stands; it gives where to go on, or None if the mark is only text."""

    def __init__(self, text: str, definitions: Definitions) -> None:
        self._text = text
        self._definitions = definitions
        self._nesting = Nesting()
        self._pieces = self._nesting.pieces
        self._absent: set[str] = set()
        self._ticks: dict[int, list[int]] = {}
        for run in _TICKS.finditer(text):
            self._ticks.setdefault(len(run[0]), []).append(run.start())
        self._readers = {
            **dict.fromkeys("*_~", self._read_run),
            "\\": self._read_escape,
            "`": self._read_code,
            "[": self._read_opening,
            "!": self._read_image_opening,
            "]": self._read_closing,
            "<": self._read_angle,
            "&": self._read_entity,
            "\n": self._read_line_end,
        }

    def read(self) -> list[Piece]:
        pattern = _SPECIAL_OR_MAIL if "@" in self._text else _SPECIAL
        at = 0
        while special := pattern.search(self._text, at):
            start = special.start()
            self._append_text(self._text[at:start])
            character = self._text[start]
            end = self._readers.get(character, self._read_bare_address)(start)
            if end is None:
                self._append_text(character)
            at = start + 1 if end is None else end
        self._append_text(self._text[at:])
        return self._nesting.finish()

    def _append_text(self, text: str) -> None:
        if text:
            self._pieces.append(text)

    def _read_run(self, at: int) -> int:
        run = read_run(self._text, at)
        self._pieces.append(run)
        return at + run.length

    def _read_escape(self, at: int) -> int | None:
        following = self._text[at + 1 : at + 2]
        if following == "\n":
            return self._break_line(at + 2)
        if following not in _PUNCTUATION:
            return None
        self._pieces.append(following)
        return at + 2

    def _read_line_end(self, at: int) -> int:
        last = self._pieces[-1] if self._pieces else ""
        if isinstance(last, str) and last.endswith(" "):
            self._pieces[-1] = last.rstrip(" ")
            if last.endswith("  "):
                return self._break_line(at + 1)
        self._pieces.append("\n")
        return at + 1

    def _break_line(self, end: int) -> int:
        self._pieces += [Node("br"), "\n"]
        return end

    def _read_entity(self, at: int) -> int | None:
        entity = ENTITY.match(self._text, at)
        characters = decode_entity(entity[0]) if entity else None
        if entity is None or characters is None:
            return None
        self._pieces.append(characters)
        return entity.end()

    def _read_code(self, at: int) -> int:
        run = _TICKS.match(self._text, at)
        length = len(run[0]) if run else 1
        starts = self._ticks.get(length, [])
        following = bisect_left(starts, at + length)
        if following == len(starts):
            self._append_text("`" * length)
            return at + length
        code = self._text[at + length : starts[following]].replace("\n", " ")
        if code.startswith(" ") and code.endswith(" ") and code.strip(" "):
            code = code[1:-1]
        self._pieces.append(Node("code", children=[code]))
        return starts[following] + length

    def _read_bare_address(self, at: int) -> int | None:
        found = read_bare_address(self._text, at, self._nesting.has_bracket)
        return self._append_found(found) if found else None

    def _append_found(self, found: tuple[Piece, int]) -> int:
        piece, end = found
        self._pieces.append(piece)
        return end

    def _read_angle(self, at: int) -> int | None:
        """Reads what stands in angle brackets: what is invisible, an address, or HTML."""
        for opening, closing in INVISIBLE_SPANS:
            if self._text.startswith(opening, at):
                return self._skip_span(at, opening, closing)
        if found := read_angle_address(self._text, at):
            return self._append_found(found)
        html = read_tag(self._text, at)
        if html is None:
            return None
        tag, end = html
        if tag.is_closing:
            self._nesting.close_tag(tag.name)
        else:
            self._open_tag(tag)
        return end

    def _skip_span(self, at: int, opening: str, closing: str) -> int | None:
        end = -1 if opening in self._absent else self._text.find(closing, at + len(opening))
        if end < 0:
            self._absent.add(opening)
            return None
        return end + len(closing)

    def _open_tag(self, tag: Tag) -> None:
        if tag.name == "img":
            alternative = tag.attributes.get("alt", "")
            self._pieces.append(link_image(alternative, tag.attributes.get("src", "")))
        elif tag.name == "br":
            self._pieces.append(Node("br"))
        elif tag.name in INLINE_TAGS and not (tag.name == "a" and self._nesting.has_tag("a")):
            self._nesting.open_tag(tag)

    def _read_opening(self, at: int) -> int:
        self._nesting.open_bracket("[", at + 1)
        return at + 1

    def _read_image_opening(self, at: int) -> int | None:
        if not self._text.startswith("![", at):
            return None
        self._nesting.open_bracket("![", at + 2)
        return at + 2

    def _read_closing(self, at: int) -> int | None:
        opener = self._nesting.pop_bracket()
        target = self._find_target(opener, at) if opener and opener.is_active else None
        if opener is None or target is None:
            return None
        destination, title, end = target
        self._nesting.close_link(opener, destination, title)
        return end

    def _find_target(self, opener: Opener, at: int) -> tuple[str, str, int] | None:
        """Takes the opener of a link's text and where the text ends; gives destination, title and the link's end."""
        if self._text.startswith("(", at + 1) and (target := match_target(self._text, at + 1)):
            return target
        if not self._definitions:
            return None
        label, end = self._text[opener.end : at], at + 1
        has_inner_bracket = opener.has_inner_bracket
        if following := links.REFERENCE_LABEL.match(self._text, end):
            end = following.end()
            if following[1]:
                label, has_inner_bracket = following[1], False
        if has_inner_bracket or len(label) > links.LABEL_LIMIT:
            return None
        definition = self._definitions.get(fold_label(label))
        return (*definition, end) if definition else None
