"""Setting up a webhook in a real browser, with script and without."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select

from app.extensions import db
from app.webhooks import sealing
from app.webhooks.models import Webhook
from tests.browser.conftest import sign_in
from tests.factories import Factory, Organisation
from tests.receivers import Receiver
from tests.stack import wait_until

OpenContext = Callable[..., BrowserContext]


@pytest.fixture
def owner(make: Factory) -> Organisation:
    """An organisation."""
    return make.organisation()


def get_webhook() -> Webhook:
    """Gives the one webhook that there is, as it is stored now."""
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(select(Webhook)).one()


def read_again(page: Page) -> str:
    """Reloads the page; gives what it says."""
    page.reload()
    return page.locator("main").inner_text()


def fill_form(page: Page, url: str) -> None:
    """Fills in the form of a new webhook with two headers."""
    page.goto("/webhooks/new")
    page.get_by_label("Name", exact=True).fill("Deploys")
    page.get_by_label("URL").fill(url)
    page.get_by_label("release.deleted").check()
    page.get_by_role("radio", name="Standard Webhooks HMAC").check()
    page.get_by_label("Name of header 1").fill("X-Api-Key")
    page.get_by_label("Value of header 1").fill("s3cret")
    page.get_by_role("button", name="Add a header").click()
    page.get_by_label("Name of header 2").fill("X-Team")
    page.get_by_label("Value of header 2").fill("web")


@pytest.mark.parametrize("has_script", [True, False], ids=["with script", "without"])
def test_a_webhook_is_created_and_tested(open_context: OpenContext, owner: Organisation, has_script: bool) -> None:
    page = sign_in(open_context(java_script_enabled=has_script).new_page(), owner)
    with Receiver() as receiver:
        fill_form(page, receiver.url)
        page.get_by_role("button", name="Create webhook").last.click()
        expect(page.get_by_text("Webhook Deploys was created. A test is on its way")).to_be_visible()
        wait_until(lambda: receiver.requests, 10, "the test that was sent at once arrives")
        if has_script:
            expect(page.locator("#newest").get_by_text("Delivered at")).to_be_visible()
            # The rest of the page stays as it is.
            expect(page.get_by_text("Webhook Deploys was created.")).to_be_visible()
        page.get_by_role("button", name="Send a test").click()
        expect(page).to_have_url(re.compile("/webhooks/deliveries/[0-9a-f-]{36}$"))
        wait_until(lambda: len(receiver.requests) == 2, 10, "the other test arrives")
        if not has_script:
            wait_until(lambda: "Delivered at" in read_again(page), 10, "that is recorded")
        expect(page.get_by_text("Delivered at")).to_be_visible()
    for request in receiver.requests:
        assert json.loads(request.body)["event"] == "webhook.test"
        assert (request.headers["X-Api-Key"], request.headers["X-Team"]) == ("s3cret", "web")
    webhook = get_webhook()
    assert (webhook.scheme, webhook.events) == ("standard", ["release.created", "release.deleted", "release.published"])


def test_without_script_it_is_rotated_paused_switched_on_and_deleted(
    open_context: OpenContext, make: Factory, owner: Organisation
) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/", active=False)
    page = sign_in(open_context(java_script_enabled=False).new_page(), owner)
    page.goto(f"/webhooks/{webhook.id}")
    page.get_by_role("button", name="Switch it on").click()
    page.get_by_role("button", name="Pause").click()
    expect(page.get_by_role("button", name="Resume")).to_be_visible()
    page.get_by_text("Rotate the secret…").click()
    page.get_by_label("The former one stays good").select_option("72 hours")
    page.get_by_role("button", name="Rotate").click()
    page.get_by_text("Show the secret").click()
    expect(page.locator("#copy-token")).to_have_text(sealing.open_token(get_webhook().token))
    # Copying takes a script, so there is no button for it.
    expect(page.get_by_role("button", name="Copy")).to_have_count(0)
    page.get_by_role("button", name="Cut over now").click()
    expect(page.get_by_text("A rotation is under way")).to_have_count(0)
    page.get_by_text("Delete this webhook…").click()
    page.get_by_role("button", name="Yes, delete it").click()
    expect(page.get_by_text("The webhook was deleted.")).to_be_visible()


def test_the_secret_is_copied(open_context: OpenContext, make: Factory, owner: Organisation) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/")
    context = open_context()
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = sign_in(context.new_page(), owner)
    page.goto(f"/webhooks/{webhook.id}")
    page.get_by_text("Show the secret").click()
    page.get_by_role("button", name="Copy the secret").click()
    expect(page.get_by_text("Copied")).to_be_visible()
    assert page.evaluate("navigator.clipboard.readText()") == sealing.open_token(webhook.token)


def test_enter_in_a_field_saves_and_adds_no_header(
    open_context: OpenContext, make: Factory, owner: Organisation
) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/")
    page = sign_in(open_context(java_script_enabled=False).new_page(), owner)
    page.goto(f"/webhooks/{webhook.id}/edit")
    page.get_by_label("Name", exact=True).fill("Renamed")
    page.get_by_label("Name", exact=True).press("Enter")
    expect(page.get_by_text("The webhook was changed.")).to_be_visible()
    assert get_webhook().name == "Renamed"
