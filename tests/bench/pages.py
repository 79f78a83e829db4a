"""What each page weighs, and how soon it can be used: a real Chromium with an empty cache, on localhost."""

from __future__ import annotations

import os
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask_migrate import upgrade
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from app import create_app
from tests.browser.conftest import CHROMIUM_OPTIONS, find_chromium, sign_in
from tests.every_page import Portal, fill_portal
from tests.factories import Factory
from tests.services import postgres_url, valkey
from tests.stack import Stack

DESCRIPTION = (
    "Every page there is, each with an empty cache: all bytes that come over the wire for it, and the time from the "
    "request until its scripts have run and it answers (the end of DOMContentLoaded). Chromium, gunicorn (2 processes, "
    "8 threads each), PostgreSQL; the middle one of 3 visits."
)
VISITS = 3
WEIGHT_AIM = 100 * 1024
TIME_AIM_MS = 200.0

INTERACTIVE = """() => {
  const [visit] = performance.getEntriesByType("navigation");
  return visit.domContentLoadedEventEnd - visit.startTime;
}"""


@dataclass(frozen=True)
class Figure:
    """A page with its weight in bytes, and the milliseconds until it can be used."""

    name: str
    weight: int
    milliseconds: float


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
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "RATE_LIMIT": "off",
            "LOG_LEVEL": "WARNING",
        }
        portal = _prepare(environment)
        options = [*CHROMIUM_OPTIONS, *(["--no-sandbox"] if os.getuid() == 0 else [])]
        browser = player.chromium.launch(executable_path=path, args=options)
        with Stack(environment, Path(folder)) as stack:
            stack.start_web(workers=2)
            figures = _measure_all(browser, stack.base_url, portal)
        browser.close()
    return _summarize(figures)


def _prepare(environment: dict[str, str]) -> Portal:
    app = create_app(environment)
    with app.app_context():
        upgrade()
        return fill_portal(app, Factory(app))


def _measure_all(browser: Browser, base_url: str, portal: Portal) -> list[Figure]:
    inside, outside = (Visitor(browser.new_context(base_url=base_url)) for _ in range(2))
    sign_in(inside.page, portal.owner)
    pages = [(inside, name, path) for name, path in portal.paths.items()]
    pages += [(outside, name, path) for name, path in portal.open_paths.items()]
    return [_measure(visitor, name, path) for visitor, name, path in pages]


class Visitor:
    """A window that goes from page to page, as people do, and keeps nothing of what it has loaded."""

    def __init__(self, context: BrowserContext) -> None:
        self.page: Page = context.new_page()
        self._weights: list[int] = []
        session = context.new_cdp_session(self.page)
        session.send("Network.enable")
        session.send("Network.setCacheDisabled", {"cacheDisabled": True})
        session.on("Network.loadingFinished", lambda event: self._weights.append(_read_weight(event)))

    def visit(self, path: str) -> tuple[int, float]:
        """Opens a page; gives what came for it in bytes, and the milliseconds until it could be used."""
        self._weights.clear()
        self.page.goto(path, wait_until="networkidle" if _ends(path) else "load")
        return sum(self._weights), float(self.page.evaluate(INTERACTIVE))


def _measure(visitor: Visitor, name: str, path: str) -> Figure:
    visits = [visitor.visit(path) for _ in range(VISITS)]
    return Figure(name, max(weight for weight, _ in visits), statistics.median(time for _, time in visits))


def _ends(path: str) -> bool:
    # A page that follows what is under way asks again and again.
    return "/replays/" not in path


def _read_weight(event: dict[str, Any]) -> int:
    return int(event["encodedDataLength"])


def _summarize(figures: list[Figure]) -> list[tuple[str, str]]:
    heavy = sorted(figures, key=lambda figure: figure.weight, reverse=True)
    slow = sorted(figures, key=lambda figure: figure.milliseconds, reverse=True)
    is_light, is_quick = heavy[0].weight <= WEIGHT_AIM, slow[0].milliseconds <= TIME_AIM_MS
    return [
        ("pages", str(len(figures))),
        ("weight, the middle one", f"{heavy[len(heavy) // 2].weight / 1024:.0f} KiB"),
        *((f"weight of “{figure.name}”", f"{figure.weight / 1024:.0f} KiB") for figure in heavy[:3]),
        ("all at most 100 KiB", "yes" if is_light else "no"),
        ("interactive, the middle one", f"{slow[len(slow) // 2].milliseconds:.0f} ms"),
        *((f"interactive, “{figure.name}”", f"{figure.milliseconds:.0f} ms") for figure in slow[:3]),
        ("all within 200 ms", "yes" if is_quick else "no"),
    ]


if __name__ == "__main__":
    for title, shown in run():
        print(f"{title}: {shown}")  # noqa: T201 - a figure on its own is for whoever asked for it
