"""Signing in by the API, who a token is, and what roles there are."""

from __future__ import annotations

import json
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.accounts import passwords
from app.accounts.actors import ROLE_SCOPES, SCOPES, Actor
from app.accounts.caller import describe_caller
from app.accounts.models import AccessToken, Tenant, User
from app.audit.models import AuditEntry
from app.database import transaction
from app.extensions import db
from app.publishers.models import PublisherToken, TrustedPublisher
from app.times import now
from tests.factories import PASSWORD, PASSWORD_HASH, Caller, Factory, Organisation
from tests.people import RECOVERY_CODES, Person, change_user, make_code, switch_two_factor_on
from tests.portal import list_all

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def _quick_passwords(monkeypatch: pytest.MonkeyPatch) -> None:
    """Knows the one password by sight, and the wrong ones, too."""
    monkeypatch.setattr(passwords, "is_password", lambda stored, typed: (stored, typed) == (PASSWORD_HASH, PASSWORD))


def log_in(app: Flask, owner: Organisation, **members: Any) -> TestResponse:
    """Sends an e-mail address, a password and what else there is."""
    return app.test_client().post(
        "/v3/accounts/login", json={"email": owner.email, "password": PASSWORD, "accountAlias": None, **members}
    )


def read_refusal(answer: TestResponse) -> str:
    """Gives all that a refusal says, without the id of the request."""
    assert answer.status_code == 400
    return json.dumps({**answer.get_json(), "requestId": ""})


def test_a_password_is_swapped_for_a_token_of_an_hour(app: Flask, make: Factory, owner: Organisation) -> None:
    answer = log_in(app, owner, email=f" {owner.email.upper()}")
    assert (answer.status_code, list(answer.get_json())) == (200, ["accessToken"])
    assert answer.headers["Cache-Control"] == "no-store"
    caller = Caller(app.test_client(), answer.get_json()["accessToken"])
    (row,) = caller.get("/v3/personal-access-tokens").get_json()
    assert (row["name"], row["scopes"]) == ("API sign-in", list(SCOPES))
    assert list_all(AccessToken.expires_at)[0] - now() < timedelta(hours=1)
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.action == "user.signed_in")).one()
    assert entry.details == {"method": "password", "through": "API", "tokenId": row["id"]}
    # It is a token among others, and ends with the sessions of its user.
    person = Person(make, owner)
    assert "API sign-in" in person.get("/settings/tokens")
    assert person.post("/settings/sessions/revoke-others", "/settings/sessions").status_code == 303
    assert caller.get("/v3/releases").status_code == 401
    # What is over stands nowhere, and goes with the next one.
    assert "API sign-in" not in person.get("/settings/tokens?state=ended")
    with transaction() as session:
        session.execute(update(AccessToken).values(expires_at=now() - timedelta(seconds=1)))
    viewer = make.member(owner, "viewer")
    answers = [log_in(app, someone) for someone in (owner, viewer, viewer)]
    assert len(list_all(AccessToken.id)) == 3
    assert Caller(app.test_client(), answers[-1].get_json()["accessToken"]).get("/v3/me").get_json()["scopes"] == [
        "release:read",
        "product:read",
    ]


def test_whatever_is_wrong_the_answer_is_the_same(app: Flask, make: Factory, owner: Organisation) -> None:
    inactive, secured, lax = (make.member(owner, "editor") for _ in range(3))
    change_user(inactive, is_active=False)
    switch_two_factor_on(secured)
    other = make.organisation()
    make.member(other, "viewer", lax.email)
    answers = [
        log_in(app, owner, password="wrong"),
        log_in(app, owner, email="nobody@example.test"),
        log_in(app, owner, email="nobody\x00@example.test"),
        log_in(app, owner, accountAlias="No such organisation"),
        log_in(app, owner, accountAlias=other.slug),
        log_in(app, inactive),
        log_in(app, secured),
        log_in(app, secured, code=" "),
        log_in(app, secured, code="000000"),
        log_in(app, secured, password="wrong", code=make_code()),
        # The password fits in two organisations.
        log_in(app, lax),
    ]
    assert len({read_refusal(answer) for answer in answers}) == 1
    assert list_all(AccessToken.id) == []
    for alias in (owner.name, other.slug):
        assert log_in(app, lax, accountAlias=alias).status_code == 200
    # Where everybody must have a second factor, a password alone is worth nothing.
    with transaction() as session:
        session.execute(update(Tenant).where(Tenant.id == owner.tenant_id).values(requires_two_factor=True))
    assert read_refusal(log_in(app, owner)) == read_refusal(answers[0])


def test_a_second_factor_is_asked_for_and_its_codes_count_once(app: Flask, owner: Organisation) -> None:
    switch_two_factor_on(owner)
    code = make_code()
    assert log_in(app, owner, code=code).status_code == 200
    assert log_in(app, owner, code=code).status_code == 400
    refused = select(AuditEntry.action).where(AuditEntry.action == "user.second_factor_refused")
    assert len(db.session.scalars(refused).all()) == 1
    assert log_in(app, owner, code=RECOVERY_CODES[0]).status_code == 200
    assert log_in(app, owner, code=RECOVERY_CODES[0]).status_code == 400


def test_tries_are_counted_together_with_those_on_the_page(app: Flask, make: Factory, owner: Organisation) -> None:
    for _ in range(10):
        read_refusal(log_in(app, owner, password="wrong"))
    throttled = log_in(app, owner)
    assert throttled.status_code == 429
    assert 1 <= int(throttled.headers["Retry-After"]) <= 60
    page = app.test_client()
    token = page.get("/sign-in").text.partition('name="csrf_token" value="')[2].partition('"')[0]
    form = {"csrf_token": token, "email": owner.email, "password": PASSWORD}
    assert page.post("/sign-in", data=form).status_code == 429
    # That codes were tried too often is said to nobody who has only the password.
    secured = make.member(owner, "editor")
    switch_two_factor_on(secured)
    answers = {read_refusal(log_in(app, secured, code="000000")) for _ in range(10)}
    with transaction() as session:
        session.execute(update(User).where(User.id == secured.actor.user_id).values(email="moved@example.test"))
    answers.add(read_refusal(log_in(app, secured, email="moved@example.test", code=make_code())))
    assert len(answers) == 1


def test_what_is_no_sign_in_is_refused_by_its_fields(app: Flask, owner: Organisation) -> None:
    client = app.test_client()
    answer = client.post("/v3/accounts/login?strict=true", json={"email": "", "password": 1, "code": [], "x": 1})
    assert [(it["field"], it["code"]) for it in answer.get_json()["errors"]] == [
        ("email", "required"),
        ("password", "wrong_type"),
        ("code", "wrong_type"),
        ("x", "unknown_field"),
    ]
    assert client.post("/v3/accounts/login?validateOnly=true", json={}).status_code == 400
    assert client.post("/v3/accounts/login", data={"email": owner.email}).status_code == 415
    assert client.post("/v3/accounts/login", data=b"{", content_type="application/json").status_code == 400
    assert client.get("/v3/accounts/login").status_code == 405


def test_a_token_is_told_who_it_is(make: Factory, owner: Organisation) -> None:
    caller = make.caller(owner, "webhook:read")
    me = caller.get("/v3/me").get_json()
    token = db.session.scalars(select(AccessToken)).one()
    assert (me["id"], me["email"], me["name"], me["role"]) == (owner.actor.user_id, owner.email, owner.email, "owner")
    assert me["tenant"] == {"id": owner.tenant_id, "name": owner.name, "slug": owner.slug}
    assert (me["scopes"], me["productId"]) == (["webhook:read"], None)
    assert (me["token"]["id"], me["token"]["name"], me["token"]["kind"]) == (token.id, "test", "token")
    for path in ("/v3/me", "/v3/roles", "/v3/roles/claims", "/v3/products", "/v3/release-channels"):
        for headers in ({}, {"Authorization": "Bearer a.b.c"}):
            refused = caller.client.get(path, headers=headers)
            assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, 'Bearer error="invalid_token"')


def test_roles_are_a_bare_array_and_claims_an_object_of_arrays(make: Factory, owner: Organisation) -> None:
    caller = make.caller(owner, "user:read")
    roles = caller.get("/v3/roles").get_json()
    assert {role["name"]: frozenset(role["claims"]) for role in roles} == ROLE_SCOPES
    assert list(roles[0]) == ["id", "createdAt", "updatedAt", "name", "description", "claims"]
    assert caller.get("/v3/roles").get_json() == roles
    # Clients page until an array is empty.
    assert caller.get("/v3/roles?page=2").get_json() == []
    assert caller.get("/v3/roles?page=2&limit=3").get_json() == roles[3:]
    claims = caller.get("/v3/roles/claims").get_json()
    assert claims["release"] == ["release:read", "release:write"]
    assert sorted(scope for scopes in claims.values() for scope in scopes) == sorted(SCOPES)


def test_a_job_that_a_product_trusts_is_told_its_product(make: Factory, owner: Organisation) -> None:
    product = make.product(owner, "Rocket")
    stamps = {"created_at": now(), "tenant_id": owner.tenant_id}
    job = {"kind": "github", "issuer": "https://id.example.test", "members": {}, "digest": b"x", "lookup": b"x"}
    with transaction() as session:
        publisher = TrustedPublisher(product_id=product.id, created_by="", updated_at=now(), **job, **stamps)
        session.add(publisher)
        session.flush()
        token = PublisherToken(publisher_id=publisher.id, scopes=[], run={}, expires_at=now(), **stamps)
        session.add(token)
        session.flush()
        actor = Actor(
            owner.tenant_id, publisher.id, "github acme/rocket", "", frozenset({"release:write"}), "publisher", token.id
        )
    me = describe_caller(replace(actor, product_id=product.id))
    assert (me["id"], me["email"], me["role"], me["name"]) == (None, None, None, "github acme/rocket")
    assert (me["productId"], me["productName"], me["scopes"]) == (product.id, "Rocket", ["release:write"])
    assert (me["token"]["kind"], me["createdAt"] is not None) == ("publisher", True)
