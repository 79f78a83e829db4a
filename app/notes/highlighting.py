"""Colours for code: a lexer reads it, and each token gets one of Pygments' short class names."""

from __future__ import annotations

import html
import re
from functools import cache

from pygments.lexer import Lexer
from pygments.token import STANDARD_TYPES, _TokenType

from app.notes.languages import LANGUAGES

# Names, punctuation and blanks look like plain text in any theme, but would take most of the bytes.
_PLAIN_CLASSES = frozenset({"", "n", "p", "w"})
_BLOCK = re.compile(r'<pre><code class="language-([A-Za-z0-9+#.-]{1,32})">([^<]*+)</code></pre>')


def highlight_blocks(page: str, length_limit: int) -> str:
    """Takes sanitized HTML and how long it may become; gives it with colours in the code that names its language.

    A block whose colours would make the page longer stays plain.
    """
    room = length_limit - len(page)

    def highlight(block: re.Match[str]) -> str:
        nonlocal room
        lexer = LANGUAGES.get(block[1])
        if lexer is None:
            return block[0]
        coloured = _highlight_code(html.unescape(block[2]), lexer)
        growth = len(coloured) - len(block[2])
        if growth > room:
            return block[0]
        room -= growth
        return f'<pre><code class="language-{block[1]}">{coloured}</code></pre>'

    return _BLOCK.sub(highlight, page)


def _highlight_code(code: str, lexer: Lexer) -> str:
    spans: list[tuple[str, list[str]]] = []
    for _, token, value in lexer.get_tokens_unprocessed(code):
        name = _find_class(token)
        if spans and spans[-1][0] == name:
            spans[-1][1].append(value)
        else:
            spans.append((name, [value]))
    return "".join(_build_span(name, "".join(values)) for name, values in spans)


def _build_span(name: str, text: str) -> str:
    shown = html.escape(text, quote=False)
    return f'<span class="{name}">{shown}</span>' if name else shown


@cache
def _find_class(token: _TokenType) -> str:
    name = STANDARD_TYPES.get(token, "")
    return "" if name in _PLAIN_CLASSES else name
