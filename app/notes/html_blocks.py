"""Turns a block of HTML, as people type it, into elements that are closed and nested as browsers want them.

Browsers mend what is badly nested by repeating elements, so that 4 kB can become megabytes. Here every element that
is opened is closed where its place ends, and nothing is repeated.
"""

from __future__ import annotations

import re

from app.notes.entities import decode_entities
from app.notes.html_tags import (
    BLOCK_TAGS,
    INLINE_TAGS,
    INVISIBLE_SPANS,
    VOID_TAGS,
    Tag,
    build_node,
    link_image,
    read_tag,
)
from app.notes.nodes import Node, Piece, show_text, wrap

DEPTH_LIMIT = 16
_DECLARATION = re.compile(r"<![A-Za-z][^<>]*+>")
_CLOSED_BY_BLOCK = INLINE_TAGS | {"p", "h1", "h2", "h3", "h4", "h5", "h6", "pre"}
# Where an element stands only in another one. What comes before, of the same row or list, is closed by it.
_PARENTS = {
    "li": frozenset({"ul", "ol"}),
    "dt": frozenset({"dl"}),
    "dd": frozenset({"dl"}),
    "thead": frozenset({"table"}),
    "tbody": frozenset({"table"}),
    "tr": frozenset({"table", "thead", "tbody"}),
    "td": frozenset({"tr"}),
    "th": frozenset({"tr"}),
}
_TABLE_PARTS = frozenset({"table", "thead", "tbody", "tr"})
_HOLDERS = _TABLE_PARTS | {"ul", "ol", "dl"}


def read_html(source: str) -> list[Piece]:
    """Takes a block of HTML; gives what of it may be shown."""
    for opening, closing in INVISIBLE_SPANS:
        source = _strip_spans(source, opening, closing)
    return _HtmlReader().read(_DECLARATION.sub("", source))


def _strip_spans(source: str, opening: str, closing: str) -> str:
    """Gives the source without what stands between the marks. What is never closed stays."""
    kept: list[str] = []
    start = 0
    while (at := source.find(opening, start)) >= 0 and (end := source.find(closing, at + len(opening))) >= 0:
        kept.append(source[start:at])
        start = end + len(closing)
    return "".join(kept) + source[start:]


class _HtmlReader:
    """``_open`` are the elements that stand open, the outermost first; the first one is only a group."""

    def __init__(self) -> None:
        self._root = Node("")
        self._open = [self._root]

    def read(self, source: str) -> list[Piece]:
        start = at = 0
        while (at := source.find("<", at)) >= 0:
            found = read_tag(source, at)
            if found is None:
                at += 1
                continue
            self._add_text(source[start:at])
            tag, start = found
            at = start
            if tag.is_closing:
                self._close(tag.name)
            else:
                self._open_element(tag)
        self._add_text(source[start:])
        return _wrap_text(self._root.children)

    def _add_text(self, text: str) -> None:
        text = decode_entities(text)
        holder = self._open[-1]
        if holder.tag == "pre" and not holder.children:
            # Browsers leave out the first line end within pre, and would leave out another one each time.
            text = text.lstrip("\n")
        if holder.tag in _HOLDERS:
            if not text.strip():
                return
            holder = next(node for node in reversed(self._open) if node.tag not in _HOLDERS)
        if text:
            holder.children.append(text)

    def _open_element(self, tag: Tag) -> None:
        if tag.name == "img":
            self._add(link_image(tag.attributes.get("alt", ""), tag.attributes.get("src", "")))
            return
        node = build_node(tag)
        if node is None:
            return
        if tag.name in BLOCK_TAGS or tag.name == "hr":
            self._close_while(_CLOSED_BY_BLOCK)
        if tag.name in _PARENTS:
            self._close_siblings(_PARENTS[tag.name])
        if not self._has_place(tag.name):
            return
        self._add(node)
        if tag.name not in VOID_TAGS:
            self._open.append(node)

    def _has_place(self, name: str) -> bool:
        parents, holder = _PARENTS.get(name), self._open[-1].tag
        if parents is not None:
            return holder in parents and len(self._open) <= DEPTH_LIMIT
        is_nested_link = name == "a" and any(node.tag == "a" for node in self._open)
        return holder not in _HOLDERS and len(self._open) <= DEPTH_LIMIT and not is_nested_link

    def _add(self, piece: Piece) -> None:
        if isinstance(piece, str):
            self._add_text(piece)
        elif piece.tag == "a" and any(node.tag == "a" for node in self._open):
            self._open[-1].children += piece.children
        elif self._open[-1].tag not in _HOLDERS or piece.tag in _PARENTS:
            self._open[-1].children.append(piece)

    def _close_while(self, tags: frozenset[str]) -> None:
        while self._open[-1].tag in tags:
            self._open.pop()

    def _close_siblings(self, parents: frozenset[str]) -> None:
        for depth in range(len(self._open) - 1, 0, -1):
            if self._open[depth].tag in parents:
                del self._open[depth + 1 :]
                return
            if self._open[depth].tag == "table":
                return

    def _close(self, name: str) -> None:
        for depth in range(len(self._open) - 1, 0, -1):
            if self._open[depth].tag == name:
                del self._open[depth:]
                return


def _wrap_text(pieces: list[Piece]) -> list[Piece]:
    """Takes what stands in no block, with blocks between; gives it with a paragraph around each run of text."""
    wrapped: list[Piece] = []
    run: list[Piece] = []
    for piece in [*pieces, Node("hr")]:
        if isinstance(piece, str) or piece.tag not in BLOCK_TAGS | {"hr"}:
            run.append(piece)
            continue
        if show_text(run).strip():
            wrapped.append(wrap("p", run))
        run = []
        wrapped.append(piece)
    return wrapped[:-1]
