"""The form of a release is sent once, and its end is known: whatever goes away while it is sent."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from sqlalchemy import update

from app import times
from app.accounts.models import UserSession
from app.database import transaction
from tests.browser.conftest import sign_in
from tests.browser.drafting import Form, list_drafts, list_releases, wait_until_kept
from tests.factories import PASSWORD, Factory, Organisation
from tests.stack import Stack

pytestmark = pytest.mark.once

OpenContext = Callable[..., BrowserContext]


@pytest.fixture
def owner(make: Factory) -> Organisation:
    """An organisation with one product, and a webhook that wants to hear of its releases."""
    owner = make.organisation()
    make.product(owner, "Rocket")
    make.webhook(owner, "http://127.0.0.1:9/")
    return owner


@pytest.fixture
def stack(app: Flask, environment: dict[str, str], tmp_path: Path) -> Iterator[Stack]:
    """A Slipway of this test's own, of which nothing is started yet."""
    with Stack(environment, tmp_path) as stack:
        yield stack


def count_entries(page: Page) -> int:
    """Gives how long the history of the window is."""
    return int(page.evaluate("history.length"))


def time_out(route: Route) -> None:
    """Does what a proxy does that has waited for too long for a server which has done its work."""
    route.fetch()
    route.fulfill(status=504, body="<h1>Gateway Timeout</h1>")


def end_sessions() -> None:
    """Ends all sessions, while the cookies stay."""
    with transaction() as session:
        session.execute(update(UserSession).values(revoked_at=times.now()))


def test_a_server_that_is_killed_leaves_no_doubt_and_makes_one_release(
    browser: Browser, stack: Stack, owner: Organisation
) -> None:
    # Its process dies right after the commit of a release, before it has answered.
    stack.start_web("tests.e2e.killing_wsgi:app")
    context = browser.new_context(base_url=stack.base_url)
    context.set_default_timeout(10_000)
    form = Form(sign_in(context.new_page(), owner))
    form.type("Rocket 1.0")
    form.expect_saved()
    form.press("Create release")
    # Another process takes its place. Whether the browser sends it again by itself or the page asks: it is found.
    form.page.wait_for_url("**/releases/*-*", timeout=30_000)
    expect(form.page.get_by_role("heading", name="Rocket 1.0").first).to_be_visible()
    assert ([release.name for release in list_releases()], list_drafts()) == (["Rocket 1.0"], [])
    form = Form(form.page)
    form.page.wait_for_load_state("networkidle")
    expect(form.page.locator(".draft-notice")).to_have_count(0)
    expect(form.name).to_have_value("")
    context.close()


def test_an_answer_that_is_lost_on_the_way_is_asked_for(open_context: OpenContext, owner: Organisation) -> None:
    form = Form(sign_in(open_context().new_page(), owner))
    form.type("Rocket 1.0")
    fates: list[Callable[[Route], None]] = [
        lambda route: route.abort("connectionreset"),
        time_out,
    ]
    form.page.route("**/releases", lambda route: fates.pop(0)(route) if fates else route.continue_())
    asked: list[Route] = []
    form.page.route("**/drafts/outcome*", lambda route: asked.append(route) if not asked else route.continue_())
    with form.page.expect_request("**/drafts/outcome*"):
        form.press("Create release")
    expect(form.sending).to_contain_text("No answer came: it is not known yet whether the release was created.")
    asked[0].continue_()
    expect(form.sending).to_contain_text("Slipway says that the release has not been created.")
    assert list_releases() == []
    # Sent under the same key, whatever the first one may still come to.
    form.press("Try again")
    form.page.wait_for_url("**/releases/*-*")
    assert (fates, [release.name for release in list_releases()]) == ([], ["Rocket 1.0"])


def test_what_is_wrong_is_shown_in_place_and_pressing_twice_and_coming_back_make_one_release(
    open_context: OpenContext, owner: Organisation
) -> None:
    page = sign_in(open_context().new_page(), owner)
    form = Form(page)
    form.type("Rocket", "v")
    page.get_by_label("Notes", exact=True).fill("kept")
    page.get_by_text("This is an old release").click()
    page.get_by_label("Created at").fill("2999-08-24T14:15:22")
    page.get_by_text("This is an old release").click()
    entries = count_entries(page)
    form.press("Create release")
    summary = page.locator("#error-summary")
    expect(summary).to_be_focused()
    expect(summary.get_by_role("link")).to_have_count(2)
    version = page.get_by_label("Version", exact=True)
    expect(version).to_have_attribute("aria-invalid", "true")
    expect(version).to_have_accessible_description(re.compile("^Version must be two to four numbers"))
    expect(page.get_by_label("Created at")).to_be_visible()
    assert page.title().startswith("Error: ")
    assert count_entries(page) == entries
    # The same page: what was typed can still be undone.
    notes = page.get_by_label("Notes", exact=True)
    notes.press("End")
    notes.press_sequentially("!")
    notes.press("Control+z")
    expect(notes).to_have_value("kept")

    page.get_by_label("Created at").fill("2019-08-24T14:15:22")
    version.fill("1.0")
    version.press("Enter")
    version.press("Enter")
    page.wait_for_url("**/releases/*-*")
    assert count_entries(page) == entries + 1
    page.go_back()
    expect(form.name).to_have_value("Rocket")
    page.get_by_role("button", name="Create release", exact=True).dblclick()
    page.wait_for_url("**/releases/*-*")
    expect(page.get_by_text("Nothing was doubled.")).to_be_visible()
    assert len(list_releases()) == 1
    # Who comes back and types something else means another release, which is a draft of its own.
    page.go_back()
    form.type("Rocket 2", "2.0")
    wait_until_kept("Rocket 2")
    form.press("Create release")
    page.wait_for_url("**/releases/*-*")
    assert sorted(release.name for release in list_releases()) == ["Rocket", "Rocket 2"]
    assert list_drafts() == []


def test_after_the_session_has_ended_one_signs_in_in_place_and_the_same_is_sent(
    open_context: OpenContext, make: Factory, owner: Organisation
) -> None:
    page = sign_in(open_context().new_page(), owner)
    form = Form(page)
    end_sessions()
    form.type("Typed for an hour")
    expect(form.state).to_contain_text("Signed out: kept on this device")
    key = page.locator('[name="idempotencyKey"]').input_value()
    form.press("Create release")
    dialog = page.get_by_role("dialog", name="Sign in again")
    expect(dialog.get_by_label("E-mail address")).to_have_value(owner.email)
    password = dialog.get_by_label("Password")
    expect(password).to_be_focused()
    password.fill("wrong")
    password.press("Enter")
    expect(dialog.get_by_role("alert")).to_contain_text("password")
    assert list_releases() == []

    # Somebody else signs in in another tab: it is not sent in their name.
    stranger = make.organisation()
    sign_in(page.context.new_page(), stranger).close()
    dialog.get_by_role("button", name="Not now").click()
    expect(form.sending).to_contain_text("Nothing was sent.")
    form.press("Create release")
    expect(dialog).to_contain_text("Somebody else is signed in here now.")
    assert list_releases() == []

    password.fill(PASSWORD)
    dialog.get_by_role("button", name="Sign in and go on").click()
    page.wait_for_url("**/releases/*-*")
    (release,) = list_releases()
    assert (release.name, release.tenant_id) == ("Typed for an hour", owner.tenant_id)
    assert list_drafts() == []
    assert page.evaluate("history.length") > 1
    page.go_back()
    assert page.locator('[name="idempotencyKey"]').input_value() == key
