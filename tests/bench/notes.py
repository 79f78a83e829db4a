"""How long notes take: real ones, and the worst that attacks can do within the limits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from app.notes import find_excess, normalize, render
from app.notes.entities import replace_unshowable
from app.notes.languages import LANGUAGES
from app.releases.schema import NOTES_LIMIT
from tests.corpora import load_corpus, load_real_releases
from tests.notes_attacks import NESTS, UNITS, build_nest, fill, iterate_mixtures

ROUNDS = 3
MIXTURES = 400


def run() -> list[tuple[str, str]]:
    """Gives the figures, each with its name. Times are the processor's, the best of three runs each."""
    real = [text for release in load_real_releases() if len(text := normalize(release["notes"])) <= NOTES_LIMIT]
    corpus = [eval(row["expr"])[:NOTES_LIMIT] for row in load_corpus("markdown_dos")["cases"]]
    attacks = [replace_unshowable(normalize(notes))[:NOTES_LIMIT] for notes in iterate_attacks()]
    times = sorted(measure_ms(render, notes) for notes in real)
    shown = [notes for notes in attacks if find_excess(notes) is None]
    lengths = [(len(page := render(notes)) / len(notes), len(page.encode())) for notes in shown]
    return [
        (f"real releases ({len(real)}), p50", f"{times[len(times) // 2]:.1f} ms"),
        ("real releases, p99", f"{times[len(times) * 99 // 100]:.1f} ms"),
        ("real releases, slowest", f"{times[-1]:.1f} ms"),
        ("corpus of hostile notes, cut to the limit, slowest", f"{max_ms(render, corpus):.1f} ms"),
        (f"generated attacks ({len(attacks)}), slowest", f"{max_ms(render, attacks):.1f} ms"),
        ("of these refused", str(len(attacks) - len(shown))),
        ("judging real releases, slowest", f"{max_ms(find_excess, real):.2f} ms"),
        ("judging attacks, slowest", f"{max_ms(find_excess, [*corpus, *attacks]):.1f} ms"),
        ("HTML of attacks, longest", f"{max(size for _, size in lengths):,} bytes"),
        ("HTML of attacks, most for a character of notes", f"{max(growth for growth, _ in lengths):.1f} characters"),
    ]


def iterate_attacks() -> Iterator[str]:
    """Gives notes of the full length by all classes of attack, and hostile code in every language."""
    units = [unit for kind in UNITS.values() for unit in kind]
    yield from (fill(unit) for unit in units)
    yield from (build_nest(opening, closing) for opening, closing in NESTS)
    yield from iterate_mixtures(seed=7, count=MIXTURES)
    for number, language in enumerate({lexer: name for name, lexer in LANGUAGES.items()}.values()):
        for unit in units[number % 5 :: 5]:
            yield f"~~~~~{language}\n{fill(unit, NOTES_LIMIT - 32)}"


def measure_ms(function: Callable[[str], object], notes: str) -> float:
    """Gives the milliseconds that the best of some runs takes."""
    best = float("inf")
    for _ in range(ROUNDS):
        started_at = time.thread_time()
        function(notes)
        best = min(best, time.thread_time() - started_at)
    return best * 1000


def max_ms(function: Callable[[str], object], texts: list[str]) -> float:
    """Gives the milliseconds that the slowest of the texts takes."""
    return max(measure_ms(function, notes) for notes in texts)
