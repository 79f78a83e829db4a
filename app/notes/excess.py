"""Which notes are too complex to show: judged by their structure, in linear time, never by the clock.

The readers of notes take linear time whatever they read, but the libraries behind them take some microseconds for
each element, call themselves for each level, and memory for what they make. So what is refused is what nests too
deep, has too many blocks, or grows to many times its size.
"""

from __future__ import annotations

import re
from typing import Final

from app.language import say
from app.notes.block_reader import DEPTH_LIMIT, DepthError, read_blocks
from app.notes.blocks import Block, List, Paragraph, Table, walk
from app.notes.entities import replace_unshowable
from app.notes.growth import bound_html, compute_limit, measure_html, measure_references
from app.notes.tree import convert

BLOCK_LIMIT = 600
# What stands before the content of a line: whatever nests takes a character of it for each level, or several.
_MARGIN: Final = re.compile(r"^[ >*+\-.)0-9]++", re.MULTILINE)
# Without these there is no table and no definition of a link, and a margin is as wide as it is long.
_RARE: Final = ("\t", "|", "]:", ":-", "-:")


def find_excess(text: str) -> str | None:
    """Takes normalised notes; gives None, or one sentence that names what is too complex, limit and actual."""
    text = replace_unshowable(text)
    return None if is_plain(text) else judge(text)


def is_plain(text: str) -> bool:
    """Whether so little stands in notes that nothing in them can be too complex, however they are read.

    It is true of most that people really write, and takes a tenth of the time that reading them takes.
    """
    if any(mark in text for mark in _RARE):
        return False
    margins = _MARGIN.findall(text)
    if max(map(len, margins), default=0) > DEPTH_LIMIT:
        return False
    # A mark begins a quote, or an item and perhaps its list; a line holds one block within them at most.
    count = text.count("\n") + 1 + 2 * sum(len(margin) - margin.count(" ") for margin in margins)
    return count <= BLOCK_LIMIT and bound_html(text, count) <= compute_limit(text)


def judge(text: str) -> str | None:
    """Takes notes that hold nothing that no page can show; reads them, and says as ``find_excess`` does."""
    try:
        document = read_blocks(text)
    except DepthError as error:
        return say(
            "Line {number} nests lists and quotes {depth} levels deep; at most {limit} are allowed.",
            number=error.line_number,
            depth=error.depth,
            limit=DEPTH_LIMIT,
        )
    count = count_blocks(document.children)
    if count > BLOCK_LIMIT:
        return say(
            "They have {count} paragraphs, items, cells and other blocks; at most {limit} are allowed.",
            count=count,
            limit=BLOCK_LIMIT,
        )
    limit = compute_limit(text)
    length = measure_references(document)
    # A reference may be counted twice, by its text and by its label. Beyond that nothing is made only to be measured.
    if length <= 2 * limit and length + bound_html(text, count) > limit:
        length = measure_html(convert(text))
    if length > limit:
        return say(
            "They would become {length} characters of HTML; at most {limit} are allowed for notes of this length.",
            length=length,
            limit=limit,
        )
    return None


def count_blocks(blocks: list[Block]) -> int:
    """Takes blocks; gives how many elements they, and those within them, make. HTML that people type is one."""
    return sum(_count_parts(block) for block in walk(blocks))


def _count_parts(block: Block) -> int:
    """Gives how many elements the block makes, without the blocks in it."""
    if isinstance(block, List):
        paragraphs = sum(isinstance(child, Paragraph) for item in block.items for child in item.children)
        # A tight list shows its paragraphs as bare text.
        return 1 + len(block.items) - (paragraphs if block.is_tight else 0)
    if isinstance(block, Table):
        # Rows that are shorter than the header are filled up.
        return 1 + len(block.rows) * (1 + len(block.alignments))
    return 1
