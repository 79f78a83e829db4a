"""Blocks: lists, headings, quotes, code, tables and HTML, as readers know them from GitHub.

The HTML is that of CommonMark 0.31.2 and GitHub Flavored Markdown, but for what notes leave out on purpose:
a comment or an element that is never closed does not swallow what follows, and text in no block is a paragraph.
"""

from __future__ import annotations

import pytest

from app.notes import find_excess
from tests.notes_reading import render_bare

# Notes, and their HTML without line ends between the elements and without what all links have in common.
CASES = {
    "a list after a paragraph": ("para\n- a\n- b\n1. c", "<p>para</p><ul><li>a</li><li>b</li></ul><ol><li>c</li></ol>"),
    "a number other than one within a paragraph": ("In the year\n1984. A year.", "<p>In the year\n1984. A year.</p>"),
    "a tight list": ("- a\n- b\n  c\nlazy", "<ul><li>a</li><li>b\nc\nlazy</li></ul>"),
    "a loose list": ("- a\n- b\n\n- c", "<ul><li><p>a</p></li><li><p>b</p></li><li><p>c</p></li></ul>"),
    "a list that is loose within an item": ("- a\n\n  b\n- c", "<ul><li><p>a</p><p>b</p></li><li><p>c</p></li></ul>"),
    "lists within lists, by what indents them": (
        "- a\n  - b\n    1. c\n  - d\n- e",
        "<ul><li>a\n<ul><li>b\n<ol><li>c</li></ol></li><li>d</li></ul></li><li>e</li></ul>",
    ),
    "a loose list within a tight one": (
        "- a\n  - b\n\n  - c\n- d",
        "<ul><li>a\n<ul><li><p>b</p></li><li><p>c</p></li></ul></li><li>d</li></ul>",
    ),
    "items too near for a list of their own": ("- a\n - b\n  - c", "<ul><li>a</li><li>b</li><li>c</li></ul>"),
    "another bullet, another list": ("* a\n+ b\n- c", "<ul><li>a</li></ul><ul><li>b</li></ul><ul><li>c</li></ul>"),
    "another mark after the number, another list": (
        "1. a\n2. b\n3) c",
        '<ol><li>a</li><li>b</li></ol><ol start="3"><li>c</li></ol>',
    ),
    "a list that starts elsewhere": (
        "10. a\n\n    b\n11. c",
        '<ol start="10"><li><p>a</p><p>b</p></li><li><p>c</p></li></ol>',
    ),
    "an item that begins with a blank line": ("-\n  a\n-\n\n  b", "<ul><li>a</li><li></li></ul><p>b</p>"),
    "a quote in an item does not make it loose": (
        "* a\n  > b\n  >\n* c",
        "<ul><li>a\n<blockquote><p>b</p></blockquote></li><li>c</li></ul>",
    ),
    "code in a tight item, and text after it": (
        "- a\n  ```\n  b\n  ```\n  c\n- # d\n  e",
        "<ul><li>a\n<pre><code>b\n</code></pre>\nc</li><li><h1>d</h1>\ne</li></ul>",
    ),
    "an item indented by a tab": ("-\ta\n\n\tb", "<ul><li><p>a</p><p>b</p></li></ul>"),
    "two lists with a comment between": ("- a\n<!-- c -->\n- b", "<ul><li>a</li></ul><ul><li>b</li></ul>"),
    "tasks": (
        "- [ ] a\n- [x] b\n- [X] **c**\n  - [ ] d\n1. [x] e",
        (
            '<ul><li><input type="checkbox" disabled=""> a</li><li><input type="checkbox" checked="" '
            'disabled=""> b</li><li><input type="checkbox" checked="" disabled=""> '
            '<strong>c</strong><ul><li><input type="checkbox" disabled=""> d</li></ul></li></ul><ol><li><input '
            'type="checkbox" checked="" disabled=""> e</li></ol>'
        ),
    ),
    "a task in a loose list": (
        "- [ ] a\n\n- [x] b",
        (
            '<ul><li><p><input type="checkbox" disabled=""> a</p></li><li><p><input type="checkbox" checked="" '
            'disabled=""> b</p></li></ul>'
        ),
    ),
    "brackets that are no task": (
        "- [x]a\n- [ ]\n- see [x] a\n\n[ ] b",
        "<ul><li>[x]a</li><li>[ ]</li><li>see [x] a</li></ul><p>[ ] b</p>",
    ),
    "headings": (
        "# A\n## B ##\n### C#\n#### D \\#\n##### E *f*\n#\tG",
        "<h1>A</h1><h2>B</h2><h3>C#</h3><h4>D #</h4><h5>E <em>f</em></h5><h1>G</h1>",
    ),
    "no headings": ("#a\n####### b\n\\# c", "<p>#a\n####### b\n# c</p>"),
    "underlined headings": ("A\n===\n\nB\nc  \nd\n---", "<h1>A</h1><h2>B\nc<br>\nd</h2>"),
    "a heading within a paragraph": ("a\n# b\nc", "<p>a</p><h1>b</h1><p>c</p>"),
    "rules": ("***\n- - -\n_____\n\n--\na\n***", "<hr><hr><hr><p>--\na</p><hr>"),
    "a rule between items": ("- a\n- - -\n- b", "<ul><li>a</li></ul><hr><ul><li>b</li></ul>"),
    "quotes": (
        "> a\nlazy\n> b\n\n> c\n>> d\n> e",
        (
            "<blockquote><p>a\nlazy\nb</p></blockquote><blockquote><p>c</p><blockquote><p>d\n"
            "e</p></blockquote></blockquote>"
        ),
    ),
    "a quote ends at a blank line, not its list": (
        "> - a\n> - b\n>\n> c\n\nd",
        "<blockquote><ul><li>a</li><li>b</li></ul><p>c</p></blockquote><p>d</p>",
    ),
    "a fence in a quote ends with it": (
        "> ```\n> a\nb",
        "<blockquote><pre><code>a\n</code></pre></blockquote><p>b</p>",
    ),
    "fences": (
        "```\na\n\n  b\n```\n~~~~\n```\n~~~\n~~~~",
        "<pre><code>a\n\n  b\n</code></pre><pre><code>```\n~~~\n</code></pre>",
    ),
    "a fence that is never closed": ("```\na\n", "<pre><code>a\n</code></pre>"),
    "an empty fence": ("```\n```", "<pre><code></code></pre>"),
    "a fence that is indented": ("  ```\n  a\n    b\n c\n  ```", "<pre><code>a\n  b\nc\n</code></pre>"),
    "a fence between paragraphs": ("a\n```\nb\n```\nc", "<p>a</p><pre><code>b\n</code></pre><p>c</p>"),
    "tabs in code": (
        "```\n\ta\tb\n```\n\n\tc\td\n\t\te",
        "<pre><code>\ta\tb\n</code></pre><pre><code>c\td\n\te\n</code></pre>",
    ),
    "indented code": ("    a\n\n      b\n\nc\n    d", "<pre><code>a\n\n  b\n</code></pre><p>c\nd</p>"),
    "indented code in an item": ("- a\n\n      b", "<ul><li><p>a</p><pre><code>b\n</code></pre></li></ul>"),
    "a table": (
        "| a | b | c | d |\n|---|:--|:-:|--:|\n| 1 | 2 | 3 | 4 |",
        (
            '<table><thead><tr><th>a</th><th align="left">b</th><th align="center">c</th><th '
            'align="right">d</th></tr></thead><tbody><tr><td>1</td><td align="left">2</td><td '
            'align="center">3</td><td align="right">4</td></tr></tbody></table>'
        ),
    ),
    "a table without outer pipes": (
        "a | b\n--|--\n1 | 2\n\nc",
        "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>1</td><td>2</td></tr></tbody></table><p>c</p>",
    ),
    "a table of one column": (
        "|a|\n|-|\n|b|",
        "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td>b</td></tr></tbody></table>",
    ),
    "short and long rows": (
        "|a|b|\n|-|-|\n|c|\n|d|e|f|\ng",
        "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td>c</td><td></td></tr><tr><td>d</td><td>e</td></tr><tr><td>g</td><td></td></tr></tbody></table>",
    ),
    "pipes in cells": (
        "|a|\n|-|\n|`b\\|c`|\n|\\||",
        "<table><thead><tr><th>a</th></tr></thead><tbody><tr><td><code>b|c</code></td></tr><tr><td>|</td></tr></tbody></table>",
    ),
    "markup in cells": (
        "|a|b|\n|-|-|\n|*c*|[d](http://e.f)|",
        (
            "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td><em>c</em></td><td><a "
            'href="http://e.f">d</a></td></tr></tbody></table>'
        ),
    ),
    "a table after a line of text": (
        "a\n|b|c|\n|-|-|\n|d|e|",
        "<p>a</p><table><thead><tr><th>b</th><th>c</th></tr></thead><tbody><tr><td>d</td><td>e</td></tr></tbody></table>",
    ),
    "what ends a table": (
        "|a|\n|-|\n> b\n\n|c|\n|-|\n# d\n\n|e|\n|-|\n- f",
        "<table><thead><tr><th>a</th></tr></thead></table><blockquote><p>b</p></blockquote><table><thead><tr><th>c</th></tr></thead></table><h1>d</h1><table><thead><tr><th>e</th></tr></thead></table><ul><li>f</li></ul>",
    ),
    "no table where the columns differ": ("|a|b|\n|-|\n|c|d|", "<p>|a|b|\n|-|\n|c|d|</p>"),
    "a table in an item": (
        "- |a|\n  |-|\n  |b|",
        "<ul><li><table><thead><tr><th>a</th></tr></thead><tbody><tr><td>b</td></tr></tbody></table></li></ul>",
    ),
    "comments": ("<!-- a -->\nb <!-- c --> d\n\n<!-- e\n\nf -->\n\ng", "<p>b  d</p><p>g</p>"),
    "a comment that is never closed": ("<!-- a\n\nb", "<p>&lt;!-- a</p><p>b</p>"),
    "HTML": ('<ul>\n<li>a <b>b</b></li>\n</ul>\n\n<p align="center">c</p>', "<ul><li>a <b>b</b></li></ul><p>c</p>"),
    "HTML around Markdown": ("<details>\n<summary>a</summary>\n\n- b\n\n</details>", "<p>\na</p><ul><li>b</li></ul>"),
    "HTML that is not closed": ("<table><tr><td>a\n\nb", "<table><tbody><tr><td>a</td></tr></tbody></table><p>b</p>"),
    "definitions show nothing": ("[a]: http://b.c\n\n> [d]: http://e.f", "<blockquote></blockquote>"),
    "footnotes stay as typed": ("a[^1]\n\n[^1]: b", "<p>a[^1]</p><p>[^1]: b</p>"),
    "extensions of others stay as typed": (
        "Term\n: a\n\n==b== x^2^ $c$ :tada: @d #1\n\n> [!NOTE]\n> e",
        "<p>Term\n: a</p><p>==b== x^2^ $c$ :tada: @d #1</p><blockquote><p>[!NOTE]\ne</p></blockquote>",
    ),
}


@pytest.mark.parametrize(("notes", "page"), CASES.values(), ids=CASES)
def test_notes_read_as_on_github(notes: str, page: str) -> None:
    assert find_excess(notes) is None
    assert render_bare(notes) == page
