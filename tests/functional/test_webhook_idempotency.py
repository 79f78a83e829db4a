"""Nothing that is sent is doubled: the same webhook sent twice is one, by the API with a key, by the form always."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.idempotency.models import IdempotencyKey
from app.webhooks.models import Delivery, Webhook
from tests.conftest import SECRET_KEY
from tests.counting import count
from tests.factories import Caller, Factory, Organisation
from tests.portal import URL, Site

HEADERS = {"Idempotency-Key": "deploy-4711"}
BODY: dict[str, Any] = {
    "name": "CI",
    "url": URL,
    "events": ["release.created", "release.published"],
    "headers": {"X-Key": "guess"},
    "ping": True,
}


@pytest.mark.parametrize("scheme", ["cryptlex", "standard", "asymmetric"])
def test_the_same_with_the_same_key_is_answered_with_the_webhook_that_exists(caller: Caller, scheme: str) -> None:
    sent = {**BODY, "scheme": scheme}
    first = caller.post("/v3/webhooks", json=sent, headers=HEADERS)
    # Order and doubles of events say nothing, and neither does what is not known.
    same = {**sent, "events": ["release.published", "release.created", "release.created"], "tokn": None}
    again = caller.post("/v3/webhooks", json=same, headers=HEADERS)
    assert (first.status_code, again.status_code) == (201, 200)
    # The secret, too, is that of the first answer.
    assert again.get_json() == first.get_json()
    assert (again.headers["Idempotent-Replayed"], "Idempotent-Replayed" in first.headers) == ("true", False)
    assert (count(Webhook), count(Delivery)) == (1, 1)


@pytest.mark.parametrize(
    "change",
    [{"name": "Other"}, {"token": "a-token-of-28-characters-now"}, {"headers": {"X-Key": "other"}}, {"ping": False}],
    ids=["name", "token", "header", "ping"],
)
def test_something_else_with_the_same_key_is_refused_as_for_releases(caller: Caller, change: dict[str, Any]) -> None:
    assert caller.post("/v3/webhooks", json=BODY, headers=HEADERS).status_code == 201
    other = caller.post("/v3/webhooks", json={**BODY, **change}, headers=HEADERS)
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_key_reused")
    assert count(Webhook) == 1


def test_a_key_of_a_release_is_used_for_a_webhook_too(caller: Caller, body: dict[str, Any]) -> None:
    assert caller.post("/v3/releases", json=body, headers=HEADERS).status_code == 201
    assert caller.post("/v3/webhooks", json=BODY, headers=HEADERS).status_code == 422
    assert caller.post("/v3/releases", json=body, headers=HEADERS).status_code == 200


def test_without_a_key_the_same_is_another_one_and_a_key_belongs_to_its_token(
    make: Factory, owner: Organisation, caller: Caller
) -> None:
    for _ in range(2):
        assert caller.post("/v3/webhooks", json=BODY).status_code == 201
    for each in (caller, make.caller(owner)):
        assert each.post("/v3/webhooks", json=BODY, headers=HEADERS).status_code == 201
    assert count(Webhook) == 4


@pytest.mark.parametrize("key", ["", "a" * 256, "a b", "ä"], ids=["empty", "long", "blank", "umlaut"])
def test_a_key_that_is_none_is_refused(caller: Caller, key: str) -> None:
    answer = caller.post("/v3/webhooks", json=BODY, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_request")
    assert count(Webhook) == 0


def test_a_refused_request_and_a_trial_leave_their_key_free(caller: Caller) -> None:
    assert caller.post("/v3/webhooks", json={**BODY, "name": ""}, headers=HEADERS).status_code == 400
    trial = caller.post("/v3/webhooks?validateOnly=true", json={**BODY, "name": "x"}, headers=HEADERS)
    assert trial.status_code == 200
    assert caller.post("/v3/webhooks", json=BODY, headers=HEADERS).status_code == 201


def test_a_replay_is_the_webhook_as_it_is_now_and_a_deleted_one_sets_its_key_free(caller: Caller) -> None:
    path = f"/v3/webhooks/{caller.post('/v3/webhooks', json=BODY, headers=HEADERS).get_json()['id']}"
    changed = caller.request("PATCH", path, json={"name": "Renamed"}).get_json()
    assert caller.post("/v3/webhooks", json=BODY, headers=HEADERS).get_json() == changed
    assert caller.request("DELETE", path).status_code == 204
    assert count(IdempotencyKey) == 0
    again = caller.post("/v3/webhooks", json=BODY, headers=HEADERS)
    assert again.status_code == 201
    assert again.get_json()["id"] != changed["id"]


def test_of_twenty_at_once_one_is_made_and_all_are_answered_with_it(app: Flask, caller: Caller) -> None:
    barrier = threading.Barrier(20)

    def send(number: int) -> tuple[int, str]:
        barrier.wait()
        client = Caller(app.test_client(), caller.token)
        sent = BODY if number % 2 else {**BODY, "name": "Other"}
        answer = client.post("/v3/webhooks", json=sent, headers=HEADERS)
        return number % 2, str(answer.get_json().get("id", answer.status_code))

    with ThreadPoolExecutor(20) as pool:
        answers = set(pool.map(send, range(20)))
    db.session.rollback()
    webhook = db.session.scalars(select(Webhook)).one()
    first = int(webhook.name == "CI")
    assert answers == {(first, webhook.id), (1 - first, "422")}
    assert count(Delivery) == 1


def test_what_is_kept_of_the_body_tells_nobody_what_it_was_and_outlives_a_new_secret_key(
    caller: Caller, build_app: Callable[..., Flask]
) -> None:
    caller.post("/v3/webhooks", json=BODY, headers=HEADERS)
    renewed = build_app(SECRET_KEY="another-secret-key-that-only-tests-know-01", SECRET_KEY_FALLBACKS=SECRET_KEY)
    again = Caller(renewed.test_client(), caller.token).post("/v3/webhooks", json=BODY, headers=HEADERS)
    assert again.status_code == 200
    # With another key it would be another one.
    kept = db.session.scalars(select(IdempotencyKey.fingerprint)).one()
    other = {"Idempotency-Key": "another"}
    assert Caller(renewed.test_client(), caller.token).post("/v3/webhooks", json=BODY, headers=other).status_code == 201
    db.session.rollback()
    assert set(db.session.scalars(select(IdempotencyKey.fingerprint))) > {kept}


@pytest.fixture
def site(make: Factory, owner: Organisation) -> Site:
    """A browser in which the owner is signed in."""
    return Site(make, owner)


def open_form(site: Site) -> str:
    """Opens the form of a new webhook; gives its key."""
    match = re.search(r'name="idempotencyKey" value="([^"]+)"', site.get("/webhooks/new"))
    assert match
    return match[1]


def test_a_form_that_is_sent_twice_makes_one_webhook(site: Site) -> None:
    key = open_form(site)
    pages = [site.create(idempotencyKey=key, ping="on") for _ in range(2)]
    assert pages[0] == pages[1]
    assert "This webhook exists already, just as you sent it. Nothing was doubled." in site.get(pages[0])
    db.session.rollback()
    assert (count(Webhook), count(Delivery)) == (1, 1)
    # Another form is another webhook, and so is one that was gone back to and changed.
    assert site.create(idempotencyKey=open_form(site)) != pages[0]
    assert site.create(idempotencyKey=key, name="Other") != pages[0]
    assert site.create(idempotencyKey="no key") != site.create(idempotencyKey="no key")
    db.session.rollback()
    assert count(Webhook) == 5


def test_a_form_keeps_its_key_while_it_is_refused_and_while_rows_are_added(site: Site) -> None:
    key = open_form(site)
    for fields in ({"name": ""}, {"action": "add-header"}):
        assert f'name="idempotencyKey" value="{key}"' in site.send("/webhooks", idempotencyKey=key, **fields).text
    path = site.create(idempotencyKey=key)
    assert 'name="idempotencyKey"' not in site.get(f"{path}/edit")
    answer = site.browser.get("/webhooks/new")
    # Who goes back finds what they had typed, and the same key.
    assert answer.headers["Cache-Control"] == "private, no-cache"
