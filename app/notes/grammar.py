"""The patterns by which a line of notes is known. Each one is matched in time linear in the line.

Source: CommonMark 0.31.2, chapters 4 and 5, and GitHub Flavored Markdown 0.29, section 4.10 (tables).
"""

from __future__ import annotations

import re

_SPACES = re.compile(r" *+")
QUOTE = re.compile(r" {0,3}> ?")
LIST_ITEM = re.compile(r"( {0,3})([-+*]|(\d{1,9})([.)]))( ++|$)")
HEADING = re.compile(r" {0,3}(#{1,6})(?:[ \t]++|$)")
RULE = re.compile(r" {0,3}([-_*])[ \t]*+(?:\1[ \t]*+){2,}+$")
UNDERLINE = re.compile(r" {0,3}(=++|-++)[ \t]*+$")
FENCE = re.compile(r"( {0,3})(`{3,}+|~{3,}+)[ \t]*+([^\n]*+)$")
LANGUAGE = re.compile(r"\{?\.?([A-Za-z0-9+#.-]{1,32})(?=[\s}{,:]|$)")
TASK = re.compile(r"\[([ xX])\][ \t]++(?=\S)")
# What may stand before the content of a line, where a tab counts up to the next column that four divides.
_MARGIN = re.compile(r"[ \t>*+\-.)0-9]*+")
_CONTAINER_MARKERS = re.compile(r" {0,3}(?:>|[-+*](?= )|\d{1,9}[.)](?= )) ?")

_HTML_BLOCKS = (
    "address|article|aside|base|basefont|blockquote|body|caption|center|col|colgroup|dd|details|dialog|dir|div|dl|dt"
    "|fieldset|figcaption|figure|footer|form|frame|frameset|h[1-6]|head|header|hr|html|iframe|legend|li|link|main"
    "|menu|menuitem|nav|noframes|ol|optgroup|option|p|param|picture|search|section|summary|table|tbody|td|tfoot|th"
    "|thead|title|tr|track|ul"
)
HTML_BLOCK = re.compile(rf" {{0,3}}</?(?:{_HTML_BLOCKS})(?:[ \t]|/?>|$)", re.IGNORECASE)
HTML_SPAN_BLOCK = re.compile(r" {0,3}<(?:(!--)|(\?)|(!\[CDATA\[)|(?:(pre)(?:[ \t>]|$)))", re.IGNORECASE)
HTML_SPAN_ENDS = ("-->", "?>", "]]>", "</pre>")

_DELIMITER_CELL = r"[ \t]*+:?-++:?[ \t]*+"
DELIMITER_ROW = re.compile(rf"[ \t]*+\|?{_DELIMITER_CELL}(?:\|{_DELIMITER_CELL})*+\|?[ \t]*+$")
_CELL_TOKEN = re.compile(r"\\\||\|")


def count_spaces(line: str, start: int) -> int:
    """Takes a line; gives how many spaces stand in it from ``start`` on."""
    spaces = _SPACES.match(line, start)
    return len(spaces[0]) if spaces else 0


def expand_margin(line: str) -> str:
    """Takes a line; gives it with spaces for the tabs before its content."""
    if "\t" not in line:
        return line
    margin = _MARGIN.match(line)
    end = margin.end() if margin else 0
    return line[:end].expandtabs(4) + line[end:]


def cut_line(line: str, column: int) -> str:
    """Takes a line as typed; gives what of it stands from a column on, the tabs in it as they are.

    Columns are those of ``expand_margin``. Of a tab that reaches across the column, the rest is given as spaces.
    """
    reached = 0
    for at, character in enumerate(line):
        if reached >= column:
            return " " * (reached - column) + line[at:]
        reached += 4 - reached % 4 if character == "\t" else 1
    return " " * max(0, reached - column)


def count_markers(line: str, start: int) -> int:
    """Takes a line; gives how many quotes and list items begin on it from ``start`` on, one within the other."""
    count = 0
    while marker := _CONTAINER_MARKERS.match(line, start):
        count += 1
        start = marker.end()
    return count


def strip_heading(text: str) -> str:
    """Takes what follows the marks that open a heading; gives it without the marks that may close it."""
    text = text.strip(" \t")
    bare = text.rstrip("#")
    return bare.rstrip(" \t") if not bare or bare[-1] in " \t" else text


def split_row(line: str) -> list[str]:
    """Takes a line of a table; gives its cells. A pipe after a backslash belongs to the cell."""
    line = line.strip(" \t")
    cells, start = [], 0
    for token in _CELL_TOKEN.finditer(line):
        if token.group() == "|":
            cells.append(line[start : token.start()])
            start = token.end()
    cells.append(line[start:])
    if len(cells) > 1 and not cells[-1].strip():
        cells.pop()
    if len(cells) > 1 and line.startswith("|"):
        cells.pop(0)
    return [cell.strip(" \t").replace("\\|", "|") for cell in cells]


def read_alignments(line: str) -> list[str]:
    """Takes the line under a table's header; gives each column's alignment: empty, left, center or right."""
    names = {(True, True): "center", (True, False): "left", (False, True): "right", (False, False): ""}
    return [names[cell.startswith(":"), cell.endswith(":")] for cell in split_row(line)]
