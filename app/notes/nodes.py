"""What inline markup becomes before it is HTML."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TypeAlias
from xml.etree.ElementTree import Element, SubElement

from markdown.util import AtomicString


@dataclass(slots=True)
class Node:
    """An element. Where the tag is empty it is a group, of which only the children remain."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Piece] = field(default_factory=list)
    depth: int = 1


Piece: TypeAlias = Node | str


def wrap(tag: str, children: Sequence[Piece], attributes: dict[str, str] | None = None) -> Node:
    """Takes a tag and its children; gives their node, which knows how deep it goes."""
    return Node(tag, attributes or {}, list(children), measure_depth(children) + 1)


def group(pieces: list[Piece]) -> Node:
    """Takes pieces; gives them as one piece without an element of its own. Groups among them do not nest."""
    depth = measure_depth(pieces)
    groups = [(len(piece.children), at) for at, piece in enumerate(pieces) if isinstance(piece, Node) and not piece.tag]
    largest = pieces[max(groups)[1]] if groups else None
    if not isinstance(largest, Node):
        return Node("", {}, pieces, depth)
    # The largest takes in what stands around it, so that thousands of levels cost no more than one.
    at = max(groups)[1]
    largest.children[:0] = pieces[:at]
    largest.children += pieces[at + 1 :]
    largest.depth = depth
    return largest


def measure_depth(pieces: Iterable[Piece]) -> int:
    """Takes pieces; gives how deep the deepest goes: text 0, an element one more than what it holds."""
    return max((piece.depth for piece in pieces if isinstance(piece, Node)), default=0)


def strip_links(pieces: Iterable[Piece]) -> list[Piece]:
    """Takes pieces; gives them with what links show in place of the links."""
    return [
        piece
        if isinstance(piece, str)
        else Node("" if piece.tag == "a" else piece.tag, piece.attributes, strip_links(piece.children), piece.depth)
        for piece in pieces
    ]


def show_text(pieces: Iterable[Piece]) -> str:
    """Takes pieces; gives their text without any markup."""
    return "".join(piece if isinstance(piece, str) else show_text(piece.children) for piece in pieces)


def is_blank(pieces: Iterable[Piece]) -> bool:
    """Whether the pieces show nothing. A space that does not break is something: people type it to be seen."""
    return all(
        not piece.strip(" \t\n") if isinstance(piece, str) else not piece.tag and is_blank(piece.children)
        for piece in pieces
    )


def append_pieces(parent: Element, pieces: Iterable[Piece]) -> None:
    """Takes an element and pieces; appends them to it."""
    texts: list[str] = []
    for piece in _iterate_shown(pieces):
        if isinstance(piece, str):
            texts.append(piece)
            continue
        append_text(parent, "".join(texts))
        texts = []
        attributes = {name: escape(value) for name, value in piece.attributes.items()}
        append_pieces(SubElement(parent, piece.tag, attributes), piece.children)
    append_text(parent, "".join(texts))


def _iterate_shown(pieces: Iterable[Piece]) -> Iterator[Piece]:
    """Gives the pieces, and those in a group in its place."""
    for piece in pieces:
        if isinstance(piece, str) or piece.tag:
            yield piece
        else:
            yield from _iterate_shown(piece.children)


def append_text(parent: Element, text: str) -> None:
    """Takes an element and text; appends the text to what the element holds."""
    if len(parent):
        parent[-1].tail = AtomicString((parent[-1].tail or "") + escape(text))
    else:
        parent.text = AtomicString((parent.text or "") + escape(text))


def escape(text: str) -> str:
    """Takes text; gives it for Python-Markdown's serializer, which would let what looks like an entity pass."""
    return text.replace("&", "&amp;")
