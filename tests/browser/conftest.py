"""A real Chromium in front of a real web process, worker and relay."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from typing import Literal

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.factories import PASSWORD, Organisation
from tests.stack import Stack

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# Nothing that a browser does by itself may reach for the network, or wait for it.
CHROMIUM_OPTIONS = (
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
)

Open = Callable[..., Page]
ScopeName = Literal["session", "package", "module", "class", "function"]


def find_chromium() -> str | None:
    """Gives the path of a Chromium on this machine, or None."""
    return next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One Chromium for the run."""
    path = find_chromium()
    if path is None:
        pytest.skip("there is no Chromium here, so nothing was tested in a browser")
    # Chromium's sandbox does not work for root.
    options = [*CHROMIUM_OPTIONS, *(["--no-sandbox"] if os.getuid() == 0 else [])]
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=path, args=options)
        yield chromium
        chromium.close()


def find_scope(fixture_name: str, config: pytest.Config) -> ScopeName:
    """Gives how long the processes run: for the whole run if it has browser tests alone, which saves many starts.

    Others look at what is due in the same database and queue, and no worker may be there then.
    """
    return "session" if config.args and all("tests/browser" in arg for arg in config.args) else "module"


@pytest.fixture(scope=find_scope)
def web(
    browser: Browser, shared_app: Flask, environment: dict[str, str], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Stack]:
    """Web, worker and relay on the run's database and queue; gone before other tests look at what is due there."""
    with Stack(environment, tmp_path_factory.mktemp("web")) as stack:
        stack.start_web()
        stack.start_worker()
        stack.start_relay()
        yield stack


@pytest.fixture
def open_context(browser: Browser, web: Stack, app: Flask) -> Iterator[Callable[..., BrowserContext]]:
    """Opens browser windows with cookies of their own; fails if a page logged an error or a refused resource."""
    contexts: list[BrowserContext] = []
    problems: list[str] = []

    def open_one(**options: object) -> BrowserContext:
        context = browser.new_context(base_url=web.base_url, **options)  # type: ignore[arg-type]
        context.set_default_timeout(10_000)
        # What the server refuses on purpose, Chromium logs as an error, too.
        context.on("weberror", lambda error: problems.append(str(error.error)))
        context.on(
            "console",
            lambda message: problems.append(message.text) if "Content Security Policy" in message.text else None,
        )
        contexts.append(context)
        return context

    yield open_one
    for context in contexts:
        context.close()
    assert not problems


ENGLISH = ("E-mail address", "Password", "Sign in")


def sign_in(page: Page, owner: Organisation, words: tuple[str, str, str] = ENGLISH) -> Page:
    """Signs the owner in by the form, which speaks the language of ``words``; gives the page that follows."""
    email, password, button = words
    page.goto("/sign-in")
    page.get_by_label(email).fill(owner.email)
    page.get_by_label(password).fill(PASSWORD)
    page.get_by_role("button", name=button).click()
    page.wait_for_url("**/releases")
    return page
