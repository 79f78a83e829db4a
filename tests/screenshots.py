"""``make screenshots``: takes the pictures of the README, of a portal that holds made-up data."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from flask_migrate import upgrade
from playwright.sync_api import Page, sync_playwright

from app import create_app
from tests.browser.conftest import CHROMIUM_OPTIONS, find_chromium, sign_in
from tests.factories import Factory, Organisation
from tests.receivers import Receiver
from tests.services import valkey
from tests.stack import Stack
from tests.working import deliver_all

IMAGES = Path(__file__).resolve().parents[1] / "docs" / "images"
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
    IMAGES.mkdir(parents=True, exist_ok=True)
    with valkey() as queue, tempfile.TemporaryDirectory() as folder, sync_playwright() as playwright:
        environment = {
            "DATA_DIR": folder,
            "REDIS_URL": queue.url,
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "RATE_LIMIT": "off",
            "LOG_LEVEL": "WARNING",
        }
        owner = fill_portal(environment)
        browser = playwright.chromium.launch(executable_path=path, args=[*CHROMIUM_OPTIONS, "--no-sandbox"])
        with Stack(environment, Path(folder)) as stack:
            stack.start_web()
            for theme in ("light", "dark"):
                context = browser.new_context(
                    base_url=stack.base_url,
                    viewport={"width": 1200, "height": 800},
                    device_scale_factor=1.25,
                    color_scheme=theme,
                )
                take_pictures(sign_in(context.new_page(), owner), theme)
                context.close()
        browser.close()
    return 0


def fill_portal(environment: dict[str, str]) -> Organisation:
    """Makes an organisation with releases and deliveries; gives it."""
    app = create_app(environment)
    with app.app_context():
        upgrade()
        make = Factory(app)
        owner = make.organisation("Acme")
        product, caller = make.product(owner, "Rocket"), make.caller(owner)
        with Receiver() as receiver:
            make.webhook(owner, receiver.url, name="Deploys")
            make.webhook(owner, receiver.url, name="Status page")
            for version, more in (
                ("1.2.0", {"createdAt": "2025-03-04T09:00:00Z"}),
                ("1.3.0", {"channel": "beta", "private": True}),
                ("1.3.1", {}),
            ):
                body = {"name": f"Rocket {version}", "version": version, "platforms": ["linux", "macos", "windows"]}
                sent = {**body, "notes": NOTES, "productId": product.id, **more}
                release_id = caller.post("/v3/releases", json=sent).get_json()["id"]
                if version != "1.3.1":
                    caller.post(f"/v3/releases/{release_id}/publish")
            deliver_all(app)
    return owner


def take_pictures(page: Page, theme: str) -> None:
    """Takes the pictures of the form and of a release, in one theme."""
    page.get_by_role("link", name="1.3.1").click()
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


if __name__ == "__main__":
    sys.exit(main())
