"""The list of one's own sessions, and how they are ended from elsewhere."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from app import times
from app.accounts.models import UserSession
from app.database import transaction
from app.extensions import db
from tests.factories import PASSWORD, Factory, Organisation, find_csrf_token
from tests.people import Person, list_actions
from tests.portal import list_all, read_text

FIREFOX = "Mozilla/5.0 (Macintosh; Intel Mac OS X 14.5; rv:127.0) Gecko/20100101 Firefox/127.0"


def sign_in_from(app: Flask, make: Factory, owner: Organisation, user_agent: str, address: str) -> Person:
    """Signs the owner in in another browser, elsewhere."""
    client = app.test_client()
    environment = {"REMOTE_ADDR": address, "HTTP_USER_AGENT": user_agent}
    token = find_csrf_token(client.get("/sign-in").text)
    form = {"csrf_token": token, "email": owner.email, "password": PASSWORD}
    assert client.post("/sign-in", data=form, environ_overrides=environment).status_code == 303
    return Person(make, owner, client)


def get_session_id(user_agent: str) -> str:
    """Gives the id of a browser's session."""
    db.session.rollback()
    return db.session.scalars(select(UserSession.id).where(UserSession.user_agent == user_agent)).one()


@pytest.fixture
def person(make: Factory, owner: Organisation) -> Person:
    """The owner, signed in."""
    return Person(make, owner)


def test_each_browser_is_named_with_where_it_was(app: Flask, make: Factory, person: Person) -> None:
    sign_in_from(app, make, person.owner, FIREFOX, "2001:db8::7")
    sign_in_from(app, make, person.owner, "x\x07\xe9" * 300, "192.0.2.7")
    stranger = make.organisation()
    sign_in_from(app, make, stranger, "curl/8.5.0", "198.51.100.9")
    page = read_text(person.get("/settings/sessions"))
    assert "Firefox 127 on macOS" in page
    assert "2001:db8::7" in page
    assert "Unknown browser" in page
    assert "curl" not in page
    assert page.count("This browser") == 1
    assert max(len(stored) for stored in list_all(UserSession.user_agent)) == 256


def test_one_is_signed_out_at_once_and_may_be_so_twice(app: Flask, make: Factory, person: Person) -> None:
    other = sign_in_from(app, make, person.owner, FIREFOX, "192.0.2.7")
    path = f"/settings/sessions/{get_session_id(FIREFOX)}/revoke"
    assert other.is_signed_in()
    for _ in range(2):
        assert person.post(path).status_code == 303
    assert not other.is_signed_in()
    assert person.is_signed_in()
    assert "Firefox" not in person.get("/settings/sessions")
    assert list_actions(person.owner).count("user.session_revoked") == 1


def test_all_others_are_signed_out_by_one_button(app: Flask, make: Factory, person: Person) -> None:
    others = [sign_in_from(app, make, person.owner, FIREFOX, "192.0.2.7"), Person(make, person.owner)]
    assert person.post("/settings/sessions/revoke-others").status_code == 303
    assert "2 other browsers are signed out." in person.get("/settings/sessions")
    assert [other.is_signed_in() for other in others] == [False, False]
    assert person.is_signed_in()
    person.post("/settings/sessions/revoke-others")
    assert "No other browser was signed in." in person.get("/settings/sessions")
    assert list_actions(person.owner).count("user.sessions_revoked") == 1


def test_a_session_of_somebody_else_is_none(app: Flask, make: Factory, person: Person) -> None:
    stranger = sign_in_from(app, make, make.organisation(), FIREFOX, "192.0.2.7")
    for session_id in (get_session_id(FIREFOX), "0f8fad5b-d9cb-469f-a165-70867728950e", "nonsense"):
        assert person.post(f"/settings/sessions/{session_id}/revoke").status_code == 404
    assert stranger.is_signed_in()


def test_sessions_that_are_over_are_not_listed(app: Flask, make: Factory, person: Person) -> None:
    sign_in_from(app, make, person.owner, FIREFOX, "192.0.2.7")
    with transaction() as session:
        old = times.now() - timedelta(days=8)
        session.execute(update(UserSession).where(UserSession.user_agent == FIREFOX).values(last_seen_at=old))
    assert "Firefox" not in person.get("/settings/sessions")
