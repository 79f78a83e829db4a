"""The filters of both lists of the API, deliveries and attempts: the same names, the same rules."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from flask import Flask

from app.times import format_time
from app.webhooks import samples
from app.webhooks.models import Webhook
from tests.factories import Caller, Factory, Organisation
from tests.receivers import Receiver
from tests.working import create_release, deliver_all, list_attempts

LOGS = "/v3/webhook-event-logs"
NOBODY = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.fixture
def told(app: Flask, make: Factory, owner: Organisation, caller: Caller) -> tuple[Webhook, list[dict[str, Any]]]:
    """A webhook that was told of two releases, of the second in vain, and got a test; gives it and the releases."""
    with Receiver(statuses=[200, 500]) as receiver:
        webhook = make.webhook(owner, receiver.url, events=["release.created", "release.published"])
        releases = []
        for version in ("1.2", "2.0"):
            releases.append(create_release(make, owner, caller, version))
            deliver_all(app)
        samples.send_test(owner.actor, webhook.id)
        deliver_all(app)
    return webhook, releases


def test_both_lists_give_the_same_for_the_same_filter(
    caller: Caller, told: tuple[Webhook, list[dict[str, Any]]]
) -> None:
    webhook, (first, second) = told
    # The first attempt of each begins after its delivery was written, and before the next one is.
    middle = format_time(list_attempts()[0].started_at)
    expected = {
        "": ["1.2", "2.0", "test"],
        "event=release.created": ["1.2", "2.0"],
        "event[sw]=webhook.": ["test"],
        "event[ne]=webhook.test": ["1.2", "2.0"],
        "event[in]=webhook.test,release.published": ["test"],
        f"releaseId={first['id']}": ["1.2"],
        f"releaseId[in]={first['id']},{second['id']}": ["1.2", "2.0"],
        f"releaseId[ne]={first['id']}": ["2.0", "test"],
        f"releaseId={NOBODY}": [],
        "release=2.": ["2.0"],
        f"release={second['id']}": ["2.0"],
        "release=%25": [],
        "state=delivered": ["1.2", "test"],
        "state=retrying": ["2.0"],
        "state[in]=retrying,dead": ["2.0"],
        "state[ne]=retrying": ["1.2", "test"],
        "state=held": [],
        "createdAt[gt]=2000-01-01T00:00:00Z&createdAt[lt]=2001-01-01T00:00:00Z": [],
        "since=2000-01-01T00:00:00Z&until=2001-01-01T00:00:00Z": [],
        f"createdAt[gt]={quote(middle)}": ["2.0", "test"],
        "event=release.created&release=1.2&state=delivered&sort=-createdAt": ["1.2"],
    }
    names = {first["id"]: "1.2", second["id"]: "2.0", webhook.id: "test"}
    for query, wanted in expected.items():
        for path in (LOGS, f"/v3/webhooks/{webhook.id}/deliveries"):
            answer = caller.get(f"{path}?{query}")
            assert answer.status_code == 200, (path, query)
            assert [names[row["entityId"]] for row in answer.get_json()] == wanted, (path, query)


def test_since_is_the_first_moment_and_until_the_one_after_the_last(
    caller: Caller, told: tuple[Webhook, list[dict[str, Any]]]
) -> None:
    for path in (LOGS, f"/v3/webhooks/{told[0].id}/deliveries"):
        first, second, _ = (row["createdAt"] for row in caller.get(path).get_json())
        for query in (f"since={first}&until={second}", f"createdAt[gte]={first}&createdAt[lt]={second}"):
            assert [row["createdAt"] for row in caller.get(f"{path}?{query}").get_json()] == [first], (path, query)


@pytest.mark.parametrize(
    ("field", "query"),
    [
        ("event", "event=release.exploded"),
        ("event[in]", "event[in]=release.created,bar"),
        ("event", "event=%00"),
        ("state", "state=lost"),
        ("state[gt]", "state[gt]=dead"),
        ("state", "state=dead&state=held"),
        ("releaseId", "releaseId=1.2"),
        ("release[cn]", "release[cn]=1.2"),
        ("release", f"release={'x' * 257}"),
        ("since", "since=yesterday"),
        ("since[lt]", "since[lt]=2020-01-01T00:00:00Z"),
        ("until", "since=2020-01-02T00:00:00Z&until=2020-01-01T00:00:00Z"),
        ("createdAt[cn]", "createdAt[cn]=2020-01-01T00:00:00Z"),
        ("limit", "limit=0"),
        ("cursor", "cursor=x"),
        ("sort", "sort=state"),
        ("webhook", f"webhook={NOBODY}"),
        ("entityId", f"entityId={NOBODY}"),
        ("created_at[gt]", "created_at[gt]=2020-01-01T00:00:00Z"),
        ("Event", "Event=release.created"),
        ("größe", f"{quote('größe')}=1"),
    ],
)
def test_both_lists_refuse_what_makes_no_sense_and_what_they_do_not_know_by_name(
    make: Factory, owner: Organisation, caller: Caller, field: str, query: str
) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/")
    for path in (LOGS, f"/v3/webhooks/{webhook.id}/deliveries"):
        answer = caller.get(f"{path}?{query}")
        assert answer.status_code == 400, path
        assert [error["field"] for error in answer.get_json()["errors"]] == [field], path


@pytest.mark.parametrize("query", ["webhookId=x", "deliveryId=x", "webhookId[in]=x", "statusCode=99", "outcome=gone"])
def test_what_only_attempts_have_is_a_filter_of_their_log_alone(
    make: Factory, owner: Organisation, caller: Caller, query: str
) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/")
    field = query.partition("=")[0]
    (error,) = caller.get(f"{LOGS}?{query}").get_json()["errors"]
    assert (error["field"], "is no parameter" in error["message"]) == (field, False)
    (error,) = caller.get(f"/v3/webhooks/{webhook.id}/deliveries?{query}").get_json()["errors"]
    assert (error["field"], "is no parameter" in error["message"]) == (field, True)


def test_a_state_that_many_are_in_is_found_as_well_as_one_of_a_few(
    caller: Caller, told: tuple[Webhook, list[dict[str, Any]]], monkeypatch: pytest.MonkeyPatch
) -> None:
    few = caller.get(f"{LOGS}?state=delivered").get_json()
    monkeypatch.setattr("app.deliveries.queries._FEW", 1)
    assert len(few) == 2
    assert caller.get(f"{LOGS}?state=delivered").get_json() == few
