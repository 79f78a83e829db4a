"""``validateOnly=true``: where something is created or changed it tells what would come of it, and writes nothing."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.replays import service as replays
from app.times import format_time, now
from app.webhooks.headers import MASK
from app.webhooks.models import Webhook
from tests.factories import Caller, Factory, Organisation
from tests.history import add_delivery, change_webhook
from tests.replaying import age, order

pytestmark = pytest.mark.once

URL = "http://127.0.0.1:9/hook"
FILE: dict[str, Any] = {"name": "app.zip", "url": "https://example.com/app.zip", "size": 7, "checksum": "a" * 32}
JOB = {"kind": "github", "repository": "acme/rocket", "workflow": "release.yml"}
# What is written about whoever asks, and not what they ask for.
ASIDE = {"access_tokens", "signing_keys"}
CREATED_OR_CHANGED = {
    "POST /v3/releases": {"name": "App", "version": "3.0"},
    "PATCH /v3/releases/<release_id>": {"name": "Another", "notes": "# New", "version": "4.0"},
    "POST /v3/release-files": {**FILE, "name": "other.zip"},
    "POST /v3/webhooks": {"name": "New", "url": URL, "events": ["release.created"], "ping": True},
    "PATCH /v3/webhooks/<webhook_id>": {"name": "Another", "active": False, "scheme": "asymmetric", "headers": {}},
    "POST /v3/webhooks/<webhook_id>/replays": {"since": format_time(now() - timedelta(days=1))},
    "POST /v3/products": {"name": "Other"},
    "PATCH /v3/products/<product_id>": {"displayName": "Another"},
    "PATCH /v3/products/<product_id>/access": {"restricted": True},
    "POST /v3/products/<product_id>/download-keys": {"name": "Customer"},
    "PATCH /v3/products/<product_id>/download-keys/<download_key_id>": {"revoked": True},
    "POST /v3/products/<product_id>/trusted-publishers": {**JOB, "workflow": "other.yml"},
    "POST /v3/release-channels": {"name": "nightly"},
    "PATCH /v3/release-channels/<channel_id>": {"name": "weekly"},
    "POST /v3/release-platforms": {"name": "freebsd"},
    "PATCH /v3/release-platforms/<platform_id>": {"name": "openbsd"},
    "POST /v3/personal-access-tokens": {"name": "Other", "scopes": ["release:read"]},
    "PATCH /v3/personal-access-tokens/<token_id>": {"name": "Another"},
    "POST /v3/imports": {"content": "version\n0.1\n", "fileName": "old.csv"},
}


def read_rows() -> dict[str, list[Any]]:
    """Gives everything that is stored."""
    db.session.rollback()
    tables = [table for table in db.metadata.sorted_tables if table.name not in ASIDE]
    return {table.name: sorted(map(repr, db.session.execute(select(table)))) for table in tables}


@pytest.fixture
def ids(make: Factory, owner: Organisation, caller: Caller) -> dict[str, str]:
    """One of everything that the API can write to, by the name of its id in the routes."""
    product_id = make.product(owner).id
    body = {"name": "App", "version": "1.0", "productId": product_id}
    release_id = caller.post("/v3/releases", json=body).get_json()["id"]
    file = caller.post("/v3/release-files", json={**FILE, "releaseId": release_id})
    webhook = age(make.webhook(owner, URL))
    delivery_id = add_delivery(webhook, "dead", seconds_ago=3600, attempts=[("failed", 1)])
    replay = order(owner.actor, webhook)
    replays.cancel_replay(owner.actor, webhook.id, replay.id)
    order(owner.actor, webhook)
    return {
        "release_id": release_id,
        "file_id": file.get_json()["id"],
        "webhook_id": webhook.id,
        "delivery_id": delivery_id,
        "replay_id": replay.id,
        "product_id": product_id,
        "file_name": "app.tar.gz",
        **{name: make_one(caller, path, **body) for name, path, body in list_others(product_id)},
    }


def list_others(product_id: str) -> list[tuple[str, str, dict[str, Any]]]:
    """Gives of what is made by one request the name of its id, where, and by which body."""
    product = f"/v3/products/{product_id}"
    return [
        ("download_key_id", f"{product}/download-keys", {"name": "Somebody"}),
        ("publisher_id", f"{product}/trusted-publishers", JOB),
        ("channel_id", "/v3/release-channels", {"name": "beta"}),
        ("platform_id", "/v3/release-platforms", {"name": "linux"}),
        ("token_id", "/v3/personal-access-tokens", {"name": "CI", "scopes": ["release:read"]}),
        ("import_id", "/v3/imports", {"content": "version\n0.2\n", "fileName": "a.csv", "productId": product_id}),
    ]


def make_one(caller: Caller, path: str, **body: Any) -> str:
    """Makes what the body says; gives its id."""
    answer = caller.post(path, json=body)
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["id"])


def list_routes(app: Flask) -> list[tuple[str, str]]:
    """Gives method and path of whatever in the API writes."""
    return sorted(
        (method, rule.rule)
        for rule in app.url_map.iter_rules()
        for method in rule.methods or ()
        if rule.rule.startswith("/v3/") and method not in ("GET", "HEAD", "OPTIONS")
    )


def test_nothing_that_can_be_asked_for_is_done_by_a_trial(app: Flask, caller: Caller, ids: dict[str, str]) -> None:
    before = read_rows()
    routes = list_routes(app)
    assert {f"{method} {path}" for method, path in routes} >= CREATED_OR_CHANGED.keys()
    for method, path in routes:
        body = CREATED_OR_CHANGED.get(f"{method} {path}")
        if path in ("/v3/releases", "/v3/release-files", "/v3/imports"):
            body = {**(body or {}), "productId": ids["product_id"]}
            body |= {"releaseId": ids["release_id"]} if path == "/v3/release-files" else {}
        place = re.sub(r"<(?:\w+:)?(\w+)>", lambda match: ids[match[1]], path)
        answer = caller.request(method, f"{place}?validateOnly=true", json=body)
        if body is None:
            assert answer.status_code == 400, (method, path, answer.text)
            assert [error["code"] for error in answer.get_json()["errors"]] == ["not_supported"], (method, path)
        else:
            assert answer.status_code == 200, (method, path, answer.text)
        assert read_rows() == before, (method, path)


def test_a_trial_of_a_change_heeds_what_the_caller_says_to_have_seen(caller: Caller, ids: dict[str, str]) -> None:
    for route in (route for route in CREATED_OR_CHANGED if route.startswith("PATCH")):
        place = re.sub(r"<(\w+)>", lambda match: ids[match[1]], route.removeprefix("PATCH "))
        told = {"If-Match": '"another"'}
        answer = caller.request("PATCH", f"{place}?validateOnly=true", json=CREATED_OR_CHANGED[route], headers=told)
        assert answer.status_code == 412, (route, answer.text)


@pytest.mark.parametrize("action", ["rotate", "cut-over", "test", "pause", "resume", "dismiss-notice"])
def test_a_trial_of_what_is_not_there_finds_nothing_and_a_flag_is_true_or_false(caller: Caller, action: str) -> None:
    assert caller.post(f"/v3/webhooks/nothing/{action}?validateOnly=true").status_code == 404
    answer = caller.request("DELETE", "/v3/webhooks/nothing?validateOnly=perhaps")
    assert [error["code"] for error in answer.get_json()["errors"]] == ["wrong_type"]


def try_change(caller: Caller, path: str, **body: Any) -> Any:
    """Gives what a trial of a change answers."""
    answer = caller.request("PATCH", f"{path}?validateOnly=true", json=body)
    assert answer.status_code == 200, answer.text
    assert answer.get_json()["valid"] is True
    return answer.get_json()


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Another", "ratePerSecond": 0, "maxConcurrency": 2},
        {"url": "http://127.0.0.1:9/other", "events": ["release.deleted", "release.created"]},
        {"headers": {"X-A": MASK, "X-B": "2"}, "active": False},
        {"headers": {}, "ratePerSecond": 7},
        {"scheme": "standard", "token": "whsec_MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="},
        {"token": "cryptlex-0123456789-0123456789"},
        {},
    ],
    ids=["limits", "url", "headers", "no-headers", "scheme", "token", "nothing"],
)
def test_a_trial_of_a_webhooks_change_tells_what_the_change_then_stores(
    make: Factory, owner: Organisation, caller: Caller, body: dict[str, Any]
) -> None:
    webhook = make.webhook(owner, URL, headers={"X-A": "1"}, ratePerSecond=5)
    path = f"/v3/webhooks/{webhook.id}"
    trial = try_change(caller, path, **body)
    assert trial["warnings"] == []
    changed = caller.request("PATCH", path, json=body).get_json()
    assert {name: changed[name] for name in trial["normalized"]} == trial["normalized"]
    assert set(changed) - set(trial["normalized"]) == {
        "id", "createdAt", "updatedAt", "paused", "disabledReason", "formerTokenExpiresAt",
    }  # fmt: skip


def test_a_trial_of_a_webhooks_change_warns_of_what_is_taken_otherwise(
    make: Factory, owner: Organisation, caller: Caller
) -> None:
    path = f"/v3/webhooks/{make.webhook(owner, URL).id}"
    trial = try_change(caller, path, scheme="asymmetric", events=["release.created"] * 2, activ=True)
    assert trial["normalized"]["token"] is None
    assert trial["warnings"] == [
        "There is no field activ. It is ignored.",
        "Events that are named twice count once.",
        "A new secret would be made, which the receiver needs: the present one cannot sign by this scheme.",
    ]


@pytest.mark.parametrize(
    ("body", "error"),
    [
        ({"url": "http://10.0.0.1/"}, ("url", "forbidden_ip")),
        ({"headers": {"X-B": MASK}}, ("headers", "required")),
        ({"scheme": "asymmetric", "token": "cryptlex-0123456789-0123456789"}, ("token", "not_allowed")),
    ],
    ids=["schema", "headers", "token"],
)
def test_a_trial_of_a_webhooks_change_refuses_what_the_change_refuses(
    make: Factory, owner: Organisation, caller: Caller, body: dict[str, Any], error: tuple[str, str]
) -> None:
    path = f"/v3/webhooks/{make.webhook(owner, URL).id}"
    trial = caller.request("PATCH", f"{path}?validateOnly=true", json=body)
    assert [(it["field"], it["code"]) for it in trial.get_json()["errors"]] == [error]
    assert caller.request("PATCH", path, json=body).get_json()["errors"] == trial.get_json()["errors"]
    assert caller.request("PATCH", "/v3/webhooks/nothing?validateOnly=true", json={}).status_code == 404


def test_a_trial_of_a_change_tells_of_the_webhook_as_it_is_stored(
    make: Factory, owner: Organisation, caller: Caller
) -> None:
    webhook = make.webhook(owner, URL)
    change_webhook(webhook, active=False, name="Stored")
    normalized = try_change(caller, f"/v3/webhooks/{webhook.id}")["normalized"]
    assert (normalized["name"], normalized["active"]) == ("Stored", False)
    assert db.session.scalars(select(Webhook.active)).one() is False


def test_a_trial_of_a_releases_change_tells_what_the_change_then_stores(caller: Caller, body: dict[str, Any]) -> None:
    path = f"/v3/releases/{caller.post('/v3/releases', json=body).get_json()['id']}"
    sent = {"name": "Another", "version": "1.3", "notes": "a\r\nb", "platforms": ["windows", "linux"], "notez": 1}
    trial = try_change(caller, path, **sent)
    assert trial["warnings"] == ["There is no field notez. It is ignored."]
    changed = caller.request("PATCH", path, json=sent).get_json()
    assert trial["normalized"] == {name: changed[name] for name in trial["normalized"]}
    assert trial["normalized"]["platforms"] == body["platforms"]
    assert try_change(caller, path, platforms=["mac", "mac"])["warnings"] == [
        "Platforms that are named twice count once."
    ]


def test_a_trial_of_a_releases_change_warns_of_a_conflict(caller: Caller, body: dict[str, Any]) -> None:
    release_id = caller.post("/v3/releases", json={**body, "version": "2.0"}).get_json()["id"]
    caller.post("/v3/releases", json=body)
    path = f"/v3/releases/{release_id}"
    warning = "Version 1.2.0 exists already on channel stable, as another release: this would be a conflict."
    assert try_change(caller, path, version="1.2")["warnings"] == [warning]
    assert caller.request("PATCH", path, json={"version": "1.2"}).status_code == 409
    refused = caller.request("PATCH", f"{path}?validateOnly=true", json={"productId": "x"})
    assert [error["code"] for error in refused.get_json()["errors"]] == ["not_changeable"]
    assert caller.post(f"{path}/publish").status_code == 200
    warning = "This release is published, and read-only from then on: this would be a conflict."
    assert try_change(caller, path, notes="x")["warnings"] == [warning]


def test_a_trial_of_a_file_warns_of_what_would_be_refused(
    caller: Caller, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    release_id = caller.post("/v3/releases", json=body).get_json()["id"]

    def warn(**members: Any) -> list[str]:
        sent = {**FILE, "releaseId": release_id, **members}
        answer = caller.post("/v3/release-files?validateOnly=true", json=sent)
        assert answer.status_code == 200, answer.text
        shown = {name: value for name, value in sent.items() if name != "sizes"}
        assert answer.get_json()["normalized"] == {**shown, "secured": False}
        warnings: list[str] = answer.get_json()["warnings"]
        return warnings

    assert warn(sizes=1) == ["There is no field sizes. It is ignored."]
    assert caller.post("/v3/release-files", json={**FILE, "releaseId": release_id}).status_code == 201
    assert warn(name="APP.zip") == ["This release has a file with the name APP.zip already. This would be a conflict."]
    monkeypatch.setattr("app.files.service.FILE_COUNT_LIMIT", 1)
    assert warn(name="b.zip") == ["A release has at most 200 files. This would be a conflict."]
    caller.post(f"/v3/releases/{release_id}/publish")
    assert warn() == ["This release is published, and its files stay as they are from then on. This would be refused."]


@pytest.mark.parametrize("query", ["validateonly=true", "VALIDATEONLY=true", "validateOnly=false&validateOnly=true"])
@pytest.mark.parametrize("route", sorted(CREATED_OR_CHANGED))
def test_who_only_wants_to_try_does_nothing_by_a_slip_of_the_pen(
    caller: Caller, ids: dict[str, str], route: str, query: str
) -> None:
    method, _, path = route.partition(" ")
    for name, value in ids.items():
        path = path.replace(f"<{name}>", value)
    before = read_rows()
    answer = caller.request(method, f"{path}?{query}", json=CREATED_OR_CHANGED[route])
    assert (answer.status_code, answer.get_json()["errors"][0]["code"]) == (400, "invalid_parameter")
    assert read_rows() == before
