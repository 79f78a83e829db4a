"""The form of a product in a real browser: rows of metadata come and go, and nothing typed into them is lost."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, expect

from app.products.models import Product
from tests.browser.conftest import sign_in
from tests.factories import Factory
from tests.portal import list_all

pytestmark = pytest.mark.once


def test_metadata_is_typed_in_rows_that_come_and_go(make: Factory, open_context: Callable[..., BrowserContext]) -> None:
    page = sign_in(open_context().new_page(), make.organisation())
    page.goto("/products/new")
    page.get_by_label("Name", exact=True).fill("Rocket")
    page.get_by_label("Key of entry 1").fill("gone")
    for number, (key, value) in enumerate({"docs": "https://example.test", "team": "a\nb"}.items(), 2):
        page.get_by_role("button", name="Add an entry").click()
        # The new row has the focus.
        page.keyboard.insert_text(key)
        page.get_by_label(f"Value of entry {number}").fill(value)
    page.get_by_label("Who sees entry 2").select_option("Customers, too")
    page.get_by_role("button", name="Remove entry 1").click()
    expect(page.get_by_label("Key of entry 1")).to_be_focused()
    # Who looks elsewhere and comes back finds the rows, too.
    page.goto("/products")
    page.go_back()
    expect(page.get_by_label("Key of entry 2")).to_have_value("team")
    expect(page.get_by_label("Key of entry 3")).to_have_count(0)
    page.get_by_role("button", name="Create product").click()
    expect(page).to_have_url(re.compile("/products/[0-9a-f-]{36}$"))
    assert list_all(Product.entries) == [
        [
            {"key": "docs", "value": "https://example.test", "visible": True},
            {"key": "team", "value": "a\nb", "visible": False},
        ]
    ]
