"""Hostile notes: refused for a reason, or rendered whole, soon, and to a bounded length."""

from __future__ import annotations

import logging
from collections.abc import Iterator

import pytest

from app.notes import find_excess, normalize, render
from app.notes.block_reader import read_blocks
from app.notes.entities import replace_unshowable
from app.notes.excess import count_blocks, is_plain, judge
from app.notes.growth import bound_html, compute_limit, measure_html, measure_references
from app.notes.sanitizer import sanitize_markup, sanitize_page
from app.notes.tree import convert
from tests.corpora import load_corpus
from tests.notes_attacks import LIMIT, NESTS, UNITS, build_nest, deadline, fill, iterate_mixtures

ROWS = load_corpus("markdown_dos")["cases"]


@pytest.fixture(autouse=True)
def _no_defect(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever had to be shown as typed because of a defect was logged, and fails the test."""
    caplog.set_level(logging.WARNING, logger="app.notes")
    yield
    assert not caplog.records


def check(notes: str) -> None:
    """Checks what must hold for any notes that are not too long."""
    text = replace_unshowable(normalize(notes))
    with deadline(2, f"rendering {notes[:40]!r}"):
        excess = find_excess(text)
        page = render(notes)
    # What is cleared at a glance is cleared by reading it, too.
    assert not is_plain(text) or judge(text) is None
    assert len(page) <= compute_limit(text)
    assert page == render(notes)
    assert sanitize_page(page) == page
    if excess is None:
        check_growth(text)


def check_growth(text: str) -> None:
    """Checks that what is estimated before notes are stored is never less than what they become."""
    document = read_blocks(text)
    raw = convert(text)
    length = len(sanitize_page(sanitize_markup(raw)))
    assert length <= measure_html(raw)
    assert length <= bound_html(text, count_blocks(document.children)) + measure_references(document)


@pytest.mark.parametrize("row", ROWS, ids=[row["id"] for row in ROWS])
def test_every_row_of_the_corpus_is_refused_or_rendered(row: dict[str, str]) -> None:
    whole = eval(row["expr"])
    check(whole[:LIMIT])
    with deadline(5, f"judging {row['id']}"):
        find_excess(normalize(whole))


@pytest.mark.parametrize("kind", UNITS)
def test_what_is_repeated_is_refused_or_rendered(kind: str) -> None:
    for unit in UNITS[kind]:
        check(fill(unit))


@pytest.mark.parametrize(("opening", "closing"), NESTS)
def test_what_nests_is_refused_or_rendered(opening: str, closing: str) -> None:
    check(build_nest(opening, closing))
    check("> <div>\n" + build_nest(opening, closing, LIMIT - 8))


def test_mixtures_are_refused_or_rendered() -> None:
    for notes in iterate_mixtures(seed=1, count=60):
        check(notes)


def test_what_is_four_times_too_long_is_judged_in_linear_time() -> None:
    # A reader that took the square of the length, or worse, would not be done in time for the worst of these.
    for unit in (unit for kind in UNITS.values() for unit in kind):
        with deadline(2, f"judging {unit!r}"):
            find_excess(replace_unshowable(normalize(fill(unit, 4 * LIMIT))))
