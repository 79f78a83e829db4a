"""How long the HTML of notes may become, and how long it does.

A few characters of Markdown can stand for many of HTML: ``<a@a>`` makes fifteen times its length, a reference makes
what its definition holds. What is refused is known before anything is sanitised or stored.
"""

from __future__ import annotations

import html
import re

from app.notes.blocks import Document, Heading, Paragraph, Table, walk
from app.notes.links import LABEL, clean_url, fold_label
from app.notes.sanitizer import CHECKBOX_LABELS, LINK_REL
from app.notes.tree import CHECKED, UNCHECKED

# HTML may be so many times as long as the notes, and so much longer.
FACTOR, ALLOWANCE = 8, 4096
_LINK_MARKUP = len(f'<a href="" title="" rel="{LINK_REL}"></a>')
# What a block, an item or a cell adds at most; a table's header counts as three.
_BLOCK_MARKUP = 64
# What a character can add at most, besides standing in a text and in a link's address: as a mark it becomes markup,
# as itself it is escaped, in both places.
_WEIGHTS = {
    "&": 10,
    "<": 64,
    ">": 8,
    '"': 10,
    "]": _LINK_MARKUP,
    ":": _LINK_MARKUP,
    "@": _LINK_MARKUP + len("mailto:"),
    "www.": _LINK_MARKUP + len("http://"),
    "`": 9,
    "*": 5,
    "_": 5,
    "~": 5,
    "\\": 6,
    "^": 2,
    "{": 2,
    "|": 2,
    "}": 2,
    "\n": 5,
    "\t": 6,
    "\xa0": 10,
}
# What the sanitizers add to HTML as it is before them.
_ADDED = {
    "<a ": len(f' rel="{LINK_REL}"'),
    UNCHECKED: len(f'<input type="checkbox" aria-label="{CHECKBOX_LABELS[0]}" disabled="">'),
    CHECKED: len(f'<input type="checkbox" aria-label="{CHECKBOX_LABELS[1]}" checked="" disabled="">'),
    "<pre>": len(' tabindex="0"'),
    "\xa0": len("&nbsp;") - 1,
    "<table>": len('<tbody></tbody> tabindex="0"'),
}
_REFERENCE = re.compile(LABEL, re.DOTALL)


def compute_limit(text: str) -> int:
    """Takes notes; gives how many characters of HTML they may become."""
    return FACTOR * len(text) + ALLOWANCE


def bound_html(text: str, block_count: int) -> int:
    """Takes notes and how many blocks they have; gives what their HTML cannot exceed, references left aside.

    It takes a small part of the time that making the HTML takes, and is enough to clear what people really write.
    """
    marks = sum(weight * text.count(mark) for mark, weight in _WEIGHTS.items())
    return 2 * len(text) + marks + _BLOCK_MARKUP * block_count


def measure_html(page: str) -> int:
    """Takes HTML that nothing has sanitised yet; gives how long it is once it is, without colours."""
    return len(page) + sum(length * page.count(mark) for mark, length in _ADDED.items())


def measure_references(document: Document) -> int:
    """Takes the blocks of notes; gives how many characters of HTML the references in them make."""
    lengths = {label: _measure_link(*definition) for label, definition in document.definitions.items()}
    if not lengths:
        return 0
    return sum(
        lengths.get(fold_label(reference[1]), 0)
        for text in _iterate_texts(document)
        for reference in _REFERENCE.finditer(text)
    )


def _measure_link(destination: str, title: str) -> int:
    return _LINK_MARKUP + len(html.escape(clean_url(destination) or "")) + len(html.escape(title))


def _iterate_texts(document: Document) -> list[str]:
    texts: list[str] = []
    for block in walk(document.children):
        if isinstance(block, Paragraph | Heading):
            texts.append(block.text)
        elif isinstance(block, Table):
            texts += [cell for row in block.rows for cell in row]
    return texts
