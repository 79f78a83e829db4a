"""``PATCH /v3/releases/{id}``: what changes, what does not, and what it owes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.releases.models import Release, ReleaseSlot
from tests.factories import Caller, Factory, Organisation
from tests.recorded import list_event_types, read_last_audit, read_last_event


@pytest.fixture
def release(caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
    """A draft."""
    created: dict[str, Any] = caller.post("/v3/releases", json=body).get_json()
    return created


def list_slots(release_id: str) -> set[tuple[str, str]]:
    """Gives channel and platform of each slot that a release holds."""
    db.session.rollback()
    query = select(ReleaseSlot.channel, ReleaseSlot.platform).where(ReleaseSlot.release_id == release_id)
    return {(row.channel, row.platform) for row in db.session.execute(query)}


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"name": "Other"}, {"name": "Other"}),
        ({"version": "1.3"}, {"version": "1.3"}),
        ({"version": "1.2"}, {"version": "1.2"}),
        ({"channel": "beta"}, {"channel": "beta"}),
        ({"platforms": ["macos", "linux"]}, {"platforms": ["macos", "linux"]}),
        ({"platforms": []}, {"platforms": []}),
        ({"platform": "win64"}, {"platforms": ["win64"]}),
        ({"private": True}, {"private": True}),
        ({"notes": "a\r\nb"}, {"notes": "a\nb"}),
        ({"notes": ""}, {"notes": ""}),
        ({"name": "All", "version": "9.9", "channel": "beta", "platforms": ["x"], "private": True, "notes": "n"},) * 2,
    ],
)
def test_what_is_given_changes_and_is_told(
    caller: Caller, release: dict[str, Any], change: dict[str, Any], expected: dict[str, Any]
) -> None:
    answer = caller.request("PATCH", f"/v3/releases/{release['id']}", json=change)
    assert answer.status_code == 200
    changed = answer.get_json()
    assert changed["updatedAt"] > release["updatedAt"]
    assert changed == {**release, **expected, "updatedAt": changed["updatedAt"]}
    assert caller.get(f"/v3/releases/{release['id']}").get_json() == changed
    assert list_event_types() == ["release.created", "release.updated"]
    assert read_last_event() == ("release.updated", changed)
    before = {name: release[name] for name in expected}
    assert read_last_audit() == ("release.updated", release["id"], {"before": before, "after": expected})
    assert list_slots(release["id"]) == {(changed["channel"], platform) for platform in changed["platforms"] or [""]}


@pytest.mark.parametrize(
    "change",
    [
        {},
        dict.fromkeys(("name", "version", "channel", "platforms", "private", "notes", "productId", "createdAt")),
        {"name": "My App 1.2", "notes": "# hi"},
        {"platforms": ["windows", "linux", "windows"]},
        {"createdAt": "2019-08-24T16:15:22+02:00"},
        {"published": True, "id": "x"},
    ],
)
def test_what_changes_nothing_owes_nothing(caller: Caller, release: dict[str, Any], change: dict[str, Any]) -> None:
    answer = caller.request("PATCH", f"/v3/releases/{release['id']}", json=change)
    assert (answer.status_code, answer.get_json()) == (200, release)
    assert list_event_types() == ["release.created"]
    assert read_last_audit()[0] == "release.created"


def test_product_and_creation_time_cannot_change_and_all_errors_come_at_once(
    make: Factory, owner: Organisation, caller: Caller, release: dict[str, Any]
) -> None:
    change = {"name": "", "productId": make.product(owner).id, "createdAt": "2019-08-24T14:15:23Z"}
    answer = caller.request("PATCH", f"/v3/releases/{release['id']}", json=change)
    assert answer.status_code == 400
    assert [(error["field"], error["code"], error["message"]) for error in answer.get_json()["errors"]] == [
        ("name", "required", "Name is required."),
        ("productId", "not_changeable", "Product cannot be changed: a release stays with its product."),
        ("createdAt", "not_changeable", "Created at cannot be changed: it is 2019-08-24T14:15:22Z."),
    ]
    assert list_event_types() == ["release.created"]


def test_unknown_fields_are_named_or_refused_if_one_is_strict(caller: Caller, release: dict[str, Any]) -> None:
    path = f"/v3/releases/{release['id']}"
    answer = caller.request("PATCH", path, json={"name": "Other", "archived": True})
    assert (answer.status_code, answer.headers["Slipway-Ignored-Fields"]) == (200, "archived")
    strict = caller.request("PATCH", f"{path}?strict=true", json={"archived": True})
    assert [error["field"] for error in strict.get_json()["errors"]] == ["archived"]


def test_a_published_release_is_read_only(caller: Caller, release: dict[str, Any]) -> None:
    published = caller.post(f"/v3/releases/{release['id']}/publish").get_json()
    answer = caller.request("PATCH", f"/v3/releases/{release['id']}", json={"name": "Other"})
    assert (answer.status_code, answer.get_json()["code"]) == (409, "conflict")
    assert caller.get(f"/v3/releases/{release['id']}").get_json() == published
    assert list_event_types() == ["release.created", "release.published"]


def test_another_release_on_the_place_is_a_conflict_that_names_it(
    caller: Caller, body: dict[str, Any], release: dict[str, Any]
) -> None:
    other = caller.post("/v3/releases", json={**body, "version": "1.3", "platforms": ["macos"]}).get_json()
    change = {"version": "1.3.0.0", "platforms": ["windows", "macos"]}
    answer = caller.request("PATCH", f"/v3/releases/{release['id']}", json=change)
    assert answer.status_code == 409
    url = f"http://localhost:8000/v3/releases/{other['id']}"
    problem = answer.get_json()
    assert (problem["code"], problem["existing"]) == ("duplicate_release", {"id": other["id"], "url": url})
    assert problem["message"] == "Version 1.3 exists already on channel stable, as another release."
    assert answer.headers["Location"] == url
    assert caller.get(f"/v3/releases/{release['id']}").get_json() == release
    assert list_slots(release["id"]) == {("stable", "linux"), ("stable", "windows")}
    assert list_event_types() == ["release.created", "release.created"]


def test_a_place_that_was_left_is_free(caller: Caller, body: dict[str, Any], release: dict[str, Any]) -> None:
    caller.request("PATCH", f"/v3/releases/{release['id']}", json={"channel": "beta"})
    assert caller.post("/v3/releases", json=body).status_code == 201
    assert caller.post("/v3/releases", json={**body, "channel": "beta", "name": "x"}).status_code == 409


def test_new_notes_are_rendered_anew(
    make: Factory, owner: Organisation, caller: Caller, release: dict[str, Any]
) -> None:
    browser = make.browser(owner)
    assert "<h1>hi</h1>" in browser.get(f"/releases/{release['id']}").text
    caller.request("PATCH", f"/v3/releases/{release['id']}", json={"notes": "**new**"})
    page = browser.get(f"/releases/{release['id']}").text
    assert "<strong>new</strong>" in page
    assert "<h1>hi</h1>" not in page


def send_at_once(app: Flask, caller: Caller, requests: list[tuple[str, dict[str, Any]]]) -> list[int]:
    """Sends PATCH requests, each a path and a body, at one instant; gives their statuses."""
    barrier = threading.Barrier(len(requests))

    def send(request: tuple[str, dict[str, Any]]) -> int:
        path, body = request
        barrier.wait()
        client = Caller(app.test_client(), caller.token)
        return client.request("PATCH", path, json=body).status_code

    with ThreadPoolExecutor(len(requests)) as pool:
        return list(pool.map(send, requests))


def test_changes_of_one_release_at_once_all_count_and_none_is_lost(
    app: Flask, caller: Caller, release: dict[str, Any]
) -> None:
    changes: list[dict[str, Any]] = [{"name": "Other"}, {"channel": "beta"}, {"platforms": ["macos"]}, {"notes": "n"}]
    path = f"/v3/releases/{release['id']}"
    assert send_at_once(app, caller, [(path, change) for change in changes]) == [200] * 4
    stored = caller.get(path).get_json()
    assert [stored[name] for change in changes for name in change] == ["Other", "beta", ["macos"], "n"]
    assert list_slots(release["id"]) == {("beta", "macos")}
    assert list_event_types() == ["release.created"] + ["release.updated"] * 4
    # The last to come told of all.
    assert read_last_event()[1] == stored


def test_of_those_that_want_one_place_at_once_one_gets_it(app: Flask, caller: Caller, body: dict[str, Any]) -> None:
    ids = [caller.post("/v3/releases", json={**body, "version": f"2.{number}"}).get_json()["id"] for number in range(6)]
    wanted = [["linux", "windows"], ["windows", "linux"]] * 3
    changes = [
        (f"/v3/releases/{release_id}", {"version": "3.0", "platforms": platforms})
        for release_id, platforms in zip(ids, wanted, strict=True)
    ]
    assert sorted(send_at_once(app, caller, changes)) == [200] + [409] * 5
    db.session.rollback()
    (winner,) = db.session.scalars(select(Release).where(Release.version == "3.0"))
    assert list_slots(winner.id) == {("stable", "linux"), ("stable", "windows")}
    assert all(len(list_slots(release_id)) == 2 for release_id in ids)


def test_two_that_would_change_places_are_refused_and_neither_waits_for_the_other(
    app: Flask, caller: Caller, body: dict[str, Any]
) -> None:
    ids = {
        version: caller.post("/v3/releases", json={**body, "version": version}).get_json()["id"]
        for version in ("1.0", "2.0")
    }
    changes = [(f"/v3/releases/{ids['1.0']}", {"version": "2.0"}), (f"/v3/releases/{ids['2.0']}", {"version": "1.0"})]
    assert send_at_once(app, caller, changes) == [409, 409]
