"""What is done with a release later has twins, too: form and API give one verdict in one voice, and owe the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from tests.corpora import check_all
from tests.factories import Caller, Factory, Organisation, find_csrf_token
from tests.functional.test_two_doors import SHOWN_AT, build_form, read_form_errors
from tests.recorded import FILE, list_events

pytestmark = pytest.mark.once

# What differs between any two releases, whichever door they came by.
_OWN = ("id", "createdAt", "updatedAt", "publishedAt", "productId", "releaseId")
STORED: dict[str, Any] = {
    "name": "My App 1.2",
    "version": "1.2.0",
    "channel": "stable",
    "platforms": ["windows", "linux"],
    "private": False,
    "notes": "# hi",
}

# One table, through both doors: what is changed in the stored release.
CHANGES: list[dict[str, Any]] = [
    {},
    {"name": "Other"},
    {"name": ""},
    {"name": "\u200b"},
    {"name": "a" * 257},
    {"name": "a\x00b"},
    {"name": "\u202egpj.exe"},
    {"version": "1.2"},
    {"version": "9.9"},
    {"version": ""},
    {"version": "v1"},
    {"version": "1.2.3.4.5"},
    {"version": "1.18446744073709551616"},
    {"version": "7.0"},
    {"channel": "beta"},
    {"channel": ""},
    {"channel": "b" * 257},
    {"channel": "a\nb"},
    {"platforms": []},
    {"platforms": ["linux", "windows"]},
    {"platforms": ["macos"]},
    {"platforms": ["p" * 257]},
    {"platforms": [f"p{number}" for number in range(65)]},
    {"version": "7.0.0", "platforms": ["linux", "odd"]},
    {"private": True},
    {"notes": ""},
    {"notes": "a\r\nb"},
    {"notes": "😀" * 4097},
    {"notes": "[" * 4096},
    {"notes": "a\x00b"},
    {"productId": ""},
    {"productId": "nobody"},
    {"productId": "@OTHER@"},
    {"productId": "@FOREIGN@"},
    {"createdAt": "2019-08-24T16:15:22+02:00"},
    {"createdAt": "2019-08-24T14:15:22+02:00"},
    {"createdAt": "2019-02-29T00:00:00+00:00"},
    {"createdAt": "2099-01-01T00:00:00+00:00"},
    {"name": "", "version": "v1", "channel": "", "notes": "a" * 5000, "createdAt": "+00:00"},
    {"name": "All", "version": "8.0", "channel": "beta", "platforms": ["x"], "private": True, "notes": "new"},
]

# The same for a file: what is changed in a valid one.
FILES: list[dict[str, Any]] = [
    {},
    {"name": "ab"},
    {"name": ""},
    {"name": "a b.zip"},
    {"name": "CON"},
    {"name": "TAKEN.zip"},
    {"name": "a\x00.zip"},
    {"url": ""},
    {"url": "javascript:alert(1)"},
    {"url": "https://u:p@example.org/"},
    {"url": "http://127.0.0.1\\@example.com/"},
    {"url": "https://example.org/" + "x" * 2050},
    {"size": 0},
    {"size": 2**53},
    {"size": 2**53 + 1},
    {"size": -1},
    {"size": None},
    {"size": "1.5"},
    {"size": "many"},
    {"checksum": ""},
    {"checksum": "0" * 64},
    {"checksum": "x" * 32},
    {"secured": False},
    {"name": "", "url": "x", "size": None, "checksum": "y"},
]


@pytest.fixture
def browser(make: Factory, owner: Organisation) -> FlaskClient:
    """A browser in which the owner is signed in."""
    return make.browser(owner)


def create(make: Factory, owner: Organisation, caller: Caller) -> dict[str, Any]:
    """Makes a release in a product of its own, where another one has version 7.0."""
    product_id = make.product(owner).id
    caller.post("/v3/releases", json={**STORED, "version": "7.0", "productId": product_id})
    body = {**STORED, "productId": product_id, "createdAt": "2019-08-24T14:15:22Z"}
    release: dict[str, Any] = caller.post("/v3/releases", json=body).get_json()
    return release


def submit(browser: FlaskClient, path: str, form: dict[str, Any]) -> TestResponse:
    """Sends a form with its token."""
    token = find_csrf_token(browser.get("/products").text)
    return browser.post(path, data={**form, "csrf_token": token})


def read_owed(count_before: int, *ids: str) -> list[tuple[str, Any]]:
    """Gives type and data of each event since, without what differs between any two releases."""
    owed = []
    for event in list_events()[count_before:]:
        assert event.entity_id in ids
        owed.append((event.event_type, strip(json.loads(event.body)["data"])))
    return owed


def strip(data: Any) -> Any:
    """Takes a piece of an event's data; gives it without what differs."""
    if isinstance(data, list):
        return [strip(item) for item in data]
    if isinstance(data, dict):
        return {name: strip(value) for name, value in data.items() if name not in _OWN}
    return data


def test_both_doors_judge_and_tell_a_change_alike(
    make: Factory, owner: Organisation, caller: Caller, browser: FlaskClient
) -> None:
    foreign = make.product(make.organisation()).id

    def check(change: dict[str, Any]) -> None:
        filled = {"@OTHER@": make.product(owner).id, "@FOREIGN@": foreign}
        change = {name: filled.get(value, value) if name == "productId" else value for name, value in change.items()}
        first, second = create(make, owner, caller), create(make, owner, caller)

        before = len(list_events())
        by_api = caller.request("PATCH", f"/v3/releases/{first['id']}", json=change)
        owed_by_api = read_owed(before, first["id"])
        before = len(list_events())
        form = build_form({**STORED, "productId": second["productId"], **change})
        by_form = submit(browser, f"/releases/{second['id']}/edit", form)

        assert read_owed(before, second["id"]) == owed_by_api
        if by_api.status_code == 200:
            assert by_form.status_code == 303, by_form.text
            stored = caller.get(f"/v3/releases/{second['id']}").get_json()
            assert strip(stored) == strip(by_api.get_json())
        else:
            assert by_form.status_code == by_api.status_code
            problem = by_api.get_json()
            # A form shows at the version that the place is taken.
            assert read_form_errors(by_form.text) == [
                (SHOWN_AT.get(error["field"], error["field"]), error["message"])
                for error in problem.get("errors", [{"field": "version", "message": problem["message"]}])
            ]
            assert caller.get(f"/v3/releases/{second['id']}").get_json() == second

    check_all(CHANGES, check)


def test_both_doors_judge_and_tell_a_file_alike(
    make: Factory, owner: Organisation, caller: Caller, browser: FlaskClient
) -> None:
    def check(change: dict[str, Any]) -> None:
        first, second = create(make, owner, caller), create(make, owner, caller)
        for release in (first, second):
            caller.post("/v3/release-files", json={**FILE, "name": "taken.zip", "releaseId": release["id"]})
        raw = {**FILE, **change}

        before = len(list_events())
        by_api = caller.post("/v3/release-files", json={**raw, "releaseId": first["id"]})
        owed_by_api = read_owed(before, first["id"])
        before = len(list_events())
        form = {name: "" if value is None else value for name, value in raw.items() if name != "secured"}
        form |= {"secured": "on"} if raw["secured"] else {}
        by_form = submit(browser, f"/releases/{second['id']}/files", form)

        assert read_owed(before, second["id"]) == owed_by_api
        if by_api.status_code == 201:
            assert by_form.status_code == 303, by_form.text
            stored = caller.get(f"/v3/release-files?releaseId={second['id']}").get_json()[-1]
            assert strip(stored) == strip(by_api.get_json())
        else:
            assert by_form.status_code == by_api.status_code
            problem = by_api.get_json()
            assert read_form_errors(by_form.text) == [
                (error["field"], error["message"]) for error in problem.get("errors", [])
            ]
            assert "errors" in problem or problem["message"] in by_form.text

    check_all(FILES, check)


def test_both_doors_owe_the_same_for_a_whole_life(
    make: Factory, owner: Organisation, caller: Caller, browser: FlaskClient
) -> None:
    def live_by_api(release_id: str, draft_id: str) -> None:
        caller.request("PATCH", f"/v3/releases/{release_id}", json={"notes": "new"})
        caller.post("/v3/release-files", json={**FILE, "name": "gone.zip", "releaseId": release_id})
        file_id = caller.get(f"/v3/release-files?releaseId={release_id}").get_json()[0]["id"]
        caller.request("DELETE", f"/v3/release-files/{file_id}")
        caller.post("/v3/release-files", json={**FILE, "releaseId": release_id})
        for step in ("publish", "publish", "archive", "archive", "unarchive", "unarchive"):
            caller.post(f"/v3/releases/{release_id}/{step}")
        for entity_id in (release_id, draft_id, draft_id):
            caller.request("DELETE", f"/v3/releases/{entity_id}")

    def live_by_form(release_id: str, draft_id: str) -> None:
        path, file_form = f"/releases/{release_id}", {**FILE, "secured": "on"}
        form = build_form({**STORED, "notes": "new", "productId": second[0]["productId"]})
        submit(browser, f"{path}/edit", form)
        submit(browser, f"{path}/files", {**file_form, "name": "gone.zip"})
        file_id = caller.get(f"/v3/release-files?releaseId={release_id}").get_json()[0]["id"]
        submit(browser, f"{path}/files/{file_id}/delete", {})
        submit(browser, f"{path}/files", file_form)
        for step in ("publish", "publish", "archive", "archive", "unarchive", "unarchive"):
            submit(browser, f"{path}/{step}", {})
        for entity_id in (release_id, draft_id, draft_id):
            submit(browser, f"/releases/{entity_id}/delete", {})

    first, second = ([create(make, owner, caller), create(make, owner, caller)] for _ in range(2))
    owed = []
    for live, (release, draft) in ((live_by_api, first), (live_by_form, second)):
        before = len(list_events())
        live(release["id"], draft["id"])
        owed.append(read_owed(before, release["id"], draft["id"]))
    assert owed[0] == owed[1]
    assert [kind for kind, _ in owed[0]] == [
        "release.updated", "release.file.created", "release.updated", "release.file.created", "release.published",
        "release.archived", "release.updated", "release.deleted",
    ]  # fmt: skip
