"""Python-Markdown with readers of blocks and inlines that take linear time: its frame, its tree, its serializer."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from xml.etree.ElementTree import Element, ElementTree, SubElement

from markdown import Markdown
from markdown.blockparser import BlockParser
from markdown.extensions import Extension
from markdown.util import AtomicString, Registry

from app.notes import grammar
from app.notes.block_reader import read_blocks
from app.notes.blocks import Block, Code, Heading, Item, List, Paragraph, Quote, RawHtml, Rule, Table
from app.notes.html_blocks import read_html
from app.notes.inlines import read_inlines
from app.notes.links import Definitions
from app.notes.nodes import append_pieces, append_text, escape, is_blank

# They stand for a checkbox until the sanitizer for people has dropped all that people typed themselves. Notes
# cannot contain them: both are noncharacters.
UNCHECKED, CHECKED = "\ufdd0", "\ufdd1"

_local = threading.local()


def convert(text: str) -> str:
    """Takes normalised notes; gives their HTML, which nothing has sanitised yet. Raises DepthError."""
    # Python-Markdown keeps the state of a run in the instance, so that each thread needs its own.
    parser: Markdown | None = getattr(_local, "parser", None)
    if parser is None:
        parser = _local.parser = Markdown(extensions=[NotesExtension()], output_format="html")
    return parser.reset().convert(text)


class NotesExtension(Extension):
    """Puts the readers of this package in the place of Python-Markdown's own stages."""

    def extendMarkdown(self, md: Markdown) -> None:  # noqa: N802 (Python-Markdown's name)
        """Takes the Markdown instance; leaves it one stage."""
        md.preprocessors = Registry()
        md.inlinePatterns = Registry()
        md.treeprocessors = Registry()
        md.postprocessors = Registry()
        md.parser = NotesBlockParser(md)


class NotesBlockParser(BlockParser):
    """Builds the tree, inline markup and all."""

    def parseDocument(self, lines: Iterable[str]) -> ElementTree[Element | None]:  # noqa: N802 (Python-Markdown's name)
        """Takes the lines of the notes; gives the tree. Raises DepthError."""
        document = read_blocks("\n".join(lines))
        self.root = Element(self.md.doc_tag)
        _Builder(document.definitions).build_blocks(self.root, document.children)
        return ElementTree(self.root)


class _Builder:
    """Turns blocks into elements, for one document."""

    def __init__(self, definitions: Definitions) -> None:
        self._definitions = definitions

    def build_blocks(self, parent: Element, blocks: list[Block]) -> None:
        for block in blocks:
            match block:
                case Quote():
                    self.build_blocks(_add_block(parent, "blockquote"), block.children)
                case List():
                    self._build_list(parent, block)
                case Table():
                    self._build_table(parent, block)
                case Paragraph():
                    self._build_paragraph(parent, block.text)
                case Heading():
                    self._add_text_block(parent, f"h{block.level}", block.text)
                case _:
                    _build_verbatim(parent, block)

    def _build_list(self, parent: Element, block: List) -> None:
        element = _add_block(parent, "ol" if block.is_ordered else "ul")
        if block.is_ordered and block.start != 1:
            element.set("start", str(block.start))
        is_tight = block.is_tight
        for item in block.items:
            self._build_item(_add_block(element, "li"), item, is_tight)

    def _build_item(self, parent: Element, item: Item, is_tight: bool) -> None:
        """A tight item shows its paragraphs as bare text."""
        for at, block in enumerate(item.children):
            if not isinstance(block, Paragraph):
                self.build_blocks(parent, [block])
                continue
            text = block.text
            task = grammar.TASK.match(text) if at == 0 else None
            if task:
                text = f"{UNCHECKED if task[1] == ' ' else CHECKED} {text[task.end() :]}"
            if is_tight:
                append_pieces(parent, read_inlines(text, self._definitions))
                if at + 1 < len(item.children):
                    append_text(parent, "\n")
            else:
                self._build_paragraph(parent, text)

    def _build_paragraph(self, parent: Element, text: str) -> None:
        pieces = read_inlines(text, self._definitions)
        # Of a comment, or of tags that show nothing, no empty line remains.
        if not is_blank(pieces):
            append_pieces(_add_block(parent, "p"), pieces)

    def _add_text_block(self, parent: Element, tag: str, text: str) -> Element:
        element = _add_block(parent, tag)
        append_pieces(element, read_inlines(text, self._definitions))
        return element

    def _build_table(self, parent: Element, block: Table) -> None:
        table = _add_block(parent, "table")
        self._build_row(_add_block(table, "thead"), "th", block.rows[0], block.alignments)
        if len(block.rows) > 1:
            body = _add_block(table, "tbody")
            for row in block.rows[1:]:
                self._build_row(body, "td", row, block.alignments)

    def _build_row(self, parent: Element, tag: str, cells: list[str], alignments: list[str]) -> None:
        row = _add_block(parent, "tr")
        # A row that is shorter than the header is filled up.
        cells = cells + [""] * (len(alignments) - len(cells))
        for alignment, cell in zip(alignments, cells, strict=True):
            element = self._add_text_block(row, tag, cell)
            if alignment:
                element.set("align", alignment)


def _add_block(parent: Element, tag: str) -> Element:
    element = SubElement(parent, tag)
    element.tail = AtomicString("\n")
    return element


def _build_verbatim(parent: Element, block: Code | RawHtml | Rule) -> None:
    if isinstance(block, RawHtml):
        append_pieces(parent, read_html("\n".join(block.lines)))
        append_text(parent, "\n")
    elif isinstance(block, Code):
        _build_code(parent, block)
    else:
        _add_block(parent, "hr")


def _build_code(parent: Element, block: Code) -> None:
    code = SubElement(_add_block(parent, "pre"), "code")
    if block.language:
        code.set("class", f"language-{block.language.lower()}")
    text = "\n".join(block.lines)
    text = text if block.fence else text.rstrip("\n")
    code.text = AtomicString(escape(text) + "\n" if block.lines else "")
