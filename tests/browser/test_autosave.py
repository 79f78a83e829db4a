"""What is typed into the form of a release is never lost: whatever goes away, it comes back."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, expect

from tests.browser.conftest import sign_in
from tests.browser.drafting import Form, kill_chromium, list_drafts, list_releases, start_chromium, wait_until_kept
from tests.factories import Factory, Organisation
from tests.stack import Stack

pytestmark = pytest.mark.once

OpenContext = Callable[..., BrowserContext]
NOTES = "## Kept\n\n- *every* line 🚀\n"


@pytest.fixture
def owner(make: Factory) -> Organisation:
    """An organisation with two products."""
    owner = make.organisation()
    make.product(owner, "Rocket")
    make.product(owner, "Booster")
    return owner


@pytest.fixture
def stack(app: Flask, environment: dict[str, str], tmp_path: Path) -> Iterator[Stack]:
    """A web process of this test's own."""
    with Stack(environment, tmp_path) as stack:
        stack.start_web()
        yield stack


def fill_in(form: Form) -> None:
    """Fills in every field."""
    form.type("Typed for an hour", "2.1")
    form.page.get_by_label("Product", exact=True).select_option(label="Booster")
    form.page.get_by_label("Channel").fill("nightly")
    form.page.get_by_role("textbox", name="Platforms").fill("linux, bee os")
    form.page.get_by_label("Private").check()
    form.page.get_by_text("This is an old release").click()
    form.page.get_by_label("Created at").fill("2019-08-24T14:15:22")
    form.page.get_by_label("UTC offset").select_option("+05:45")
    form.page.get_by_label("Notes", exact=True).fill(NOTES)


def expect_filled_in(form: Form) -> None:
    """Looks at every field."""
    for label, text in {"Name": "Typed for an hour", "Version": "2.1", "Channel": "nightly", "Notes": NOTES}.items():
        expect(form.page.get_by_label(label, exact=True)).to_have_value(text)
    expect(form.page.locator("#field-productId option:checked")).to_have_text("Booster")
    expect(form.page.get_by_role("textbox", name="Platforms")).to_have_value("linux, bee os")
    expect(form.page.get_by_label("Private")).to_be_checked()
    expect(form.page.get_by_label("Created at")).to_have_value("2019-08-24T14:15:22")
    expect(form.page.get_by_label("UTC offset")).to_have_value("+05:45")
    expect(form.page.locator("#preview li")).to_contain_text("every line 🚀")


def test_a_killed_browser_a_reload_and_another_device_lose_nothing(
    browser: Browser, open_context: OpenContext, web: Stack, owner: Organisation, tmp_path: Path
) -> None:
    profile = tmp_path / "profile"
    chromium = start_chromium(browser, profile, base_url=web.base_url)
    form = Form(sign_in(chromium.pages[0], owner))
    fill_in(form)
    # What is said of an earlier pause says nothing of the field that was filled in last.
    wait_until_kept(NOTES, "notes")
    expect(form.state).to_contain_text("Saved")
    key = form.page.locator('[name="idempotencyKey"]').input_value()
    kill_chromium(profile)

    chromium = start_chromium(browser, profile, base_url=web.base_url)
    page = chromium.pages[0]
    page.goto("/releases/new")
    # A cookie is not written at once: who comes back may have to sign in again, and is the same person.
    form = Form(sign_in(page, owner) if "/sign-in" in page.url else page)
    expect(form.notice("restored")).to_contain_text("Restored from ")
    expect(form.page.get_by_text("no longer there").first).to_be_hidden()
    expect_filled_in(form)
    # It is the same form: sent again it would make nothing twice.
    assert form.page.locator('[name="idempotencyKey"]').input_value() == key
    wait_until_kept("Typed for an hour")

    # Another device is offered it, and who leaves the offer alone loses nothing.
    other = Form(sign_in(open_context().new_page(), owner))
    expect(other.notice("offer")).to_contain_text("Typed for an hour 2.1")
    expect(other.name).to_have_value("")
    other.press("Continue with it")
    expect(other.page.get_by_label("Notes", exact=True)).to_have_value(NOTES)
    other.name.fill("Typed at home")
    wait_until_kept("Typed at home")

    # Back at the first one, the newest is told, and each can be had.
    form.page.reload()
    expect(form.notice("changed")).to_contain_text("This draft was changed in another window at ")
    form.press("Use that one")
    expect(form.name).to_have_value("Typed at home")
    form.press("Back to what was here")
    expect(form.name).to_have_value("Typed for an hour")

    # Created on one of them, it is a draft on none.
    form.page.get_by_role("textbox", name="Platforms").fill("linux, bees")
    form.press("Create release")
    form.page.wait_for_url("**/releases/*-*")
    (release,) = list_releases()
    assert (release.name, release.notes, release.private) == ("Typed for an hour", NOTES, True)
    fresh = Form(form.page)
    expect(fresh.page.locator(".draft-others li")).to_have_count(0)
    expect(fresh.name).to_have_value("")
    chromium.close()


def test_an_outage_a_second_tab_and_another_user_lose_nothing_and_see_nothing(
    browser: Browser, stack: Stack, make: Factory, owner: Organisation
) -> None:
    context = browser.new_context(base_url=stack.base_url)
    context.set_default_timeout(10_000)
    form = Form(sign_in(context.new_page(), owner))
    form.type("Before")
    form.expect_saved()
    (web,) = stack._processes
    stack.kill(web)
    form.name.fill("During the outage")
    expect(form.state).to_have_text("Offline: kept on this device")
    expect(form.page.locator("[data-draft-announcer]")).to_have_text("Offline: kept on this device")
    form.press("Create release")
    expect(form.sending).to_contain_text("Slipway cannot be reached. Nothing was sent.")
    stack.start_web()
    wait_until_kept("During the outage")
    form.expect_saved()

    # A second tab begins where the first one is; the newest text wins, with a word to the other.
    second = Form(context.new_page())
    expect(second.name).to_have_value("During the outage")
    second.name.fill("In the second tab")
    expect(form.notice("changed")).to_contain_text("This draft was changed in another window at ")
    assert form.name.input_value() == "During the outage"
    form.press("Keep mine")
    expect(second.notice("changed")).to_be_visible()
    second.press("Use that one")
    expect(second.name).to_have_value("During the outage")
    second.page.get_by_text("Other texts that are kept").click()
    other_text = second.page.locator(".draft-others li", has_text="In the second tab")
    other_text.get_by_role("button", name="Use this one").click()
    expect(second.name).to_have_value("In the second tab")
    second.page.close()

    # What is discarded is discarded everywhere, and can be had again.
    form.page.reload()
    expect(form.name).to_have_value("In the second tab")
    form.press("Discard")
    expect(form.name).to_have_value("")
    expect(form.notice("discarded")).to_be_visible()
    form.press("Undo")
    expect(form.name).to_have_value("In the second tab")
    wait_until_kept("In the second tab")

    # A form that was asked for is not filled; whoever else signs in here sees nothing of it.
    form = Form(form.page, "/releases/new?product=x")
    expect(form.notice("offer")).to_contain_text("In the second tab")
    expect(form.name).to_have_value("")
    form.press("Sign out")
    stranger = make.organisation()
    form = Form(sign_in(form.page, stranger))
    form.page.wait_for_load_state("networkidle")
    expect(form.page.locator(".draft-notice, .draft-others")).to_have_count(0)
    expect(form.name).to_have_value("")
    context.close()


def test_a_release_that_was_changed_meanwhile_is_told_and_its_draft_is_its_own(
    open_context: OpenContext, make: Factory, owner: Organisation
) -> None:
    caller = make.caller(owner)
    body = {"name": "Stored", "version": "1.0", "productId": make.product(owner).id, "platforms": ["linux", "mac"]}
    release_id = caller.post("/v3/releases", json=body).get_json()["id"]
    page = sign_in(open_context().new_page(), owner)
    new = Form(page)
    new.type("A new one")
    new.expect_saved()
    form = Form(page, f"/releases/{release_id}/edit")
    expect(form.name).to_have_value("Stored")
    form.page.get_by_label("mac").uncheck()
    form.name.fill("Typed")
    form.expect_saved()
    caller.request("PATCH", f"/v3/releases/{release_id}", json={"notes": "by somebody else"})

    form.page.reload()
    expect(form.notice("restored")).to_be_visible()
    expect(form.notice("stored")).to_contain_text("This release was changed elsewhere at ")
    expect(form.name).to_have_value("Typed")
    expect(form.page.get_by_label("mac")).not_to_be_checked()
    form.press("Use what is stored")
    expect(form.page.get_by_label("Notes", exact=True)).to_have_value("by somebody else")
    expect(form.name).to_have_value("Stored")
    form.press("Undo")
    expect(form.name).to_have_value("Typed")
    form.page.get_by_role("button", name="Save changes", exact=True).click()
    form.page.wait_for_url(f"**/releases/{release_id}")
    form = Form(page, f"/releases/{release_id}/edit")
    expect(form.name).to_have_value("Typed")
    form.page.wait_for_load_state("networkidle")
    expect(form.page.locator(".draft-notice")).to_have_count(0)
    assert [draft["fields"]["name"] for draft in list_drafts()] == [["A new one"]]
