"""Members that a webhook does not have, and trials: what was meant otherwise is never obeyed in silence."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import unquote

import pytest
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.extensions import db
from app.webhooks.headers import MASK
from app.webhooks.models import Delivery, FormerSecret, Webhook
from tests.counting import count
from tests.factories import Caller, Factory, Organisation

BODY: dict[str, Any] = {"name": "CI", "url": "http://127.0.0.1:9/hook", "events": ["release.created"]}
ACTIONS = ["rotate", "cut-over", "test", "pause", "resume", "dismiss-notice"]


def list_errors(answer: Any) -> list[tuple[str, str]]:
    """Gives field and code of each error."""
    assert answer.status_code == 400, answer.text
    return [(error["field"], error["code"]) for error in answer.get_json()["errors"]]


def list_actions() -> list[str]:
    """Gives what the audit log has of webhooks."""
    query = select(AuditEntry.action).where(AuditEntry.action.startswith("webhook.")).order_by(AuditEntry.id)
    return list(db.session.scalars(query))


@pytest.fixture
def path(make: Factory, owner: Organisation) -> str:
    """Where a webhook is that there is already."""
    return f"/v3/webhooks/{make.webhook(owner, BODY['url']).id}"


# What a rotation has, or a new webhook alone, is no member of what is asked for here either.
@pytest.mark.parametrize(
    ("method", "unknown"),
    [
        ("POST", {"ratePersecond": 5, "größe": 1}),
        ("POST", {"overlapHours": 0, "token_": "x"}),
        ("POST", {"max_concurrency": 3}),
        ("PATCH", {"Headers": {}, "activ": False}),
        ("PATCH", {"ping": True}),
    ],
)
def test_unknown_members_are_named_and_refused_when_strict(
    caller: Caller, path: str, method: str, unknown: dict[str, Any]
) -> None:
    address = path if method == "PATCH" else "/v3/webhooks"
    # ``null`` says nothing, under whatever name. The client sends members by the alphabet.
    sent = {**BODY, **unknown, "nothing": None}
    refused = caller.request(method, f"{address}?strict=true", json={**sent, "name": ""})
    assert list_errors(refused) == [("name", "required"), *((name, "unknown_field") for name in sorted(unknown))]
    assert count(Webhook) == 1
    taken = caller.request(method, address, json=sent)
    assert taken.status_code == (200 if method == "PATCH" else 201)
    assert unquote(taken.headers["Slipway-Ignored-Fields"]).split(", ") == sorted(unknown)
    assert count(Delivery) == 0


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_where_all_is_known_nothing_is_named_and_strict_lets_it_in(caller: Caller, path: str, method: str) -> None:
    address = path if method == "PATCH" else "/v3/webhooks"
    members = {"scheme": "standard", "headers": {"X-A": "1"}, "maxConcurrency": 2, "ratePerSecond": 3, "active": True}
    answer = caller.request(method, f"{address}?strict=true", json={**BODY, **members})
    assert answer.status_code in (200, 201), answer.text
    assert "Slipway-Ignored-Fields" not in answer.headers


def test_a_name_that_is_no_text_is_refused_all_the_same(caller: Caller) -> None:
    body = json.dumps({**BODY, "\ud800": 1})
    refused = caller.post("/v3/webhooks?strict=true", data=body, content_type="application/json")
    assert list_errors(refused) == [("?", "unknown_field")]


@pytest.mark.parametrize("method", ["POST", "PATCH"])
def test_a_flag_is_true_or_false(caller: Caller, path: str, method: str) -> None:
    address = path if method == "PATCH" else "/v3/webhooks"
    assert list_errors(caller.request(method, f"{address}?strict=yes", json=BODY)) == [("strict", "wrong_type")]


def test_a_trial_says_what_would_be_stored_and_writes_nothing(caller: Caller) -> None:
    sent = {**BODY, "events": ["release.deleted", "release.created", "release.deleted"], "ratePerSecond": 0}
    sent |= {"headers": {"Authorization": "Bearer top-secret"}, "ping": True, "activ": False}
    answer = caller.post("/v3/webhooks?validateOnly=true", json=sent)
    assert answer.status_code == 200
    assert answer.headers["Slipway-Ignored-Fields"] == "activ"
    assert answer.get_json() == {
        "valid": True,
        "normalized": {
            "name": "CI",
            "url": BODY["url"],
            "token": None,
            "active": True,
            "events": ["release.created", "release.deleted"],
            "scheme": "cryptlex",
            "headers": {"Authorization": MASK},
            "maxConcurrency": 8,
            "ratePerSecond": None,
            "ping": True,
        },
        "warnings": ["There is no field activ. It is ignored.", "Events that are named twice count once."],
    }
    assert (count(Webhook), count(Delivery), list_actions()) == (0, 0, [])


def test_what_a_trial_finds_good_is_created_by_the_same_body(caller: Caller) -> None:
    sent = {**BODY, "scheme": "standard", "ratePerSecond": 5, "maxConcurrency": 64, "active": False}
    trial = caller.post("/v3/webhooks?validateOnly=true&strict=true", json=sent).get_json()
    assert trial["warnings"] == []
    created = caller.post("/v3/webhooks", json=sent).get_json()
    for name in sorted(trial["normalized"].keys() - {"token", "ping"}):
        assert created[name] == trial["normalized"][name], name


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"url": "http://10.0.0.1/"}, [("url", "forbidden_ip")]),
        ({"name": "", "activ": 1}, [("name", "required"), ("activ", "unknown_field")]),
    ],
)
def test_a_trial_refuses_what_a_create_refuses(
    caller: Caller, changes: dict[str, Any], errors: list[tuple[str, str]]
) -> None:
    answer = caller.post("/v3/webhooks?validateOnly=true&strict=true", json={**BODY, **changes})
    assert list_errors(answer) == errors


def test_who_may_only_read_tries_nothing(make: Factory, owner: Organisation) -> None:
    reader = make.caller(owner, "webhook:read")
    assert reader.post("/v3/webhooks?validateOnly=true", json=BODY).status_code == 403


@pytest.mark.parametrize("action", ACTIONS)
@pytest.mark.parametrize("body", [{"imediate": True}, {"name": "CI"}, {"overlaphours": 0, "reason": ""}], ids=str)
def test_an_action_with_a_member_that_it_does_not_have_is_refused_and_nothing_is_done(
    caller: Caller, path: str, action: str, body: dict[str, Any]
) -> None:
    before = caller.get(path).get_json()
    assert list_errors(caller.post(f"{path}/{action}", json=body)) == [(name, "unknown_field") for name in sorted(body)]
    assert "updatedAt" in before
    assert caller.get(path).get_json() == before
    assert count(Delivery) == count(FormerSecret) == 0
    assert list_actions() == ["webhook.created"]


@pytest.mark.parametrize("action", [action for action in ACTIONS if action != "rotate"])
def test_what_a_rotation_has_is_a_member_of_no_other_action(caller: Caller, path: str, action: str) -> None:
    refused = caller.post(f"{path}/{action}", json={"immediate": True})
    assert list_errors(refused) == [("immediate", "unknown_field")]


@pytest.mark.parametrize("action", ACTIONS)
def test_an_action_needs_no_body_and_takes_an_empty_object_for_none(caller: Caller, path: str, action: str) -> None:
    status = 202 if action == "test" else 200
    assert caller.post(f"{path}/{action}").status_code == status
    assert caller.post(f"{path}/{action}", json={}).status_code == status
    assert caller.post(f"{path}/{action}", json={"nothing": None}).status_code == status


@pytest.mark.parametrize("action", ACTIONS)
def test_a_body_that_nobody_can_read_is_not_taken_for_none(caller: Caller, path: str, action: str) -> None:
    address = f"{path}/{action}"
    assert caller.post(address, data="{", content_type="application/json").status_code == 400
    # What curl sends if nobody says that it is JSON.
    form = caller.post(address, data='{"immediate":true}', content_type="application/x-www-form-urlencoded")
    assert form.status_code == 415
    assert caller.post(f"/v3/webhooks/nothing/{action}", json={"imediate": True}).status_code == 404
