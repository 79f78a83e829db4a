"""What is refused as too complex, and how that is said; and that nothing real is."""

from __future__ import annotations

import pytest

from app.notes import find_excess, normalize, render
from app.notes.excess import is_plain, judge
from app.notes.growth import compute_limit
from app.releases.schema import NOTES_LIMIT, find_notes_error
from tests.corpora import load_real_releases

REAL = [normalize(release["notes"]) for release in load_real_releases()]
# Each stands just within a limit; one more of the same is beyond it.
EDGES = {
    "depth of quotes": ("> " * 12 + "a", "> " * 13 + "a"),
    "depth of lists": ("- " * 12 + "a", "- " * 13 + "a"),
    "depth of both": ("> 1. " * 6 + "a", "> 1. " * 6 + "> a"),
    "paragraphs": ("a\n\n" * 600, "a\n\n" * 601),
    "items": ("- a\n" * 599, "- a\n" * 600),
    "cells": ("|a|\n|-|\n" + "|a|\n" * 298, "|a|\n|-|\n" + "|a|\n" * 299),
    "cells that are missing": (
        "a|b|c|d\n-|-|-|-\n" + "ten or more\n" * 118,
        "a|b|c|d\n-|-|-|-\n" + "ten or more\n" * 119,
    ),
    "growth by mail addresses": ("<a@a>" * 151, "<a@a>" * 152),
    "growth by references": ("[a]: http://a.example\n\n" + "[a] " * 106, "[a]: http://a.example\n\n" + "[a] " * 107),
}


@pytest.mark.parametrize("notes", REAL, ids=range(len(REAL)))
def test_no_real_release_is_too_complex(notes: str) -> None:
    assert find_excess(notes) is None
    page = render(notes)
    assert not page.startswith("<pre>" + notes[:1])
    assert len(page) <= compute_limit(notes)


@pytest.mark.parametrize(("within", "beyond"), EDGES.values(), ids=EDGES)
def test_what_is_within_the_limits_is_rendered_and_what_is_beyond_is_shown_as_typed(within: str, beyond: str) -> None:
    assert find_excess(within) is None
    assert not render(within).startswith("<pre ")
    assert find_excess(beyond) is not None
    assert render(beyond).startswith("<pre ")


@pytest.mark.parametrize(
    ("notes", "sentence"),
    [
        ("a\n" + "> " * 20 + "a", "Line 2 nests lists and quotes 20 levels deep; at most 12 are allowed."),
        ("a\n\n" * 700, "They have 700 paragraphs, items, cells and other blocks; at most 600 are allowed."),
        (
            "<a@a>" * 200,
            "They would become 13407 characters of HTML; at most 12096 are allowed for notes of this length.",
        ),
        (
            "[a]: http://a.example\n\n" + "[a] " * 200,
            "They would become 14406 characters of HTML; at most 10680 are allowed for notes of this length.",
        ),
    ],
)
def test_the_reason_names_the_limit_and_what_there_is(notes: str, sentence: str) -> None:
    assert find_excess(notes) == sentence
    assert find_notes_error(notes) == ("too_complex", f"are too complex to show: {sentence}")


def test_many_definitions_that_are_used_once_are_no_excess() -> None:
    numbers = range(100, 133)
    items = "".join(f"- Mend what broke ([#{number}])\n" for number in numbers)
    definitions = "".join(f"[#{number}]: https://git.example/slipway/issues/{number}\n" for number in numbers)
    notes = f"{items}\n{definitions}"
    assert len(notes) <= NOTES_LIMIT
    assert find_excess(notes) is None
    assert render(notes).count("<a href=") == len(numbers)


def test_code_that_would_grow_too_much_loses_its_colours_and_nothing_else() -> None:
    code = "1," * 2000
    notes = f"```js\n{code}\n```"
    assert find_excess(notes) is None
    assert render(notes) == f'<pre tabindex="0"><code class="language-js">{code}\n</code></pre>'
    assert '<span class="m">1</span>' in render("```js\n1,a,\n```")


UNITS = (
    "- ",
    "> ",
    "1. ",
    "* a\n",
    "- a\n  ",
    "a\n\n",
    "| a ",
    "- - - - - - - - a\n",
    "<",
    "[a]",
    ">\n",
    "+\n",
    "  - ",
)


def test_a_glance_clears_what_people_really_write_and_nothing_that_reading_would_refuse() -> None:
    assert sum(map(is_plain, REAL)) > len(REAL) * 0.9
    for unit in UNITS:
        most = NOTES_LIMIT // len(unit)
        for number in range(1, most, most // 12):
            notes = unit * number
            assert not is_plain(notes) or judge(notes) is None, (unit, number)
