"""Reads lines into the blocks that hold text: paragraphs, headings, code, HTML, tables, rules."""

from __future__ import annotations

import re

from app.notes import grammar
from app.notes.blocks import Block, Code, Heading, Paragraph, RawHtml, Rule, Table
from app.notes.links import Definitions, take_definitions


class LeafReader:
    """Keeps the block that the next line may continue: a paragraph, a code block, HTML or a table, or none."""

    def __init__(self, lines: list[str], definitions: Definitions) -> None:
        self._lines = lines
        self._definitions = definitions
        self._siblings: list[Block] = []
        self._paragraph: Paragraph | None = None
        self._code: Code | None = None
        self._html: RawHtml | None = None
        self._table: Table | None = None
        self._last_ends = {
            end: max((at for at, line in enumerate(lines, 1) if end in line.lower()), default=0)
            for end in grammar.HTML_SPAN_ENDS
        }

    @property
    def has_paragraph(self) -> bool:
        """Whether the next line may continue a paragraph."""
        return self._paragraph is not None

    def close(self) -> None:
        """Ends the block, so that the next line begins another one."""
        paragraph, self._paragraph = self._paragraph, None
        self._code = self._html = self._table = None
        if paragraph is None:
            return
        paragraph.lines = take_definitions(paragraph.lines, self._definitions)
        if not paragraph.lines:
            self._siblings.pop()

    def continue_verbatim(self, line: str, start: int, number: int) -> bool:
        """Adds the line to a block that takes lines as they are; says whether it did."""
        if self._code and self._code.fence:
            self._continue_fence(self._code, line, start, number)
            return True
        if self._html and (self._html.end or line[start:].strip(" \t")):
            self._html.lines.append(line[start:])
            if self._html.end and self._html.end in line.lower():
                self._html = None
            return True
        if self._code and grammar.count_spaces(line, start) >= 4:
            self._code.lines.append(self._cut(number, start + 4))
            return True
        return False

    def _cut(self, number: int, column: int) -> str:
        """Gives a line as typed, without what stands before a column."""
        return grammar.cut_line(self._lines[number - 1], column)

    def _continue_fence(self, code: Code, line: str, start: int, number: int) -> None:
        mark = grammar.FENCE.match(line, start)
        if mark and not mark[3] and mark[2].startswith(code.fence):
            self._code = None
            return
        margin = min(grammar.count_spaces(line, start), code.indent)
        code.lines.append(self._cut(number, start + margin))

    def continue_lazily(self, line: str, start: int, number: int) -> bool:
        """Adds a line that lacks the marks of its containers to the paragraph; says whether it could."""
        if self._paragraph is None or self._begins_block(line, start, number):
            return False
        self._paragraph.lines.append(line[start:])
        return True

    def read_blank(self) -> None:
        """Takes a blank line: it ends all but indented code."""
        if self._code:
            self._code.lines.append("")
        else:
            self.close()

    def _begins_block(self, line: str, start: int, number: int) -> bool:
        """Whether the line begins a block that ends a paragraph."""
        return grammar.count_spaces(line, start) < 4 and (
            grammar.HEADING.match(line, start) is not None
            or grammar.RULE.match(line, start) is not None
            or _match_fence(line, start) is not None
            or self._find_html_end(line, start, number) is not None
        )

    def read(self, line: str, start: int, number: int, siblings: list[Block]) -> None:
        """Takes a line that is not blank, from ``start`` on, and its number; adds it to ``siblings``."""
        is_indented = grammar.count_spaces(line, start) >= 4
        if is_indented and not self._paragraph:
            self._add(Code(lines=[self._cut(number, start + 4)]), siblings)
        elif self._read_after_paragraph(line, start):
            return
        elif is_indented or not (
            self._read_marked(line, start, siblings) or self._read_html(line, start, number, siblings)
        ):
            self._read_text(line, start, siblings)

    def _add(self, block: Paragraph | Heading | Code | Rule | RawHtml | Table, siblings: list[Block]) -> None:
        self.close()
        siblings.append(block)
        self._siblings = siblings
        self._paragraph = block if isinstance(block, Paragraph) else None
        self._code = block if isinstance(block, Code) else None
        self._html = block if isinstance(block, RawHtml) else None
        self._table = block if isinstance(block, Table) else None

    def _read_after_paragraph(self, line: str, start: int) -> bool:
        """Reads a line that makes what stands above it a heading or a table; says whether it was one."""
        if self._paragraph is None or grammar.count_spaces(line, start) >= 4:
            return False
        if mark := grammar.UNDERLINE.match(line, start):
            return self._make_heading(self._paragraph, 1 if mark[1][0] == "=" else 2)
        if grammar.DELIMITER_ROW.match(line, start):
            return self._make_table(self._paragraph, line[start:])
        return False

    def _make_heading(self, paragraph: Paragraph, level: int) -> bool:
        self.close()
        if not paragraph.lines:
            return False
        self._siblings[-1] = Heading(level, paragraph.text)
        return True

    def _make_table(self, paragraph: Paragraph, line: str) -> bool:
        alignments, header = grammar.read_alignments(line), grammar.split_row(paragraph.lines[-1])
        if len(header) != len(alignments):
            return False
        paragraph.lines.pop()
        self._add(Table(alignments, [header]), self._siblings)
        return True

    def _read_marked(self, line: str, start: int, siblings: list[Block]) -> bool:
        """Reads a line that begins a block by its first characters; says whether it was one."""
        if mark := grammar.HEADING.match(line, start):
            self._add(Heading(len(mark[1]), grammar.strip_heading(line[mark.end() :])), siblings)
        elif grammar.RULE.match(line, start):
            self._add(Rule(), siblings)
        elif mark := _match_fence(line, start):
            language = grammar.LANGUAGE.match(mark[3])
            self._add(Code(mark[2], len(mark[1]), language[1] if language else ""), siblings)
        else:
            return False
        return True

    def _read_html(self, line: str, start: int, number: int, siblings: list[Block]) -> bool:
        end = self._find_html_end(line, start, number)
        if end is None:
            return False
        self._add(RawHtml(end, [line[start:]]), siblings)
        if end and end in line[start:].lower():
            self._html = None
        return True

    def _find_html_end(self, line: str, start: int, number: int) -> str | None:
        """Gives what the block of HTML that begins on the line ends with (see ``RawHtml``), or None if none begins."""
        if mark := grammar.HTML_SPAN_BLOCK.match(line, start):
            end = grammar.HTML_SPAN_ENDS[(mark.lastindex or 1) - 1]
            # What is never closed would swallow all that follows: it stays text.
            return end if self._last_ends[end] >= number else None
        return "" if grammar.HTML_BLOCK.match(line, start) else None

    def _read_text(self, line: str, start: int, siblings: list[Block]) -> None:
        if self._table:
            self._table.rows.append(grammar.split_row(line[start:])[: len(self._table.alignments)])
        elif self._paragraph:
            self._paragraph.lines.append(line[start:])
        else:
            self._add(Paragraph([line[start:]]), siblings)


def _match_fence(line: str, start: int) -> re.Match[str] | None:
    mark = grammar.FENCE.match(line, start)
    # A line such as ```` ```code``` ```` is a span of code.
    return None if mark is None or (mark[2][0] == "`" and "`" in mark[3]) else mark
