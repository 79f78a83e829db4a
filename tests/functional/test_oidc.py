"""Signing in through an OpenID provider, which is a process of its own and does as it is told."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from app.accounts import passwords
from app.accounts.attempts import ADDRESS_LIMIT
from app.accounts.models import Tenant, User, UserSession
from app.accounts.proofs import FRESH
from app.audit.models import AuditEntry
from app.config import Settings
from app.database import transaction
from app.members import invitations
from app.members import schema as member_schema
from app.oidc import client
from app.oidc.client import Provider
from app.oidc.models import Identity
from app.times import now
from tests.factories import PASSWORD, Factory, Organisation, find_csrf_token
from tests.oidc_provider import ProviderProcess, run_own_provider
from tests.portal import list_all, read_text

BACK = "http://localhost:8000/sign-in/oidc/callback"
NO_ACCOUNT = "Your account at Example ID signs nobody in here."


@pytest.fixture(scope="module")
def process() -> Iterator[ProviderProcess]:
    """The provider of this module's tests."""
    with run_own_provider() as provider:
        yield provider


@dataclass(frozen=True)
class World:
    """Slipway, which knows the provider, and a browser."""

    app: Flask
    provider: ProviderProcess
    browser: FlaskClient

    def tell(self, email: str | None = None, *, subject: str = "1", verified: Any = True, **told: Any) -> None:
        """Tells the provider who signs in next, and what else it does."""
        claims = {"sub": subject, "email": email, "email_verified": verified, **told.pop("claims", {})}
        self.provider.control(claims=claims, **told)

    def begin(self, path: str = "/sign-in/oidc", browser: FlaskClient | None = None) -> str:
        """Begins in a browser; gives where the provider sends it back to, as a path of ours."""
        answer = (browser or self.browser).get(path)
        assert answer.status_code == 303, answer.text
        return self.visit(answer.headers["Location"])

    def visit(self, url: str) -> str:
        """Goes to the provider and back; gives the path."""
        location = self.provider.visit(url)
        assert location.startswith(f"{BACK}?")
        return location.removeprefix("http://localhost:8000")

    def sign_in(self, path: str = "/sign-in/oidc", browser: FlaskClient | None = None) -> TestResponse:
        """Goes all the way; gives the last answer."""
        browser = browser or self.browser
        return browser.get(self.begin(path, browser))


@pytest.fixture
def world(app: Flask, process: ProviderProcess, monkeypatch: pytest.MonkeyPatch) -> World:
    """Makes one; what Slipway remembers of the provider is new."""
    settings = Settings.from_environ(process.environment).oidc
    assert settings is not None
    slipway = replace(app.extensions["slipway"], provider=Provider(settings, BACK))
    monkeypatch.setitem(app.extensions, "slipway", slipway)
    process.control()
    return World(app, process, app.test_client())


def is_signed_in(browser: FlaskClient) -> bool:
    """Whether a browser may see the releases."""
    return browser.get("/products").status_code == 200


def list_actions() -> list[tuple[str, dict[str, Any]]]:
    """Gives what the audit log tells of signing in and of identities."""
    entries = sorted(list_all(AuditEntry), key=lambda entry: entry.id)
    return [(it.action, it.details) for it in entries if it.action.startswith("user.")]


def assert_refused(world: World, answer: TestResponse, status: int, *words: str) -> None:
    """Checks that an answer is a page in words with a way on, and that nobody was let in by it."""
    assert answer.status_code == status, answer.text
    shown = read_text(html.unescape(answer.text))
    assert all(word in shown for word in words), shown
    assert 'class="button' in answer.text
    assert not is_signed_in(world.browser)
    assert list_all(UserSession.id) == []
    assert list_all(Identity.id) == []


def test_a_verified_address_links_an_account_once_and_from_then_on_its_subject_signs_in(
    world: World, owner: Organisation
) -> None:
    world.tell(owner.email.upper())
    answer = world.sign_in("/sign-in/oidc?next=/products?page=2")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/products?page=2")
    assert is_signed_in(world.browser)
    (linked,) = list_all(Identity)
    assert (linked.issuer, linked.subject, linked.email) == (world.provider.issuer, "1", owner.email)
    # The address there may be another one by now, not verified, or given to nobody.
    for email in ("new@example.test", None):
        world.tell(email, verified=False)
        browser = world.app.test_client()
        assert world.sign_in(browser=browser).headers["Location"] == "/releases"
        assert is_signed_in(browser)
    assert list_all(Identity.id) == [linked.id]
    assert set(list_all(UserSession.method)) == {"oidc"}
    signed_in = ("user.signed_in", {"method": "oidc", "issuer": world.provider.issuer})
    details = {"issuer": world.provider.issuer, "subject": "1", "email": owner.email, "reason": "verified_address"}
    assert list_actions() == [("user.identity_linked", details), signed_in, signed_in, signed_in]


@pytest.mark.parametrize("verified", [False, None, "true", 1, "false", []], ids=repr)
def test_an_address_counts_only_if_it_is_verified_by_the_json_value_true(
    world: World, owner: Organisation, verified: Any
) -> None:
    world.tell(owner.email, verified=verified)
    assert_refused(world, world.sign_in(), 403, "There is no account for you here", NO_ACCOUNT, "Example ID")


def test_who_is_not_let_in_learns_nothing_of_who_is_known(world: World, make: Factory, owner: Organisation) -> None:
    gone, taken = make.organisation(), make.organisation()
    with transaction() as session:
        session.execute(update(User).where(User.email == gone.email).values(is_active=False))
    world.tell(taken.email, subject="first")
    assert world.sign_in().status_code == 303
    pages = set()
    # Nobody; one who was deactivated; one whose address the provider has given to somebody else; no address.
    for email in ("nobody@example.test", gone.email, taken.email, None, "nonsense", f"{owner.email}\u200b"):
        world.tell(email, subject="2")
        answer = world.sign_in(browser=world.app.test_client())
        assert answer.status_code == 403
        pages.add(re.sub(r"[0-9a-f]{32}", "", answer.text))
    assert len(pages) == 1
    assert NO_ACCOUNT in pages.pop()
    assert len(list_all(Identity.id)) == 1


def test_who_was_deactivated_is_not_let_in_by_an_account_that_was_linked(world: World, owner: Organisation) -> None:
    world.tell(owner.email)
    world.sign_in()
    with transaction() as session:
        session.execute(update(User).values(is_active=False))
    browser = world.app.test_client()
    answer = world.sign_in(browser=browser)
    assert answer.status_code == 403
    assert NO_ACCOUNT in answer.text
    assert not is_signed_in(browser)
    assert not is_signed_in(world.browser)


HOSTILE: dict[str, dict[str, Any]] = {
    "another nonce": {"claims": {"nonce": "another one that is long enough to be one"}},
    "no nonce": {"claims": {"nonce": None}},
    "another issuer": {"claims": {"iss": "https://id.example.test"}},
    "for another client": {"claims": {"aud": "another"}},
    "for another client, too, and for whom it does not say": {"claims": {"aud": ["slipway", "another"]}},
    "meant for another client": {"claims": {"azp": "another"}},
    "meant for us, made for another": {"claims": {"aud": "another", "azp": "slipway"}},
    "expired": {"claims": {"exp": 1_700_000_000}},
    "never expires": {"claims": {"exp": None}},
    "from the future": {"claims": {"iat": 4_000_000_000}},
    "about nobody": {"claims": {"sub": None}},
    "about a number": {"claims": {"sub": 1}},
    "of another access token": {"claims": {"at_hash": "AAAAAAAAAAAAAAAAAAAAAA"}},
    "signed by another key": {"signing": "other"},
    "not signed": {"signing": "none"},
    "signed with what everybody knows": {"signing": "hs256"},
    "not a token": {"token": {"id_token": "a.b.c"}},
    "no token": {"token": {"id_token": None}},
    "a token of another kind": {"token": {"id_token": 5}},
    "expires in nonsense": {"token": {"expires_in": "soon"}},
    "no JSON": {"answers": {"/token": [200, "<html>"]}},
    "too deep": {"answers": {"/token": [200, "[" * 100_000]}},
    "the code is refused": {"answers": {"/token": [400, '{"error": "invalid_grant"}']}},
    "another key set": {"answers": {"/keys": [200, '{"keys": []}']}},
    "the keys are for others": {"answers": {"/keys": [403, "{}"]}},
    "no key set": {"answers": {"/keys": [200, '{"keys": {"kty": "EC"}}']}},
    "the user info is about another": {"claims": {"email": None}, "userinfo": {"sub": "2", "email": "a@b.test"}},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_an_answer_that_cannot_be_believed_lets_nobody_in(world: World, owner: Organisation, name: str) -> None:
    world.tell(owner.email, **HOSTILE[name])
    assert_refused(world, world.sign_in(), 502, "You are not signed in", "cannot be trusted")


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("/keys", [302, "{}", "http://127.0.0.1:9/keys"]),
        ("/token", [503, "down"]),
        ("/token", [200, " " * 300_000]),
        ("/keys", "silence"),
        ("/token", "silence"),
    ],
    ids=["keys elsewhere", "token down", "token endless", "keys silent", "token silent"],
)
def test_a_provider_that_does_not_answer_is_waited_for_a_while_and_told_of_in_words(
    world: World, owner: Organisation, monkeypatch: pytest.MonkeyPatch, path: str, told: Any
) -> None:
    monkeypatch.setattr(client, "DEADLINE_SECONDS", 0.3)
    world.tell(owner.email, answers={path: told})
    answer = world.sign_in()
    is_outage = told[0] != 302
    assert_refused(world, answer, 503 if is_outage else 502, "Try again with Example ID", "To the sign-in page")
    assert answer.headers.get("Retry-After") == ("10" if is_outage else None)
    # It is spared for a moment, and then asked again.
    assert world.browser.get("/sign-in/oidc").status_code == (503 if is_outage else 303)
    monkeypatch.setattr(client, "REST_SECONDS", -1.0)
    world.app.extensions["slipway"].provider._resting_until = 0.0
    world.tell(owner.email)
    assert world.sign_in().status_code == 303


@pytest.mark.parametrize(
    ("told", "status"),
    [
        ({"metadata": {"issuer": "https://id.example.test"}}, 502),
        ({"metadata": {"token_endpoint": "ftp://127.0.0.1/"}}, 502),
        ({"metadata": {"jwks_uri": None}}, 502),
        ({"metadata": {"id_token_signing_alg_values_supported": ["none", "HS256"]}}, 502),
        ({"answers": {"/.well-known/openid-configuration": [404, "{}"]}}, 502),
        ({"answers": {"/.well-known/openid-configuration": [503, "{}"]}}, 503),
        ({"answers": {"/.well-known/openid-configuration": [200, '{"issuer": NaN}']}}, 502),
    ],
    ids=["issuer", "scheme", "missing", "algorithms", "not found", "down", "no JSON"],
)
def test_a_provider_that_is_not_what_was_named_is_gone_to_by_nobody(
    world: World, told: dict[str, Any], status: int
) -> None:
    world.provider.control(**told)
    answer = world.browser.get("/sign-in/oidc?next=/products")
    assert_refused(world, answer, status, "Example ID")
    assert "/sign-in?next=/products" in answer.text


def test_options_that_metadata_smuggle_in_are_not_believed(world: World, owner: Organisation) -> None:
    world.tell(owner.email, metadata={"verify": False, "client_id": "x", "scope": "all", "proxies": {"http": "x"}})
    assert world.sign_in().status_code == 303


def test_a_changed_key_is_fetched_once_and_kept(world: World, owner: Organisation) -> None:
    world.tell(owner.email)
    world.sign_in()
    world.sign_in()
    assert world.provider.read_log().count("/keys") == 1
    world.tell(owner.email, rotate=True)
    assert world.sign_in().status_code == 303
    assert world.provider.read_log() == ["/authorize", "/token", "/keys"]


def test_the_address_may_stand_in_the_user_info_and_is_asked_for_there_only_if_need_be(
    world: World, owner: Organisation
) -> None:
    world.tell(claims={"email": None, "email_verified": None}, userinfo={"email": owner.email, "email_verified": True})
    assert world.sign_in().status_code == 303
    assert "/userinfo" in world.provider.read_log()
    world.tell(owner.email)
    assert world.sign_in().status_code == 303
    assert "/userinfo" not in world.provider.read_log()


def test_a_state_is_good_in_its_own_browser_once_and_for_a_while(
    world: World, owner: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.tell(owner.email, is_forgetful=True)
    path = world.begin()
    state = parse_qs(urlsplit(path).query)["state"][0]
    for odd in (
        path.replace(state, "x" * 43),
        path.replace(f"&state={state}", ""),
        path.replace("state=", "code=a&state=b&state="),
        "/sign-in/oidc/callback",
        "/sign-in/oidc/callback?state=%00%ff&code=x",
    ):
        answer = world.app.test_client().get(odd)
        assert_refused(world, answer, 400, "This sign-in is over")
    # In another browser it is nobody's: whoever follows the link of another is not signed in as them.
    assert_refused(world, world.app.test_client().get(path), 400, "begin again")
    cookie = world.browser.get_cookie("slipway_session")
    assert cookie is not None
    assert world.browser.get(path).status_code == 303
    # The same cookie again, as somebody may have copied it; the provider would take the code again.
    copy = world.app.test_client()
    copy.set_cookie("slipway_session", cookie.value)
    answer = copy.get(path)
    assert (answer.status_code, is_signed_in(copy)) == (400, False)
    assert "used already" in answer.text
    assert len(list_all(UserSession.id)) == 1
    browser = world.app.test_client()
    path = world.begin(browser=browser)
    monkeypatch.setattr("app.oidc.states.LIFETIME_SECONDS", -1)
    assert browser.get(world.begin(browser=browser)).status_code == 400
    assert browser.get(path).status_code == 303


def test_two_that_bring_one_state_at_the_same_instant_open_one_session(world: World, owner: Organisation) -> None:
    world.tell(owner.email, is_forgetful=True)
    path = world.begin()
    cookie = world.browser.get_cookie("slipway_session")
    assert cookie is not None
    browsers = [world.app.test_client() for _ in range(4)]
    for browser in browsers:
        browser.set_cookie("slipway_session", cookie.value)
    with ThreadPoolExecutor(4) as pool:
        statuses = sorted(answer.status_code for answer in pool.map(lambda browser: browser.get(path), browsers))
    assert statuses == [303, 400, 400, 400]
    assert len(list_all(UserSession.id)) == 1


def test_an_account_that_comes_twice_at_the_same_instant_is_linked_once(world: World, owner: Organisation) -> None:
    world.tell(owner.email)
    browsers = [world.app.test_client() for _ in range(4)]
    paths = [world.begin(browser=browser) for browser in browsers]
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda pair: pair[0].get(pair[1]), zip(browsers, paths, strict=True)))
    assert [answer.status_code for answer in answers] == [303] * 4
    assert len(list_all(Identity.id)) == 1
    assert [action for action, _ in list_actions()].count("user.identity_linked") == 1


def test_tabs_do_not_disturb_each_other_and_a_sign_in_goes_on_in_any_process(
    world: World, owner: Organisation, process: ProviderProcess
) -> None:
    world.tell(owner.email)
    # What is too long for a cookie is let go, the oldest first.
    for _ in range(3):
        world.begin(f"/sign-in/oidc?next=/products?{'x' * 380}")
        cookie = world.browser.get_cookie("slipway_session")
        assert cookie is not None
        assert len(cookie.value) < 4000
    first = world.begin("/sign-in/oidc?next=/products")
    world.begin("/sign-in/oidc?next=/webhooks")
    settings = Settings.from_environ(process.environment).oidc
    assert settings is not None
    other = replace(world.app.extensions["slipway"], provider=Provider(settings, BACK))
    world.app.extensions["slipway"] = other
    assert world.browser.get(first).headers["Location"] == "/products"


@pytest.mark.parametrize("target", ["//evil.test", "https://evil.test/", "/\\evil.test", "/sign-out", "/a b"])
def test_the_way_back_leads_to_a_page_of_ours(world: World, owner: Organisation, target: str) -> None:
    world.tell(owner.email)
    assert world.sign_in(f"/sign-in/oidc?{urlencode({'next': target})}").headers["Location"] == "/releases"


def test_who_says_no_at_the_provider_is_back_where_they_were_and_what_it_says_is_on_no_page(
    world: World, owner: Organisation
) -> None:
    world.tell(owner.email, error="access_denied")
    answer = world.sign_in("/sign-in/oidc?next=/products")
    assert answer.headers["Location"] == "/sign-in?next=/products"
    assert "You did not sign in at Example ID." in world.browser.get("/sign-in?next=/products").text
    world.tell(owner.email, error="<b>server_error</b>")
    answer = world.sign_in()
    assert_refused(world, answer, 502, "Example ID did not sign you in.", "Try again")
    assert "today" not in answer.text
    assert "server_error" not in answer.text


def test_an_answer_of_another_issuer_is_not_taken(world: World, owner: Organisation) -> None:
    world.tell(owner.email)
    path = world.begin()
    assert_refused(world, world.browser.get(f"{path}&iss=https%3A%2F%2Fevil.test"), 502, "cannot be trusted")


def test_another_site_cannot_begin_a_sign_in_but_may_lead_to_the_button(world: World, owner: Organisation) -> None:
    answer = world.browser.get("/sign-in/oidc?next=/products", headers={"Sec-Fetch-Site": "cross-site"})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in?next=/products")
    assert world.browser.get_cookie("slipway_session") is None
    page = html.unescape(world.browser.get("/sign-in?next=/products").text)
    assert 'href="/sign-in/oidc?next=/products">Sign in with Example ID</a>' in page


def test_without_a_provider_there_is_no_button_and_no_page(app: Flask, make: Factory, owner: Organisation) -> None:
    browser = make.browser(owner)
    for path in ("", "/callback", "/organisation"):
        assert app.test_client().get(f"/sign-in/oidc{path}").status_code == 404
    assert browser.get("/settings/security/connect").status_code == 404
    assert "/sign-in/oidc" not in app.test_client().get("/sign-in").text


def test_an_address_of_several_organisations_is_asked_for_one_each_time(world: World, make: Factory) -> None:
    first, second = make.organisation("First & Co"), make.organisation("Second")
    with transaction() as session:
        session.execute(update(User).values(email="both@example.test"))
    world.tell("both@example.test")
    for wanted in (second, first):
        browser = world.app.test_client()
        answer = world.sign_in("/sign-in/oidc?next=/products", browser)
        assert answer.headers["Location"] == "/sign-in/oidc/organisation"
        page = browser.get("/sign-in/oidc/organisation").text
        assert read_text(page).index("First &amp; Co") < read_text(page).index("Second")
        assert not is_signed_in(browser)
        form = {"csrf_token": find_csrf_token(page)}
        refused = browser.post("/sign-in/oidc/organisation", data={**form, "organisation": "another"})
        assert (refused.status_code, 'href="#field-organisation"' in refused.text) == (400, True)
        form["organisation"] = wanted.tenant_id
        cookie = browser.get_cookie("slipway_session")
        assert cookie is not None
        entered = browser.post("/sign-in/oidc/organisation", data=form)
        assert (entered.status_code, entered.headers["Location"]) == (303, "/products")
        assert wanted.name.replace("&", "&amp;") in browser.get("/products").text
        # Of a copy nothing comes.
        browser.set_cookie("slipway_session", cookie.value)
        assert browser.post("/sign-in/oidc/organisation", data=form).status_code == 400
    assert sorted(list_all(Identity.tenant_id)) == sorted([first.tenant_id, second.tenant_id])
    nobody = world.app.test_client().get("/sign-in/oidc/organisation")
    assert (nobody.status_code, "This sign-in is over" in nobody.text) == (400, True)


def test_tries_count_by_where_they_come_from(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    assert ADDRESS_LIMIT == 100
    monkeypatch.setattr("app.accounts.attempts.ADDRESS_LIMIT", 2)
    world.tell("nobody@example.test")
    assert [world.sign_in().status_code for _ in range(3)] == [403, 403, 429]
    answer = world.sign_in()
    assert_refused(world, answer, 429, "Too many attempts.")
    assert answer.headers["Retry-After"].isdecimal()
    # The provider is not asked for them either.
    world.provider.control()
    world.sign_in()
    assert world.provider.read_log() == ["/authorize"]


def test_signing_in_ends_who_was_signed_in_here_and_plants_nothing(
    world: World, make: Factory, owner: Organisation
) -> None:
    other = make.organisation()
    browser = make.browser(other)
    world.tell(owner.email)
    # A second factor is the business of the provider.
    with transaction() as session:
        session.execute(update(Tenant).values(requires_two_factor=True))
    before = find_csrf_token(browser.get("/settings/security/two-factor").text)
    world.sign_in(browser=browser)
    page = browser.get("/products").text
    assert owner.name in page
    assert find_csrf_token(page) != before
    revoked = [row for row in list_all(UserSession) if row.revoked_at]
    assert [row.user_id for row in revoked] == [other.actor.user_id]


def connect(world: World, browser: FlaskClient, **fields: str) -> TestResponse:
    """Sends the form that leads to the provider to connect an account there."""
    form = {"csrf_token": find_csrf_token(browser.get("/settings/security/connect").text), **fields}
    return browser.post("/settings/security/connect", data=form)


def follow(world: World, page: TestResponse) -> str:
    """Gives where the page that leads away comes back to."""
    assert page.status_code == 200, page.text
    found = re.search(r'http-equiv="refresh" content="0; url=([^"]+)"', page.text)
    assert found is not None
    return world.visit(html.unescape(found[1]))


def test_who_is_signed_in_connects_an_account_of_any_address_and_lets_it_go(
    world: World, make: Factory, owner: Organisation
) -> None:
    browser = make.browser(owner)
    world.tell("private@example.test", verified=False)
    for fields, word in (({}, "Current password is required."), ({"password": "wrong"}, "Current password is wrong.")):
        refused = connect(world, browser, **fields)
        assert (refused.status_code, word in refused.text) == (400, True)
    path = follow(world, connect(world, browser, password=PASSWORD))
    # Not in the session of somebody else, and not in one that has begun since.
    assert world.app.test_client().get(path).status_code == 400
    assert browser.get(path).headers["Location"] == "/settings/security"
    browser.get(follow(world, connect(world, browser, password=PASSWORD)))
    (linked,) = list_all(Identity)
    assert linked.user_id == owner.actor.user_id
    assert world.sign_in().status_code == 303
    page = browser.get("/settings/security").text
    assert "private@example.test" in page
    form = {"csrf_token": find_csrf_token(page)}
    assert browser.post(f"/settings/security/identities/{linked.id}/disconnect", data=form).status_code == 303
    assert list_all(Identity.id) == []
    # What it had signed in is over, and the password's session is not.
    assert not is_signed_in(world.browser)
    assert is_signed_in(browser)
    assert [action for action, _ in list_actions() if "identity" in action] == [
        "user.identity_linked",
        "user.identity_unlinked",
    ]


def test_an_account_is_connected_to_one_member_only_and_by_the_session_that_began(
    world: World, make: Factory, owner: Organisation
) -> None:
    member = make.member(owner, "editor")
    world.tell(owner.email)
    world.sign_in()
    browser = make.browser(member)
    answer = browser.get(follow(world, connect(world, browser, password=PASSWORD)))
    assert (answer.status_code, "another member" in answer.text) == (409, True)
    path = follow(world, connect(world, browser, password=PASSWORD))
    cookie = browser.get_cookie("slipway_session")
    assert cookie is not None
    with transaction() as session:
        session.execute(update(UserSession).values(revoked_at=UserSession.created_at))
    assert browser.get(path).status_code == 400
    assert len(list_all(Identity.id)) == 1


def test_who_has_no_password_needs_none_to_connect_and_keeps_the_last_way_in(world: World, owner: Organisation) -> None:
    with transaction() as session:
        session.execute(update(User).values(password_hash=passwords.UNUSABLE))
    world.tell(owner.email)
    world.sign_in()
    page = world.browser.get("/settings/security/connect").text
    assert 'type="password"' not in page
    (linked,) = list_all(Identity)
    form = {"csrf_token": find_csrf_token(page)}
    path = f"/settings/security/identities/{linked.id}/disconnect"
    world.browser.post(path, data=form)
    assert "set one first" in world.browser.get("/settings/security").text
    world.tell(subject="2")
    world.browser.get(follow(world, connect(world, world.browser)))
    assert len(list_all(Identity.id)) == 2
    # A browser that was left open is not enough.
    with transaction() as session:
        session.execute(update(UserSession).values(created_at=now() - FRESH))
    assert "Sign in again first" in connect(world, world.browser).text
    world.browser.post(path, data=form)
    assert list_all(Identity.subject) == ["2"]
    assert world.browser.post(path, data=form).status_code == 404
    assert is_signed_in(world.browser)


def test_a_form_whose_session_has_ended_goes_on_after_a_sign_in_in_another_tab(
    world: World, make: Factory, owner: Organisation
) -> None:
    world.tell(owner.email)
    world.sign_in()
    form = {"csrf_token": find_csrf_token(world.browser.get("/products").text), "name": "Typed by hand"}
    with transaction() as session:
        session.execute(update(UserSession).values(revoked_at=UserSession.created_at))
    page = html.unescape(world.browser.post("/products", data=form).text)
    (path,) = re.findall(r'<a href="(/sign-in/oidc[^"]*)" target="_blank">sign in with Example ID</a>', page)
    done = world.sign_in(path)
    assert "Close this tab" in world.browser.get(done.headers["Location"]).text
    # The form's token went with the session; what was typed did not.
    page = world.browser.post("/products", data={**form, "csrf_token": find_csrf_token(page)}).text
    assert 'value="Typed by hand"' in page
    assert world.browser.post("/products", data={**form, "csrf_token": find_csrf_token(page)}).status_code == 303


def test_an_ended_session_does_not_keep_one_from_connecting(world: World, make: Factory, owner: Organisation) -> None:
    browser = make.browser(owner)
    form = {"csrf_token": find_csrf_token(browser.get("/settings/security/connect").text), "password": PASSWORD}
    with transaction() as session:
        session.execute(update(UserSession).values(revoked_at=UserSession.created_at))
    answer = browser.post("/settings/security/connect", data=form)
    assert (answer.status_code, 'name="signInEmail"' in answer.text) == (400, True)
    form = {"csrf_token": find_csrf_token(answer.text), "signInEmail": owner.email, "signInPassword": PASSWORD}
    world.tell("private@example.test")
    assert browser.get(follow(world, browser.post("/settings/security/connect", data=form))).status_code == 303
    assert list_all(Identity.user_id) == [owner.actor.user_id]


def invite(owner: Organisation, email: str) -> str:
    """Invites somebody; gives the last step of the link."""
    invited = invitations.invite(owner.actor, member_schema.parse_invitation(email, "editor"))
    assert invited.link is not None
    return invited.link.rpartition("/")[2]


def test_who_is_invited_joins_by_an_account_whose_verified_address_is_the_invited_one(
    world: World, owner: Organisation
) -> None:
    link = invite(owner, "new@example.test")
    page = html.unescape(world.browser.get(f"/invitations/{link}").text)
    assert f'href="/sign-in/oidc?invitation={link}">Accept with Example ID</a>' in page
    path = f"/sign-in/oidc?invitation={link}"
    for email, verified in (("other@example.test", True), ("new@example.test", False), (owner.email, True)):
        world.tell(email, verified=verified)
        assert_refused(
            world, world.sign_in(path), 409, "The invitation is for new@example.test", "Back to the invitation"
        )
    world.tell("new@example.test", error="access_denied")
    assert world.sign_in(path).headers["Location"] == f"/invitations/{link}"
    world.tell("new@example.test", claims={"name": "New One"})
    assert world.sign_in(path).headers["Location"] == "/releases"
    assert is_signed_in(world.browser)
    users = {user.email: user for user in list_all(User)}
    joined = users["new@example.test"]
    assert (joined.name, joined.role, joined.password_hash) == ("New One", "editor", passwords.UNUSABLE)
    assert list_all(Identity.user_id) == [joined.id]
    # In a second tab, and in whoever's hands, the link is worth nothing any more; a sign-in still is.
    for other in (path, "/sign-in/oidc?invitation=nonsense"):
        browser = world.app.test_client()
        answer = world.sign_in(other, browser)
        assert (answer.status_code, "This invitation is not open" in answer.text) == (404, True)
        assert world.sign_in(browser=browser).status_code == 303
    assert len(list_all(User.id)) == 2


def test_an_account_of_one_member_accepts_no_invitation_for_another(world: World, owner: Organisation) -> None:
    world.tell(owner.email)
    world.sign_in()
    link = invite(owner, "new@example.test")
    world.tell("new@example.test")
    answer = world.sign_in(f"/sign-in/oidc?invitation={link}")
    assert (answer.status_code, "another member" in answer.text) == (409, True)
    assert len(list_all(User.id)) == 1
