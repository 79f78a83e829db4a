"""``/v3/webhooks/{id}/replays``: previews, orders, progress and cancelling."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from app import times
from app.replays import service
from app.webhooks.models import Webhook
from tests.factories import Caller, Factory, Organisation
from tests.replaying import fill, hurry, switch

MEMBERS = [
    "id", "createdAt", "updatedAt", "webhookId", "since", "until", "events", "includeMissed", "state", "waiting",
    "total", "queued", "delivered", "dead", "pending", "retrying", "takenBack", "createdBy", "finishedAt",
]  # fmt: skip
UNKNOWN_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.fixture(autouse=True)
def no_ramp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the ramp."""
    hurry(monkeypatch)


@pytest.fixture
def webhook(make: Factory, owner: Organisation) -> Webhook:
    """A webhook with twelve deliveries of an hour ago that are dead, and 30 that arrived."""
    webhook = make.webhook(owner, "http://127.0.0.1:9/hook")
    fill(webhook, 42, dead=12)
    return webhook


@pytest.fixture
def path(webhook: Webhook) -> str:
    """The path of its replays."""
    return f"/v3/webhooks/{webhook.id}/replays"


def build_body(**members: Any) -> dict[str, Any]:
    """Gives the body of an order of the last two hours."""
    return {"since": times.format_time(times.now() - timedelta(hours=2)), **members}


def test_a_preview_says_what_would_be_sent_and_sends_nothing(caller: Caller, path: str) -> None:
    answer = caller.post(f"{path}?validateOnly=true", json=build_body())
    found = answer.get_json()
    until = times.parse_time(found.pop("until"))
    assert until is not None
    assert times.now() - timedelta(minutes=1) < until <= times.now()
    assert (answer.status_code, found) == (200, {"matching": 12, "total": 42, "missed": 0})
    assert caller.get(path).get_json() == []


def test_a_replay_is_accepted_followed_listed_and_cancelled(
    caller: Caller, owner: Organisation, webhook: Webhook, path: str
) -> None:
    body = build_body(events=["release.created"])
    answer = caller.post(path, json=body)
    replay = answer.get_json()
    assert (answer.status_code, list(replay)) == (202, MEMBERS)
    assert answer.headers["Location"] == f"http://localhost:8000{path}/{replay['id']}"
    assert {name: replay[name] for name in ("since", "events", "includeMissed")} == {**body, "includeMissed": False}
    assert (replay["webhookId"], replay["createdBy"]) == (webhook.id, owner.email)
    assert (replay["state"], replay["total"], replay["queued"], replay["finishedAt"]) == ("running", 12, 0, None)

    service.take_steps()
    followed = caller.get(f"{path}/{replay['id']}").get_json()
    assert (followed["queued"], followed["pending"], followed["delivered"], followed["dead"]) == (10, 10, 0, 0)
    assert caller.get(path).get_json() == [followed]

    cancelled = caller.post(f"{path}/{replay['id']}/cancel")
    assert (cancelled.status_code, cancelled.get_json()["state"]) == (200, "cancelled")
    assert cancelled.get_json()["finishedAt"] is not None
    assert {name: cancelled.get_json()[name] for name in ("pending", "dead", "takenBack")} == {
        "pending": 0,
        "dead": 10,
        "takenBack": 10,
    }
    again = caller.post(f"{path}/{replay['id']}/cancel")
    assert (again.status_code, again.get_json()["detail"]) == (
        409,
        "This replay is not running any more: it is cancelled.",
    )


def test_every_broken_rule_is_told_at_once_to_previews_and_to_orders(caller: Caller, path: str) -> None:
    body = {"since": "2999-01-01T00:00:00Z", "until": "noon", "events": [], "includeMissed": 1}
    for suffix in ("", "?validateOnly=true"):
        answer = caller.post(path + suffix, json=body)
        assert answer.status_code == 400
        assert [(error["field"], error["code"]) for error in answer.get_json()["errors"]] == [
            ("since", "in_the_future"),
            ("until", "invalid_time"),
            ("events", "required"),
            ("includeMissed", "wrong_type"),
        ]
    assert caller.post(f"{path}?validateOnly=maybe", json=build_body()).status_code == 400


def test_a_member_that_is_not_known_is_refused_to_previews_and_to_orders(caller: Caller, path: str) -> None:
    for suffix in ("", "?validateOnly=true"):
        answer = caller.post(path + suffix, json=build_body(event=["release.created"]))
        assert answer.status_code == 400
        assert [(error["field"], error["code"]) for error in answer.get_json()["errors"]] == [
            ("event", "unknown_field")
        ]
    assert caller.get(path).get_json() == []


def test_a_replay_that_would_send_nothing_is_refused(caller: Caller, path: str) -> None:
    answer = caller.post(path, json=build_body(events=["release.deleted"]))
    assert answer.status_code == 400
    assert answer.get_json()["errors"] == [
        {
            "field": "since",
            "code": "nothing_to_send",
            "message": "There is nothing to send again in this time.",
        }
    ]


def test_a_replay_that_overlaps_a_running_one_is_a_conflict_that_names_it(caller: Caller, path: str) -> None:
    running = caller.post(path, json=build_body()).get_json()
    answer = caller.post(path, json=build_body())
    assert answer.status_code == 409
    assert answer.get_json()["detail"] == (
        f"The replay {running['id']}, ordered at {running['createdAt']}, is running over some of the same time and "
        "events. Wait until it has sent everything once, or cancel it."
    )
    caller.post(f"{path}/{running['id']}/cancel")
    assert caller.post(path, json=build_body()).status_code == 202


def test_a_replay_says_why_it_waits(caller: Caller, owner: Organisation, webhook: Webhook, path: str) -> None:
    replay = caller.post(path, json=build_body()).get_json()
    assert replay["waiting"] is None
    for action, expected in (("pause", "The webhook is paused."), ("resume", None)):
        caller.post(f"/v3/webhooks/{webhook.id}/{action}")
        assert caller.get(f"{path}/{replay['id']}").get_json()["waiting"] == expected
    switch(owner.actor, webhook, active=False)
    assert [it["waiting"] for it in caller.get(path).get_json()] == ["The webhook is switched off."]
    caller.post(f"{path}/{replay['id']}/cancel")
    assert caller.get(f"{path}/{replay['id']}").get_json()["waiting"] is None


def test_a_list_goes_on_from_page_to_page(caller: Caller, webhook: Webhook, path: str) -> None:
    ids = []
    for event_type in ("release.created", "release.deleted", "release.published"):
        fill(webhook, 1, dead=1, event_type=event_type)
        ids.append(caller.post(path, json=build_body(events=[event_type])).get_json()["id"])
    first = caller.get(f"{path}?limit=2")
    assert [replay["id"] for replay in first.get_json()] == ids[:2]
    link = first.headers["Link"].partition(">")[0].removeprefix("<http://localhost:8000")
    assert [replay["id"] for replay in caller.get(link).get_json()] == ids[2:]
    newest = caller.get(f"{path}?sort=-createdAt&limit=1").get_json()
    assert [replay["id"] for replay in newest] == ids[2:]


def test_scopes_are_checked(make: Factory, owner: Organisation, path: str) -> None:
    reader, writer = make.caller(owner, "webhook:read"), make.caller(owner, "webhook:write")
    stranger = make.caller(owner, "release:read", "release:write")
    assert reader.post(f"{path}?validateOnly=true", json=build_body()).status_code == 200
    assert reader.get(path).status_code == 200
    refused = reader.post(path, json=build_body())
    assert (refused.status_code, refused.get_json()["scope"]) == (403, "webhook:write")
    replay_id = writer.post(path, json=build_body()).get_json()["id"]
    assert reader.get(f"{path}/{replay_id}").status_code == 200
    assert reader.post(f"{path}/{replay_id}/cancel").status_code == 403
    assert writer.get(path).status_code == 403
    for answer in (
        stranger.post(path, json=build_body()),
        stranger.post(f"{path}?validateOnly=true", json=build_body()),
        stranger.get(path),
        stranger.get(f"{path}/{replay_id}"),
        stranger.post(f"{path}/{replay_id}/cancel"),
    ):
        assert answer.status_code == 403
    assert writer.post(f"{path}/{replay_id}/cancel").status_code == 200


def test_a_replay_belongs_to_its_webhook_and_its_tenant(
    make: Factory, owner: Organisation, caller: Caller, path: str
) -> None:
    replay_id = caller.post(path, json=build_body()).get_json()["id"]
    other = make.webhook(owner, "http://127.0.0.1:9/other")
    theirs = make.caller(make.organisation())
    expected = {"replay": caller.get(f"{path}/{UNKNOWN_ID}").get_json(), "webhook": theirs.get(path).get_json()}
    for answer, kind in (
        (caller.get(f"/v3/webhooks/{other.id}/replays/{replay_id}"), "replay"),
        (caller.post(f"/v3/webhooks/{other.id}/replays/{replay_id}/cancel"), "replay"),
        (caller.get(f"{path}/not-an-id"), "replay"),
        (theirs.get(f"{path}/{replay_id}"), "webhook"),
        (theirs.post(f"{path}?validateOnly=true", json=build_body()), "webhook"),
        (theirs.post(path, json=build_body()), "webhook"),
    ):
        assert answer.status_code == 404
        assert answer.get_json()["detail"] == expected[kind]["detail"]
    assert theirs.post(f"{path}/{replay_id}/cancel").status_code == 404
    assert caller.get(f"{path}/{replay_id}").get_json()["state"] == "running"
