"""One id leads from an answer to all that came of its request: errors, log lines, audit entries and deliveries."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest
from flask import Flask

from app.logs import JsonFormatter
from tests.factories import Caller, Factory, Organisation
from tests.receivers import Receiver
from tests.working import deliver_all

REQUEST_ID = "build-4711.1"
HEADERS = {"X-Request-Id": REQUEST_ID}


def test_a_request_is_found_by_its_id_wherever_something_came_of_it(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, body: dict[str, Any],
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(caplog.handler, "formatter", JsonFormatter())
    with Receiver() as receiver:
        webhook = make.webhook(owner, receiver.url)
        created = caller.post("/v3/releases", json=body, headers=HEADERS)
        deliver_all(app)
    assert created.headers["X-Request-Id"] == REQUEST_ID
    (delivery,) = caller.get(f"/v3/webhooks/{webhook.id}/deliveries").get_json()
    (attempt,) = caller.get("/v3/webhook-event-logs").get_json()
    whole = caller.get(f"/v3/webhooks/{webhook.id}/deliveries/{delivery['id']}").get_json()
    assert [it["requestId"] for it in (delivery, attempt, whole, *whole["log"])] == [REQUEST_ID] * 4
    browser = make.browser(owner)
    for page in ("/settings/audit", f"/webhooks/deliveries/{delivery['id']}"):
        assert REQUEST_ID in browser.get(page).text, page

    refused = caller.post("/v3/releases", json={}, headers=HEADERS)
    assert refused.get_json()["requestId"] == refused.headers["X-Request-Id"] == REQUEST_ID
    monkeypatch.setattr("app.releases.api.serialize_release", lambda _: 1 / 0)
    crashed = caller.get(f"/v3/releases/{created.get_json()['id']}", headers=HEADERS)
    assert (crashed.status_code, crashed.get_json()["requestId"]) == (500, REQUEST_ID)
    lines = [json.loads(line) for line in caplog.text.splitlines()]
    told = {line["message"]: line.get("requestId") for line in lines}
    assert (told["attempt"], told["unhandled exception"]) == (REQUEST_ID, REQUEST_ID)
