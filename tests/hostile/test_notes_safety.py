"""Rendered notes hold nothing but what is on the list, judged by a parser that has no part in making them.

Whether a browser agrees is a matter for tests/browser/test_notes_safety.py.
"""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser

import pytest

from app.notes import normalize, render
from app.notes.entities import replace_unshowable
from app.notes.sanitizer import sanitize_page
from tests.corpora import load_corpus
from tests.notes_attacks import LIMIT, UNITS, deadline, fill, iterate_mixtures

CORPUS = load_corpus("xss_markdown")
VECTORS = {row["id"]: (row["kind"], json.loads(row["md_json"])) for row in CORPUS["vectors"]}
# The corpus' list, and what is ours alone: where numbering starts, colours of code, and checkboxes.
TAGS = {*CORPUS["recommended"]["tags"], "span", "input"}
ATTRIBUTES = {
    "a": {"href": r"(?:https?://|mailto:)[^\s\"<>]+", "title": r".*", "rel": r"nofollow noopener noreferrer ugc"},
    "abbr": {"title": r".*"},
    "code": {"class": r"language-[A-Za-z0-9+#.-]{1,32}"},
    "td": {"align": r"left|center|right"},
    "th": {"align": r"left|center|right"},
    "ol": {"start": r"[0-9]{1,9}"},
    "span": {"class": r"[a-z][a-z0-9]{0,2}"},
    "input": {"type": r"checkbox", "disabled": r"", "checked": r"", "aria-label": r"Completed task|Incomplete task"},
    "pre": {"tabindex": r"0"},
    "table": {"tabindex": r"0"},
}
LINK = '<a href="{}" rel="nofollow noopener noreferrer ugc">a</a>'
VOID_TAGS = {"br", "hr", "input"}


class Judge(HTMLParser):
    """Reads a page and fails at the first thing that has no business in it."""

    def __init__(self) -> None:
        super().__init__()
        self.text = ""
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Takes an opening tag."""
        assert tag in TAGS
        for name, value in attrs:
            pattern = ATTRIBUTES.get(tag, {}).get(name)
            assert pattern is not None, f"<{tag} {name}>"
            assert re.fullmatch(pattern, value or "", re.DOTALL), f"<{tag} {name}={value!r}>"
        assert tag != "a" or "rel" in dict(attrs)
        assert tag != "input" or dict(attrs).keys() >= {"type", "disabled"}
        if tag not in VOID_TAGS:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        """Takes a closing tag, which closes the innermost element."""
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Takes text."""
        self.text += data

    def handle_comment(self, data: str) -> None:
        """Takes a comment."""
        raise AssertionError(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        """Takes a declaration."""
        raise AssertionError(f"a declaration: {decl}")

    def unknown_decl(self, data: str) -> None:
        """Takes what looks like a declaration."""
        raise AssertionError(f"a declaration: {data}")

    def handle_pi(self, data: str) -> None:
        """Takes a processing instruction."""
        raise AssertionError(f"an instruction: {data}")


def judge(page: str) -> str:
    """Fails unless the page holds only what it may; gives its text."""
    judge = Judge()
    judge.feed(page)
    judge.close()
    assert not judge.open
    assert sanitize_page(page) == page
    return judge.text


@pytest.mark.parametrize("name", VECTORS)
def test_no_vector_leaves_more_than_the_list_allows(name: str) -> None:
    kind, notes = VECTORS[name]
    with deadline(0.5, name):
        page = render(notes)
    text = judge(page)
    if kind in {"text", "ssti"}:
        # What is typed to be read is read. Marks of Markdown are the only thing that may be missing.
        typed = re.sub("&[a-z]+;", lambda entity: html.unescape(entity[0]), replace_unshowable(normalize(notes)))
        assert re.sub(r"[_`\s]", "", text) == re.sub(r"[_`\s]", "", typed)


@pytest.mark.parametrize("kind", UNITS)
def test_attacks_on_the_renderer_leave_no_more_either(kind: str) -> None:
    for unit in UNITS[kind]:
        judge(render(fill(unit, LIMIT // 8)))


def test_mixtures_of_attacks_leave_no_more_either() -> None:
    vectors = [notes for _, notes in VECTORS.values()]
    for number, notes in enumerate(iterate_mixtures(seed=2, count=60)):
        judge(render(vectors[number] + "\n" + notes[: LIMIT // 8] + vectors[-number]))


@pytest.mark.parametrize(
    ("notes", "page"),
    [
        ('<p id="csrf_token" class="button" name="x" style="color:red">a</p>', "<p>a</p>"),
        ('<h1 id="a" onclick="b()">c</h1>', "<h1>c</h1>"),
        (
            '<a href="https://a.example" target="_blank" rel="opener" download>a</a>',
            f"<p>{LINK.format('https://a.example')}</p>",
        ),
        ("# Heading {#id .class}", "<h1>Heading {#id .class}</h1>"),
        ("[a](https://a.example){onclick=b}", f"<p>{LINK.format('https://a.example')}{{onclick=b}}</p>"),
        ("<script>alert(1)</script>", "<p>&lt;script&gt;alert(1)&lt;/script&gt;</p>"),
        (
            "```js onload=alert(1)\n1\n```",
            '<pre tabindex="0"><code class="language-js"><span class="m">1</span>\n</code></pre>',
        ),
        ("```x<y\n1\n```", '<pre tabindex="0"><code>1\n</code></pre>'),
        ('<input type="text" name="a" value="b">', ""),
        ("[a](javascript:alert(1)) [b](/logout) [c](//b.example) [d](data:text/html,x)", "<p>a b c d</p>"),
        ("![a](https://a.example/a.png)", f"<p>{LINK.format('https://a.example/a.png')}</p>"),
        ("![a](/a.png) <img src=x onerror=alert(1) alt=b>", "<p>a b</p>"),
        ('<td style="x">a', "<p>a</p>"),
        ("\ufdd0 \ufdd1 &#xFDD0;", "<p>\ufffd \ufffd \ufffd</p>"),
    ],
)
def test_what_people_type_has_no_say_in_names_looks_and_places(notes: str, page: str) -> None:
    rendered = render(notes)
    judge(rendered)
    assert rendered == page
