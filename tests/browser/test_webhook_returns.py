"""Going back, clicking twice and waiting on the pages of webhooks, in a real browser."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect

from app.webhooks.models import Delivery, FormerSecret, Webhook
from tests.browser.conftest import sign_in
from tests.factories import Factory, Organisation
from tests.portal import URL, list_all
from tests.receivers import Receiver

OpenContext = Callable[..., BrowserContext]


@pytest.fixture
def owner(make: Factory) -> Organisation:
    """An organisation."""
    return make.organisation()


@pytest.fixture
def page(open_context: OpenContext, owner: Organisation) -> Page:
    """A page that is open with the owner signed in."""
    return sign_in(open_context().new_page(), owner)


def fill_form(page: Page) -> None:
    """Fills in the form of a new webhook, without a test."""
    page.goto("/webhooks/new")
    page.get_by_label("Name", exact=True).fill("Deploys")
    page.get_by_label("URL").fill(URL)
    page.get_by_label("Send a test at once").uncheck()


def create(page: Page) -> None:
    """Presses the button, and waits for what follows."""
    page.get_by_role("button", name="Create webhook").last.click()
    page.wait_for_url("**/webhooks/*-*")


def test_going_back_to_send_again_makes_no_second_webhook(page: Page) -> None:
    fill_form(page)
    page.get_by_label("Concurrency").fill("3")
    page.get_by_label("Rate").fill("7")
    create(page)
    expect(page.get_by_text("Webhook Deploys was created.")).to_be_visible()
    page.go_back()
    expect(page.get_by_label("Concurrency")).to_have_value("3")
    expect(page.get_by_label("Rate")).to_have_value("7")
    create(page)
    expect(page.get_by_text("Nothing was doubled.")).to_be_visible()
    page.go_back()
    page.get_by_label("Name", exact=True).fill("Another")
    page.get_by_role("button", name="Create webhook").last.dblclick()
    page.wait_for_url("**/webhooks/*-*")
    expect(page.get_by_role("heading", name="Another")).to_be_visible()
    assert sorted(list_all(Webhook.name)) == ["Another", "Deploys"]


def test_the_names_of_headers_are_there_again_and_no_value_is(page: Page) -> None:
    fill_form(page)
    for number, name in enumerate(("X-Api-Key", "X-Team", "X-Stage"), 1):
        if number > 1:
            page.get_by_role("button", name="Add a header").click()
        page.get_by_label(f"Name of header {number}").fill(name)
        page.get_by_label(f"Value of header {number}").fill("s3cret")
    create(page)
    page.go_back()
    for number, name in enumerate(("X-Api-Key", "X-Team", "X-Stage"), 1):
        expect(page.get_by_label(f"Name of header {number}")).to_have_value(name)
        expect(page.get_by_label(f"Value of header {number}")).to_have_value("")


@pytest.mark.parametrize("has_script", [True, False], ids=["with script", "without"])
def test_a_second_click_changes_nothing(
    open_context: OpenContext, make: Factory, owner: Organisation, has_script: bool
) -> None:
    webhook = make.webhook(owner, URL)
    page = sign_in(open_context(java_script_enabled=has_script).new_page(), owner)
    page.goto(f"/webhooks/{webhook.id}")
    page.get_by_text("Rotate the secret…").click()
    page.get_by_role("button", name="Rotate").dblclick()
    flash = page.get_by_text("There is a new secret. The former one stays good for 24 hours.").first
    expect(flash).to_be_in_viewport()
    assert len(list_all(FormerSecret.id)) == 1
    page.get_by_role("button", name="Send a test").dblclick()
    page.wait_for_url("**/webhooks/deliveries/*")
    assert len(list_all(Delivery.id)) == 1
    page.goto(f"/webhooks/{webhook.id}/edit")
    page.get_by_label("Name", exact=True).fill("Renamed")
    page.get_by_role("button", name="Save").last.dblclick()
    expect(page.get_by_text("The webhook was changed.").first).to_be_visible()
    assert list_all(Webhook.name) == ["Renamed"]


def test_whoever_comes_back_to_the_button_sends_another_test(page: Page, make: Factory, owner: Organisation) -> None:
    webhook = make.webhook(owner, URL)
    page.goto(f"/webhooks/{webhook.id}")
    for _ in range(2):
        page.get_by_role("button", name="Send a test").click()
        page.wait_for_url("**/webhooks/deliveries/*")
        page.go_back()
    assert len(list_all(Delivery.id)) == 2


def test_while_somebody_copies_the_id_a_test_goes_on_to_be_shown(
    open_context: OpenContext, make: Factory, owner: Organisation
) -> None:
    context = open_context()
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = sign_in(context.new_page(), owner)
    copy = page.get_by_role("button", name="Copy the webhook-id")
    with Receiver() as receiver:
        with receiver.holding():
            page.goto(f"/webhooks/{make.webhook(owner, receiver.url).id}")
            page.get_by_role("button", name="Send a test").click()
            copy.click()
            expect(page.locator(".delivery-state")).to_have_text("Delivering (attempt 1 of 1)")
            expect(page.get_by_text("Nothing has been sent yet.")).to_have_count(0)
            expect(copy).to_be_focused()
        expect(page.get_by_text("Delivered at")).to_be_visible()
        expect(copy).to_be_focused()
