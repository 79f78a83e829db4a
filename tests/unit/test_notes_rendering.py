"""What holds for the HTML of any notes: the same every time, whole, and known by the version of the renderer."""

from __future__ import annotations

import hashlib
import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.notes import RENDERER_VERSION, find_excess, normalize, render, renderer
from app.notes.growth import compute_limit
from app.notes.sanitizer import sanitize_markup, sanitize_page
from tests.corpora import load_real_releases

REAL = [release["notes"] for release in load_real_releases()]
# A bit of everything that notes can hold.
SAMPLE = """# Slipway 2.0 & *more*

Setext
------

Text with **strong**, _emphasis_, ~~struck~~, `code`, ``a ` b``, a\\
break, &copy; and <sub>HTML</sub> <int>; 1 < 2 > 0.
See [one](https://a.example/?b=1&c=2 "title"), [two][ref], <https://d.example>, https://e.example/f_(g).
Or www.h.example and mail@i.example. ![image](https://j.example/k.png) [no](/relative)

- [x] done
- [ ] open
  1. nested
  2. list

     loose

3. three

> quote
> > deeper
lazy

| a | b | c |
|:--|:-:|--:|
| `x\\|y` | **z** | |

```python
def f(x: int = 1) -> None:  # comment
    return "text"
```

    indented\tcode

<details><summary>Sum</summary>

<table><tr><td align="right">cell</table>

***

[ref]: https://l.example 'title'
"""
# What the version that the code names makes of the sample.
VERSION, SAMPLE_HASH = 1, "1998573e591f66b14cf4bd4ba47a08bad7b4e90672ad3293913021290e0402fb"

PIECES = st.lists(
    st.sampled_from(
        [*"*_~`[]()!<>&#-+|:\\\"'={} \t\n1.a", "http://a.example", "<b>", "</b>", "```", "- [x] ", "\u00a0", "é"]
    )
    | st.characters(),
    max_size=60,
).map("".join)


def test_the_version_is_raised_when_the_html_changes() -> None:
    page_hash = hashlib.sha256(render(SAMPLE).encode()).hexdigest()
    assert (RENDERER_VERSION, page_hash) == (VERSION, SAMPLE_HASH), (
        "The same notes give other HTML than before. If that is meant, raise RENDERER_VERSION in app/notes/renderer.py,"
        " so that stored HTML is made anew, and write the new version and hash into this test."
    )


@pytest.mark.parametrize("notes", REAL, ids=range(len(REAL)))
def test_a_real_release_is_rendered_the_same_every_time_however_its_lines_end(notes: str) -> None:
    page = render(notes)
    assert render(notes) == page
    assert render(notes.replace("\n", "\r\n")) == page
    assert render(notes.replace("\n", "\r")) == page
    assert sanitize_page(page) == page


@given(PIECES)
@settings(max_examples=300, deadline=None, derandomize=True)
def test_any_text_is_rendered_whole_and_the_same_every_time(notes: str) -> None:
    page = render(notes)
    assert render(notes) == page
    assert render(normalize(notes)) == page
    assert sanitize_page(page) == page
    assert len(page) <= compute_limit(normalize(notes))
    if find_excess(normalize(notes)) is None and "<span" not in page and "<input" not in page:
        # Without what is ours alone, even the list for people lets the page pass.
        assert sanitize_page(sanitize_markup(page)) == page


def test_nothing_gives_nothing() -> None:
    for notes in ("", " ", "\n\n", "\t\r\n", "<!-- comment -->", "[a]: https://a.example"):
        assert render(notes) == ""


@pytest.mark.parametrize("odd", ["\x00", "\x07", "\x0b", "\x1b", "\x7f", "\ud800", "\ufdd0", "\ufdd1", "\uffff"])
def test_what_no_page_can_show_becomes_a_replacement_character(odd: str) -> None:
    assert render(f"a{odd}*b*") == "<p>a\ufffd<em>b</em></p>"
    assert render(f"```\n{odd}\n```") == '<pre tabindex="0"><code>\ufffd\n</code></pre>'
    assert render(odd * 4096) == "<p>" + "\ufffd" * 4096 + "</p>"


def test_threads_do_not_mix_up_their_notes() -> None:
    expected = [render(notes) for notes in REAL]
    with ThreadPoolExecutor(8) as pool:
        assert list(pool.map(render, REAL)) == expected


def test_a_defect_shows_the_notes_as_typed_and_is_logged(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fail(html: str) -> str:
        raise RecursionError

    monkeypatch.setattr(renderer, "sanitize_markup", fail)
    with caplog.at_level(logging.ERROR, logger="app.notes"):
        assert render("*a* <script>b</script>") == '<pre tabindex="0">*a* &lt;script&gt;b&lt;/script&gt;</pre>'
    assert "could not be rendered" in caplog.text
    monkeypatch.undo()
    assert render("*a*") == "<p><em>a</em></p>"


def test_notes_shown_as_typed_keep_every_character() -> None:
    notes = "\n\n  " + "> " * 13 + '*a* & <b> "c"'
    assert render(notes) == f'<pre tabindex="0">  {"&gt; " * 13}*a* &amp; &lt;b&gt; "c"</pre>'
