"""From the last key to the painted preview, in a real Chromium, at notes of the full length."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

from flask_migrate import upgrade
from playwright.sync_api import Page, sync_playwright

from app import create_app
from app.notes import find_excess, normalize, render
from app.releases.schema import NOTES_LIMIT
from tests.bench.notes import measure_ms
from tests.browser.conftest import CHROMIUM_OPTIONS, find_chromium, sign_in
from tests.corpora import load_corpus, load_real_releases
from tests.factories import Factory, Organisation
from tests.services import postgres_url, valkey
from tests.stack import Stack

DESCRIPTION = (
    "From the last key of a word that is typed above notes of the full length (80 ms between keys) to the frame that "
    "shows it in the preview: Chromium, gunicorn (2 processes, 8 threads each), PostgreSQL; 100 words each."
)
ROUNDS = 100
# Somebody who types fast: about 150 words a minute.
KEY_MILLISECONDS = 80
WORD = "word{:03d}"
GAP = "\n\n"
ROOM = NOTES_LIMIT - len(WORD.format(0) + GAP)

# Notes when the last key went down, and when the frame begins that shows the preview with what it has typed.
WATCH = """() => {
  const preview = document.getElementById("preview");
  document.getElementById("field-notes").addEventListener("keydown", event => { window.pressedAt = event.timeStamp; });
  new MutationObserver(() => {
    if (!window.word || !preview.textContent.includes(window.word)) return;
    window.word = "";
    requestAnimationFrame(time => { window.shownAfter = Math.max(time, performance.now()) - window.pressedAt; });
  }).observe(preview, { childList: true, subtree: true, characterData: true });
}"""
PREPARE = """([text, word]) => {
  const notes = document.getElementById("field-notes");
  notes.value = text;
  notes.dispatchEvent(new Event("input", { bubbles: true }));
  notes.focus();
  notes.setSelectionRange(0, 0);
  notes.scrollTop = 0;
  window.word = word;
  window.shownAfter = 0;
}"""


def run() -> list[tuple[str, str]]:
    """Gives the figures, each with its name; one that says why there are none, where there is no Chromium."""
    path = find_chromium()
    if path is None:
        return [("no Chromium here", "not measured")]
    with postgres_url() as url, valkey() as queue, tempfile.TemporaryDirectory() as folder, sync_playwright() as player:
        environment = {
            "DATA_DIR": folder,
            "DATABASE_URL": url,
            "REDIS_URL": queue.url,
            "SECRET_KEY": "a-secret-key-that-only-the-benchmark-knows-01",
            "LOG_LEVEL": "WARNING",
        }
        owner = _prepare(environment)
        options = [*CHROMIUM_OPTIONS, *(["--no-sandbox"] if os.getuid() == 0 else [])]
        browser = player.chromium.launch(executable_path=path, args=options)
        with Stack(environment, Path(folder)) as stack:
            stack.start_web(workers=2)
            page = sign_in(browser.new_context(base_url=stack.base_url).new_page(), owner)
            page.goto("/releases/new")
            page.evaluate(WATCH)
            figures = [*_measure(page, "real notes", _build_real()), *_measure(page, "hostile notes", _build_hostile())]
        browser.close()
    return figures


def _prepare(environment: dict[str, str]) -> Organisation:
    app = create_app(environment)
    with app.app_context():
        upgrade()
        make = Factory(app)
        owner = make.organisation()
        make.product(owner)
        return owner


def _build_real() -> str:
    """Gives real notes, as much as there is room for beside the word that is typed above them."""
    longest = max((normalize(release["notes"]) for release in load_real_releases()), key=len)
    return GAP + longest[:ROOM]


def _build_hostile() -> str:
    """Gives those notes of the corpus that take the renderer longest, of what is not refused."""
    corpus = [GAP + normalize(eval(row["expr"]))[:ROOM] for row in load_corpus("markdown_dos")["cases"]]
    return max((text for text in corpus if find_excess(text) is None), key=lambda text: measure_ms(render, text))


def _measure(page: Page, name: str, text: str) -> list[tuple[str, str]]:
    times = sorted(_type_word(page, text, WORD.format(number)) for number in range(ROUNDS))
    p50, p99 = times[len(times) // 2], times[len(times) * 99 // 100]
    length = f"{len(WORD.format(0)) + len(text):,}"
    return [
        (f"{name} of {length} characters, p50", f"{p50:.0f} ms"),
        (f"{name}, p99", f"{p99:.0f} ms"),
        (f"{name}, of these the renderer", f"{measure_ms(render, text):.1f} ms"),
    ]


def _type_word(page: Page, text: str, word: str) -> float:
    """Types a word above the text; gives the milliseconds from its last key to the frame that shows it."""
    page.evaluate(PREPARE, [text, word])
    page.keyboard.type(word, delay=KEY_MILLISECONDS)
    shown: float = page.wait_for_function("() => window.shownAfter").json_value()
    return shown


if __name__ == "__main__":
    for name, figure in run():
        print(name, figure)  # noqa: T201
