"""Reads notes line by line into blocks, the way GitHub does, in time linear in their length.

Python-Markdown's own block processors take a list only after a blank line, nest it only by four spaces, and call
themselves for every level. This reader follows CommonMark 0.31.2 (appendix, "A parsing strategy") with GitHub's
tables, keeps a list of the open containers instead of calling itself, and stops where they nest too deep.
"""

from __future__ import annotations

from app.notes import grammar
from app.notes.blocks import Block, Document, Item, List, Quote
from app.notes.leaf_reader import LeafReader

DEPTH_LIMIT = 12


class DepthError(Exception):
    """Quotes and lists nest deeper than ``DEPTH_LIMIT``."""

    def __init__(self, line_number: int, depth: int) -> None:
        super().__init__(f"line {line_number} nests {depth} deep")
        self.line_number = line_number
        self.depth = depth


def read_blocks(text: str) -> Document:
    """Takes normalised notes; gives their blocks. Raises DepthError."""
    return _BlockReader(text.removesuffix("\n").split("\n")).read()


class _BlockReader:
    """One run over the lines.

    ``_open`` are the quotes and items that the next line may continue. ``_blank_depth`` is None, or, after a blank
    line, how many of them do not count it as blank, because the mark of a quote stands on it.
    """

    def __init__(self, lines: list[str]) -> None:
        self._lines = lines
        self._number = 0
        self._document = Document()
        self._open: list[Quote | Item] = []
        self._leaf = LeafReader(lines, self._document.definitions)
        self._blank_depth: int | None = None

    def read(self) -> Document:
        for line in self._lines:
            self._number += 1
            self._read_line(grammar.expand_margin(line))
        self._leaf.close()
        return self._document

    def _read_line(self, line: str) -> None:
        matched, start = self._match_open(line)
        is_whole = matched == len(self._open)
        if is_whole and self._leaf.continue_verbatim(line, start, self._number):
            self._blank_depth = None
        elif not line[start:].strip(" \t"):
            self._read_blank(matched)
        else:
            self._read_filled(line, matched, start)
            self._blank_depth = None

    def _match_open(self, line: str) -> tuple[int, int]:
        """Gives how many of the open containers the line continues, and where in it their marks end."""
        start = 0
        for matched, container in enumerate(self._open):
            if isinstance(container, Quote):
                mark = grammar.QUOTE.match(line, start)
                if mark is None:
                    return matched, start
                start = mark.end()
            elif grammar.count_spaces(line, start) >= container.indent:
                start += container.indent
            elif line[start:].strip(" \t"):
                return matched, start
        return len(self._open), start

    def _read_blank(self, matched: int) -> None:
        if matched < len(self._open):
            # A quote ends where its mark is missing; an item goes on after blank lines.
            self._close_to(matched)
        elif self._open and isinstance(item := self._open[-1], Item) and not item.children:
            # An item may begin with at most one blank line, the one that its mark stands on.
            self._close_to(matched - 1)
        self._leaf.read_blank()
        quotes = [depth for depth, container in enumerate(self._open, 1) if isinstance(container, Quote)]
        self._blank_depth = quotes[-1] if quotes else 0

    def _read_filled(self, line: str, matched: int, start: int) -> None:
        begun = self._begin_containers(line, matched, start)
        if begun is None:
            if matched < len(self._open):
                if self._leaf.continue_lazily(line, start, self._number):
                    return
                self._close_to(matched)
        else:
            start = begun
            if not line[start:].strip(" \t"):
                return
        self._loosen()
        self._leaf.read(line, start, self._number, self._get_children())

    def _begin_containers(self, line: str, matched: int, start: int) -> int | None:
        """Opens the quotes and items that begin on the line; gives where their marks end, or None if none does."""
        begun = None
        while True:
            end = self._begin_quote(line, matched, start)
            if end is None:
                end = self._begin_item(line, matched, start)
            if end is None:
                return begun
            start = begun = end
            matched = len(self._open)

    def _begin_quote(self, line: str, matched: int, start: int) -> int | None:
        mark = grammar.QUOTE.match(line, start)
        if mark is None:
            return None
        self._close_to(matched)
        self._loosen()
        quote = Quote()
        self._get_children().append(quote)
        self._push(quote, line, mark.end())
        return mark.end()

    def _begin_item(self, line: str, matched: int, start: int) -> int | None:
        mark = grammar.LIST_ITEM.match(line, start)
        if mark is None or grammar.RULE.match(line, start):
            return None
        is_blank = not line[mark.end() :].strip(" \t")
        # Within a paragraph a line such as "1984. A year." is no list.
        is_weak = is_blank or (mark[3] is not None and int(mark[3]) != 1)
        if is_weak and self._leaf.has_paragraph and matched == len(self._open):
            return None
        self._close_to(matched)
        gap = len(mark[5])
        width = gap if 1 <= gap <= 4 and not is_blank else 1
        end = mark.start(5) + min(gap, width)
        item = Item(indent=mark.start(5) - start + width)
        self._join_list(mark[4] or mark[2], int(mark[3] or 1)).items.append(item)
        self._push(item, line, end)
        return end

    def _join_list(self, marker: str, number: int) -> List:
        siblings = self._get_children()
        if siblings and isinstance(last := siblings[-1], List) and last.marker == marker:
            if self._is_after_blank():
                last.items[-1].is_loose = True
            return last
        self._loosen()
        new = List(marker, number)
        siblings.append(new)
        return new

    def _push(self, container: Quote | Item, line: str, end: int) -> None:
        self._open.append(container)
        self._blank_depth = None
        if len(self._open) > DEPTH_LIMIT:
            raise DepthError(self._number, len(self._open) + grammar.count_markers(line, end))

    def _close_to(self, depth: int) -> None:
        self._leaf.close()
        del self._open[depth:]

    def _loosen(self) -> None:
        """Notes that a block is about to follow a blank line within an item."""
        container = self._open[-1] if self._open else None
        if isinstance(container, Item) and container.children and self._is_after_blank():
            container.is_loose = True

    def _is_after_blank(self) -> bool:
        """Whether a blank line stands before, for the innermost open container."""
        return self._blank_depth is not None and len(self._open) >= self._blank_depth

    def _get_children(self) -> list[Block]:
        return self._open[-1].children if self._open else self._document.children
