"""Every event of a release reaches a real receiver: once, signed, with what GET answered at that moment."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from typing import Any

from flask import Flask

from app.webhooks.events import ALL_EVENT_TYPES
from tests.factories import Caller, Factory, Organisation
from tests.receivers import ReceivedRequest, Receiver
from tests.recorded import FILE
from tests.working import deliver_all

TOKEN = "a-token-of-the-receiver-0123456789"


def read(request: ReceivedRequest) -> tuple[str, Any]:
    """Gives event type and data of a request, once it is sure that it is signed."""
    expected = base64.b64encode(hmac.new(TOKEN.encode(), request.body, hashlib.sha256).digest()).decode()
    assert request.headers["Webhook-Signature"] == expected
    body = json.loads(request.body)
    return body["event"], body["data"]


def test_each_of_the_six_events_arrives_once_signed_and_as_get_answered(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, body: dict[str, Any]
) -> None:
    expected: list[tuple[str, Any]] = []
    with Receiver() as receiver:
        make.webhook(owner, receiver.url, token=TOKEN, events=list(ALL_EVENT_TYPES))

        def expect(event_type: str, path: str) -> None:
            expected.append((event_type, caller.get(path).get_json()))
            # One at a time, so that they arrive in the order in which they happened.
            if event_type != "release.deleted":
                deliver_all(app)

        path = f"/v3/releases/{caller.post('/v3/releases', json=body).get_json()['id']}"
        expect("release.created", path)
        caller.request("PATCH", path, json={"name": "größer 😀"})
        expect("release.updated", path)
        added = caller.post("/v3/release-files", json={**FILE, "releaseId": path.rpartition("/")[2]}).get_json()
        expect("release.file.created", f"/v3/release-files/{added['id']}")
        caller.post(f"{path}/publish")
        expect("release.published", path)
        caller.post(f"{path}/archive")
        expect("release.archived", path)
        draft_id = caller.post("/v3/releases", json={**body, "version": "2.0"}).get_json()["id"]
        draft_path = f"/v3/releases/{draft_id}"
        expect("release.created", draft_path)
        caller.post("/v3/release-files", json={**FILE, "name": "second.zip", "releaseId": draft_id})
        expected.append(("release.file.created", caller.get(f"/v3/release-files?releaseId={draft_id}").get_json()[0]))
        deliver_all(app)
        expect("release.deleted", draft_path)
        caller.request("DELETE", draft_path)
        deliver_all(app)
        # What has arrived does not arrive again.
        deliver_all(app)
    assert [read(request) for request in receiver.requests] == expected
    assert {event_type for event_type, _ in expected} == set(ALL_EVENT_TYPES)
    ids = [request.headers["webhook-id"] for request in receiver.requests]
    assert len(set(ids)) == len(ids)


def test_what_is_refused_owes_nobody_anything(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, body: dict[str, Any]
) -> None:
    with Receiver() as receiver:
        make.webhook(owner, receiver.url, token=TOKEN, events=[*ALL_EVENT_TYPES[1:]])
        path = f"/v3/releases/{caller.post('/v3/releases', json=body).get_json()['id']}"
        sent = {**FILE, "releaseId": path.rpartition("/")[2]}
        refused = [
            caller.request("PATCH", path, json={"version": "v1"}),
            caller.request("PATCH", path, json={}),
            caller.post(f"{path}/unarchive"),
            caller.post("/v3/release-files", json={**sent, "url": "javascript:x"}),
            caller.request("DELETE", "/v3/releases/0f8fad5b-d9cb-469f-a165-70867728950e"),
        ]
        deliver_all(app)
    assert [answer.status_code for answer in refused] == [400, 200, 409, 400, 404]
    assert receiver.requests == []
