"""The second factor at every door: forms that sign in in place, scripts, organisations that ask everybody for it."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update
from werkzeug.test import TestResponse

from app import times
from app.accounts.models import Tenant, UserSession
from app.database import transaction
from app.products.models import Product
from tests.factories import PASSWORD, Factory, Organisation, find_csrf_token
from tests.people import RECOVERY_CODES, Person, change_user, make_code, read_errors, sign_in, switch_two_factor_on
from tests.portal import list_all

JSON = {"Accept": "application/json"}


@pytest.fixture
def writer(make: Factory, owner: Organisation) -> Person:
    """Somebody with a second factor whose session has ended while a form was open."""
    person = Person(make, owner)
    switch_two_factor_on(owner)
    with transaction() as session:
        session.execute(update(UserSession).values(revoked_at=times.now()))
    return person


def send(writer: Person, token: str, **fields: str) -> TestResponse:
    """Sends the form of a product."""
    return writer.browser.post("/products", data={"csrf_token": token, "name": "Typed", **fields})


def test_a_form_that_signs_in_in_place_asks_for_the_code_and_keeps_what_was_typed(writer: Person) -> None:
    answer = send(writer, find_csrf_token(writer.get("/sign-in")))
    assert 'name="signInPassword"' in answer.text
    assert 'name="signInCode"' not in answer.text
    token = find_csrf_token(answer.text)
    answer = send(writer, token, signInEmail=writer.owner.email, signInPassword=PASSWORD)
    assert (answer.status_code, read_errors(answer.text)) == (400, ["signInCode"])
    assert 'name="name" type="text" value="Typed"' in answer.text
    assert 'name="signInPassword"' not in answer.text
    assert list_all(Product.name) == []
    for code, message in (("", "Code is required"), ("12", "This code is not good")):
        wrong = send(writer, token, signInEmail=writer.owner.email, signInCode=code)
        assert (wrong.status_code, read_errors(wrong.text), message in wrong.text) == (400, ["signInCode"], True)
    assert send(writer, token, signInEmail=writer.owner.email, signInCode=make_code()).status_code == 303
    assert list_all(Product.name) == ["Typed"]
    assert writer.is_signed_in()


def test_whoever_has_all_three_at_hand_sends_them_at_once(writer: Person) -> None:
    token = find_csrf_token(writer.get("/sign-in"))
    fields = {"signInEmail": writer.owner.email, "signInPassword": PASSWORD}
    assert send(writer, token, **fields, signInCode="wrong").status_code == 400
    assert send(writer, token, **fields, signInCode=RECOVERY_CODES[0]).status_code == 303


def test_a_code_alone_signs_nobody_in(writer: Person) -> None:
    token = find_csrf_token(writer.get("/sign-in"))
    answer = send(writer, token, signInEmail=writer.owner.email, signInCode=make_code())
    assert (answer.status_code, read_errors(answer.text)) == (400, ["signInPassword"])
    assert not writer.is_signed_in()


def test_a_form_in_place_whose_second_step_is_over_begins_anew(writer: Person) -> None:
    token = find_csrf_token(writer.get("/sign-in"))
    send(writer, token, signInEmail=writer.owner.email, signInPassword=PASSWORD)
    change_user(writer.owner, totp_confirmed_at=None)
    answer = send(writer, token, signInEmail=writer.owner.email, signInCode=make_code())
    assert (answer.status_code, read_errors(answer.text)) == (400, ["signInPassword"])
    assert 'name="signInPassword"' in answer.text
    assert send(writer, token, signInEmail=writer.owner.email, signInPassword=PASSWORD).status_code == 303


def ask(client: FlaskClient, path: str = "/sign-in", **fields: Any) -> TestResponse:
    """Sends a step of the sign-in as a script does."""
    return client.post(path, data=fields, headers=JSON)


def test_a_script_signs_in_without_leaving_its_page(app: Flask, owner: Organisation) -> None:
    switch_two_factor_on(owner)
    client = app.test_client()
    state = client.get("/sign-in", headers=JSON).get_json()
    assert state["user"] is None
    token = state["csrfToken"]
    wrong = ask(client, csrf_token=token, email=owner.email, password="wrong password")
    assert (wrong.status_code, wrong.get_json()["code"]) == (400, "validation_failed")
    assert wrong.get_json()["errors"][0]["message"] == "E-mail address or password is wrong."
    missing = ask(client, csrf_token=token)
    assert [error["field"] for error in missing.get_json()["errors"]] == ["email", "password"]
    stale = ask(client, csrf_token="nonsense", email=owner.email, password=PASSWORD)
    assert (stale.status_code, stale.get_json()["errors"][0]["code"]) == (400, "csrf_failed")
    needed = ask(client, csrf_token=stale.get_json()["csrfToken"], email=owner.email, password=PASSWORD)
    assert (needed.status_code, needed.get_json()["code"]) == (401, "second_factor_required")
    assert client.get("/releases").status_code == 302
    refused = ask(client, "/sign-in/second-step", csrf_token=token, code="1")
    assert (refused.status_code, refused.get_json()["errors"][0]["field"]) == (400, "code")
    done = ask(client, "/sign-in/second-step", csrf_token=token, code=make_code())
    assert done.status_code == 200
    user = {"id": owner.actor.user_id, "tenantId": owner.tenant_id, "email": owner.email}
    assert done.get_json()["user"] == client.get("/sign-in", headers=JSON).get_json()["user"] == user
    # The token is the new session's: a form goes on with it.
    sent = client.post("/products", data={"csrf_token": done.get_json()["csrfToken"], "name": "By a script"})
    assert sent.status_code == 303
    over = ask(app.test_client(), "/sign-in/second-step", csrf_token=token, code=make_code())
    assert over.status_code == 400


def require_two_factor(owner: Organisation) -> None:
    """Lets an organisation ask everybody for a second factor."""
    with transaction() as session:
        session.execute(update(Tenant).where(Tenant.id == owner.tenant_id).values(requires_two_factor=True))


def test_an_organisation_that_asks_for_it_leads_to_the_setup_first(make: Factory, owner: Organisation) -> None:
    person, caller = Person(make, owner), make.caller(owner)
    token = find_csrf_token(person.get("/products"))
    require_two_factor(owner)
    for path in ("/releases", "/products", "/settings/account", "/settings/security", "/settings/sessions"):
        answer = person.browser.get(path)
        assert (answer.status_code, answer.headers["Location"]) == (302, f"/settings/security/two-factor?next={path}")
    lost = person.browser.post("/products", data={"csrf_token": token, "name": "Typed"})
    assert lost.status_code == 400
    assert "Your organisation asks for two-factor sign-in. Nothing is lost" in html.unescape(lost.text)
    assert 'value="Typed"' in lost.text
    assert (
        person.browser.post("/releases/preview", json={"notes": ""}, headers={"X-CSRFToken": token}).status_code == 403
    )
    # The API goes on, and so does signing out.
    assert caller.get("/v3/releases").status_code == 200
    setup = "/settings/security/two-factor"
    page = person.get(f"{setup}?next=/products")
    assert f"{owner.name} asks everybody for two-factor sign-in" in page
    assert person.post(f"{setup}/begin", setup, next="/products").headers["Location"] == f"{setup}?next=/products"
    page = person.get(f"{setup}?next=/products")
    secret = "".join(re.findall(r"<span>([A-Z2-7]{4})</span>", page))
    key = re.findall(r'name="clickKey" value="([^"]+)"', page)[0]
    form = {"code": make_code(0, secret), "password": PASSWORD, "clickKey": key, "next": "/products"}
    codes = person.post(setup, setup, **form).headers["Location"]
    assert 'href="/products">I have kept them' in person.get(codes)
    assert person.is_signed_in()


def test_who_comes_by_a_provider_or_has_one_already_is_asked_for_nothing(make: Factory, owner: Organisation) -> None:
    person = Person(make, owner)
    require_two_factor(owner)
    assert not person.is_signed_in()
    with transaction() as session:
        session.execute(update(UserSession).values(method="oidc"))
    assert person.is_signed_in()
    with transaction() as session:
        session.execute(update(UserSession).values(method="invitation"))
    assert not person.is_signed_in()
    switch_two_factor_on(owner)
    assert person.is_signed_in()


def test_setting_it_up_leads_nowhere_else(app: Flask, owner: Organisation) -> None:
    require_two_factor(owner)
    browser, answer = sign_in(app, owner)
    assert answer.status_code == 303
    page = browser.get("/settings/security/two-factor?next=//evil.test/").text
    assert 'name="next" value=""' in page
