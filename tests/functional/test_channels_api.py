"""Channels and platforms by the API: those that somebody made, and those that releases name."""

from __future__ import annotations

from functools import partial
from typing import Any
from unittest.mock import DEFAULT, Mock

import pytest
from flask import Flask
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.channels import service
from app.channels.filters import parse_list_query
from app.channels.kinds import CHANNEL
from app.channels.models import ReleaseChannel
from app.channels.schema import parse_name
from app.exceptions import DuplicateError
from app.extensions import db
from tests.factories import Caller, Factory, Organisation
from tests.portal import Site, list_all
from tests.working import run_twice_at_once

# The collection, and what a release names of it.
KINDS = {"release-channels": "channel", "release-platforms": "platforms"}


def release(caller: Caller, product_id: str, version: str, **members: Any) -> str:
    """Creates a release; gives its id."""
    answer = caller.post("/v3/releases", json={"name": "R", "version": version, "productId": product_id, **members})
    assert answer.status_code == 201, answer.text
    return str(answer.get_json()["id"])


@pytest.mark.parametrize("collection", KINDS)
def test_one_is_made_renamed_listed_and_deleted(caller: Caller, collection: str) -> None:
    path, word = f"/v3/{collection}", collection.removeprefix("release-").removesuffix("s")
    headers = {"Idempotency-Key": "once"}
    first, again = (caller.post(path, json={"name": "beta", "color": 1}, headers=headers) for _ in range(2))
    made = first.get_json()
    assert (first.status_code, list(made)) == (201, ["id", "createdAt", "updatedAt", "name"])
    assert first.headers["Slipway-Ignored-Fields"] == "color"
    assert (again.status_code, again.get_json(), again.headers["Idempotent-Replayed"]) == (200, made, "true")
    assert caller.get(f"{path}/{made['id']}").get_json() == made
    taken = caller.post(path, json={"name": "beta"})
    assert (taken.status_code, taken.get_json()["existing"]["id"]) == (409, made["id"])
    other = caller.post(path, json={"name": "alpha"}).get_json()
    renaming = partial(caller.request, "PATCH", f"{path}/{other['id']}")
    assert renaming(json={"name": "beta"}).get_json()["existing"]["url"].endswith(f"{path}/{made['id']}")
    assert renaming(json={"name": None}).get_json() == other
    assert caller.request("PATCH", f"{path}/{other['id']}?validateOnly=true", json={"name": "gamma"}).get_json()[
        "normalized"
    ] == {"name": "gamma"}
    assert renaming(json={"name": "gamma"}).get_json()["name"] == "gamma"
    for query, names in {
        "": ["beta", "gamma"],
        "?sort=-createdAt&limit=1": ["gamma"],
        "?name[sw]=b": ["beta"],
        "?query=MM": ["gamma"],
        "?page=2": [],
    }.items():
        assert [row["name"] for row in caller.get(f"{path}{query}").get_json()] == names
    for wrong in ({}, {"name": ""}, {"name": 1}, {"name": "x" * 257}, {"name": "a\nb"}):
        assert [it["field"] for it in caller.post(path, json=wrong).get_json()["errors"]] == ["name"]
    assert caller.post(f"{path}?strict=true", json={"name": "x", "y": 1}).status_code == 400
    assert caller.request("DELETE", f"{path}/{other['id']}", headers={"If-Match": '"old"'}).status_code == 412
    assert [caller.request("DELETE", f"{path}/{other['id']}").status_code for _ in range(2)] == [204, 404]
    entries = select(AuditEntry.action).where(AuditEntry.action.startswith(word)).order_by(AuditEntry.id)
    assert list(db.session.scalars(entries)) == [f"{word}.{it}" for it in ("created", "created", "updated", "deleted")]


def test_what_releases_name_is_listed_and_stays_as_long_as_they_do(
    make: Factory, owner: Organisation, caller: Caller
) -> None:
    rocket, probe = make.product(owner).id, make.product(owner).id
    ids = [
        release(caller, rocket, "1.0", platforms=["linux", "macos"]),
        release(caller, rocket, "1.1", channel="nightly", platforms=["windows"]),
        release(caller, probe, "1.0", channel="beta"),
    ]
    expected = {"release-channels": ["beta", "nightly", "stable"], "release-platforms": ["linux", "macos", "windows"]}
    for collection, names in expected.items():
        path = f"/v3/{collection}"
        rows = caller.get(path).get_json()
        assert [row["name"] for row in rows] == names
        # They keep their ids, and are not made twice.
        assert caller.get(path).get_json() == rows
        assert caller.get(f"{path}/{rows[1]['id']}").get_json() == rows[1]
        assert caller.post(path, json={"name": names[1]}).get_json()["existing"]["id"] == rows[1]["id"]
        for method, options in (("PATCH", {"json": {"name": "x"}}), ("DELETE", {})):
            refused = caller.request(method, f"{path}/{rows[1]['id']}", **options)
            assert (refused.status_code, refused.get_json()["code"]) == (409, "conflict")
        assert caller.request("PATCH", f"{path}/{rows[1]['id']}", json={"name": names[1]}).status_code == 200
    (nightly,) = caller.get("/v3/release-channels?name=nightly").get_json()
    assert caller.request("DELETE", f"/v3/releases/{ids[1]}").status_code == 204
    assert caller.request("DELETE", f"/v3/release-channels/{nightly['id']}").status_code == 204
    assert [row["name"] for row in caller.get("/v3/release-channels").get_json()] == ["beta", "stable"]
    # A create finds what only a release has named so far.
    release(caller, probe, "2.0", channel="lts")
    assert caller.post("/v3/release-channels", json={"name": "lts"}).status_code == 409
    reader = make.caller(owner, "release:read")
    assert reader.get("/v3/release-platforms").status_code == 200
    assert reader.post("/v3/release-channels", json={"name": "x"}).get_json()["scope"] == "release:write"


def test_the_form_of_a_release_offers_what_somebody_made(make: Factory, owner: Organisation, caller: Caller) -> None:
    release(caller, make.product(owner).id, "1.0", channel="nightly")
    site = Site(make, owner)
    assert "canary" not in site.get("/releases/new")
    caller.post("/v3/release-channels", json={"name": "canary"})
    caller.post("/v3/release-platforms", json={"name": "plan9"})
    page = site.get("/releases/new")
    assert '<option value="canary">' in page
    assert 'value="plan9"' in page
    assert "canary" not in site.browser.get("/releases/hints?channel=canary").get_json()["state-channel"]
    assert "looks like it: canary" in site.browser.get("/releases/hints?channel=canari").get_json()["state-channel"]


def test_two_who_ask_at_once_add_what_releases_name_once(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    product_id = make.product(owner).id
    for channel in ("beta", "nightly"):
        release(caller, product_id, "1.0", channel=channel)
    run_twice_at_once(app, lambda: service.list_names(owner.actor, CHANNEL, parse_list_query(CHANNEL, [])))
    assert sorted(list_all(ReleaseChannel.name)) == ["beta", "nightly"]
    refused: list[DuplicateError] = []

    def create() -> None:
        try:
            service.create_name(owner.actor, CHANNEL, parse_name({"name": "lts"}))
        except DuplicateError as error:
            refused.append(error)

    run_twice_at_once(app, create)
    assert (len(refused), list_all(ReleaseChannel.name).count("lts")) == (1, 1)


def test_whoever_finds_the_others_channel_just_before_its_key_gets_it(
    owner: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of two that send the same at once, one commits between the other's two looks.
    made = service.create_name(owner.actor, CHANNEL, parse_name({"name": "beta"}), "once").row.id
    find_made = Mock(wraps=service._find_made, side_effect=[None, DEFAULT])
    monkeypatch.setattr(service, "_find_made", find_made)
    again = service.create_name(owner.actor, CHANNEL, parse_name({"name": "beta"}), "once")
    assert (again.row.id, again.is_replay) == (made, True)
