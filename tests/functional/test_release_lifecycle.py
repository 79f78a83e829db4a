"""Publish, archive, unarchive and delete: which may follow which, and what each owes."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.files.models import ReleaseFile
from app.idempotency.models import IdempotencyKey
from app.products.models import Product
from app.releases.models import Release, ReleaseSlot
from tests.counting import count
from tests.factories import Caller, Factory, Organisation
from tests.recorded import FILE, list_event_types, list_events, read_last_audit, read_last_event


@pytest.fixture
def product(make: Factory, owner: Organisation) -> Product:
    """A product of the organisation."""
    return make.product(owner)


@pytest.fixture
def release(caller: Caller, product: Product) -> dict[str, Any]:
    """A draft."""
    body = {"name": "Rocket 1.2", "version": "1.2", "platforms": ["linux", "macos"], "productId": product.id}
    answer = caller.post("/v3/releases", json=body, headers={"Idempotency-Key": "build-4711"})
    created: dict[str, Any] = answer.get_json()
    return created


def take(caller: Caller, release: dict[str, Any], step: str) -> dict[str, Any]:
    """Takes a step that must go well; gives the release as the API answers it."""
    answer = caller.post(f"/v3/releases/{release['id']}/{step}")
    assert answer.status_code == 200, answer.text
    after: dict[str, Any] = answer.get_json()
    assert caller.get(f"/v3/releases/{release['id']}").get_json() == after
    return after


@pytest.mark.parametrize("is_published", [False, True])
def test_archiving_is_told_once_and_can_be_undone(caller: Caller, release: dict[str, Any], is_published: bool) -> None:
    before = take(caller, release, "publish") if is_published else release
    archived = take(caller, release, "archive")
    assert archived == {**before, "archived": True, "updatedAt": archived["updatedAt"]}
    assert archived["updatedAt"] > before["updatedAt"]
    assert read_last_event() == ("release.archived", archived)
    assert read_last_audit() == ("release.archived", release["id"], {"version": "1.2"})
    again = caller.post(f"/v3/releases/{release['id']}/archive")
    assert (again.status_code, again.get_json()["message"]) == (409, "This release is archived already.")

    back = take(caller, release, "unarchive")
    assert back == {**before, "updatedAt": back["updatedAt"]}
    assert read_last_event() == ("release.updated", back)
    assert read_last_audit()[2] == {"before": {"archived": True}, "after": {"archived": False}}
    again = caller.post(f"/v3/releases/{release['id']}/unarchive")
    assert (again.status_code, again.get_json()["message"]) == (409, "This release is not archived.")
    assert list_event_types()[-2:] == ["release.archived", "release.updated"]


def test_an_archived_draft_is_not_published_before_it_is_taken_out(caller: Caller, release: dict[str, Any]) -> None:
    take(caller, release, "archive")
    refused = caller.post(f"/v3/releases/{release['id']}/publish")
    expected = "This release is archived: unarchive it before you publish it."
    assert (refused.status_code, refused.get_json()["message"]) == (409, expected)
    assert list_event_types() == ["release.created", "release.archived"]
    take(caller, release, "unarchive")
    assert take(caller, release, "publish")["published"] is True


def test_an_archived_draft_can_still_be_changed_and_keeps_its_place(caller: Caller, release: dict[str, Any]) -> None:
    take(caller, release, "archive")
    answer = caller.request("PATCH", f"/v3/releases/{release['id']}", json={"notes": "withdrawn"})
    assert (answer.status_code, answer.get_json()["archived"]) == (200, True)
    body = {"name": "Other", "version": "1.2", "platforms": ["linux"], "productId": release["productId"]}
    assert caller.post("/v3/releases", json=body).status_code == 409


def test_customers_miss_what_is_archived_until_it_is_taken_out(
    client: FlaskClient, owner: Organisation, caller: Caller, product: Product, release: dict[str, Any]
) -> None:
    path = f"/{owner.slug}/{product.slug}"
    take(caller, release, "publish")
    assert "Rocket 1.2" in client.get(path).text
    take(caller, release, "archive")
    assert "Rocket 1.2" not in client.get(path).text
    take(caller, release, "unarchive")
    assert "Rocket 1.2" in client.get(path).text


def test_a_draft_is_deleted_with_all_that_is_its_own_and_told_as_it_was(
    caller: Caller, release: dict[str, Any]
) -> None:
    path = f"/v3/releases/{release['id']}"
    assert caller.post("/v3/release-files", json={**FILE, "releaseId": release["id"]}).status_code == 201
    before = caller.get(path).get_json()
    answer = caller.request("DELETE", path)
    assert (answer.status_code, answer.data) == (204, b"")
    assert [count(model) for model in (Release, ReleaseSlot, IdempotencyKey, ReleaseFile)] == [0] * 4
    assert read_last_event() == ("release.deleted", before)
    assert before["totalFiles"] == 1
    assert list_events()[-1].entity_id == release["id"]
    details = {"name": "Rocket 1.2", "version": "1.2", "channel": "stable"}
    assert read_last_audit() == ("release.deleted", release["id"], details)
    assert [caller.get(path).status_code, caller.request("DELETE", path).status_code] == [404, 404]


def test_after_a_delete_place_and_idempotency_key_are_free(caller: Caller, release: dict[str, Any]) -> None:
    caller.request("DELETE", f"/v3/releases/{release['id']}")
    body = {"name": "Again", "version": "1.2", "platforms": ["linux"], "productId": release["productId"]}
    answer = caller.post("/v3/releases", json=body, headers={"Idempotency-Key": "build-4711"})
    assert answer.status_code == 201
    assert answer.get_json()["id"] != release["id"]


@pytest.mark.parametrize("is_archived", [False, True])
def test_what_was_published_is_not_deleted(caller: Caller, release: dict[str, Any], is_archived: bool) -> None:
    take(caller, release, "publish")
    if is_archived:
        take(caller, release, "archive")
    owed = list_event_types()
    answer = caller.request("DELETE", f"/v3/releases/{release['id']}")
    expected = "This release is published, and read-only from then on: archive it instead."
    assert (answer.status_code, answer.get_json()["message"]) == (409, expected)
    assert list_event_types() == owed


def test_of_many_who_take_one_step_at_once_one_does_and_it_is_told_once(
    app: Flask, caller: Caller, release: dict[str, Any]
) -> None:
    path = f"/v3/releases/{release['id']}"
    for method, target, won in (("POST", f"{path}/archive", 200), ("DELETE", path, 204)):
        barrier = threading.Barrier(8)

        def send(_: int, *, method: str = method, target: str = target, barrier: threading.Barrier = barrier) -> int:
            barrier.wait()
            return Caller(app.test_client(), caller.token).request(method, target).status_code

        with ThreadPoolExecutor(8) as pool:
            statuses = sorted(pool.map(send, range(8)))
        assert statuses == sorted([won] + [409 if won == 200 else 404] * 7)
    assert list_event_types() == ["release.created", "release.archived", "release.deleted"]


def test_creates_and_deletes_of_one_place_at_once_never_fail(app: Flask, caller: Caller, product: Product) -> None:
    body = {"name": "App", "version": "7.0", "productId": product.id}

    def work(number: int) -> list[int]:
        client = Caller(app.test_client(), caller.token)
        statuses = []
        for turn in range(6):
            key = {"Idempotency-Key": f"key-{turn}"} if number % 2 else {}
            created = client.post("/v3/releases", json=body, headers=key)
            statuses.append(created.status_code)
            statuses.append(client.request("DELETE", f"/v3/releases/{created.get_json().get('id')}").status_code)
        return statuses

    with ThreadPoolExecutor(6) as pool:
        statuses = [status for found in pool.map(work, range(6)) for status in found]
    assert set(statuses) <= {200, 201, 204, 404}
    types = list_event_types()
    assert types.count("release.created") == statuses.count(201)
    assert types.count("release.deleted") == statuses.count(204) == statuses.count(201) - count(Release)


@pytest.mark.parametrize(
    ("method", "path"),
    [("PATCH", ""), ("DELETE", ""), ("POST", "/archive"), ("POST", "/unarchive"), ("POST", "/publish")],
)
def test_each_step_needs_the_scope_to_write(
    make: Factory, owner: Organisation, release: dict[str, Any], method: str, path: str
) -> None:
    reader = make.caller(owner, "release:read")
    options = {"json": {"name": "x"}} if method == "PATCH" else {}
    answer = reader.request(method, f"/v3/releases/{release['id']}{path}", **options)
    assert (answer.status_code, answer.get_json()["scope"]) == (403, "release:write")
    assert list_event_types() == ["release.created"]
