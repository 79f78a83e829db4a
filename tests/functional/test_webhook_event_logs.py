"""``/v3/webhook-event-logs`` and a webhook's deliveries in the API: one entry for each attempt."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.database import clock, transaction
from app.extensions import db
from app.times import format_time
from app.webhooks import samples
from app.webhooks.models import Attempt, Delivery, Event
from tests.factories import Caller, Factory, Organisation
from tests.receivers import Receiver
from tests.working import claim, create_release, deliver_all, get_delivery, list_attempts, make_due

LOGS = "/v3/webhook-event-logs"
MEMBERS = [
    "id", "createdAt", "updatedAt", "webhookId", "webhookName", "url", "event", "eventId", "deliveryId", "entityId",
    "requestId", "attempt", "outcome", "statusCode", "sentAt", "receivedAt", "durationMilliseconds", "error",
    "errorMessage", "retryReason", "retryAt", "phases", "address", "requestHeaders", "responseBody", "test",
]  # fmt: skip
DELIVERY_MEMBERS = [
    "id", "createdAt", "updatedAt", "webhookId", "webhookName", "event", "eventId", "entityId", "requestId", "state",
    "reason", "attempts", "nextAttemptAt", "deliveredAt", "heldAt", "test",
]  # fmt: skip


@pytest.fixture
def told(app: Flask, make: Factory, owner: Organisation, caller: Caller) -> dict[str, Any]:
    """A release that a webhook was told of at the second attempt; gives it."""
    with Receiver(statuses=[500]) as receiver:
        make.webhook(owner, receiver.url, name="Deploys")
        release = create_release(make, owner, caller)
        deliver_all(app)
        make_due()
        deliver_all(app)
    return release


def test_each_attempt_is_an_entry_with_what_was_sent_and_what_came_back(caller: Caller, told: dict[str, Any]) -> None:
    first, second = caller.get(LOGS).get_json()
    attempts, delivery = list_attempts(), get_delivery()
    assert list(first) == list(second) == MEMBERS
    for entry, attempt in zip((first, second), attempts, strict=True):
        assert (entry["deliveryId"], entry["entityId"], entry["event"]) == (delivery.id, told["id"], "release.created")
        assert (entry["eventId"], entry["webhookId"]) == (delivery.event_id, delivery.webhook_id)
        assert (entry["webhookName"], entry["address"], entry["test"]) == ("Deploys", "127.0.0.1", False)
        assert entry["createdAt"] == entry["sentAt"] == format_time(attempt.started_at)
        assert attempt.finished_at is not None
        assert entry["updatedAt"] == format_time(attempt.finished_at)
        assert set(entry["phases"]) == {"dns", "connect", "firstByte", "head", "total"}
        assert entry["durationMilliseconds"] == entry["phases"]["total"]
        assert caller.get(f"{LOGS}/{entry['id']}").get_json() == entry
    assert (first["attempt"], first["outcome"], first["statusCode"], first["error"]) == (
        1,
        "failed",
        500,
        "http_status",
    )
    assert first["errorMessage"] == first["retryReason"] == "The receiver answered 500."
    assert attempts[0].retry_at is not None
    assert first["retryAt"] == format_time(attempts[0].retry_at)
    assert (second["attempt"], second["outcome"], second["statusCode"]) == (2, "success", 200)
    assert [second[name] for name in ("error", "errorMessage", "retryReason", "retryAt")] == [None] * 4


def test_received_is_when_the_answer_came_and_not_when_it_was_written_down(
    caller: Caller, told: dict[str, Any]
) -> None:
    with transaction() as session:
        session.execute(update(Attempt).values(phases={"first_byte": 1200, "total": 1234}, finished_at=clock(60)))
    for entry, attempt in zip(caller.get(LOGS).get_json(), list_attempts(), strict=True):
        assert entry["receivedAt"] == format_time(attempt.started_at + timedelta(milliseconds=1234))
        assert (entry["durationMilliseconds"], entry["phases"]) == (1234, {"firstByte": 1200, "total": 1234})


def test_each_attempt_names_what_it_has_called_and_an_old_one_the_webhooks_present_url(
    caller: Caller, told: dict[str, Any]
) -> None:
    called, present = "http://127.0.0.1:9/called", "http://127.0.0.1:9/present"
    delivery = get_delivery()
    with transaction() as session:
        session.execute(update(Attempt).where(Attempt.number == 1).values(url=called))
        session.execute(update(Attempt).where(Attempt.number == 2).values(url=None))
    assert caller.request("PATCH", f"/v3/webhooks/{delivery.webhook_id}", json={"url": present}).status_code == 200
    log = caller.get(LOGS).get_json()
    assert [entry["url"] for entry in log] == [called, present]
    assert [caller.get(f"{LOGS}/{entry['id']}").get_json()["url"] for entry in log] == [called, present]
    whole = caller.get(f"/v3/webhooks/{delivery.webhook_id}/deliveries/{delivery.id}").get_json()
    assert [entry["url"] for entry in whole["log"]] == [called, present]


def test_the_log_holds_every_header_that_arrived(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    with Receiver() as receiver:
        make.webhook(owner, receiver.url, headers={"X-Team": "secret"})
        # Nobody listens there, so nothing is sent.
        make.webhook(owner, "http://127.0.0.1:9/")
        create_release(make, owner, caller)
        deliver_all(app)
    logged = {entry["outcome"]: entry["requestHeaders"] for entry in caller.get(LOGS).get_json()}
    arrived = {**dict(receiver.requests[0].headers), "X-Team": "••••••"}
    assert logged == {"success": arrived, "failed": None}


def test_without_an_answer_nothing_was_received_and_a_lost_attempt_says_why_another_one_followed(
    make: Factory, owner: Organisation, caller: Caller
) -> None:
    make.webhook(owner, "http://127.0.0.1:9/")
    create_release(make, owner, caller)
    claim(1)
    (entry,) = caller.get(LOGS).get_json()
    assert (entry["outcome"], entry["receivedAt"], entry["durationMilliseconds"]) == ("started", None, None)
    make_due()
    claim(1)
    lost, _ = caller.get(LOGS).get_json()
    assert (lost["outcome"], lost["receivedAt"]) == ("lost", None)
    assert lost["retryReason"] == "The worker died during this attempt, or could not record what came of it."


def test_a_test_is_marked_as_one_everywhere(app: Flask, make: Factory, owner: Organisation, caller: Caller) -> None:
    with Receiver() as receiver:
        webhook = make.webhook(owner, receiver.url)
        delivery_id = samples.send_test(owner.actor, webhook.id)
        deliver_all(app)
    assert [entry["test"] for entry in caller.get(f"{LOGS}?deliveryId={delivery_id}").get_json()] == [True]
    assert caller.get(f"/v3/webhooks/{webhook.id}/deliveries/{delivery_id}").get_json()["test"] is True


@pytest.mark.parametrize(
    ("query", "numbers"),
    [
        ("", [1, 2]),
        ("sort=-createdAt", [2, 1]),
        ("event=release.created", [1, 2]),
        ("event=release.updated", []),
        ("event[sw]=release.", [1, 2]),
        ("event[ne]=release.created", []),
        ("statusCode=500", [1]),
        ("statusCode[lt]=300", [2]),
        ("statusCode[gte]=500", [1]),
        ("outcome=success", [2]),
        ("outcome[in]=failed,lost", [1]),
        ("outcome[ne]=success", [1]),
        ("createdAt[gte]=2000-01-01T00:00:00Z", [1, 2]),
        ("createdAt[lt]=2000-01-01T00:00:00+01:00", []),
        ("limit=1", [1]),
        ("limit=1&page=2", [2]),
        ("limit=1&page=3", []),
    ],
)
@pytest.mark.usefixtures("told")
def test_the_log_can_be_filtered(caller: Caller, query: str, numbers: list[int]) -> None:
    assert [entry["attempt"] for entry in caller.get(f"{LOGS}?{query}").get_json()] == numbers


def test_the_log_can_be_filtered_by_whom_and_what_it_is_about(
    make: Factory, owner: Organisation, caller: Caller, told: dict[str, Any]
) -> None:
    delivery = get_delivery()
    make.webhook(owner, "http://127.0.0.1:9/")
    other = create_release(make, owner, caller, "2.0")
    claim(16)
    for query in (
        f"webhookId={delivery.webhook_id}&releaseId={told['id']}",
        f"deliveryId={delivery.id}",
        f"releaseId={told['id']}",
        f"releaseId[ne]={other['id']}",
        f"releaseId[in]={told['id']},{owner.tenant_id}",
    ):
        entries = caller.get(f"{LOGS}?{query}").get_json()
        assert [(entry["deliveryId"], entry["attempt"]) for entry in entries] == [(delivery.id, 1), (delivery.id, 2)]


@pytest.mark.parametrize(
    "query",
    ["statusCode=x", "statusCode=99", "outcome=gone", "outcome[gt]=lost", "createdAt[gt]=now", "event[gt]=x",
     "deliveryId[cn]=x", "limit=0", "cursor=x", "sort=statusCode", "event=%00"],
)  # fmt: skip
def test_the_log_refuses_what_makes_no_sense_by_name(caller: Caller, query: str) -> None:
    answer = caller.get(f"{LOGS}?{query}")
    assert answer.status_code == 400
    assert answer.get_json()["errors"][0]["field"] == query.partition("=")[0]


def test_the_log_goes_on_by_link_without_a_gap_or_a_double(make: Factory, owner: Organisation, caller: Caller) -> None:
    make.webhook(owner, "http://127.0.0.1:9/")
    for number in range(5):
        create_release(make, owner, caller, f"1.{number}")
    claim(5)
    # Claimed by one statement, they may have begun at one moment.
    with transaction() as session:
        session.execute(update(Attempt).values(started_at=select(Attempt.started_at).limit(1).scalar_subquery()))
    for sort in ("", "&sort=-createdAt"):
        seen, url = [], f"{LOGS}?limit=2{sort}"
        while url:
            answer = caller.get(url)
            seen += [entry["id"] for entry in answer.get_json()]
            url = answer.headers.get("Link", "").partition(">")[0].removeprefix("<http://localhost:8000")
        assert len(seen) == len(set(seen)) == 5


def test_an_id_of_nothing_is_not_found(caller: Caller, told: dict[str, Any]) -> None:
    entry_id = caller.get(LOGS).get_json()[0]["id"]
    for unknown in (entry_id[:-1] + "9", get_delivery().id, told["id"], "x", entry_id.upper()):
        assert caller.get(f"{LOGS}/{unknown}").status_code == 404


def test_a_delivery_is_shown_with_its_body_and_its_attempts(caller: Caller, told: dict[str, Any]) -> None:
    delivery = get_delivery()
    path = f"/v3/webhooks/{delivery.webhook_id}/deliveries"
    (listed,) = caller.get(path).get_json()
    assert list(listed) == DELIVERY_MEMBERS
    assert (listed["state"], listed["attempts"], listed["entityId"]) == ("delivered", 2, told["id"])
    assert delivery.delivered_at is not None
    assert listed["deliveredAt"] == format_time(delivery.delivered_at)
    assert listed["updatedAt"] == format_time(delivery.updated_at)
    shown = caller.get(f"{path}/{delivery.id}").get_json()
    assert {name: shown[name] for name in DELIVERY_MEMBERS} == listed
    assert shown["log"] == caller.get(LOGS).get_json()
    assert shown["requestBody"].encode() == db.session.scalars(select(Event.body)).one()
    assert json.loads(shown["requestBody"])["data"] == told


def test_a_delivery_is_found_at_its_own_webhook_only(make: Factory, owner: Organisation, caller: Caller) -> None:
    first, second = (make.webhook(owner, f"http://127.0.0.1:9/{name}") for name in "ab")
    create_release(make, owner, caller)
    (listed,) = caller.get(f"/v3/webhooks/{first.id}/deliveries").get_json()
    assert caller.get(f"/v3/webhooks/{first.id}/deliveries/{listed['id']}").status_code == 200
    assert caller.get(f"/v3/webhooks/{second.id}/deliveries/{listed['id']}").status_code == 404
    assert caller.post(f"/v3/webhooks/{second.id}/deliveries/{listed['id']}/resend").status_code == 404
    # Its webhook deleted, it stands in the log alone.
    claim(16)
    assert caller.request("DELETE", f"/v3/webhooks/{first.id}").status_code == 204
    assert caller.get(f"/v3/webhooks/{first.id}/deliveries").status_code == 404
    assert len(caller.get(f"{LOGS}?webhookId={first.id}").get_json()) == 1


def test_scopes_are_checked(make: Factory, owner: Organisation, told: dict[str, Any]) -> None:
    assert told
    delivery = get_delivery()
    path = f"/v3/webhooks/{delivery.webhook_id}/deliveries"
    reader, other = make.caller(owner, "webhook:read"), make.caller(owner, "release:read", "release:write")
    for url in (LOGS, path, f"{path}/{delivery.id}"):
        assert reader.get(url).status_code == 200
        assert other.get(url).status_code == 403
    answer = reader.post(f"{path}/{delivery.id}/resend")
    assert (answer.status_code, answer.get_json()["scope"]) == (403, "webhook:write")
    db.session.rollback()
    assert db.session.scalars(select(Delivery.attempts_before)).one() == 0


def test_the_log_of_one_tenant_holds_nothing_of_another(make: Factory, caller: Caller, told: dict[str, Any]) -> None:
    entry = caller.get(LOGS).get_json()[0]
    stranger = make.caller(make.organisation())
    for query in (
        "", f"?deliveryId={entry['deliveryId']}", f"?releaseId={told['id']}", "?event=release.created",
        f"?webhookId={entry['webhookId']}", "?createdAt[gt]=2000-01-01T00:00:00Z",
    ):  # fmt: skip
        assert stranger.get(f"{LOGS}{query}").get_json() == []
    assert stranger.get(f"{LOGS}/{entry['id']}").status_code == 404
    # At a webhook of one's own, the delivery of another's is not found either.
    own = stranger.post(
        "/v3/webhooks", json={"name": "Own", "url": "http://127.0.0.1:9/", "events": ["release.created"]}
    )
    path = f"/v3/webhooks/{own.get_json()['id']}/deliveries/{entry['deliveryId']}"
    assert stranger.get(path).status_code == stranger.post(f"{path}/resend").status_code == 404
