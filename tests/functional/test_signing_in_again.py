"""A session that ends while somebody writes a release costs them nothing of what they typed."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.datastructures import Headers

from app import times
from app.accounts import attempts
from app.accounts.models import User, UserSession
from app.database import transaction
from app.extensions import db
from app.releases.models import Release
from tests.factories import PASSWORD, Factory, Organisation, find_csrf_token

NOTES = "Typed & not to be lost"
TYPED: dict[str, str | list[str]] = {
    "name": "My App 1.2",
    "version": "1.2.0",
    "channel": "beta",
    "platforms": ["linux"],
    "platformsOther": "haiku",
    "private": "on",
    "notes": NOTES,
    "isOld": "on",
    "oldDate": "2019-08-24T14:15",
    "oldZone": "+02:00",
}


class Writer:
    """Somebody with the release form open."""

    def __init__(self, make: Factory, owner: Organisation) -> None:
        self.browser = make.browser(owner)
        self.owner = owner
        page = self.browser.get("/releases/new").text
        key = re.findall(r'name="idempotencyKey" value="([^"]+)"', page)[0]
        self.form: dict[str, Any] = {**TYPED, "productId": make.product(owner).id, "idempotencyKey": key}
        self.token = find_csrf_token(page)
        self.headers = Headers()

    def send(self, **changes: str) -> tuple[int, str]:
        """Sends the form; gives status and page. The token of the page is the next one's."""
        answer = self.browser.post("/releases", data={**self.form, "csrf_token": self.token, **changes})
        self.token, self.headers = find_csrf_token(answer.text), answer.headers
        return answer.status_code, html.unescape(answer.text)


@pytest.fixture
def writer(make: Factory) -> Writer:
    """Somebody with the release form open."""
    return Writer(make, make.organisation())


def end_sessions() -> None:
    """Ends all sessions, as time or somebody else would."""
    with transaction() as session:
        session.execute(update(UserSession).values(revoked_at=times.now()))


def check_kept(page: str) -> None:
    """Holds a page against what was typed."""
    for name in ("name", "version", "channel", "platformsOther", "oldDate"):
        assert re.search(rf'name="{name}"[^>]*value="{re.escape(str(TYPED[name]))}"', page), name
    assert NOTES in page
    assert re.search(r'value="linux"[^>]*checked', page)
    for name in ("private", "isOld"):
        assert re.search(rf'name="{name}"[^>]*checked', page), name
    assert re.search(r'value="\+02:00" selected', page)


def read_release() -> Release | None:
    """Gives the one release, if there is any."""
    db.session.rollback()
    return db.session.scalars(select(Release)).one_or_none()


def test_the_session_ends_and_the_form_asks_who_it_is(writer: Writer) -> None:
    end_sessions()
    status, page = writer.send()
    assert status == 400
    assert 'name="signInPassword"' in page
    assert "Your session has ended. Nothing is lost: sign in below, and send this again." in page
    check_kept(page)
    assert read_release() is None


def test_signing_in_within_the_form_creates_the_release(app: Flask, writer: Writer) -> None:
    end_sessions()
    writer.send()
    status, _ = writer.send(signInEmail=writer.owner.email, signInPassword=PASSWORD)
    assert status == 303
    release = read_release()
    assert release is not None
    assert (release.name, release.platforms, release.private) == ("My App 1.2", ["linux", "haiku"], True)
    assert writer.browser.get("/releases").status_code == 200


def test_a_wrong_password_loses_nothing_and_says_where(writer: Writer) -> None:
    end_sessions()
    writer.send()
    status, page = writer.send(signInEmail=writer.owner.email, signInPassword="wrong password")
    assert status == 400
    assert 'href="#field-signInPassword"' in page
    assert re.search(rf'name="signInEmail"[^>]*value="{re.escape(writer.owner.email)}"', page)
    assert "wrong password" not in page
    check_kept(page)
    assert writer.send(signInEmail=writer.owner.email, signInPassword=PASSWORD)[0] == 303


def test_a_mistake_in_the_release_is_found_after_signing_in(writer: Writer) -> None:
    end_sessions()
    writer.send()
    status, page = writer.send(signInEmail=writer.owner.email, signInPassword=PASSWORD, version="v1")
    assert status == 400
    assert 'href="#field-version"' in page
    assert 'name="signInPassword"' not in page
    assert writer.send()[0] == 303


def test_even_without_any_cookie_nothing_is_lost(writer: Writer, client: FlaskClient) -> None:
    writer.browser = client
    status, page = writer.send()
    assert status == 400
    check_kept(page)
    assert writer.send(signInEmail=writer.owner.email, signInPassword=PASSWORD)[0] == 303


def test_tries_within_the_form_count_as_all_others_do(writer: Writer) -> None:
    end_sessions()
    writer.send()
    with transaction() as session:
        for _ in range(attempts.ACCOUNT_LIMIT):
            attempts.admit_attempt(session, writer.owner.email, "192.0.2.1")
    status, page = writer.send(signInEmail=writer.owner.email, signInPassword=PASSWORD)
    assert status == 429
    assert int(writer.headers["Retry-After"]) > 0
    assert "Too many attempts" in page
    check_kept(page)
    assert read_release() is None


def test_somebody_of_another_organisation_creates_nothing_in_this_one(writer: Writer, make: Factory) -> None:
    other = make.organisation()
    end_sessions()
    writer.send()
    status, page = writer.send(signInEmail=other.email, signInPassword=PASSWORD)
    assert status == 400
    assert "Product does not exist" in page
    check_kept(page)
    assert read_release() is None


def test_an_address_of_several_organisations_is_sent_elsewhere(writer: Writer, make: Factory) -> None:
    second = make.organisation()
    with transaction() as session:
        session.execute(update(User).where(User.id == second.actor.user_id).values(email=writer.owner.email))
    end_sessions()
    writer.send()
    status, page = writer.send(signInEmail=writer.owner.email, signInPassword=PASSWORD)
    assert status == 400
    assert "belongs to several organisations" in page
    check_kept(page)
