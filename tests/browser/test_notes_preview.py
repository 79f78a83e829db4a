"""The live preview of notes in a real browser: its order, its silence, and the width at which customers read."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from playwright.sync_api import BrowserContext, Locator, Page, Route, expect

from app.products.models import Product
from tests.browser.conftest import sign_in
from tests.factories import Factory, Organisation

pytestmark = pytest.mark.once

OpenContext = Callable[..., BrowserContext]


@pytest.fixture
def owner(make: Factory) -> Organisation:
    """An organisation."""
    return make.organisation()


@pytest.fixture
def product(make: Factory, owner: Organisation) -> Product:
    """Its product."""
    return make.product(owner, "Rocket")


@pytest.fixture
def page(open_context: OpenContext, owner: Organisation, product: Product) -> Page:
    """The form for a new release, signed in."""
    page = sign_in(open_context().new_page(), owner)
    page.goto(f"/releases/new?product={product.id}")
    expect(page.get_by_role("toolbar", name="Formatting")).to_be_visible()
    return page


def find_notes(page: Page) -> Locator:
    """Gives the field."""
    return page.get_by_label("Notes", exact=True)


def test_the_preview_keeps_the_order_comes_back_by_itself_and_stays_silent(page: Page) -> None:
    notes, preview, state = find_notes(page), page.locator("#preview"), page.locator("[data-preview-state]")
    held: list[Route] = []

    def answer(route: Route) -> None:
        text = json.loads(route.request.post_data or "{}")["notes"]
        if text == "gone":
            route.abort()
        elif text.startswith("held"):
            held.append(route)
        else:
            route.continue_()

    page.route("**/releases/preview", answer)
    state.evaluate("""state => { window.said = []; new MutationObserver(() => window.said.push(state.textContent))
        .observe(state, { childList: true, characterData: true, subtree: true }); }""")
    for text in ("held 1", "held 2"):
        with page.expect_request("**/releases/preview"):
            notes.fill(text)
    notes.fill("newest")
    expect(preview).to_have_text("newest")
    late: dict[str, Any] = {"html": "<p>late</p>", "length": 4, "errors": []}
    for route in held:
        route.fulfill(json=late)
    notes.press_sequentially(" of all")
    expect(preview).to_have_text("newest of all")
    assert page.evaluate("window.said") == []

    # An older answer is better than none, as long as nothing newer was shown.
    held.clear()
    for text in ("held a", "held b"):
        with page.expect_request("**/releases/preview"):
            notes.fill(text)
    held[0].fulfill(json={**late, "html": "<p>a</p>"})
    expect(preview).to_have_text("a")
    held[1].fulfill(json={**late, "html": "<p>b</p>"})
    expect(preview).to_have_text("b")

    notes.fill("gone")
    expect(state).to_have_text("The preview cannot be had now; your text is safe here.")
    expect(page.locator("[data-preview-frame]")).to_have_class(re.compile("is-stale"))
    page.unroute("**/releases/preview")
    # Nobody types: it asks again by itself, and all is as before.
    expect(preview).to_have_text("gone")
    expect(state).to_be_empty()
    assert page.evaluate("window.said") == ["The preview cannot be had now; your text is safe here.", ""]
    assert page.locator("#preview").evaluate("part => part.closest('[aria-live], [role=status], [role=log]')") is None

    # Who fills the field by script says so on the form.
    restore = "field => { field.value = 'back'; field.form.dispatchEvent(new CustomEvent('slipway:restored')); }"
    notes.evaluate(restore)
    expect(preview).to_have_text("back")
    expect(page.locator("#notes-counter")).to_have_text("4 of 4,096 characters")


def test_the_preview_has_the_width_at_which_customers_read(
    open_context: OpenContext, make: Factory, owner: Organisation, product: Product
) -> None:
    body = {"name": "R", "version": "1.0", "notes": "word " * 800, "productId": product.id}
    caller = make.caller(owner)
    release_id = caller.post("/v3/releases", json=body).get_json()["id"]
    caller.post(f"/v3/releases/{release_id}/publish")
    draft = caller.post("/v3/releases", json={**body, "version": "1.1"}).get_json()["id"]
    page = sign_in(open_context(viewport={"width": 1280, "height": 800}).new_page(), owner)
    sizes = "element => [element.offsetWidth, element.offsetHeight]"
    customer = {}
    for width, size in (("phone", 360), ("desktop", 1280)):
        page.set_viewport_size({"width": size, "height": 800})
        page.goto(f"/{owner.slug}/{product.slug}")
        customer[width] = page.locator(".customer-release .notes").evaluate(sizes)
    page.goto(f"/releases/{draft}/edit")
    shown = page.locator("[data-preview-width]")
    for window, words in (
        (1280, "736 pixels wide, as on a desktop. Shown at "),
        (1500, "736 pixels wide, as on a desktop."),
    ):
        page.set_viewport_size({"width": window, "height": 800})
        expect(shown).to_have_text(re.compile(f"^{re.escape(words)}" + (r"\d\d%\.$" if words.endswith(" ") else "$")))
        assert page.locator("#preview").evaluate(sizes) == customer["desktop"]
    page.get_by_role("button", name="Phone").click()
    expect(shown).to_have_text("328 pixels wide, as on a phone.")
    assert page.locator("#preview").evaluate(sizes) == customer["phone"]
    # The choice is kept on this device, and the preview scrolls with the text.
    page.reload()
    expect(page.get_by_role("button", name="Phone")).to_have_attribute("aria-pressed", "true")
    frame = page.locator("[data-preview-frame]")
    find_notes(page).evaluate("field => { field.scrollTop = field.scrollHeight; }")
    bottom = "frame => frame.scrollTop > 0 && frame.scrollTop + frame.clientHeight > frame.scrollHeight - 3"
    page.wait_for_function(bottom, arg=frame.element_handle())
    page.set_viewport_size({"width": 360, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") == 360
