"""A product manager's way, in a real browser: from the first visit to what customers read."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import BrowserContext, Page, Route, expect
from sqlalchemy import select

from app.accounts.setup import setup_code
from app.extensions import db
from app.releases.models import Release
from app.webhooks.models import Delivery
from tests.browser.conftest import sign_in
from tests.corpora import load_real_releases
from tests.factories import Factory, Organisation
from tests.receivers import Receiver
from tests.stack import wait_until

OpenContext = Callable[..., BrowserContext]
# The longest that fits, so that a table of contents, code and links are likely to be in it.
REAL = max(
    (release for release in load_real_releases() if len(release["notes"]) <= 4096), key=lambda r: len(r["notes"])
)


@pytest.fixture
def owner(make: Factory) -> Organisation:
    """An organisation with one product."""
    owner = make.organisation()
    make.product(owner, "Rocket")
    return owner


@pytest.fixture
def page(open_context: OpenContext, owner: Organisation) -> Page:
    """The form for a new release, signed in."""
    page = sign_in(open_context().new_page(), owner)
    page.goto("/releases/new")
    return page


def fill_notes(page: Page, text: str) -> None:
    """Types notes and waits until the preview shows them."""
    with page.expect_response("**/releases/preview"):
        page.get_by_label("Notes", exact=True).fill(text)


def list_releases() -> list[Release]:
    """Gives all releases as they are stored now."""
    db.session.rollback()
    return list(db.session.scalars(select(Release)))


def is_delivered() -> bool:
    """Whether all that was owed has arrived."""
    db.session.rollback()
    return set(db.session.scalars(select(Delivery.state))) == {"delivered"}


def test_from_the_first_visit_to_what_customers_read(app: Flask, open_context: OpenContext) -> None:
    page = open_context().new_page()
    page.goto("/")
    expect(page).to_have_url(re.compile("/setup$"))
    page.get_by_label("Setup code").fill(setup_code(app.extensions["slipway"].settings).lower())
    page.get_by_label("Organisation").fill("Acme")
    page.get_by_label("Your e-mail address").fill("owner@acme.test")
    page.get_by_label("Password").fill("correct horse battery staple")
    page.get_by_role("button", name="Create the organisation").click()

    page.get_by_role("link", name="Create a product").click()
    page.get_by_label("Name", exact=True).fill("Rocket")
    page.get_by_role("button", name="Create product").click()
    expect(page.get_by_text("Product Rocket was created.")).to_be_visible()

    with Receiver() as receiver:
        page.get_by_role("link", name="Webhooks").click()
        page.get_by_role("link", name="New webhook").first.click()
        page.get_by_label("Name", exact=True).fill("Deploys")
        page.get_by_label("URL").fill(receiver.url)
        page.get_by_label("Send a test at once").uncheck()
        page.get_by_role("button", name="Create webhook").click()
        expect(page.get_by_text("Webhook Deploys was created.")).to_be_visible()

        page.goto("/releases")
        page.get_by_role("link", name="New release").first.click()
        page.get_by_label("Version").fill(REAL["version"])
        page.get_by_label("Name", exact=True).fill(f"Rocket {REAL['version']}")
        fill_notes(page, REAL["notes"])
        expect(page.locator("#preview")).not_to_contain_text("Nothing to show yet.")
        previewed = page.locator("#preview").inner_html()
        page.get_by_role("button", name="Create release").click()
        expect(page.get_by_text(f"Release {REAL['version']} was created.")).to_be_visible()
        assert page.locator("#notes").inner_html().strip() == previewed.strip()

        wait_until(is_delivered, 10, "the webhook arrives, and that is recorded")
        assert len(receiver.requests) == 1
        page.reload()
        expect(page.get_by_text("Delivered at")).to_be_visible()

    page.get_by_text("Publish…").click()
    expect(page.get_by_text("It will appear on the customer page at once, for everybody.")).to_be_visible()
    page.get_by_role("button", name=f"Publish {REAL['version']}").click()
    page.get_by_role("link", name="See it as a customer").click()
    assert page.locator(".customer-release .notes").inner_html().strip() == previewed.strip()
    assert "/acme/rocket#" in page.url


def test_what_is_wrong_is_said_at_the_fields_and_nothing_typed_is_lost(page: Page) -> None:
    typed = {"Version": "1.2-rc1", "Channel": "beta", "Name": "Rocket <b>1</b> & more"}
    for label, text in typed.items():
        page.get_by_label(label, exact=True).fill(text)
    page.get_by_label("Platforms").fill("linux, bee os")
    page.get_by_label("Private").check()
    fill_notes(page, "\n\n  # Kept\n\ttab & <tag> 😀\n")
    page.get_by_text("This is an old release").click()
    page.get_by_label("Created at").fill("2999-08-24T14:15:22")
    page.get_by_label("UTC offset").select_option("+05:45")
    page.get_by_role("button", name="Create release").click()

    summary = page.locator("#error-summary")
    expect(summary).to_be_focused()
    assert summary.get_by_role("link").all_inner_texts() == [
        "Version must be two to four numbers with dots between them: x.x, x.x.x or x.x.x.x, such as 1.4.0.",
        "Created at must not be in the future: it is only for old releases.",
    ]
    version = page.get_by_label("Version", exact=True)
    expect(version).to_have_attribute("aria-invalid", "true")
    expect(version).to_have_accessible_description(re.compile("^Version must be two to four numbers"))
    for label, text in typed.items():
        expect(page.get_by_label(label, exact=True)).to_have_value(text)
    expect(page.get_by_label("Platforms")).to_have_value("linux, bee os")
    expect(page.get_by_label("Private")).to_be_checked()
    expect(page.get_by_label("Notes", exact=True)).to_have_value("\n\n  # Kept\n\ttab & <tag> 😀\n")
    expect(page.get_by_label("Created at")).to_have_value("2999-08-24T14:15:22")
    expect(page.get_by_label("UTC offset")).to_have_value("+05:45")
    summary.get_by_role("link").first.click()
    expect(version).to_be_focused()


def test_without_script_the_form_does_all_but_the_liveliness(open_context: OpenContext, owner: Organisation) -> None:
    page = sign_in(open_context(java_script_enabled=False).new_page(), owner)
    page.goto("/releases/new")
    page.get_by_label("Version").fill("1.0")
    page.get_by_label("Name", exact=True).fill("Rocket 1.0")
    page.get_by_label("Notes", exact=True).fill("**bold** move")
    page.get_by_role("button", name="Show the preview").click()
    expect(page.locator("#preview strong")).to_have_text("bold")
    expect(page.get_by_label("Name", exact=True)).to_have_value("Rocket 1.0")
    page.get_by_role("button", name="Create release").click()
    expect(page.get_by_text("Release 1.0 was created.")).to_be_visible()
    expect(page.locator("#notes strong")).to_have_text("bold")


def test_enter_in_a_field_creates_and_does_not_preview(open_context: OpenContext, owner: Organisation) -> None:
    page = sign_in(open_context(java_script_enabled=False).new_page(), owner)
    page.goto("/releases/new")
    page.get_by_label("Name", exact=True).fill("Rocket 1.0")
    page.get_by_label("Version").fill("1.0")
    page.get_by_label("Version").press("Enter")
    expect(page.get_by_text("Release 1.0 was created.")).to_be_visible()


def test_clicking_twice_and_going_back_to_send_again_make_one_release(page: Page) -> None:
    page.get_by_label("Version").fill("1.0")
    page.get_by_label("Name", exact=True).fill("Rocket 1.0")
    fill_notes(page, "kept")
    page.get_by_role("button", name="Create release").dblclick()
    page.wait_for_url("**/releases/*-*")
    page.go_back()
    # What the browser brought back is what the page speaks of.
    expect(page.locator("#notes-counter")).to_have_text("4 of 4,096 characters")
    expect(page.locator("#preview")).to_have_text("kept")
    page.get_by_role("button", name="Create release").click()
    expect(page.get_by_text("Nothing was doubled.")).to_be_visible()
    assert len(list_releases()) == 1


def test_half_a_date_is_told_and_not_dropped(page: Page) -> None:
    page.get_by_label("Version").fill("1.0")
    page.get_by_label("Name", exact=True).fill("Rocket 1.0")
    page.get_by_text("This is an old release").click()
    date = page.get_by_label("Created at")
    date.press_sequentially("02282020")
    page.get_by_role("button", name="Create release").click()
    expect(date).to_be_focused()
    assert date.evaluate("field => field.validationMessage") == "Created at needs both a date and a time."
    assert list_releases() == []
    date.fill("2020-02-28T10:00:00")
    page.get_by_role("button", name="Create release").click()
    expect(page.get_by_text("Release 1.0 was created.")).to_be_visible()
    (release,) = list_releases()
    assert (release.is_historic, release.created_at.year) == (True, 2020)


def test_the_preview_is_never_older_than_what_was_typed(page: Page) -> None:
    held: list[Route] = []

    def hold_first(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    page.route("**/releases/preview", hold_first)
    notes = page.get_by_label("Notes", exact=True)
    with page.expect_request("**/releases/preview"):
        notes.fill("old")
    with page.expect_response("**/releases/preview"):
        notes.fill("new")
    expect(page.locator("#preview")).to_have_text("new")
    # The page has given the held one up, or will drop its answer: either way it must not show.
    answer: dict[str, Any] = {"html": "<p>old</p>", "length": 3, "errors": []}
    held[0].fulfill(json=answer)
    with page.expect_response("**/releases/preview"):
        notes.fill("newest")
    expect(page.locator("#preview")).to_have_text("newest")


@pytest.mark.parametrize(("text", "count"), [("a\r\nb", "3"), ("😀😀", "2"), ("👨‍👩‍👧", "5"), ("x" * 4097, "4,097")])
def test_the_counter_agrees_with_the_server(page: Page, text: str, count: str) -> None:
    fill_notes(page, text)
    expect(page.locator("#notes-counter")).to_have_text(f"{count} of 4,096 characters")
    is_over = count == "4,097"
    expect(page.locator("[data-notes-error]")).to_have_text(
        "Notes must have at most 4096 characters; they have 4097." if is_over else ""
    )


def test_without_script_one_signs_in_within_the_form_after_the_session_ended(
    open_context: OpenContext, owner: Organisation
) -> None:
    page = sign_in(open_context(java_script_enabled=False).new_page(), owner)
    page.goto("/releases/new")
    page.get_by_label("Version").fill("1.0")
    page.get_by_label("Name", exact=True).fill("Typed for an hour")
    page.context.clear_cookies()
    page.get_by_role("button", name="Create release").click()
    expect(page.get_by_text("Nothing is lost: sign in below, and send this again.")).to_be_visible()
    expect(page.get_by_label("Name", exact=True)).to_have_value("Typed for an hour")
    page.get_by_label("E-mail address").fill(owner.email)
    page.get_by_label("Password").fill("correct horse battery staple")
    page.get_by_role("button", name="Create release").click()
    expect(page.get_by_text("Release 1.0 was created.")).to_be_visible()
    assert [release.name for release in list_releases()] == ["Typed for an hour"]
