"""The kinds of block that notes are made of: what the reader of blocks gives, and the builder of HTML takes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TypeAlias


@dataclass(slots=True)
class Paragraph:
    """Lines of text, as typed but for the marks of their containers."""

    lines: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        """The lines without what indents them, and without blanks at the end."""
        return "\n".join(line.lstrip(" \t") for line in self.lines).rstrip(" \t")


@dataclass(slots=True)
class Heading:
    level: int
    text: str


@dataclass(slots=True)
class Code:
    """A code block: fenced (then ``fence`` is what opened it) or indented by four spaces (then it is empty)."""

    fence: str = ""
    indent: int = 0
    language: str = ""
    lines: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Rule:
    """A thematic break."""


@dataclass(slots=True)
class RawHtml:
    """Lines of HTML. They end with the line that holds ``end``, or, where that is empty, before a blank line."""

    end: str = ""
    lines: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Table:
    """A table; an alignment is empty, left, center or right; the first row is the header."""

    alignments: list[str]
    rows: list[list[str]]


@dataclass(slots=True)
class Quote:
    children: list[Block] = field(default_factory=list)


@dataclass(slots=True)
class Item:
    """An item of a list. Lines that belong to it are indented by ``indent``; a loose one has blank lines between."""

    indent: int
    is_loose: bool = False
    children: list[Block] = field(default_factory=list)


@dataclass(slots=True)
class List:
    """A list; ``marker`` is the bullet, or what follows the number."""

    marker: str
    start: int
    items: list[Item] = field(default_factory=list)

    @property
    def is_ordered(self) -> bool:
        """Whether the items are numbered."""
        return self.marker in ".)"

    @property
    def is_tight(self) -> bool:
        """Whether the items show their paragraphs as bare text."""
        return not any(item.is_loose for item in self.items)


@dataclass(slots=True)
class Document:
    """All blocks, and the link definitions by their folded label."""

    children: list[Block] = field(default_factory=list)
    definitions: dict[str, tuple[str, str]] = field(default_factory=dict)


Leaf: TypeAlias = Paragraph | Heading | Code | Rule | RawHtml | Table
Block: TypeAlias = Leaf | Quote | List


def walk(blocks: Iterable[Block]) -> Iterator[Block]:
    """Gives the blocks, each one followed by those within it."""
    for block in blocks:
        yield block
        if isinstance(block, Quote):
            yield from walk(block.children)
        elif isinstance(block, List):
            for item in block.items:
                yield from walk(item.children)
