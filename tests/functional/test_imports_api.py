"""``/v3/imports``: files and options, previews, runs, rows."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.extensions import db
from app.imports.models import Import
from app.releases.models import Release
from tests.factories import Caller, Factory, Organisation
from tests.importing import CHANGELOG, build_lines, finish, send

pytestmark = pytest.mark.once

LINES = build_lines(
    [{"version": f"release-1.{number}", "date": "2024-01-01"} for number in range(5)] + [{"version": "x"}]
)


def test_a_file_is_previewed_run_and_read(make: Factory, owner: Organisation, caller: Caller) -> None:
    product = make.product(owner, "Rocket")
    options = {"productId": product.id, "publish": "true", "platforms": ["linux", "win64"], "fileName": "old.jsonl"}
    answer = caller.post("/v3/imports", data=LINES, query_string=options, content_type="text/plain")
    preview = answer.get_json()
    assert (answer.status_code, answer.headers["Location"]) == (
        201, f"http://localhost:8000/v3/imports/{preview['id']}",
    )  # fmt: skip
    assert preview["counts"] == {"create": 5, "created": 0, "same": 0, "conflict": 0, "error": 1, "skip": 0}
    chosen = {
        "state": "preview", "format": "jsonl", "fileName": "old.jsonl", "productId": product.id, "oneProduct": False,
        "channel": "stable", "platforms": ["linux", "win64"], "private": False, "publish": True, "quiet": False,
        "prereleases": "error", "longNotes": "error", "tagPrefix": "", "total": 6, "processed": 1, "reason": None,
    }  # fmt: skip
    assert {name: preview[name] for name in chosen} == chosen
    path = f"/v3/imports/{preview['id']}"
    # The same once more is the same import.
    again = caller.post("/v3/imports", data=LINES, query_string=options, content_type="application/octet-stream")
    assert (again.status_code, again.headers["Idempotent-Replayed"], again.get_json()["id"]) == (
        200, "true", preview["id"],
    )  # fmt: skip
    assert [answer["id"] for answer in caller.get("/v3/imports").get_json()] == [preview["id"]]
    assert caller.post(f"{path}/stop").status_code == 409
    for _ in range(2):
        running = caller.post(f"{path}/run")
        assert (running.status_code, running.get_json()["state"]) == (202, "running")
    assert caller.request("PATCH", path, json={"quiet": True}).status_code == 409
    assert caller.post(f"{path}/stop").get_json()["state"] == "stopped"
    assert caller.post(f"{path}/run").status_code == 202
    finish()
    done = caller.get(path).get_json()
    assert (done["state"], done["processed"], done["counts"]["created"]) == ("done", 6, 5)
    assert caller.post(f"{path}/run").status_code == 200
    first, *_, last = caller.get(f"{path}/rows").get_json()
    release = caller.get(f"/v3/releases/{first['releaseId']}").get_json()
    assert (release["published"], release["publishedAt"], release["platforms"]) == (
        True, "2024-01-01T00:00:00Z", ["linux", "win64"],
    )  # fmt: skip
    assert first == {
        "number": 1, "line": 1, "state": "created", "version": "1.0", "name": "Rocket 1.0", "channel": "stable",
        "platforms": ["linux", "win64"], "private": False, "publish": True, "createdAt": "2024-01-01T00:00:00Z",
        "productId": product.id, "releaseId": release["id"], "errors": [],
        "warnings": [{"field": "version", "code": "read_as", "message": 'In the file it is "release-1.0".'}],
    }  # fmt: skip
    assert [error["code"] for error in last["errors"]] == ["invalid_version"]


def test_rows_come_by_pages_and_states(make: Factory, owner: Organisation, caller: Caller) -> None:
    path = f"/v3/imports/{send(caller, LINES, productId=make.product(owner).id)['id']}/rows"
    numbers, url = [], f"{path}?limit=2"
    while url:
        answer = caller.get(url)
        numbers += [row["number"] for row in answer.get_json()]
        url = answer.headers.get("Link", "").partition(">")[0].removeprefix("<http://localhost:8000")
    assert numbers == [1, 2, 3, 4, 5, 6]
    assert [row["number"] for row in caller.get(f"{path}?limit=2&page=3").get_json()] == [5, 6]
    assert caller.get(f"{path}?limit=2&page=4").get_json() == []
    assert [row["number"] for row in caller.get(f"{path}?state=error,conflict").get_json()] == [6]
    assert len(caller.get(f"{path}?warnings=true").get_json()) == 6
    refused = caller.get(f"{path}?state=done&limit=0&cursor=x&sort=number").get_json()
    assert [error["field"] for error in refused["errors"]] == ["state", "limit", "cursor", "sort"]


def test_a_trial_keeps_nothing(make: Factory, owner: Organisation, caller: Caller) -> None:
    body = {"content": CHANGELOG, "productId": make.product(owner, "Rocket").id, "prereleases": "skip"}
    trial = caller.post("/v3/imports?validateOnly=true", json=body).get_json()
    assert (trial["valid"], trial["normalized"]["format"], trial["counts"]["create"], trial["total"]) == (
        True, "changelog", 3, 4,
    )  # fmt: skip
    assert [(row["line"], row["state"], row["version"]) for row in trial["rows"]][:2] == [
        (3, "skip", "Unreleased"),
        (6, "create", "1.2.0"),
    ]
    # Of many rows it shows some, and whatever is wrong is among them.
    many = [{"version": f"1.{number}"} for number in range(150)] + [{"version": "x"}]
    content = build_lines(many).decode()
    shown = caller.post("/v3/imports?validateOnly=true", json={**body, "content": content}).get_json()["rows"]
    assert [row["line"] for row in shown] == [*range(1, 100), 151]
    assert db.session.query(Import).count() == 0
    assert (
        caller.post("/v3/imports?validateOnly=true", json={**body, "content": LINES.decode()}).get_json()["valid"]
        is False
    )


def test_other_options_are_another_preview(make: Factory, owner: Organisation, caller: Caller) -> None:
    product, other = make.product(owner), make.product(owner, "Boat")
    lines = build_lines([{"version": "1.0-rc.1", "notes": "x" * 5000, "product": "Boat"}])
    preview = send(caller, lines, productId=product.id)
    path = f"/v3/imports/{preview['id']}"
    (row,) = caller.get(f"{path}/rows").get_json()
    assert [(error["field"], error["code"]) for error in row["errors"]] == [
        ("version", "prerelease"), ("notes", "too_long"),
    ]  # fmt: skip
    changed = caller.request("PATCH", path, json={"prereleases": "channel", "longNotes": "cut", "quiet": None})
    assert (changed.status_code, changed.get_json()["counts"]["create"]) == (200, 1)
    (row,) = caller.get(f"{path}/rows").get_json()
    assert (row["version"], row["channel"], row["productId"]) == ("1.0.0.1", "rc", other.id)
    caller.request("PATCH", path, json={"oneProduct": True})
    assert caller.get(f"{path}/rows").get_json()[0]["productId"] == product.id


def test_what_makes_no_sense_is_refused(make: Factory, owner: Organisation, caller: Caller) -> None:
    theirs = make.product(make.organisation())
    body = {"content": CHANGELOG, "productId": theirs.id}
    refusals: dict[str, tuple[dict[str, Any], list[str]]] = {
        "unknown product": ({"json": body}, ["productId"]),
        "options": (
            {"json": {"content": "x", "format": "xml", "publish": "yes", "quiett": True, "prereleases": "no"}},
            ["format", "publish", "prereleases", "quiett"],
        ),
        "one product": ({"json": {"content": CHANGELOG, "oneProduct": True}}, ["productId"]),
        "no content": ({"json": {}}, ["content"]),
        "content of no text": ({"json": {"content": 1}}, ["content"]),
        "half a surrogate": ({"data": b'{"content": "\\ud800"}', "content_type": "application/json"}, ["content"]),
        "empty": ({"data": b"", "content_type": "text/csv"}, ["content"]),
        "not UTF-8": ({"data": b"version\n\xff", "content_type": "text/csv"}, ["content"]),
        "query": (
            {"data": b"x", "query_string": "publish=yes&foo=1&format=csv&format=csv"},
            ["publish", "foo", "format"],
        ),
    }
    for name, (options, fields) in refusals.items():
        answer = caller.post("/v3/imports", **{"content_type": None, **options})
        assert answer.status_code == 400, (name, answer.text)
        assert [error["field"] for error in answer.get_json()["errors"]] == fields, name
    form = caller.post("/v3/imports", data={"file": "x"})
    assert (form.status_code, form.get_json()["code"]) == (415, "unsupported_media_type")
    large = caller.post("/v3/imports", data=b"x" * (21 * 1024 * 1024), content_type="text/csv")
    assert large.status_code == 413
    reader = make.caller(owner, "release:read")
    assert reader.post("/v3/imports", json=body).status_code == 403
    # A row that names the product of somebody else names nobody's.
    lines = build_lines([{"version": "1.0", "productId": theirs.id}, {"version": "1.0", "product": theirs.name}])
    assert send(caller, lines)["counts"]["error"] == 2


def test_whatever_a_row_holds_is_an_answer(caller: Caller, make: Factory, owner: Organisation) -> None:
    odd = ["\x00", "\ud800", "x" * 300, "\u202e", 5, [], {}, [["x"]], True, 1e300, "1" * 400 + ".1", None]
    names = ("version", "name", "channel", "platforms", "private", "notes", "date", "product", "draft", "url", "tag")
    lines = build_lines({"version": "1.0", name: value} for name in names for value in odd)
    preview = send(caller, lines, productId=make.product(owner).id, prereleases="channel", longNotes="cut")
    rows = [
        row
        for page in (1, 2)
        for row in caller.get(f"/v3/imports/{preview['id']}/rows?limit=100&page={page}").get_json()
    ]
    assert len(rows) == preview["total"] == len(names) * len(odd)
    assert all(row["errors"] for row in rows if row["state"] == "error")
    caller.post(f"/v3/imports/{preview['id']}/run")
    finish()
    assert caller.get(f"/v3/imports/{preview['id']}").get_json()["state"] == "done"


def test_the_command_imports_a_file(app: Flask, make: Factory, owner: Organisation, tmp_path: Path) -> None:
    make.product(owner, "Rocket")
    file = tmp_path / "CHANGELOG.md"
    file.write_text(CHANGELOG)
    command = ["import", str(file), "--tenant", owner.name, "--product", "Rocket", "--publish"]
    runner = app.test_cli_runner()
    tried = runner.invoke(args=[*command, "--dry-run"])
    assert (tried.exit_code, tried.stdout) == (0, "3 create, 1 skip\n")
    assert runner.invoke(args=command).stdout == "3 created, 1 skip\n"
    assert runner.invoke(args=command).stdout == "3 same, 1 skip\n"
    db.session.rollback()
    assert db.session.query(Release).filter(Release.published.is_(True)).count() == 3
    file.write_text(CHANGELOG.replace("First", "Other"))
    refused = runner.invoke(args=command)
    assert (refused.exit_code, refused.stdout) == (1, "2 same, 1 conflict, 1 skip\n")
    assert "row 4, line 13, 1.0.0: Version 1.0.0 exists already on channel stable" in refused.stderr
    assert runner.invoke(args=[*command[:-2], "Boat"]).exit_code == 1
