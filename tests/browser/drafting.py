"""The form of a release as its writer sees it, and how a test takes away what it runs on."""

from __future__ import annotations

import os
import signal
from pathlib import Path
from typing import Any

from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect
from sqlalchemy import select

from app.drafts.models import Draft
from app.extensions import db
from app.releases.models import Release
from tests.browser.conftest import CHROMIUM_OPTIONS, find_chromium
from tests.stack import wait_until


class Form:
    """The form in one window."""

    def __init__(self, page: Page, path: str = "/releases/new") -> None:
        self.page = page
        page.goto(path)

    def type(self, name: str, version: str = "1.0") -> None:
        """Types what a release needs."""
        self.page.get_by_label("Version", exact=True).fill(version)
        self.name.fill(name)

    @property
    def name(self) -> Locator:
        """The field of the name."""
        return self.page.get_by_label("Name", exact=True)

    @property
    def state(self) -> Locator:
        """Where the text is kept, as the page says."""
        return self.page.locator("[data-draft-state-line]").first

    @property
    def sending(self) -> Locator:
        """What is said of the form that was sent."""
        return self.page.locator("[data-sending]")

    def notice(self, kind: str) -> Locator:
        """A notice about the draft."""
        return self.page.locator(f'.draft-notice[data-kind="{kind}"]')

    def press(self, name: str) -> None:
        """Presses a button."""
        self.page.get_by_role("button", name=name, exact=True).click()

    def expect_saved(self) -> None:
        """Waits until the server has the text."""
        expect(self.page.locator('[data-draft-state-line][data-state="server"]').first).to_be_visible(timeout=15_000)


def start_chromium(browser: Browser, folder: Path, **options: Any) -> BrowserContext:
    """Starts another Chromium with a profile that outlives it."""
    arguments = [*CHROMIUM_OPTIONS, *(["--no-sandbox"] if os.getuid() == 0 else [])]
    return browser.browser_type.launch_persistent_context(
        folder, executable_path=find_chromium(), args=arguments, **options
    )


def kill_chromium(folder: Path) -> None:
    """Kills every process of the Chromium with this profile, at once."""
    wanted = f"--user-data-dir={folder}".encode()
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            is_meant = wanted in path.read_bytes()
        except OSError:
            continue
        if is_meant:
            os.kill(int(path.parent.name), signal.SIGKILL)


def list_releases() -> list[Release]:
    """Gives all releases as they are stored now."""
    db.session.rollback()
    return list(db.session.scalars(select(Release)))


def list_drafts() -> list[dict[str, Any]]:
    """Gives what the drafts hold as they are stored now."""
    db.session.rollback()
    return list(db.session.scalars(select(Draft.content)))


def wait_until_kept(name: str, field: str = "name") -> None:
    """Waits until the server's draft has this name, or this text in another field."""
    wait_until(lambda: [text["fields"].get(field) for text in list_drafts()] == [[name]], 10, f"{name} is kept")
