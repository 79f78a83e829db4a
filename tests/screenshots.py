"""``make screenshots``: takes the pictures of the README and of every page, of portals that hold made-up data."""

from __future__ import annotations

import sys
import tempfile
from itertools import product
from pathlib import Path

from flask_migrate import upgrade
from playwright.sync_api import Browser, BrowserContext, Page, ViewportSize, sync_playwright

from app import create_app
from tests.browser.conftest import CHROMIUM_OPTIONS, find_chromium, sign_in
from tests.every_page import fill_portal
from tests.factories import Factory, Organisation
from tests.receivers import Receiver
from tests.services import valkey
from tests.stack import PROJECT, Stack
from tests.working import deliver_all

IMAGES = PROJECT / "docs" / "images"
# Not kept in the repository.
EVERY_PAGE = PROJECT / ".screenshots"
THEMES = ("light", "dark")
WIDTHS = {"desktop": 1280, "phone": 360}
ENVIRONMENT = {
    "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
    "RATE_LIMIT": "off",
    "LOG_LEVEL": "WARNING",
}
NOTES = """## Highlights

- **Lands by itself.** No more swimming after it.
- Boosters can be flown again, see the [checklist](https://example.com/checklist)

## Fixed

- [x] Telemetry no longer drops the last packet
- [x] `--dry-run` keeps the tanks closed

| Stage | Thrust | Change |
| :-- | --: | --: |
| First | 7,607 kN | +4 % |
| Second | 934 kN | +1 % |

```python
rocket.launch(destination="orbit", retries=3)
```
"""


def main() -> int:
    """Takes the pictures; gives the exit code."""
    path = find_chromium()
    if path is None:
        sys.stderr.write("There is no Chromium here: no pictures were taken.\n")
        return 1
    for place in (IMAGES, EVERY_PAGE):
        place.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=[*CHROMIUM_OPTIONS, "--no-sandbox"])
        for show in (show_case, show_every_page):
            with valkey() as queue, tempfile.TemporaryDirectory() as folder:
                show(browser, {**ENVIRONMENT, "DATA_DIR": folder, "REDIS_URL": queue.url})
        browser.close()
    return 0


def show_case(browser: Browser, environment: dict[str, str]) -> None:
    """Takes the pictures of the README, in both themes."""
    owner = fill_case(environment)
    with Stack(environment, Path(environment["DATA_DIR"])) as stack:
        stack.start_web()
        for theme in THEMES:
            context = open_context(browser, stack, theme, {"width": 1280, "height": 800})
            take_pictures(sign_in(context.new_page(), owner), theme)
            context.close()


def show_every_page(browser: Browser, environment: dict[str, str]) -> None:
    """Takes a picture of every page, in both themes and at two widths, for whoever changes how pages look."""
    app = create_app(environment)
    with app.app_context():
        upgrade()
        portal = fill_portal(app, Factory(app))
    with Stack(environment, Path(environment["DATA_DIR"])) as stack:
        stack.start_web()
        for theme, (width, pixels) in product(THEMES, WIDTHS.items()):
            size: ViewportSize = {"width": pixels, "height": 800}
            inside, outside = (open_context(browser, stack, theme, size).new_page() for _ in range(2))
            sign_in(inside, portal.owner)
            for page, paths in ((inside, portal.paths), (outside, portal.open_paths)):
                for name, address in paths.items():
                    page.goto(address)
                    picture = f"{name.replace(' ', '-').replace(chr(39), '')}-{width}-{theme}.png"
                    page.screenshot(path=EVERY_PAGE / picture, full_page=True)
                page.context.close()


def open_context(browser: Browser, stack: Stack, theme: str, size: ViewportSize) -> BrowserContext:
    """Opens a window."""
    return browser.new_context(
        base_url=stack.base_url,
        viewport=size,
        device_scale_factor=1.25,
        color_scheme="dark" if theme == "dark" else "light",
    )


def fill_case(environment: dict[str, str]) -> Organisation:
    """Makes an organisation with releases and deliveries; gives it."""
    app = create_app(environment)
    with app.app_context():
        upgrade()
        make = Factory(app)
        owner = make.organisation("Acme")
        rocket, caller = make.product(owner, "Rocket"), make.caller(owner)
        with Receiver() as receiver:
            make.webhook(owner, receiver.url, name="Deploys")
            make.webhook(owner, receiver.url, name="Status page")
            for version, more in (
                ("1.2.0", {"createdAt": "2025-03-04T09:00:00Z"}),
                ("1.3.0", {"channel": "beta", "private": True}),
                ("1.3.1", {}),
            ):
                body = {"name": f"Rocket {version}", "version": version, "platforms": ["linux", "macos", "windows"]}
                sent = {**body, "notes": NOTES, "productId": rocket.id, **more}
                release_id = caller.post("/v3/releases", json=sent).get_json()["id"]
                if version != "1.3.1":
                    caller.post(f"/v3/releases/{release_id}/publish")
            deliver_all(app)
    return owner


def take_pictures(page: Page, theme: str) -> None:
    """Takes the pictures of the form, of a release, of the list and of a webhook, in one theme."""
    page.screenshot(path=IMAGES / f"releases-{theme}.png")
    page.get_by_role("link", name="1.3.1").first.click()
    page.screenshot(path=IMAGES / f"release-{theme}.png")
    page.goto("/releases/new")
    page.get_by_label("Version").fill("1.4.0")
    page.get_by_label("Name", exact=True).fill("Rocket 1.4")
    page.get_by_label("linux").check()
    page.get_by_label("macos").check()
    page.get_by_label("Notes", exact=True).fill(NOTES)
    page.locator("#preview table").wait_for()
    page.get_by_label("Notes", exact=True).blur()
    page.screenshot(path=IMAGES / f"new-release-{theme}.png", full_page=True)
    page.goto("/webhooks")
    page.get_by_role("link", name="Deploys").first.click()
    page.screenshot(path=IMAGES / f"webhook-{theme}.png")


if __name__ == "__main__":
    sys.exit(main())
