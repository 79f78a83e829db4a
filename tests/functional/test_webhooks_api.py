"""``/v3/webhooks`` by the contract."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import select

from app.extensions import db
from app.webhooks.models import Delivery, Webhook
from tests.factories import Caller, Factory, Organisation

# The contract's, as it has them, and then those that Slipway adds.
MEMBERS = ["id", "createdAt", "updatedAt", "name", "url", "token", "active", "events"]
ADDED = ["scheme", "headers", "maxConcurrency", "ratePerSecond", "paused", "disabledReason", "formerTokenExpiresAt"]
TOKEN = "a-token-of-28-characters-now"
BODY: dict[str, Any] = {"name": "CI", "url": "http://127.0.0.1:9/hook", "events": ["release.created"]}


def create_release(make: Factory, owner: Organisation, caller: Caller, version: str = "1.0") -> None:
    """Makes an event."""
    product_id = make.product(owner).id
    answer = caller.post("/v3/releases", json={"name": "App", "version": version, "productId": product_id})
    assert answer.status_code == 201


def find_states() -> list[str]:
    """Gives the states of all deliveries."""
    db.session.rollback()
    return list(db.session.scalars(select(Delivery.state)))


def test_a_webhook_is_created_read_listed_changed_and_deleted(caller: Caller) -> None:
    created = caller.post("/v3/webhooks", json={**BODY, "token": TOKEN})
    assert created.status_code == 201
    webhook = created.get_json()
    assert list(webhook) == MEMBERS + ADDED
    assert {name: webhook[name] for name in BODY} == BODY
    assert (webhook["token"], webhook["active"]) == (TOKEN, True)
    path = f"/v3/webhooks/{webhook['id']}"
    assert caller.get(path).get_json() == webhook
    assert caller.get("/v3/webhooks").get_json() == [webhook]

    change = {"name": None, "active": False, "events": ["release.published", "release.created"], "url": None}
    changed = caller.request("PATCH", path, json=change).get_json()
    assert (changed["name"], changed["active"]) == ("CI", False)
    assert changed["events"] == ["release.created", "release.published"]

    deleted = caller.request("DELETE", path)
    assert (deleted.status_code, deleted.data) == (204, b"")
    assert caller.get(path).status_code == caller.request("DELETE", path).status_code == 404
    assert caller.get("/v3/webhooks").get_json() == []


def test_without_a_token_a_strong_one_is_made(caller: Caller) -> None:
    tokens = {caller.post("/v3/webhooks", json=BODY).get_json()["token"] for _ in range(2)}
    assert len(tokens) == 2
    assert all(len(token) >= 32 for token in tokens)


def test_the_token_is_not_in_the_database(caller: Caller) -> None:
    caller.post("/v3/webhooks", json={**BODY, "token": TOKEN})
    stored = db.session.scalars(select(Webhook.token)).one()
    assert TOKEN.encode() not in stored


def test_every_broken_rule_is_told_at_once(caller: Caller) -> None:
    answer = caller.post("/v3/webhooks", json={"url": 5, "events": ["release.exploded"], "active": "yes"})
    assert answer.status_code == 400
    found = [(error["field"], error["code"]) for error in answer.get_json()["errors"]]
    assert found == [("name", "required"), ("url", "wrong_type"), ("events", "unknown_event"), ("active", "wrong_type")]


@pytest.mark.parametrize(
    "url", ["http://169.254.169.254/", "http://10.0.0.1/", "ftp://example.com/", "http://user:pw@127.0.0.1/"]
)
def test_the_guard_judges_a_url_when_it_is_saved_and_when_it_is_changed(caller: Caller, url: str) -> None:
    refused = caller.post("/v3/webhooks", json={**BODY, "url": url})
    assert (refused.status_code, refused.get_json()["errors"][0]["field"]) == (400, "url")
    webhook_id = caller.post("/v3/webhooks", json=BODY).get_json()["id"]
    assert caller.request("PATCH", f"/v3/webhooks/{webhook_id}", json={"url": url}).status_code == 400
    assert caller.get(f"/v3/webhooks/{webhook_id}").get_json()["url"] == BODY["url"]


def test_what_the_guard_refuses_is_told_beside_the_other_broken_rules(caller: Caller) -> None:
    answer = caller.post("/v3/webhooks", json={"name": "", "url": "http://10.0.0.1/", "events": []})
    assert [error["field"] for error in answer.get_json()["errors"]] == ["name", "url", "events"]


def test_event_types_are_an_object_of_arrays(caller: Caller) -> None:
    assert "release.created" in caller.get("/v3/webhooks/events").get_json()["release"]


def test_scopes_are_checked(make: Factory, owner: Organisation) -> None:
    reader = make.caller(owner, "webhook:read")
    assert reader.get("/v3/webhooks").status_code == 200
    assert reader.post("/v3/webhooks", json=BODY).status_code == 403


def test_only_active_subscribers_are_owed_an_event(make: Factory, owner: Organisation, caller: Caller) -> None:
    wanted = make.webhook(owner, "http://127.0.0.1:9/wanted")
    make.webhook(owner, "http://127.0.0.1:9/other", events=["release.published"])
    make.webhook(owner, "http://127.0.0.1:9/off", active=False)
    make.webhook(make.organisation(), "http://127.0.0.1:9/foreign")
    create_release(make, owner, caller)
    db.session.rollback()
    assert db.session.scalars(select(Delivery.webhook_id)).all() == [wanted.id]


def test_switched_off_what_is_owed_is_held_and_switched_on_it_is_due(
    make: Factory, owner: Organisation, caller: Caller
) -> None:
    path = f"/v3/webhooks/{make.webhook(owner, 'http://127.0.0.1:9/').id}"
    create_release(make, owner, caller)
    caller.request("PATCH", path, json={"active": False})
    assert find_states() == ["held"]
    caller.request("PATCH", path, json={"active": True})
    assert find_states() == ["pending"]


def test_what_a_deleted_webhook_was_owed_is_dead_with_the_reason(
    make: Factory, owner: Organisation, caller: Caller
) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/")
    create_release(make, owner, caller)
    caller.request("DELETE", f"/v3/webhooks/{webhook.id}")
    assert find_states() == ["dead"]
    assert db.session.scalars(select(Delivery.reason)).one() == "The webhook was deleted."


@pytest.mark.parametrize(
    "query", ["limit=0", "page=x", "limit=1000", "sort=name", "page=1&page=1", "limit=1&limit=2", "sort=&sort="]
)
def test_a_list_refuses_a_page_that_makes_no_sense_by_name(caller: Caller, query: str) -> None:
    answer = caller.get(f"/v3/webhooks?{query}")
    assert answer.status_code == 400
    assert answer.get_json()["errors"][0]["field"] == query.partition("=")[0]


@pytest.mark.parametrize(("sort", "numbers"), [("", "012"), ("&sort=createdAt", "012"), ("&sort=-createdAt", "210")])
def test_a_list_goes_on_from_page_to_page(
    make: Factory, owner: Organisation, caller: Caller, sort: str, numbers: str
) -> None:
    for number in range(3):
        make.webhook(owner, f"http://127.0.0.1:9/{number}")
    seen, url = "", f"/v3/webhooks?limit=2{sort}"
    while url:
        answer = caller.get(url)
        seen += "".join(webhook["url"][-1] for webhook in answer.get_json())
        url = answer.headers.get("Link", "").partition(">")[0].removeprefix("<http://localhost:8000")
    assert seen == numbers


def test_a_list_is_filtered_and_refuses_what_it_does_not_know(
    make: Factory, owner: Organisation, caller: Caller
) -> None:
    first, second = (make.webhook(owner, f"http://127.0.0.1:9/{number}") for number in range(2))
    caller.request("PATCH", f"/v3/webhooks/{first.id}", json={"name": "First", "active": False})

    def find(query: str) -> list[str]:
        answer = caller.get(f"/v3/webhooks?{query}")
        assert answer.status_code == 200, answer.text
        return [webhook["id"] for webhook in answer.get_json()]

    assert find("name=First") == find("active=false") == find("url[ew]=/0") == find("name[cn]=irs") == [first.id]
    assert find("query=fIRST") == find("query=127.0.0.1+irs") == find("query=/0") == [first.id]
    assert find("active=True") == find("name[ne]=First") == [second.id]
    assert find("name=nothing-like-this") == find("scheme=standard") == find("updatedAt[lt]=2020-01-01T00:00:00Z") == []
    refused = caller.get("/v3/webhooks?nmae=First&active=perhaps")
    assert refused.status_code == 400
    assert [error["field"] for error in refused.get_json()["errors"]] == ["nmae", "active"]
    assert (
        "It knows name, url, active, scheme, createdAt, updatedAt, query, page"
        in refused.get_json()["errors"][0]["message"]
    )
