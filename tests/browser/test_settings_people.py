"""People, their tokens and what they did, in a real browser: one journey of whoever runs an organisation."""

from __future__ import annotations

import csv
from collections.abc import Callable
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect

from app.accounts import tokens
from app.accounts.models import AccessToken
from tests.browser.conftest import sign_in
from tests.factories import PASSWORD, Factory
from tests.portal import list_all

OpenContext = Callable[..., BrowserContext]
EMAIL = "nina@example.test"


def look(page: Page) -> None:
    """Fails if the page that is open breaks a rule of accessibility or sticks out."""
    found = [f"{rule['id']}: {rule['nodes'][0]['html'][:200]}" for rule in Axe().run(page).response["violations"]]
    overhang = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
    assert (found, overhang) == ([], 0), page.url


def follow(page: Page, link: str) -> None:
    """Opens a link that was made for BASE_URL where the server under test is."""
    page.goto(link[link.index("/invitations/") :])


@pytest.mark.parametrize("has_script", [True, False], ids=["with script", "without"])
def test_somebody_is_invited_joins_gets_another_role_and_is_switched_off(
    open_context: OpenContext, make: Factory, has_script: bool
) -> None:
    owner = make.organisation()
    page = sign_in(open_context(java_script_enabled=has_script).new_page(), owner)
    page.get_by_role("link", name="Settings").click()
    page.get_by_role("link", name="Members").click()
    page.get_by_role("link", name="Invite").click()
    page.get_by_role("button", name="Make the invitation").click()
    expect(page.locator("#error-summary")).to_contain_text("E-mail address is required.")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Editor").check()
    # A second click while the first is under way would lose the link.
    button = page.get_by_role("button", name="Make the invitation")
    button.dblclick() if has_script else button.click()
    link = page.locator("#copy-link").inner_text()

    guest = open_context(java_script_enabled=has_script, viewport={"width": 360, "height": 800}).new_page()
    follow(guest, link)
    if has_script:
        look(guest)
    guest.get_by_label("Your name").fill("Nina")
    guest.get_by_label("Password").fill("short")
    guest.get_by_role("button", name="Accept and sign in").click()
    expect(guest.get_by_label("Your name")).to_have_value("Nina")
    guest.get_by_label("Password").fill(PASSWORD)
    guest.get_by_role("button", name="Accept and sign in").click()
    guest.wait_for_url("**/releases")
    follow(guest, link)
    expect(guest.get_by_role("heading")).to_have_text("This invitation is not open")

    page.goto("/settings/members?q=nina")
    page.get_by_role("link", name="Nina").click()
    page.get_by_label("Viewer").check()
    page.get_by_role("button", name="Save the role").click()
    expect(page.get_by_role("status").first).to_contain_text(f"{EMAIL} is Viewer now.")
    guest.goto("/settings/tokens")
    expect(guest.get_by_role("heading")).to_have_text("Not allowed")
    page.get_by_text("Deactivate…").click()
    expect(page.get_by_text("1 session ends at once.")).to_be_visible()
    page.get_by_role("button", name=f"Deactivate {EMAIL}").click()
    expect(page.get_by_text("signed out everywhere")).to_be_visible()
    guest.goto("/releases")
    expect(guest.get_by_role("heading", name="Sign in")).to_be_visible()
    if has_script:
        for path in ("/settings/members", "/settings/members/invite", page.url):
            page.goto(path)
            look(page)


def test_a_token_is_made_once_shown_once_and_revoked_and_the_log_tells_of_it(
    open_context: OpenContext, make: Factory, tmp_path: Path
) -> None:
    owner = make.organisation()
    context = open_context(viewport={"width": 360, "height": 800}, color_scheme="dark")
    context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = sign_in(context.new_page(), owner)
    page.goto("/settings/tokens")
    page.get_by_role("link", name="New token").first.click()
    page.get_by_label("Name", exact=True).fill("CI")
    page.get_by_label("Read releases").check()
    look(page)
    page.get_by_role("button", name="Make the token").dblclick()
    page.get_by_role("button", name="Copy").click()
    token = page.locator("#copy-token").inner_text()
    assert page.evaluate("navigator.clipboard.readText()") == token
    assert tokens.authenticate(token).scopes == {"release:read"}
    look(page)
    # Neither a reload nor the way back and forth shows it again.
    page.reload()
    expect(page.get_by_role("heading", name="Access tokens")).to_be_visible()
    expect(page.locator("#copy-token")).to_have_count(0)
    page.get_by_text("Revoke…").click()
    look(page)
    page.get_by_role("button", name="Revoke the token").click()
    expect(page.get_by_text("No tokens yet")).to_be_visible()
    assert len(list_all(AccessToken.id)) == 1

    page.goto("/settings/organisation")
    page.get_by_label("Address").fill("settings")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_label("Address")).to_have_attribute("aria-invalid", "true")
    look(page)
    page.get_by_label("Address").fill("rockets")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_role("status")).to_contain_text("The settings were saved.")

    page.goto("/settings/audit")
    page.get_by_text("Details").first.click()
    expect(page.get_by_text("Address", exact=True).first).to_be_visible()
    look(page)
    page.get_by_label("What happened").select_option("token")
    page.get_by_role("button", name="Filter").click()
    with page.expect_download() as download:
        page.get_by_role("link", name="Download as CSV").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.name.startswith("audit-log-rockets-")
    with path.open(encoding="utf-8", newline="") as file:
        assert [row["action"] for row in csv.DictReader(file)] == ["token.revoked", "token.created"]
