"""Signing in through a provider that is not ours, in a browser that holds pages to their policy."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, BrowserContext, Page
from sqlalchemy import delete, update

from app.accounts.models import User
from app.database import transaction
from app.oidc.models import Identity
from tests.browser.conftest import sign_in
from tests.browser.test_looks import check
from tests.factories import PASSWORD, Factory
from tests.oidc_provider import ProviderProcess, run_mock_provider
from tests.portal import list_all
from tests.stack import Stack

pytestmark = pytest.mark.once

OpenContext = Callable[..., BrowserContext]


@pytest.fixture(scope="module")
def provider() -> Iterator[ProviderProcess]:
    """The provider of this module's tests."""
    with run_mock_provider() as process:
        yield process


@pytest.fixture(scope="module")
def web(
    browser: Browser,
    shared_app: Flask,
    environment: dict[str, str],
    provider: ProviderProcess,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Stack]:
    """A web process that knows the provider."""
    with Stack({**environment, **provider.environment}, tmp_path_factory.mktemp("web")) as stack:
        stack.start_web()
        yield stack


def pass_provider(page: Page, subject: str) -> None:
    """Signs in at the provider by its own page."""
    page.get_by_placeholder("sub").fill(subject)
    page.get_by_role("button", name="Authorize", exact=True).click()


def test_one_signs_in_connects_chooses_and_is_told_why_not(
    open_context: OpenContext, provider: ProviderProcess, make: Factory
) -> None:
    first, second = make.organisation("First"), make.organisation("Second")
    provider.set_user("private", email="private@example.test", email_verified=False)
    problems: list[str] = []
    page = sign_in(open_context(viewport={"width": 360, "height": 800}).new_page(), first)
    # A form leads to the provider, which the policy of our pages would not let a redirect do.
    page.goto("/settings/security")
    page.get_by_role("link", name="Connect Example ID").click()
    problems += check(page, "connect", "phone")
    page.get_by_label("Current password").fill(PASSWORD)
    page.get_by_role("button", name="Go on to Example ID").click()
    pass_provider(page, "private")
    page.get_by_text("Your account at Example ID is connected").wait_for()
    problems += check(page, "security", "phone")
    assert page.get_by_text("private@example.test").count() == 1
    # A page that one wanted is where the provider leads to in the end.
    page = open_context(viewport={"width": 360, "height": 800}, color_scheme="dark").new_page()
    page.goto("/products")
    problems += check(page, "sign-in", "phone")
    page.get_by_role("link", name="Sign in with Example ID").click()
    pass_provider(page, "private")
    page.wait_for_url("**/products")
    # An account that nobody here has connected, and whose address nobody has.
    page = open_context(viewport={"width": 360, "height": 800}).new_page()
    page.goto("/sign-in")
    page.get_by_role("link", name="Sign in with Example ID").click()
    pass_provider(page, "stranger")
    page.get_by_role("heading", name="There is no account for you here").wait_for()
    problems += check(page, "refused", "phone")
    with transaction() as session:
        session.execute(update(User).values(email="both@example.test"))
    provider.set_user("both", email="both@example.test", email_verified=True)
    page.get_by_role("link", name="Take another account at Example ID").click()
    # One of the two who have this address is linked to another account: so it is the other one's.
    pass_provider(page, "both")
    page.wait_for_url("**/releases")
    assert set(list_all(Identity.tenant_id)) == {first.tenant_id, second.tenant_id}
    # Nothing links anything any more: the address alone says who it could be, and that is two people.
    with transaction() as session:
        session.execute(delete(Identity))
    page = open_context(viewport={"width": 360, "height": 800}, color_scheme="dark").new_page()
    page.goto("/sign-in")
    page.get_by_role("link", name="Sign in with Example ID").click()
    pass_provider(page, "both")
    page.get_by_role("button", name="Sign in").click()
    page.locator("#error-summary").wait_for()
    problems += check(page, "choose", "phone")
    page.get_by_label("Second").check()
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url("**/releases")
    assert list_all(Identity.tenant_id) == [second.tenant_id]
    assert problems == []
