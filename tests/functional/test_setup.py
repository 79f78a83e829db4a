"""The first visit: a page that is there once, for whoever started the server."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask, url_for
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.accounts import service, setup
from app.accounts.models import Tenant, User
from app.exceptions import ConflictError, NotFoundError, ThrottledError
from app.extensions import db
from app.slugs import build_slug
from tests.factories import PASSWORD, find_csrf_token

FIELDS = {"organisation": "Acme & Co", "email": "owner@example.test", "password": PASSWORD}


def read_code(app: Flask) -> str:
    """Gives the code that the operator sees."""
    return setup.setup_code(app.extensions["slipway"].settings)


def send(client: FlaskClient, code: str, address: str = "127.0.0.1", **changes: Any) -> TestResponse:
    """Fills the form."""
    origin = {"REMOTE_ADDR": address}
    token = find_csrf_token(client.get("/setup", environ_overrides=origin).text)
    form = {"csrf_token": token, "setup_code": code, **FIELDS, **changes}
    return client.post("/setup", data=form, environ_overrides=origin)


def list_organisations() -> list[str]:
    """Gives the names of all organisations."""
    db.session.rollback()
    return list(db.session.scalars(select(Tenant.name).order_by(Tenant.name)))


def test_every_way_in_leads_to_the_setup_while_there_is_nothing(client: FlaskClient) -> None:
    for path in ("/", "/sign-in", "/sign-in?next=/releases/new", "/releases"):
        page = client.get(path, follow_redirects=True)
        assert page.status_code == 200
        assert page.request.path == "/setup"


def test_the_owner_is_signed_in_and_the_page_is_gone(app: Flask, client: FlaskClient) -> None:
    answer = send(client, read_code(app))
    assert (answer.status_code, answer.headers["Location"]) == (303, "/releases")
    assert FIELDS["email"] in client.get("/releases").text
    assert list_organisations() == ["Acme & Co"]
    owner = db.session.scalars(select(User)).one()
    assert (owner.role, owner.email, owner.is_active) == ("owner", FIELDS["email"], True)
    stranger = app.test_client()
    assert stranger.get("/setup").status_code == 404
    token = find_csrf_token(stranger.get("/sign-in").text)
    again = stranger.post("/setup", data={"csrf_token": token, "setup_code": read_code(app), **FIELDS})
    assert again.status_code == 404
    assert list_organisations() == ["Acme & Co"]


@pytest.mark.parametrize("spell", [str.lower, lambda code: code.replace("-", ""), " {} ".format])
def test_the_code_may_be_typed_carelessly(app: Flask, client: FlaskClient, spell: Callable[[str], str]) -> None:
    assert send(client, spell(read_code(app))).status_code == 303


@pytest.mark.parametrize("code", ["", " "])
def test_a_code_that_is_missing_is_not_called_wrong(client: FlaskClient, code: str) -> None:
    page = send(client, code).text
    assert "Setup code is required." in page
    assert "Setup code is wrong" not in page


@pytest.mark.parametrize("code", ["", "AAAAA-AAAAA", "\u212a" * 10, "é", "\x00", "A" * 100_000])
def test_a_wrong_code_creates_nothing_and_loses_nothing(client: FlaskClient, code: str) -> None:
    answer = send(client, code)
    assert answer.status_code == 400
    assert 'href="#field-setup_code"' in answer.text
    assert 'value="Acme &amp; Co"' in answer.text
    assert f'value="{FIELDS["email"]}"' in answer.text
    assert PASSWORD not in answer.text
    assert list_organisations() == []


def test_all_that_is_wrong_is_said_at_once(client: FlaskClient) -> None:
    answer = send(client, "wrong", organisation="", email="nobody", password="short")
    assert answer.status_code == 400
    assert re.findall(r'href="#field-(\w+)"', answer.text) == ["setup_code", "organisation", "email", "password"]


def test_nobody_tries_codes_without_end(app: Flask, client: FlaskClient) -> None:
    for _ in range(10):
        assert send(client, "wrong", "192.0.2.1").status_code == 400
    refused = send(client, read_code(app), "192.0.2.1")
    assert refused.status_code == 429
    assert 1 <= int(refused.headers["Retry-After"]) <= 300
    assert list_organisations() == []
    assert send(client, read_code(app), "192.0.2.2").status_code == 303


def test_of_all_who_come_at_the_same_instant_one_sets_up(app: Flask) -> None:
    code, start = read_code(app), threading.Barrier(8)
    outcomes: list[str] = []

    def set_up(number: int) -> None:
        start.wait()
        with app.app_context():
            try:
                if number % 2:
                    setup.set_up(code, "Acme", f"{number}@b.test", PASSWORD, "192.0.2.1")
                else:
                    service.bootstrap_organisation("Acme", f"{number}@b.test", PASSWORD)
                outcomes.append("done")
            except (NotFoundError, ConflictError, ThrottledError) as error:
                outcomes.append(error.code)

    threads = [threading.Thread(target=set_up, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == 8
    assert outcomes.count("done") == 1
    assert list_organisations() == ["Acme"]


def test_the_code_is_the_installations_own(app: Flask, build_app: Callable[..., Flask]) -> None:
    assert read_code(app) == read_code(build_app())
    other = read_code(build_app(SECRET_KEY="the secret key of another installation"))
    assert other != read_code(app)
    assert re.fullmatch(r"[A-Z2-7]{5}-[A-Z2-7]{5}", other)


def test_the_operator_is_told_until_it_is_done(app: Flask, client: FlaskClient) -> None:
    notice = setup.setup_notice(app)
    assert notice is not None
    assert read_code(app) in notice
    assert "http://localhost:8000/setup" in notice
    send(client, read_code(app))
    assert setup.setup_notice(app) is None


def test_no_organisation_can_hide_a_page_of_slipways_own(app: Flask) -> None:
    steps = {rule.rule.split("/")[1] for rule in app.url_map.iter_rules()} - {""}
    fixed = {step for step in steps if not step.startswith("<")}
    assert {"sign-in", "setup", "releases", "v3", "static", ".well-known"} <= fixed
    for step in fixed:
        assert build_slug(step, (), "organisation") != step
    with app.test_request_context():
        address = url_for("customer.show_product", tenant=build_slug("Releases", (), "x"), product="new")
    assert address == "/releases-2/new"
