"""Signing in: one answer for everything that is wrong, and no way off the site."""

from __future__ import annotations

import logging
import re
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select, update
from werkzeug.test import TestResponse

from app.accounts import passwords, service
from app.accounts.models import SignInAttempt, User
from app.audit.models import AuditEntry
from app.database import transaction
from app.exceptions import ValidationError
from app.extensions import db
from tests.corpora import load_corpus
from tests.factories import PASSWORD, Factory, Organisation, find_csrf_token
from tests.unit.test_redirects import read_value, resolve_like_browser

WRONG = "E-mail address or password is wrong."


def sign_in(app: Flask, address: str = "127.0.0.1", **fields: Any) -> TestResponse:
    """Fills the form in a new browser at an address; gives the answer."""
    client = app.test_client()
    origin = {"REMOTE_ADDR": address}
    token = find_csrf_token(client.get("/sign-in", environ_overrides=origin).text)
    return client.post("/sign-in", data={"csrf_token": token, **fields}, environ_overrides=origin)


def change_users(**values: Any) -> None:
    """Changes all users, as another process would."""
    with transaction() as session:
        session.execute(update(User).values(**values))


def count_attempts() -> int:
    """Gives the number of tries that are written down, each once for its account and once for its address."""
    db.session.rollback()
    return db.session.scalar(select(func.count()).select_from(SignInAttempt)) or 0


def test_all_that_is_wrong_gets_one_answer_and_costs_one_check(
    app: Flask, make: Factory, owner: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    gone = make.organisation()
    with transaction() as session:
        session.execute(update(User).where(User.email == gone.email).values(is_active=False))
    # A hash of Argon2 is what costs the time; each answer must have spent exactly one.
    checked: list[str] = []
    real = passwords.is_password

    def check(stored: str, typed: str) -> bool:
        checked.append(typed)
        return real(stored, typed)

    monkeypatch.setattr(passwords, "is_password", check)
    pages = set()
    for fields in (
        {"email": "nobody@example.test", "password": PASSWORD},
        {"email": owner.email, "password": "wrong password"},
        {"email": gone.email, "password": PASSWORD},
        {"email": "' OR 1=1--", "password": "' OR 1=1--"},
        {"email": f"{owner.email}\u200b", "password": PASSWORD},
        {"email": owner.email.replace("@", "\uff20"), "password": PASSWORD},
        {"email": f"{owner.email}\x00", "password": PASSWORD},
    ):
        checked.clear()
        answer = sign_in(app, **fields)
        assert len(checked) == 1, fields
        assert answer.status_code == 400
        assert WRONG in answer.text
        assert PASSWORD not in answer.text
        # What was typed comes back, and each form has its token.
        pages.add(re.sub(r'value="[^"]*"', "", answer.text))
    assert len(pages) == 1


def test_who_came_and_went_is_written_down_and_no_secret_with_it(
    app: Flask, make: Factory, owner: Organisation, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    browser = make.browser(owner)
    cookie = browser.get_cookie("slipway_session")
    browser.post("/sign-out", data={"csrf_token": find_csrf_token(browser.get("/products").text)})
    sign_in(app, "192.0.2.9", email=owner.email, password="wrong password")
    db.session.rollback()
    entries = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id)).all()
    assert [entry.action for entry in entries] == ["organisation.created", "user.signed_in", "user.signed_out"]
    assert all(entry.actor_email == owner.email and entry.tenant_id == owner.tenant_id for entry in entries)
    assert all(re.fullmatch("[0-9a-f]{32}", entry.request_id) for entry in entries[1:])
    (refused,) = (record for record in caplog.records if record.getMessage() == "sign-in refused")
    assert vars(refused)["address"] == "192.0.2.9"
    assert cookie is not None
    for secret in (PASSWORD, "wrong password", cookie.value):
        assert secret not in caplog.text + str([vars(entry) for entry in entries])


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, ["email", "password"]),
        ({"email": "a@b.test"}, ["password"]),
        ({"email": ["a@b.test", "c@d.test"], "password": PASSWORD}, ["email"]),
        ({"email": "a@b.test", "password": [PASSWORD, PASSWORD]}, ["password"]),
        ({"email[]": "a@b.test", "password[]": PASSWORD}, ["email", "password"]),
    ],
)
def test_a_field_that_is_missing_or_doubled_is_named(
    app: Flask, owner: Organisation, fields: dict[str, Any], named: list[str]
) -> None:
    answer = sign_in(app, **fields)
    assert answer.status_code == 400
    assert re.findall(r'href="#field-([a-z]+)"', answer.text) == named
    assert count_attempts() == 0


@pytest.mark.parametrize(
    ("length", "status"), [(64, 303), (72, 303), (73, 303), (1024, 303), (1025, 400), (1_100_000, 413)]
)
def test_a_password_of_any_sane_length_works_and_an_endless_one_is_not_hashed(
    app: Flask, owner: Organisation, length: int, status: int
) -> None:
    change_users(password_hash=passwords.hash_password("p" * length))
    assert sign_in(app, email=owner.email, password="p" * length).status_code == status
    if status == 303:
        assert sign_in(app, email=owner.email, password="p" * (length - 1)).status_code == 400
        assert sign_in(app, email=owner.email, password="p" * (length - 1) + "q").status_code == 400


@pytest.mark.parametrize("spell", [str.upper, str.title, "  {}\t".format])
def test_an_address_may_be_written_in_capitals(app: Flask, owner: Organisation, spell: Callable[[str], str]) -> None:
    assert sign_in(app, email=spell(owner.email), password=PASSWORD).status_code == 303


def test_one_address_in_two_organisations(app: Flask, make: Factory) -> None:
    first, second = make.organisation("First & Co"), make.organisation("Second")
    change_users(email="both@example.test")
    with transaction() as session:
        changed = {"password_hash": passwords.hash_password("the other password")}
        session.execute(update(User).where(User.tenant_id == second.tenant_id).values(**changed))
    # Where the password fits one of them only, that is the one.
    for password, organisation in ((PASSWORD, first), ("the other password", second)):
        assert sign_in(app, email="both@example.test", password=password).status_code == 303
        assert service.sign_in("both@example.test", password).tenant_id == organisation.tenant_id
    change_users(password_hash=passwords.hash_password(PASSWORD))
    asked = sign_in(app, email="both@example.test", password=PASSWORD)
    assert asked.status_code == 400
    assert 'href="#field-organisation"' in asked.text
    assert 'name="organisation"' in asked.text
    for name, organisation in (("First & Co", first), (second.slug, second), ("FIRST-CO", first)):
        assert service.sign_in("both@example.test", PASSWORD, name).tenant_id == organisation.tenant_id
    with pytest.raises(ValidationError, match=WRONG):
        service.sign_in("both@example.test", PASSWORD, "Third")


def test_a_password_that_was_changed_meanwhile_signs_nobody_in(
    app: Flask, owner: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    new, real = passwords.hash_password("the new password"), passwords.is_password

    def check(stored: str, typed: str) -> bool:
        with app.app_context():
            change_users(password_hash=new)
        return real(stored, typed)

    monkeypatch.setattr(passwords, "is_password", check)
    monkeypatch.setattr(passwords, "is_outdated", lambda _: True)
    with pytest.raises(ValidationError, match=WRONG):
        service.sign_in(owner.email, PASSWORD)
    db.session.rollback()
    assert db.session.scalar(select(User.password_hash)) == new


def test_a_hash_of_yesterdays_cost_is_made_anew_at_sign_in(
    owner: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = db.session.scalar(select(User.password_hash))
    monkeypatch.setattr(passwords, "is_outdated", lambda _: True)
    service.sign_in(owner.email, PASSWORD)
    db.session.rollback()
    after = db.session.scalars(select(User.password_hash)).one()
    assert after != before
    assert passwords.is_password(after, PASSWORD)


@pytest.mark.parametrize("row", load_corpus("open_redirect")["cases"], ids=lambda row: row["id"])
def test_signing_in_never_leads_off_the_site(client: FlaskClient, row: dict[str, Any], owner: Organisation) -> None:
    target = read_value(row)
    if "\ud800" <= max(target, default="") <= "\udfff" or len(target) > 10_000:
        target = target[:10_000].encode("utf-8", "replace").decode()
    page = client.get("/sign-in", query_string={"next": target})
    assert page.status_code == 200
    assert not re.search(r'name="next" value="(?!/|")', page.text)
    form = {"csrf_token": find_csrf_token(page.text), "email": owner.email, "password": PASSWORD, "next": target}
    answers = [client.post("/sign-in", data=form), client.get("/sign-in", query_string={"next": target})]
    assert [answer.status_code for answer in answers] == [303, 302]
    for answer in answers:
        location = answer.headers["Location"]
        assert resolve_like_browser(location) == "portal.test"
        assert location.startswith("/")
        assert len(answer.headers.getlist("Set-Cookie")) <= 1
        if row["expect"] != "follow or home":
            assert location == "/releases"


def test_one_comes_back_to_the_page_that_one_wanted(client: FlaskClient, owner: Organisation) -> None:
    asked = client.get("/releases/new?product=x&channel=beta")
    assert asked.status_code == 302
    page = client.get(asked.headers["Location"]).text
    next_path = re.findall(r'name="next" value="([^"]*)"', page)[0].replace("&amp;", "&")
    form = {"csrf_token": find_csrf_token(page), "email": owner.email, "password": PASSWORD, "next": next_path}
    assert client.post("/sign-in", data=form).headers["Location"] == "/releases/new?product=x&channel=beta"
