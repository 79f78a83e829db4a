"""The page of the API: an operation can be read, and tried with a token, under the strict content security policy."""

from __future__ import annotations

from playwright.sync_api import expect

from tests.browser.test_looks import OpenContext
from tests.factories import Factory


def test_an_operation_can_be_tried_with_a_token_where_it_is_described(open_context: OpenContext, make: Factory) -> None:
    owner = make.organisation("Acme")
    token = make.caller(owner).token
    page = open_context().new_page()
    page.goto("/v3/docs")
    expect(page.locator(".opblock")).not_to_have_count(0)
    page.get_by_role("button", name="Authorize").first.click()
    page.locator(".auth-container input").fill(token)
    page.locator(".auth-btn-wrapper button.authorize").click()
    page.locator(".auth-btn-wrapper button.btn-done").click()
    operation = page.locator(".opblock", has_text="/v3/me").filter(has_not_text="/v3/me/").first
    operation.get_by_role("button", name="/v3/me").first.click()
    operation.get_by_role("button", name="Try it out").click()
    operation.get_by_role("button", name="Execute").click()
    expect(operation.locator(".live-responses-table tbody .response-col_status").first).to_contain_text("200")
    expect(operation.locator(".live-responses-table")).to_contain_text(owner.email)
