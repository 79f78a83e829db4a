"""Lists and the keyboard, in a real browser: what is chosen counts at once, and one key does one thing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from tests.browser.conftest import sign_in
from tests.factories import Factory, Organisation

pytestmark = pytest.mark.once
OpenContext = Callable[..., BrowserContext]
FOCUSED = "document.activeElement.textContent.trim() || document.activeElement.id"


@pytest.fixture
def owner(make: Factory) -> Organisation:
    """An organisation with two products and four releases."""
    owner = make.organisation("Acme")
    caller = make.caller(owner)
    for product, versions in (
        (make.product(owner, "Rocket"), ("1.9", "1.10")),
        (make.product(owner, "Probe"), ("2.0",)),
    ):
        for version in versions:
            body: dict[str, Any] = {"name": f"{product.name} {version}", "version": version, "productId": product.id}
            created = caller.post("/v3/releases", json={**body, "channel": "beta" if version == "1.9" else "stable"})
            assert created.status_code == 201
    return owner


def expect_rows(page: Page, *versions: str) -> None:
    """Waits until the list has just these rows."""
    expect(page.locator("#results .row-title")).to_have_text(list(versions))


def test_what_is_chosen_counts_at_once_and_stands_in_the_address(
    open_context: OpenContext, owner: Organisation
) -> None:
    page = sign_in(open_context().new_page(), owner)
    expect_rows(page, "2.0", "1.10", "1.9")
    expect(page.get_by_role("button", name="Apply")).to_be_hidden()
    page.get_by_label("Product", exact=True).select_option(label="Rocket")
    expect_rows(page, "1.10", "1.9")
    page.get_by_label("Order").select_option(label="Highest version first")
    page.wait_for_url("**sort=version")
    page.get_by_label("Search").press_sequentially("1.9", delay=5)
    expect_rows(page, "1.9")
    expect(page.locator("#list-status")).to_have_text("1 release")
    # The field keeps the focus, and one way back is enough for all that was typed into it.
    assert page.evaluate("document.activeElement.id") == "field-query"
    assert "channel=" not in page.url
    assert "query=1.9" in page.url
    page.go_back()
    expect_rows(page, "1.10", "1.9")
    expect(page.get_by_label("Search")).to_have_value("")
    page.go_forward()
    expect_rows(page, "1.9")
    page.get_by_role("link", name="Product: Rocket: take it off").click()
    expect(page.get_by_label("Product", exact=True)).to_have_value("")
    expect_rows(page, "1.9")
    page.get_by_label("Channel").fill("nightly")
    page.get_by_label("Channel").press("Enter")
    expect(page.get_by_role("heading", name="No release fits")).to_be_visible()
    page.get_by_role("link", name="Take off “Channel nightly: not in use”").click()
    expect_rows(page, "1.9")
    # Anywhere in a row is its release.
    page.get_by_text("Rocket 1.9").click(force=True)
    expect(page.get_by_role("heading", name="Rocket 1.9")).to_be_visible()


def test_without_script_a_button_applies_the_filters(open_context: OpenContext, owner: Organisation) -> None:
    page = sign_in(open_context(java_script_enabled=False).new_page(), owner)
    page.get_by_label("Product", exact=True).select_option(label="Rocket")
    page.get_by_label("Search").fill("1.1")
    page.get_by_role("button", name="Apply").click()
    expect_rows(page, "1.10")
    assert page.url.rpartition("/")[2].startswith("releases?query=1.1&product_id=")
    assert "state" not in page.url
    expect(page.get_by_role("button", name="Keyboard shortcuts")).to_have_count(0)


def press_sequence(page: Page, keys: str, path: str) -> None:
    """Presses keys one after another, and waits for the page that they lead to."""
    for key in keys:
        page.keyboard.press(key)
    page.wait_for_url(f"**{path}")
    page.wait_for_load_state()


def test_keys_go_where_the_help_says(open_context: OpenContext, owner: Organisation) -> None:
    page = sign_in(open_context().new_page(), owner)
    for key, row in (("j", "2.0"), ("j", "1.10"), ("j", "1.9"), ("j", "1.9"), ("k", "1.10")):
        page.keyboard.press(key)
        assert page.evaluate(FOCUSED) == row
    press_sequence(page, "o", "/releases/*-*")
    press_sequence(page, "gp", "/products")
    page.keyboard.press("k")
    assert page.evaluate(FOCUSED) == "Rocket"
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Rocket")
    # Here a new release is one of this product.
    page.keyboard.press("n")
    expect(page.locator("#field-productId option:checked")).to_have_text("Rocket")
    page.goto("/settings")
    press_sequence(page, "gw", "/webhooks")
    press_sequence(page, "n", "/webhooks/new")
    page.goto("/webhooks")
    press_sequence(page, "gs", "/settings/*")
    press_sequence(page, "/", "/releases#field-query")
    assert page.evaluate(FOCUSED) == "field-query"
    # What is typed into a field is text.
    page.keyboard.type("gpn?/")
    expect(page.get_by_label("Search")).to_have_value("gpn?/")
    page.get_by_label("State").focus()
    page.keyboard.press("p")
    expect(page.get_by_role("dialog")).to_have_count(0)
    assert "/releases" in page.url


def test_the_help_opens_closes_and_switches_the_keys_off(open_context: OpenContext, owner: Organisation) -> None:
    context = open_context(viewport={"width": 360, "height": 800}, color_scheme="dark")
    page = sign_in(context.new_page(), owner)
    link = page.get_by_role("link", name="New release")
    link.focus()
    page.keyboard.press("?")
    dialog = page.get_by_role("dialog", name="Keyboard shortcuts")
    expect(dialog).to_be_visible()
    assert Axe().run(page).response["violations"] == []
    # Within it keys do nothing else.
    page.keyboard.press("n")
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(link).to_be_focused()
    # Neither with another key held down, nor while a character is being composed.
    page.keyboard.press("Control+j")
    page.evaluate("""() => {
        const options = {key: "n", bubbles: true, isComposing: true};
        document.body.dispatchEvent(new KeyboardEvent("keydown", options));
    }""")
    page.keyboard.press("Shift+N")
    expect(link).to_be_focused()
    page.keyboard.press("?")
    dialog.get_by_label("Shortcuts are on").uncheck()
    dialog.get_by_role("button", name="Close").click()
    page.keyboard.press("j")
    expect(link).to_be_focused()
    # It counts for the device, and the help stays within reach.
    page.goto("/products")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog")).to_have_count(0)
    page.get_by_role("button", name="Keyboard shortcuts").click()
    expect(dialog.get_by_label("Shortcuts are on")).not_to_be_checked()
    dialog.get_by_label("Shortcuts are on").check()
    page.keyboard.press("Escape")
    press_sequence(page, "n", "/products/new")
