"""The fields of the release form in a real browser: what is known of them as one types, and what is asked once."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Locator, Page, expect
from sqlalchemy import select

from app.extensions import db
from app.releases.models import Release
from tests.browser.conftest import sign_in
from tests.factories import Factory, Organisation
from tests.portal import URL
from tests.recorded import list_event_types

OpenContext = Callable[..., BrowserContext]


@pytest.fixture
def owner(make: Factory) -> Organisation:
    """An organisation with two products, one of which has releases, and a webhook."""
    owner = make.organisation("Acme")
    make.product(owner, "Lander")
    body = {"name": "Rocket 1.4", "productId": make.product(owner, "Rocket").id}
    caller = make.caller(owner)
    for more in ({"version": "1.4.0", "platforms": ["windows"]}, {"version": "2.0", "channel": "beta"}):
        assert caller.post("/v3/releases", json={**body, **more}).status_code == 201
    make.webhook(owner, URL, name="Deploys", events=["release.created", "release.published"])
    return owner


def open_form(open_context: OpenContext, owner: Organisation, **options: object) -> Page:
    """Opens the form for a new release, signed in."""
    page = sign_in(open_context(**options).new_page(), owner)
    page.goto("/releases/new")
    return page


def find_field(page: Page, label: str) -> Locator:
    """Gives a field by its label."""
    return page.get_by_label(label, exact=True)


def list_releases() -> list[tuple[str, bool]]:
    """Gives version and whether it is published of all releases but those that were there before."""
    db.session.rollback()
    rows = db.session.execute(select(Release.version, Release.published).order_by(Release.created_at)).all()
    return [(row.version, row.published) for row in rows][2:]


def test_the_version_is_judged_as_one_types_and_the_next_one_is_a_click_away(
    open_context: OpenContext, owner: Organisation
) -> None:
    page = open_form(open_context, owner)
    version, said = find_field(page, "Version"), page.locator("#state-version")
    expect(find_field(page, "Product").locator("option:checked")).to_have_text(re.compile("Rocket"))
    version.press_sequentially("v1.4")
    expect(version).to_have_value("1.4")
    expect(page.get_by_text("The v in front was left out: a version is numbers alone.")).to_be_visible()
    expect(said).to_have_text("Free. Rocket 1.4 has this version for other platforms: windows.")
    page.get_by_label("windows").check()
    expect(said).to_have_text("Taken. Rocket 1.4 has version 1.4.0 on channel stable for windows.")
    expect(said.get_by_role("link")).to_have_attribute("href", re.compile("^/releases/[0-9a-f-]{36}$"))
    expect(version).to_have_accessible_description(re.compile("Taken. Rocket 1.4 has version 1.4.0"))

    # What the server refused is said until it is mended.
    find_field(page, "Name").fill("Rocket")
    page.get_by_role("button", name="Create release").click()
    expect(page.locator("#error-summary")).to_be_focused()
    expect(version).to_have_attribute("aria-invalid", "true")
    page.get_by_role("button", name="1.4.1").click()
    expect(version).to_be_focused()
    expect(version).to_have_value("1.4.1")
    expect(said).to_have_text("Free. It will be the newest on channel stable.")
    expect(version).not_to_have_attribute("aria-invalid", "true")
    expect(page.locator("#error-version-1")).to_have_count(0)

    find_field(page, "Channel").fill("beta")
    expect(said).to_have_text("Free, but lower than the newest. Rocket 1.4 has version 2.0 on channel beta.")
    find_field(page, "Product").select_option(label="Lander")
    expect(said).to_have_text("Free. It will be the first release of Lander on channel beta.")
    expect(page.locator("#effect-private")).to_contain_text("/acme/lander")
    # Who refills the form says so, and the hints follow.
    version.evaluate("field => { field.value = '1.' }")
    page.locator("#release-form").evaluate("form => form.dispatchEvent(new CustomEvent('slipway:restored'))")
    expect(said).to_be_empty()


def test_names_that_look_alike_privacy_and_the_date_are_told_at_once(
    open_context: OpenContext, owner: Organisation
) -> None:
    page = open_form(open_context, owner, timezone_id="Europe/Berlin", locale="en-GB")
    channel, others = find_field(page, "Channel"), find_field(page, "Other platforms")
    channel.fill("canary")
    expect(page.locator("#state-channel")).to_have_text("New channel: nobody has released on it yet.")
    channel.fill("Beta ")
    page.get_by_role("button", name="Use beta").click()
    expect(channel).to_have_value("beta")
    expect(page.locator("#state-channel")).to_be_empty()
    others.fill("win64, bee os")
    page.get_by_role("button", name="Use windows for win64").click()
    expect(page.get_by_label("windows")).to_be_checked()
    expect(others).to_have_value("bee os")
    expect(others).to_be_focused()

    effect = page.locator("#effect-private")
    expect(effect.get_by_text("once it is published, everybody reads it")).to_be_visible()
    find_field(page, "Private").check()
    expect(effect.get_by_text("everybody reads it")).to_be_hidden()
    expect(effect.get_by_text("webhooks get all its events")).to_be_visible()

    page.get_by_text("This is an old release").click()
    date, said = find_field(page, "Created at"), page.locator("#state-oldDate")
    expect(said).to_have_text("It will be shown as Historic, with this date in the place of today.")
    # In summer the reader's clock was two hours ahead, in winter one.
    date.fill("2019-08-24T14:15:22")
    expect(find_field(page, "UTC offset")).to_have_value("+02:00")
    expect(said).to_have_text("It will be shown as Historic, released 24 Aug 2019, 12:15 UTC.")
    date.fill("2999-01-24T14:15:22")
    expect(find_field(page, "UTC offset")).to_have_value("+01:00")
    expect(said).to_have_text("Created at must not be in the future: it is only for old releases.")
    find_field(page, "UTC offset").select_option("-05:00")
    date.fill("2019-08-24T14:15:22")
    expect(said).to_have_text("It will be shown as Historic, released 24 Aug 2019, 19:15 UTC.")
    page.get_by_label("Keep the date").uncheck()
    expect(date).to_have_value("")
    # To keep a date that nobody typed is refused at the field, by the browser's own words for it.
    page.get_by_label("Keep the date").check()
    page.get_by_role("button", name="Create release", exact=True).click()
    expect(date).to_be_focused()
    assert date.evaluate("field => field.validationMessage") == "Created at needs both a date and a time."


def test_publishing_is_asked_once_and_enter_never_publishes(open_context: OpenContext, owner: Organisation) -> None:
    page = open_form(open_context, owner, viewport={"width": 360, "height": 700})
    publish, dialog = page.get_by_role("button", name="Create and publish…"), page.get_by_role("dialog")
    # What cannot be created is not asked about.
    publish.click()
    expect(page.locator("#error-summary")).to_be_focused()
    find_field(page, "Name").fill("Rocket 1.5")
    find_field(page, "Version").fill("1.5")
    publish.click()
    expect(dialog).to_have_accessible_name("Create and publish Rocket 1.5?")
    expect(dialog).to_contain_text("Everybody will see it at once at")
    expect(dialog.get_by_role("link")).to_have_attribute("href", re.compile("/acme/rocket$"))
    expect(dialog.get_by_role("listitem")).to_have_text(["release.created: Deploys", "release.published: Deploys"])
    expect(dialog.get_by_role("button", name="Back to the form")).to_be_focused()
    assert Axe().run(page).response["violations"] == []
    page.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    expect(publish).to_be_focused()
    assert list_releases() == []

    find_field(page, "Version").press("Enter")
    expect(page.get_by_text("Release 1.5 was created.")).to_be_visible()
    assert list_releases() == [("1.5", False)]

    page.goto("/releases/new")
    find_field(page, "Name").fill("Rocket 1.6")
    find_field(page, "Version").fill("1.6")
    find_field(page, "Private").check()
    publish.click()
    expect(dialog).to_contain_text("Nobody outside will see it: it is private.")
    # The second click falls on what lies beneath the dialog, here on the check box, and does nothing there.
    beneath = find_field(page, "Private").locator("xpath=ancestor::label")
    beneath.evaluate("label => Object.assign(label.style, {position: 'fixed', inset: 0})")
    dialog.get_by_role("button", name="Yes, create and publish").dblclick()
    expect(page.get_by_text("Release 1.6 was created and published.")).to_be_visible()
    assert list_releases() == [("1.5", False), ("1.6", True)]
    assert list_event_types()[-2:] == ["release.created", "release.published"]


def test_without_script_the_same_is_asked_in_the_page(open_context: OpenContext, owner: Organisation) -> None:
    page = open_form(open_context, owner, java_script_enabled=False)
    find_field(page, "Name").fill("Rocket next")
    find_field(page, "Notes").fill("**kept**")
    page.get_by_role("button", name="1.5.0").click()
    expect(find_field(page, "Version")).to_have_value("1.5.0")
    expect(page.locator("#state-version")).to_have_text("Free. It will be the newest on channel stable.")
    page.get_by_role("button", name="Create and publish…").click()
    question = page.get_by_role("region", name="Create and publish Rocket 1.5.0?")
    expect(question).to_be_focused()
    expect(find_field(page, "Notes")).to_have_value("**kept**")
    # Changed since it was asked: it is asked again, and tells the truth.
    find_field(page, "Private").check()
    question.get_by_role("button", name="Yes, create and publish").click()
    expect(question).to_contain_text("Nobody outside will see it: it is private.")
    assert list_releases() == []
    question.get_by_role("button", name="Yes, create and publish").click()
    expect(page.get_by_text("Release 1.5.0 was created and published.")).to_be_visible()
    assert list_releases() == [("1.5.0", True)]
