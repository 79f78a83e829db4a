"""A draft that was deleted comes back as it was, once, while its place is free."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from app.database import clock, transaction
from app.extensions import db
from app.products.models import Product
from app.releases.models import DeletedRelease, Release, ReleaseSlot
from app.webhooks import retention
from tests.counting import count
from tests.factories import Caller, Factory, Organisation
from tests.history import DAY
from tests.portal import Site
from tests.recorded import FILE, list_event_types, read_last_audit, read_last_event


@pytest.fixture
def site(make: Factory, owner: Organisation) -> Site:
    """The portal, seen by its owner."""
    return Site(make, owner)


@pytest.fixture
def release(caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
    """A draft with a file and notes that need care, archived."""
    created = caller.post("/v3/releases", json={**body, "notes": "größer 😀\n\n\\u0000 <b>"}).get_json()
    caller.post("/v3/release-files", json={**FILE, "size": 2**53, "releaseId": created["id"]})
    answered: dict[str, Any] = caller.post(f"/v3/releases/{created['id']}/archive", json={"reason": "Why"}).get_json()
    return answered


def age(days: float) -> None:
    """Lets what was deleted have been deleted so long ago."""
    with transaction() as session:
        session.execute(update(DeletedRelease).values(deleted_at=clock(-days * DAY)))


@pytest.mark.parametrize("door", ["form", "api"])
def test_undo_brings_back_all_of_it_under_its_id(
    site: Site, caller: Caller, owner: Organisation, release: dict[str, Any], door: str
) -> None:
    path = f"/releases/{release['id']}"
    if door == "form":
        assert site.post(f"{path}/delete").headers["Location"] == "/releases"
        page = site.get("/releases")
        assert "Release 1.2.0 was deleted." in page
        assert f'action="{path}/restore"' in page
    else:
        assert caller.request("DELETE", f"/v3{path}").status_code == 204
    assert (count(Release), count(DeletedRelease)) == (0, 1)
    assert "1.2.0" in site.get("/releases/deleted")
    gone = site.get(path, 404)
    assert "Release 1.2.0 was deleted" in gone
    assert f"{owner.email} deleted it at" in gone
    if door == "form":
        assert site.post(f"{path}/restore").headers["Location"] == path
        assert "Release 1.2.0 is back, as it was." in site.get(path)
    else:
        restored = caller.post(f"/v3{path}/restore")
        assert (restored.status_code, "Idempotent-Replayed" in restored.headers) == (200, False)
    back = caller.get(f"/v3{path}").get_json()
    assert back == {**release, "updatedAt": back["updatedAt"]}
    assert back["updatedAt"] > release["updatedAt"]
    db.session.rollback()
    assert (count(ReleaseSlot), count(DeletedRelease)) == (2, 0)
    assert db.session.scalars(select(Release.archive_reason)).one() == "Why"
    # Receivers were told that it is gone, so they are told that it is there.
    assert read_last_event() == ("release.created", back)
    assert read_last_audit() == ("release.restored", release["id"], {"version": "1.2.0"})
    assert "brought it back after it was deleted." in site.get(f"{path}/history")


def test_a_second_click_does_nothing_and_says_the_same(
    app: Flask, site: Site, caller: Caller, release: dict[str, Any]
) -> None:
    path = f"/releases/{release['id']}"
    for _ in range(2):
        assert site.post(f"{path}/delete").status_code == 303
    barrier = threading.Barrier(4)

    def restore(_: int) -> tuple[int, bool]:
        barrier.wait(10)
        answer = Caller(app.test_client(), caller.token).post(f"/v3{path}/restore")
        return answer.status_code, "Idempotent-Replayed" in answer.headers

    with ThreadPoolExecutor(4) as pool:
        assert sorted(pool.map(restore, range(4))) == [(200, False), (200, True), (200, True), (200, True)]
    site.post(f"{path}/restore")
    assert "Release 1.2.0 is back, as it was." in site.get(path)
    expected = ["release.created", "release.file.created", "release.archived", "release.deleted", "release.created"]
    assert list_event_types() == expected


def test_where_its_place_is_taken_nothing_comes_back_and_the_one_that_has_it_is_named(
    site: Site, caller: Caller, body: dict[str, Any], release: dict[str, Any]
) -> None:
    path = f"/releases/{release['id']}"
    caller.request("DELETE", f"/v3{path}")
    other = caller.post("/v3/releases", json={**body, "version": "1.2", "platforms": ["windows"]}).get_json()
    refused = caller.post(f"/v3{path}/restore")
    assert (refused.status_code, refused.get_json()["existing"]["id"]) == (409, other["id"])
    message = "Version 1.2.0 exists already on channel stable, as another release. Nothing was restored."
    assert refused.get_json()["message"] == message
    assert site.post(f"{path}/restore").headers["Location"] == "/releases/deleted"
    page = site.get("/releases/deleted")
    assert f'{message} <a href="/releases/{other["id"]}">See the release that exists</a>' in page
    assert (count(Release), count(DeletedRelease), count(ReleaseSlot)) == (1, 1, 1)
    assert list_event_types()[-2:] == ["release.deleted", "release.created"]
    caller.request("DELETE", f"/v3/releases/{other['id']}")
    assert caller.post(f"/v3{path}/restore").status_code == 200


def test_it_does_not_come_back_to_a_product_that_is_gone(caller: Caller, release: dict[str, Any]) -> None:
    caller.request("DELETE", f"/v3/releases/{release['id']}")
    with transaction() as session:
        session.execute(delete(Product))
    refused = caller.post(f"/v3/releases/{release['id']}/restore")
    expected = "The product of this release was deleted. Nothing was restored."
    assert (refused.status_code, refused.get_json()["message"]) == (409, expected)
    assert count(DeletedRelease) == 1


def test_after_seven_days_and_for_others_there_is_nothing_to_undo(
    make: Factory, site: Site, caller: Caller, release: dict[str, Any]
) -> None:
    path = f"/releases/{release['id']}"
    caller.request("DELETE", f"/v3{path}")
    stranger = make.organisation()
    assert make.caller(stranger).post(f"/v3{path}/restore").status_code == 404
    other = Site(make, stranger)
    other.get(path, 404)
    assert "1.2.0" not in other.get("/releases/deleted") + other.get(path, 404)
    age(6.9)
    assert retention.delete_old() is False
    assert "1.2.0" in site.get("/releases/deleted")
    age(7.1)
    assert "Nothing here" in site.get("/releases/deleted")
    assert "was deleted" not in site.get(path, 404)
    assert site.post(f"{path}/restore").status_code == 404
    assert caller.post(f"/v3{path}/restore").status_code == 404
    assert (count(DeletedRelease), retention.delete_old(), count(DeletedRelease)) == (1, True, 0)


def test_its_place_and_its_idempotency_key_stay_free_for_others(caller: Caller, body: dict[str, Any]) -> None:
    key = {"Idempotency-Key": "build-4711"}
    first = caller.post("/v3/releases", json=body, headers=key).get_json()
    caller.request("DELETE", f"/v3/releases/{first['id']}")
    caller.post(f"/v3/releases/{first['id']}/restore")
    # Who sends the same again gets the one that is there.
    again = caller.post("/v3/releases", json=body, headers=key)
    assert (again.status_code, again.get_json()["id"]) == (200, first["id"])


def test_the_list_of_what_was_deleted_goes_on_by_pages(
    site: Site, caller: Caller, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.releases.steps_views._DELETED_PAGE_SIZE", 2)
    for number in range(3):
        created = caller.post("/v3/releases", json={**body, "version": f"7.{number}"}).get_json()
        caller.request("DELETE", f"/v3/releases/{created['id']}")
    first = site.get("/releases/deleted")
    assert [f"7.{number}<" in first for number in range(3)] == [False, True, True]
    address = first.partition('href="/releases/deleted?')[2].partition('"')[0]
    second = site.get(f"/releases/deleted?{address}")
    assert [f"7.{number}<" in second for number in range(3)] == [True, False, False]
