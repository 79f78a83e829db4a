"""``/v3/release-files``, member for member: what is added, listed and taken off, and what it owes."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.database import transaction
from app.files.models import ReleaseFile
from app.releases.models import Release
from tests.corpora import load_corpus
from tests.counting import count, watching_statements
from tests.factories import Caller, Factory, Organisation
from tests.recorded import FILE, list_event_types, list_events, read_last_audit, read_last_event

MEMBERS = [
    "id", "createdAt", "updatedAt", "name", "url", "size", "downloads", "extension", "checksum", "secured", "published",
    "releaseId", "releaseName",
]  # fmt: skip
NAMES = [json.loads(row["name_json"]) for row in load_corpus("file_names")["cases"]]


@pytest.fixture
def release(caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
    """A draft."""
    created: dict[str, Any] = caller.post("/v3/releases", json=body).get_json()
    return created


def add(caller: Caller, release: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Adds a file; gives what the API answered."""
    answer = caller.post("/v3/release-files", json={**FILE, "releaseId": release["id"], **members})
    assert answer.status_code == 201, answer.text
    added: dict[str, Any] = answer.get_json()
    return added


def test_a_file_is_added_member_for_member_and_told(caller: Caller, release: dict[str, Any]) -> None:
    sent = {**FILE, "releaseId": release["id"], "external": True}
    answer = caller.post("/v3/release-files", json=sent)
    assert answer.status_code == 201
    added = answer.get_json()
    assert list(added) == MEMBERS
    assert {name: added[name] for name in FILE} == FILE
    assert (added["extension"], added["downloads"], added["published"]) == (".gz", 0, False)
    assert (added["releaseId"], added["releaseName"]) == (release["id"], release["name"])
    assert answer.headers["Location"] == f"http://localhost:8000/v3/release-files/{added['id']}"
    assert "Slipway-Ignored-Fields" not in answer.headers
    assert caller.get(f"/v3/release-files/{added['id']}").get_json() == added

    after = caller.get(f"/v3/releases/{release['id']}").get_json()
    assert after == {**release, "totalFiles": 1, "files": [added], "updatedAt": added["createdAt"]}
    assert list_event_types() == ["release.created", "release.file.created"]
    assert read_last_event() == ("release.file.created", added)
    assert list_events()[-1].entity_id == release["id"]
    assert read_last_audit() == ("release.file.created", release["id"], {"file": added})


def test_a_file_that_is_taken_off_leaves_the_release_and_that_is_told(caller: Caller, release: dict[str, Any]) -> None:
    kept, gone = add(caller, release), add(caller, release, name="other.zip")
    answer = caller.request("DELETE", f"/v3/release-files/{gone['id']}")
    assert (answer.status_code, answer.data) == (204, b"")
    after = caller.get(f"/v3/releases/{release['id']}").get_json()
    assert (after["totalFiles"], after["files"]) == (1, [kept])
    assert after["updatedAt"] > gone["updatedAt"]
    assert list_event_types()[-1] == "release.updated"
    assert read_last_event() == ("release.updated", after)
    assert read_last_audit()[2] == {"before": {"file": gone}, "after": {"file": None}}
    assert caller.request("DELETE", f"/v3/release-files/{gone['id']}").status_code == 404


@pytest.mark.parametrize("name", ["Rocket-1.2.TAR.gz", "rocket-1.2.tar.gz"])
def test_a_name_is_taken_once_in_a_release_whatever_its_case(
    caller: Caller, body: dict[str, Any], release: dict[str, Any], name: str
) -> None:
    add(caller, release)
    refused = caller.post("/v3/release-files", json={**FILE, "name": name, "size": 1, "releaseId": release["id"]})
    message = f"This release has a file with the name {name} already."
    assert (refused.status_code, refused.get_json()["message"]) == (409, message)
    assert caller.get(f"/v3/releases/{release['id']}").get_json()["totalFiles"] == 1
    assert list_event_types() == ["release.created", "release.file.created"]
    other = caller.post("/v3/releases", json={**body, "version": "2.0"}).get_json()
    assert add(caller, other, name=name)["name"] == name


def test_the_files_of_a_published_release_stay_as_they_are(caller: Caller, release: dict[str, Any]) -> None:
    added = add(caller, release)
    caller.post(f"/v3/releases/{release['id']}/publish")
    refused = [
        caller.post("/v3/release-files", json={**FILE, "name": "late.zip", "releaseId": release["id"]}),
        caller.request("DELETE", f"/v3/release-files/{added['id']}"),
    ]
    for answer in refused:
        assert (answer.status_code, answer.get_json()["code"]) == (403, "release_published")
        assert "WWW-Authenticate" not in answer.headers
    stored = caller.get(f"/v3/release-files/{added['id']}").get_json()
    assert stored == {**added, "published": True}
    assert caller.get(f"/v3/releases/{release['id']}").get_json()["files"] == [stored]
    assert list_event_types()[-1] == "release.published"


def test_a_release_that_is_not_the_tenants_is_an_error_of_its_field(
    make: Factory, caller: Caller, release: dict[str, Any]
) -> None:
    stranger = make.caller(make.organisation())
    answers = [
        stranger.post("/v3/release-files", json={**FILE, "name": "", "releaseId": release_id})
        for release_id in (release["id"], "0f8fad5b-d9cb-469f-a165-70867728950e", "nobody", release["id"].upper())
    ]
    for answer in answers:
        assert answer.status_code == 400
        assert [(error["field"], error["code"]) for error in answer.get_json()["errors"]] == [
            ("name", "required"),
            ("releaseId", "unknown_release"),
        ]
    assert count(ReleaseFile) == 0


def test_a_list_holds_the_files_of_a_release_in_pages(
    make: Factory, caller: Caller, body: dict[str, Any], release: dict[str, Any]
) -> None:
    other = caller.post("/v3/releases", json={**body, "version": "2.0"}).get_json()
    files = [add(caller, release, name=f"{number}.zip") for number in (100, 200, 300)]
    add(caller, other)
    url = f"/v3/release-files?releaseId={release['id']}"
    assert caller.get(url).get_json() == files
    assert caller.get(f"{url}&page=2&limit=2").get_json() == files[2:]
    assert caller.get(f"{url}&page=3&limit=2").get_json() == []
    assert caller.get(f"{url}&sort=-createdAt").get_json() == files[::-1]
    link = caller.get(f"{url}&limit=2").headers["Link"].partition(">")[0].removeprefix("<http://localhost:8000")
    assert caller.get(link).get_json() == files[2:]
    assert len(caller.get("/v3/release-files").get_json()) == 4
    assert caller.get("/v3/release-files?releaseId=nobody").get_json() == []
    assert make.caller(make.organisation()).get(url).get_json() == []
    refused = caller.get(f"{url}&limit=0&page=x")
    assert [error["field"] for error in refused.get_json()["errors"]] == ["limit", "page"]


def test_the_files_of_a_list_of_releases_come_by_one_query(
    caller: Caller, body: dict[str, Any], release: dict[str, Any]
) -> None:
    for number in range(5):
        other = caller.post("/v3/releases", json={**body, "version": f"2.{number}"}).get_json()
        add(caller, other)
        add(caller, other, name="more.zip")
    with watching_statements() as statements:
        found = caller.get("/v3/releases").get_json()
    assert sorted(len(item["files"]) for item in found) == [0, 2, 2, 2, 2, 2]
    assert len([statement for statement in statements if "release_files" in statement]) == 1


def test_a_release_has_a_limit_of_files(caller: Caller, release: dict[str, Any]) -> None:
    with transaction() as session:
        session.execute(update(Release).values(total_files=200))
    refused = caller.post("/v3/release-files", json={**FILE, "releaseId": release["id"]})
    assert (refused.status_code, refused.get_json()["message"]) == (409, "A release has at most 200 files.")


def test_files_that_come_at_once_are_all_counted(app: Flask, caller: Caller, release: dict[str, Any]) -> None:
    barrier = threading.Barrier(8)

    def send(number: int) -> int:
        barrier.wait()
        sent = {**FILE, "name": f"part{number % 4}.zip", "size": number, "releaseId": release["id"]}
        return Caller(app.test_client(), caller.token).post("/v3/release-files", json=sent).status_code

    with ThreadPoolExecutor(8) as pool:
        statuses = sorted(pool.map(send, range(8)))
    assert statuses == [201] * 4 + [409] * 4
    after = caller.get(f"/v3/releases/{release['id']}").get_json()
    assert (after["totalFiles"], len(after["files"])) == (4, 4)
    assert list_event_types().count("release.file.created") == 4


@pytest.mark.parametrize("name", NAMES, ids=ascii)
def test_no_name_of_the_corpus_is_a_failure_or_comes_back_changed(
    make: Factory, owner: Organisation, caller: Caller, release: dict[str, Any], name: str
) -> None:
    body = json.dumps({**FILE, "name": name, "releaseId": release["id"]})
    answer = caller.post("/v3/release-files", data=body, headers={"Content-Type": "application/json"})
    if answer.status_code == 201:
        assert answer.get_json()["name"] == name
        assert make.browser(owner).get(f"/releases/{release['id']}").status_code == 200
    else:
        assert (answer.status_code, [error["field"] for error in answer.get_json()["errors"]]) == (400, ["name"])
        assert count(ReleaseFile) == 0


@pytest.mark.parametrize(("method", "scope"), [("GET", "release:read"), ("DELETE", "release:write")])
def test_each_door_needs_its_scope(
    make: Factory, owner: Organisation, caller: Caller, release: dict[str, Any], method: str, scope: str
) -> None:
    added = add(caller, release)
    other = make.caller(owner, "release:write" if scope == "release:read" else "release:read")
    answer = other.request(method, f"/v3/release-files/{added['id']}")
    assert (answer.status_code, answer.get_json()["scope"]) == (403, scope)
    if scope == "release:write":
        assert other.post("/v3/release-files", json=FILE).status_code == 403
