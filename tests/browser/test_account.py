"""One's own account in a real browser: the second factor from its key to a recovery code, sessions, the password.

Every page on the way is held against the rules of accessibility, in both themes and two widths.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from flask import Flask
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import update

from app import times
from app.accounts import totp
from app.accounts.models import UserSession
from app.database import transaction
from tests.browser.conftest import sign_in
from tests.browser.test_looks import check
from tests.factories import PASSWORD, Organisation
from tests.people import RECOVERY_CODES, switch_two_factor_on

OpenContext = Callable[..., BrowserContext]

NEW_PASSWORD = "another good password"
SAFARI = (
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) "
    "Version/17.5 Mobile/15E148 Safari/604.1"
)


class Walk:
    """A walk through pages, each of which is looked at as it passes."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.problems: list[str] = []

    def look(self, name: str) -> None:
        """Holds the page that is open against the rules, narrow and dark, then wide and light."""
        self.page.evaluate("document.querySelectorAll('main details').forEach((part) => (part.open = true))")
        for width, theme in ((360, "dark"), (1280, "light")):
            self.page.set_viewport_size({"width": width, "height": 800})
            self.page.emulate_media(color_scheme=theme)  # type: ignore[arg-type]
            self.problems += check(self.page, name, f"{width}, {theme}")


def type_password(page: Page, owner: Organisation, password: str = PASSWORD) -> None:
    """Takes the first step of the sign-in."""
    page.goto("/sign-in")
    page.get_by_label("E-mail address").fill(owner.email)
    page.get_by_label("Password").fill(password)
    page.get_by_role("button", name="Sign in").click()


def test_the_second_factor_from_its_key_to_the_recovery_codes(open_context: OpenContext, owner: Organisation) -> None:
    context = open_context(reduced_motion="reduce", permissions=["clipboard-read", "clipboard-write"])
    page = sign_in(context.new_page(), owner)
    walk = Walk(page)
    page.goto("/settings/security")
    walk.look("security")
    page.get_by_role("link", name="Set up two-factor sign-in").click()
    walk.look("what two factors are")
    page.get_by_role("button", name="show the key").click()
    page.get_by_role("button", name="Copy the key").click()
    secret = page.evaluate("navigator.clipboard.readText()")
    assert page.get_by_role("link", name="Open the app").get_attribute("href") == totp.build_address(
        secret, owner.email, owner.name
    )
    page.get_by_role("button", name="Switch it on").click()
    expect(page.locator("#error-summary")).to_be_focused()
    walk.look("the key, with errors")
    page.get_by_label("Code", exact=True).fill(totp.generate_code(secret, times.now()))
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Switch it on").dblclick()

    codes = page.locator("#recovery-codes code")
    expect(codes).to_have_count(10)
    walk.look("recovery codes")
    first = codes.first.inner_text()
    page.get_by_role("button", name="Copy").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert first in page.evaluate("navigator.clipboard.readText()")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download").click()
    assert first in download.value.path().read_text()
    page.reload()
    expect(page.get_by_text("Recovery codes are shown once")).to_be_visible()
    walk.look("security with two factors")
    assert walk.problems == []


def test_the_second_step_sessions_appearance_and_the_password(open_context: OpenContext, owner: Organisation) -> None:
    page = sign_in(open_context(reduced_motion="reduce").new_page(), owner)
    switch_two_factor_on(owner)
    walk = Walk(page)
    page.goto("/settings/account")
    page.get_by_label("Dark").check()
    page.get_by_role("button", name="Save").click()
    expect(page.locator("html")).to_have_attribute("data-theme", "dark")
    page.get_by_label("System").check()
    page.get_by_role("button", name="Save").click()
    walk.look("account")

    phone = open_context(user_agent=SAFARI, reduced_motion="reduce").new_page()
    type_password(phone, owner)
    expect(phone.get_by_label("Code", exact=True)).to_be_focused()
    other = Walk(phone)
    other.look("second step")
    phone.get_by_label("Recovery code", exact=True).fill(RECOVERY_CODES[0])
    phone.get_by_role("button", name="Sign in").click()
    phone.wait_for_url("**/releases")
    page.goto("/settings/sessions")
    walk.look("sessions")
    page.get_by_role("button", name="Sign out Safari 17 on iPhone").click()
    expect(page.get_by_text("That browser is signed out.")).to_be_visible()
    phone.reload()
    expect(phone.get_by_role("heading", name="Sign in")).to_be_visible()
    other.look("sign-in")
    phone.get_by_role("link", name="Forgot your password?").click()
    other.look("forgotten password")

    page.goto("/settings/security")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_label("New password").fill(NEW_PASSWORD)
    page.get_by_role("button", name="Change the password").click()
    expect(page.get_by_text("Your password was changed.")).to_be_visible()
    type_password(phone, owner, NEW_PASSWORD)
    phone.wait_for_url("**/second-step")
    assert walk.problems + other.problems == []


def test_all_of_it_works_without_script_and_a_form_in_place_asks_for_the_code(
    open_context: OpenContext, app: Flask, owner: Organisation
) -> None:
    page = open_context(java_script_enabled=False, viewport={"width": 360, "height": 800}).new_page()
    sign_in(page, owner)
    page.goto("/settings/security/two-factor")
    page.get_by_role("button", name="show the key").click()
    secret = re.sub(r"\s", "", page.locator("#copy-two-factor-key").inner_text())
    page.get_by_label("Code", exact=True).fill(totp.generate_code(secret, times.now()))
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Switch it on").click()
    code = page.locator("#recovery-codes code").first.inner_text()
    expect(page.get_by_role("button", name="Download")).to_be_hidden()
    page.get_by_role("link", name="I have kept them").click()

    page.goto("/settings/account")
    page.get_by_label("Name").fill("Typed & kept")
    with app.app_context(), transaction() as session:
        session.execute(update(UserSession).values(revoked_at=times.now()))
    page.get_by_role("button", name="Save").click()
    page.get_by_label("E-mail address").fill(owner.email)
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Save").click()
    page.get_by_label("Code", exact=True).fill(code)
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Your account was saved.")).to_be_visible()
    expect(page.get_by_label("Name")).to_have_value("Typed & kept")
