"""Every page at two widths and in both themes: nothing sticks out, and no rule of accessibility is broken."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from flask import Flask
from playwright.sync_api import BrowserContext, Page
from sqlalchemy import update

from app.database import transaction
from app.times import now
from app.webhooks.events import ALL_EVENT_TYPES
from app.webhooks.models import Webhook
from tests.browser.conftest import sign_in
from tests.every_page import NOTES, Portal, fill_portal
from tests.factories import Factory

OpenContext = Callable[..., BrowserContext]
WIDTHS = {"phone": 360, "desktop": 1280}


@pytest.fixture
def portal(app: Flask, make: Factory) -> Portal:
    """An organisation with something on every page."""
    return fill_portal(app, make)


def check(page: Page, name: str, width: str) -> list[str]:
    """Gives what is wrong with the page that is open."""
    found = [
        f"{name}, {width}: {rule['id']}: {rule['nodes'][0]['html'][:200]}"
        for rule in Axe().run(page).response["violations"]
    ]
    return found + measure_overhang(page, name, width)


def measure_overhang(page: Page, name: str, width: str) -> list[str]:
    """Says of the page that is open if it is wider than the window."""
    overhang = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    return [f"{name}, {width}: sticks out by {overhang} pixels"] if overhang > 0 else []


# Each theme and each width once: how wide something is does not depend on its colours.
@pytest.mark.parametrize(("theme", "width"), [("light", "phone"), ("dark", "desktop")])
def test_no_page_sticks_out_or_breaks_a_rule_of_accessibility(
    open_context: OpenContext, portal: Portal, theme: str, width: str
) -> None:
    size = {"width": WIDTHS[width], "height": 900}
    outside = open_context(viewport=size, color_scheme=theme).new_page()
    problems: list[str] = []
    for name, path in portal.open_paths.items():
        outside.goto(path)
        problems += check(outside, name, width)
    page = sign_in(open_context(viewport=size, color_scheme=theme).new_page(), portal.owner)
    for name, path in portal.paths.items():
        page.goto(path)
        page.evaluate("document.querySelectorAll('details').forEach(part => { part.open = true; })")
        problems += check(page, name, width)
    page.goto("/releases/new")
    page.get_by_label("Notes", exact=True).fill(NOTES)
    page.locator("#preview table").wait_for()
    problems += check(page, "preview", width)
    page.get_by_role("button", name="Create release").click()
    page.locator("#error-summary").wait_for()
    problems += check(page, "errors", width)
    page.goto("/webhooks/new")
    page.get_by_label("Name of header 1").fill("Host")
    page.get_by_label("Concurrency").fill("65")
    page.get_by_role("button", name="Create webhook").click()
    page.locator("#error-summary").wait_for()
    problems += check(page, "errors of a webhook", width)
    assert not problems


def test_nothing_sticks_out_at_twice_the_size(open_context: OpenContext, portal: Portal) -> None:
    # Zoom of 200 % is a window of half the pixels, each twice as large (WCAG 2.2, success criterion 1.4.10).
    half = {"viewport": {"width": 640, "height": 400}, "device_scale_factor": 2, "locale": "de-DE"}
    outside, page = (open_context(**half).new_page() for _ in range(2))
    problems: list[str] = []
    sign_in(page, portal.owner, words=("E-Mail-Adresse", "Passwort", "Anmelden"))
    for walker, paths in ((outside, portal.open_paths), (page, portal.paths)):
        for name, path in paths.items():
            walker.goto(path)
            problems += measure_overhang(walker, name, "zoomed")
    assert not problems


LOOKS = """() => [...document.querySelectorAll('.notes *')].map(element => {
    const style = getComputedStyle(element);
    return [element.tagName, style.fontSize, style.fontWeight, style.color, style.textDecorationLine].join(' ');
})"""


def test_notes_look_on_every_page_as_they_do_in_the_preview(open_context: OpenContext, portal: Portal) -> None:
    page = sign_in(open_context().new_page(), portal.owner)
    page.goto("/releases/new")
    page.get_by_label("Notes", exact=True).fill(NOTES)
    page.locator("#preview table").wait_for()
    previewed = page.evaluate(LOOKS)
    for name in ("release", "customer page"):
        page.goto(portal.paths[name])
        assert page.evaluate(LOOKS) == previewed


@pytest.mark.parametrize("width", [360, 1280])
def test_values_of_the_greatest_length_do_not_push_anything_off_a_page(
    open_context: OpenContext, make: Factory, width: int
) -> None:
    owner = make.organisation("O" * 200)
    product = make.product(owner, "P" * 250)
    caller = make.caller(owner)
    headers = {"X-" + "a" * 62: "s3cret"}
    webhook = make.webhook(
        owner, "http://127.0.0.1:9/" + "u" * 300, name="H" * 250, events=list(ALL_EVENT_TYPES), headers=headers
    )
    long: dict[str, object] = {"name": "N" * 256, "channel": "C" * 256, "platforms": ["L" * 250, "linux"]}
    body = {**long, "version": "1." + "9" * 19, "notes": "n" * 500, "productId": product.id}
    release_id = caller.post("/v3/releases", json=body).get_json()["id"]
    trouble = {"active": False, "disabled_at": now(), "disabled_reason": "R" * 300}
    with transaction() as session:
        session.execute(update(Webhook).values(**trouble))
    page = sign_in(open_context(viewport={"width": width, "height": 800}).new_page(), owner)
    page.goto(f"/releases/{release_id}")
    page.get_by_text("Publish…").click()
    page.get_by_role("button", name="Publish 1.").click()
    delivery_id = caller.get(f"/v3/webhooks/{webhook.id}/deliveries").get_json()[0]["id"]
    paths = ["/releases", f"/releases/{release_id}", "/releases/new", "/products", "/webhooks"]
    paths += ["/webhooks/deliveries", f"/webhooks/deliveries/{delivery_id}"]
    paths += [f"/webhooks/{webhook.id}", f"/webhooks/{webhook.id}/edit", f"/{owner.slug}/{product.slug}"]
    problems = []
    for path in paths:
        page.goto(path)
        problems += check(page, path, str(width))
    assert not problems


def test_the_doors_break_no_rule_of_accessibility(open_context: OpenContext, app: Flask, make: Factory) -> None:
    page = open_context(viewport={"width": 360, "height": 800}).new_page()
    page.goto("/setup")
    problems = check(page, "setup", "phone")
    make.organisation()
    page.goto("/sign-in")
    page.get_by_role("button", name="Sign in").click()
    page.locator("#error-summary").wait_for()
    problems += check(page, "sign-in", "phone")
    assert not problems


def test_everything_can_be_reached_and_sent_with_the_keyboard_alone(open_context: OpenContext, make: Factory) -> None:
    owner = make.organisation()
    make.product(owner, "Rocket")
    page = sign_in(open_context().new_page(), owner)
    page.goto("/releases/new")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    page.get_by_label("Product").focus()
    # Between the version and the channel stands the version that is suggested.
    for text in ("1.0", None, None, "Rocket 1.0"):
        page.keyboard.press("Tab")
        if text:
            page.keyboard.type(text)
    page.keyboard.press("Enter")
    page.get_by_text("Release 1.0 was created.").wait_for()
