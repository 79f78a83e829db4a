"""What becomes of a form that is one button when its sender is signed out meanwhile, or may not press it."""

from __future__ import annotations

import html

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from app import times
from app.accounts.actors import SCOPES
from app.accounts.models import User, UserSession
from app.database import transaction
from app.errors import describe_allowed
from app.webhooks.models import Webhook
from tests.factories import PASSWORD, Factory, Organisation, find_csrf_token
from tests.portal import list_all

pytestmark = pytest.mark.once

# A form that is nothing but a button; whether there is such a webhook is looked at later.
BUTTON = "/webhooks/0f8fad5b-d9cb-469f-a165-70867728950e/pause"
FLASH = "You were signed out. Sign in again, then repeat what you did."


@pytest.fixture
def browser(make: Factory, owner: Organisation) -> FlaskClient:
    """A browser in which the owner is signed in."""
    return make.browser(owner)


def sign_out(browser: FlaskClient) -> None:
    """Signs out, as in another tab."""
    token = find_csrf_token(browser.get("/products").text)
    assert browser.post("/sign-out", data={"csrf_token": token}).status_code == 303


def revoke_sessions() -> None:
    """Ends all sessions, while the cookies stay."""
    with transaction() as session:
        session.execute(update(UserSession).values(revoked_at=times.now()))


@pytest.mark.parametrize("way", ["other tab", "revoked"])
def test_its_sender_signs_in_and_is_back_where_the_button_is(
    make: Factory, owner: Organisation, browser: FlaskClient, way: str
) -> None:
    path = f"/webhooks/{make.webhook(owner, 'http://127.0.0.1:9/').id}"
    form = {"csrf_token": find_csrf_token(browser.get(path).text)}
    sign_out(browser) if way == "other tab" else revoke_sessions()
    referer = {"Referer": f"http://localhost{path}?from=list", "Origin": "http://localhost"}
    answer = browser.post(f"{path}/pause", data=form, headers=referer)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"/sign-in?next={path}?from%3Dlist")
    page = browser.get(answer.headers["Location"]).text
    assert FLASH in page
    signing_in = {"csrf_token": find_csrf_token(page), "email": owner.email, "password": PASSWORD}
    back = browser.post("/sign-in", data={**signing_in, "next": f"{path}?from=list"})
    assert back.headers["Location"] == f"{path}?from=list"
    assert list_all(Webhook.paused_at) == [None]


@pytest.mark.parametrize(
    "referer",
    [
        None, "", "http://evil.test/webhooks", "http://localhost.evil.test/", "http://localhost@evil.test/", "http://[",
        "javascript:alert(1)", "http://localhost//evil.test", "http://localhost/sign-in", "/webhooks",
    ],
)  # fmt: skip
def test_a_page_of_another_site_is_nothing_to_come_back_to(client: FlaskClient, referer: str | None) -> None:
    headers = {} if referer is None else {"Referer": referer}
    answer = client.post(BUTTON, headers=headers)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://evil.test"}, {"Sec-Fetch-Site": "cross-site"}, {"Origin": "null"}]
)
def test_another_site_cannot_have_a_browser_signed_out_like_this(client: FlaskClient, headers: dict[str, str]) -> None:
    # Its request comes without the session's cookie, and an answer that sets one would replace the session.
    answer = client.post(BUTTON, headers=headers)
    assert answer.status_code == 400
    assert "Set-Cookie" not in answer.headers


def test_the_doors_themselves_a_script_and_whoever_is_signed_in_are_told_what_is_wrong(
    client: FlaskClient, browser: FlaskClient
) -> None:
    for path in ("/sign-in", "/sign-out", "/setup"):
        assert client.post(path).status_code == 400, path
    assert client.post("/releases/preview", json={"notes": "x"}).status_code == 400
    answer = browser.post(BUTTON)
    assert answer.status_code == 400
    assert "security token is missing or too old" in html.unescape(answer.text)


@pytest.mark.parametrize(
    ("role", "path", "words"),
    [
        ("viewer", "/webhooks", "Only owners and admins of your organisation may see webhooks."),
        ("editor", "/webhooks/new", "Only owners and admins of your organisation may change webhooks."),
    ],
)
def test_who_may_not_do_something_reads_who_may(browser: FlaskClient, role: str, path: str, words: str) -> None:
    with transaction() as session:
        session.execute(update(User).values(role=role))
    answer = browser.get(path)
    assert answer.status_code == 403
    assert words in answer.text
    assert "scope" not in answer.text


def test_every_scope_can_be_told_to_people() -> None:
    told = {scope: describe_allowed(scope) for scope in SCOPES}
    assert len(set(told.values())) == len(SCOPES)
    assert told["release:write"] == "Only owners, admins and editors of your organisation may change releases."
    assert told["account:read"] == "Only owners and admins of your organisation may see the account."
