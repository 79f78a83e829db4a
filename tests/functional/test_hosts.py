"""Links are built from BASE_URL, and throttles count real addresses, whatever a request says of itself."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.accounts.models import SignInAttempt
from app.extensions import db
from tests.conftest import build_test_app
from tests.corpora import load_corpus
from tests.factories import PASSWORD, Factory, find_csrf_token

pytestmark = pytest.mark.once

BASE = "https://portal.test"
CASES: list[dict[str, Any]] = load_corpus("host_headers")["cases"]
# What a WSGI application can be given: one Host, and each header in one line.
ROWS = [row for row in CASES if len({line.split(":")[0] for line in row["lines"]}) == len(row["lines"]) > 0]
ROWS = [row for row in ROWS if not row["lines"][-1].startswith((" ", "Host "))]


def build_environ(row: dict[str, Any]) -> dict[str, str]:
    """Takes a row; gives its headers as WSGI has them."""
    pairs = (line.partition(":") for line in row["lines"])
    return {f"HTTP_{name.upper().replace('-', '_')}": value.strip() for name, _, value in pairs}


@pytest.fixture(scope="module")
def portal(environment: dict[str, str]) -> Iterator[Flask]:
    """An application that is asked for at one address."""
    app = build_test_app({**environment, "BASE_URL": BASE, "TRUSTED_HOSTS": "portal.test"})
    yield app
    with app.app_context():
        db.engine.dispose()


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_no_header_moves_a_link_a_cookie_or_a_count(make: Factory, portal: Flask, row: dict[str, Any]) -> None:
    owner = make.organisation()
    product = make.product(owner)
    token = make.caller(owner).token
    environ = {"wsgi.url_scheme": "https", "REMOTE_ADDR": "192.0.2.7", **build_environ(row)}
    client = portal.test_client()
    page = client.get("/sign-in", environ_overrides=environ)
    if "400" in row["expect"] and page.status_code == 400:
        answer = client.get("/v3/releases", environ_overrides=environ)
        assert (answer.status_code, answer.get_json()["code"]) == (400, "bad_request")
        assert not re.search("evil|script>|onload", page.text + answer.text)
        return
    assert not row["expect"].startswith("400 ("), page.status_code

    form = {"csrf_token": find_csrf_token(page.text), "email": owner.email, "password": PASSWORD}
    assert client.post("/sign-in", data={**form, "password": "wrong"}, environ_overrides=environ).status_code == 400
    subjects = db.session.scalars(select(SignInAttempt.subject)).all()
    assert [subject for subject in subjects if subject.startswith("address:")] == ["address:192.0.2.7"]
    signed_in = client.post("/sign-in", data=form, environ_overrides=environ)
    assert (signed_in.status_code, signed_in.headers["Location"]) == (303, "/releases")
    assert "Domain" not in signed_in.headers["Set-Cookie"]

    headers = {"Authorization": f"Bearer {token}"}
    body = {"name": "App", "version": "1.0", "productId": product.id}
    created = client.post("/v3/releases", json=body, headers=headers, environ_overrides=environ)
    assert created.headers["Location"].startswith(f"{BASE}/v3/releases/")
    listed = client.get("/v3/releases?limit=1", headers=headers, environ_overrides=environ)
    assert listed.headers["Link"].startswith(f"<{BASE}/v3/releases?")
    shown = client.get("/products", environ_overrides=environ).text
    links = re.findall(r'(?:href|action|src)="([^"]*)"', shown)
    assert links
    assert all(link.startswith(("/", "#")) and not link.startswith("//") for link in links)
