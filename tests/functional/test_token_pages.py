"""Access tokens in the portal: made by a form, shown once, listed, revoked."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import update

from app import times
from app.accounts import tokens
from app.accounts.models import AccessToken
from app.audit.models import AuditEntry
from app.database import transaction
from app.extensions import db
from tests.factories import PASSWORD, Factory, Organisation
from tests.portal import Site, list_all, read_text

# The services behind these pages are tested with both databases by those of the API.
pytestmark = pytest.mark.once

TOKENS = "/settings/tokens"
FORM: dict[str, Any] = {"name": "CI", "scopes": ["release:read", "release:write"], "expiry": "30"}


@pytest.fixture
def site(make: Factory, owner: Organisation) -> Site:
    """The portal, seen by its owner."""
    return Site(make, owner)


def read_token(page: str) -> str | None:
    """Gives the token that a page shows, None if it shows none."""
    found = re.search(r'id="copy-token">([^<]+)<', page)
    return found[1] if found else None


def read_badges(page: str) -> list[str]:
    """Gives the name of each token in the list, with its badge."""
    items = re.findall(r'<div class="person">\s*<p>(.*?)</p>', page, re.DOTALL)
    return [html.unescape(read_text(item)) for item in items]


def test_a_token_is_shown_once_and_may_what_was_chosen(site: Site) -> None:
    answer = site.post(f"{TOKENS}/new", **FORM)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    token = read_token(answer.text)
    assert token is not None
    db.session.rollback()
    assert tokens.authenticate(token).scopes == {"release:read", "release:write"}
    command = 'curl -sS http://localhost:8000/v3/releases -H "Authorization: Bearer $TOKEN"'
    assert command in html.unescape(answer.text)
    page = site.get(TOKENS)
    assert (read_badges(page), token in page, "Never used." in page) == (["CI"], False, False)
    assert "Last used just now" in read_text(page)


def test_a_second_click_makes_one_token_and_shows_the_same_one_until_a_minute_is_over(site: Site) -> None:
    first, second = (site.post(f"{TOKENS}/new", **FORM, idempotencyKey="once").text for _ in range(2))
    assert read_token(first) == read_token(second) is not None
    with transaction() as session:
        session.execute(update(AccessToken).values(created_at=times.now() - timedelta(minutes=2)))
    later = site.post(f"{TOKENS}/new", **FORM, idempotencyKey="once").text
    assert read_token(later) is None
    assert "was shown then and cannot be shown again" in later
    assert len(list_all(AccessToken.id)) == 1
    # What was typed anew means another one.
    other = site.post(f"{TOKENS}/new", **{**FORM, "name": "Other"}, idempotencyKey="once").text
    assert read_token(other) not in (None, read_token(first))


@pytest.mark.parametrize(
    ("changed", "messages"),
    [
        ({"name": " ", "scopes": [], "expiry": ""}, ["Name is required.", "choose at least one", "Expiry is required"]),
        ({"expiry": "31"}, ["Expiry is required: a number of days, or a date."]),
        ({"expiry": "date"}, ["Date is required, because the token is to expire on one."]),
        ({"expiry": "date", "expiresOn": "20310528"}, ["Date must look like 2031-05-28"]),
        ({"expiry": "date", "expiresOn": "2031-02-30"}, ["Date must look like 2031-05-28"]),
        ({"expiry": "date", "expiresOn": "1999-01-01"}, ["Date must be from"]),
        ({"scopes": ["all:write"]}, ["not 'all:write'."]),
    ],
    ids=["nothing", "another number", "no date", "no hyphens", "no such day", "the past", "unknown scope"],
)
def test_what_is_wrong_stands_at_its_field_and_what_was_typed_comes_back(
    site: Site, changed: dict[str, Any], messages: list[str]
) -> None:
    form = {**FORM, **changed, "idempotencyKey": "once"}
    answer = site.post(f"{TOKENS}/new", **form)
    text = html.unescape(read_text(answer.text))
    assert (answer.status_code, [message in text for message in messages]) == (400, [True] * len(messages))
    assert text.count("Scopes are required") in (0, 2)
    assert 'value="once"' in answer.text
    assert ('value="release:write" checked' in answer.text) == ("release:write" in form["scopes"])
    if form["expiry"] in ("30", "date"):
        assert f'value="{form["expiry"]}" checked' in answer.text
    assert list_all(AccessToken.id) == []


def test_a_date_means_the_end_of_that_day_and_a_year_is_the_longest(site: Site) -> None:
    today = times.now().date()
    for days, status in ((0, 200), (364, 200), (365, 400)):
        chosen = today + timedelta(days=days)
        answer = site.post(f"{TOKENS}/new", **{**FORM, "expiry": "date", "expiresOn": chosen.isoformat()})
        assert answer.status_code == status, days
    ends = [datetime.combine(today + timedelta(days=it), datetime.min.time(), UTC) for it in (1, 365)]
    assert sorted(list_all(AccessToken.expires_at)) == [end - timedelta(seconds=1) for end in ends]
    page = site.get(f"{TOKENS}/new")
    assert f'min="{today}" max="{today + timedelta(days=364)}"' in page


def test_an_editor_gives_away_no_more_than_an_editor_may(make: Factory, owner: Organisation) -> None:
    site = Site(make, make.member(owner, "editor"))
    page = site.get(f"{TOKENS}/new")
    assert ("Read releases" in page, "Read webhooks" in page, "user:write" in page) == (True, False, False)
    answer = site.post(f"{TOKENS}/new", **{**FORM, "scopes": ["release:read", "webhook:write"]})
    assert (answer.status_code, "not webhook:write." in answer.text) == (400, True)
    answer = make.browser(make.member(owner, "viewer")).get(TOKENS)
    message = "Only owners, admins and editors of your organisation may change access tokens."
    assert (answer.status_code, message in answer.text) == (403, True)


def test_a_token_that_is_revoked_is_refused_and_listed_as_ended(make: Factory, owner: Organisation, site: Site) -> None:
    editor = make.member(owner, "editor")
    row, _ = tokens.create_token(editor.actor, "Theirs", ["release:read"], 10)
    own, _ = tokens.create_token(owner.actor, "Own", ["release:read"], 90)
    assert read_badges(site.get(TOKENS)) == ["Own"]
    assert read_badges(site.get(f"{TOKENS}?owner=all")) == ["Own", "Theirs Expires in 9 days"]
    assert read_badges(site.get(f"{TOKENS}?owner={editor.email}")) == ["Theirs Expires in 9 days"]
    theirs = Site(make, editor)
    # Whoever manages no users sees and revokes their own alone.
    assert read_badges(theirs.get(f"{TOKENS}?owner=all")) == ["Theirs Expires in 9 days"]
    assert theirs.post(f"{TOKENS}/{own.id}/revoke").status_code == 404
    for _ in range(2):
        assert site.post(f"{TOKENS}/{row.id}/revoke", owner="all").headers["Location"] == f"{TOKENS}?owner=all"
    assert "The token Theirs is revoked" in site.get(TOKENS)
    assert read_badges(site.get(f"{TOKENS}?owner=all&state=ended")) == ["Theirs Revoked"]
    assert list_all(AuditEntry.action).count("token.revoked") == 1
    with transaction() as session:
        session.execute(update(AccessToken).where(AccessToken.id == own.id).values(expires_at=times.now()))
    assert read_badges(site.get(f"{TOKENS}?state=ended")) == ["Own Expired"]
    assert "No tokens yet" in site.get(TOKENS)


def test_a_form_whose_session_has_ended_comes_back_whole(site: Site, owner: Organisation) -> None:
    site.post("/sign-out")
    answer = site.post(f"{TOKENS}/new", **FORM, idempotencyKey="once")
    assert (answer.status_code, 'value="CI"' in answer.text) == (400, True)
    assert 'value="release:write" checked' in answer.text
    site.csrf_token = answer.text.partition('name="csrf_token" value="')[2].partition('"')[0]
    sign_in = {"signInEmail": owner.email, "signInPassword": PASSWORD}
    assert read_token(site.post(f"{TOKENS}/new", **FORM, idempotencyKey="once", **sign_in).text) is not None


def test_a_long_list_goes_on_page_by_page(site: Site, owner: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(3):
        tokens.create_token(owner.actor, f"Token {number}", ["release:read"], 90)
    monkeypatch.setattr("app.tokens.pages.PAGE_SIZE", 2)
    page = site.get(TOKENS)
    assert read_badges(page) == ["Token 2", "Token 1"]
    following = page.partition('rel="next" href="')[2].partition('"')[0]
    assert read_badges(site.get(following)) == ["Token 0"]
