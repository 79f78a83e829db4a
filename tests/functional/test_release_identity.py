"""What makes two creates one: the place of a release, and the Idempotency-Key."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.audit.models import AuditEntry
from app.extensions import db
from app.releases.models import Release
from app.webhooks.models import Event
from tests.counting import count
from tests.factories import Caller, Factory, Organisation


def test_the_same_again_is_the_stored_release_and_no_second_event(caller: Caller, body: dict[str, Any]) -> None:
    first = caller.post("/v3/releases", json=body)
    second = caller.post("/v3/releases", json={**body, "version": "1.2", "platforms": ["windows", "linux"]})
    assert (second.status_code, second.headers["Idempotent-Replayed"]) == (200, "true")
    assert second.get_json() == first.get_json()
    audited = db.session.scalars(select(AuditEntry.action).where(AuditEntry.action == "release.created")).all()
    assert (count(Release), count(Event), len(audited)) == (1, 1, 1)


@pytest.mark.parametrize("change", [{"name": "Other"}, {"notes": "other"}, {"private": True}, {"platforms": ["linux"]}])
def test_the_same_place_with_other_content_is_a_conflict(
    caller: Caller, body: dict[str, Any], change: dict[str, Any]
) -> None:
    first = caller.post("/v3/releases", json=body).get_json()
    answer = caller.post("/v3/releases", json={**body, **change})
    assert answer.status_code == 409
    problem = answer.get_json()
    url = f"http://localhost:8000/v3/releases/{first['id']}"
    assert (problem["code"], problem["existing"]) == ("duplicate_release", {"id": first["id"], "url": url})
    assert answer.headers["Location"] == url
    assert (count(Release), count(Event)) == (1, 1)


@pytest.mark.parametrize(
    "change", [{"platforms": ["macos"]}, {"channel": "beta"}, {"version": "1.2.1"}, {"platforms": []}]
)
def test_another_platform_channel_or_version_is_another_release(
    caller: Caller, body: dict[str, Any], change: dict[str, Any]
) -> None:
    caller.post("/v3/releases", json=body)
    assert caller.post("/v3/releases", json={**body, **change}).status_code == 201


def test_an_idempotency_key_replays_the_same_and_refuses_another_body(caller: Caller, body: dict[str, Any]) -> None:
    headers = {"Idempotency-Key": "build-4711"}
    first = caller.post("/v3/releases", json=body, headers=headers)
    again = caller.post("/v3/releases", json=body, headers=headers)
    other = caller.post("/v3/releases", json={**body, "version": "9.9"}, headers=headers)
    assert (first.status_code, again.status_code, other.status_code) == (201, 200, 422)
    assert again.get_json() == first.get_json()
    assert other.get_json()["code"] == "idempotency_key_reused"
    assert count(Release) == 1


def test_a_key_is_kept_if_its_first_answer_was_a_replay_too(caller: Caller, body: dict[str, Any]) -> None:
    caller.post("/v3/releases", json=body)
    headers = {"Idempotency-Key": "build-4711"}
    assert caller.post("/v3/releases", json=body, headers=headers).status_code == 200
    other = caller.post("/v3/releases", json={**body, "version": "9.9"}, headers=headers)
    assert (other.status_code, other.get_json()["code"]) == (422, "idempotency_key_reused")
    assert caller.post("/v3/releases", json=body, headers=headers).status_code == 200


def test_of_two_bodies_that_come_with_one_key_at_once_one_is_served(
    app: Flask, caller: Caller, body: dict[str, Any]
) -> None:
    stored = caller.post("/v3/releases", json=body).get_json()
    barrier = threading.Barrier(20)

    def send(number: int) -> tuple[int, str]:
        barrier.wait()
        client = Caller(app.test_client(), caller.token)
        sent = body if number % 2 else {**body, "version": "9.9"}
        answer = client.post("/v3/releases", json=sent, headers={"Idempotency-Key": "build-4711"})
        return number % 2, str(answer.get_json().get("id", answer.status_code))

    with ThreadPoolExecutor(20) as pool:
        answers = set(pool.map(send, range(20)))
    # Either the stored release is the key's, and the other body was refused each time, or the other way round.
    assert answers in ({(1, stored["id"]), (0, "422")}, {(1, "422"), (0, find_id("9.9"))})
    assert count(Event) == count(Release)


def find_id(version: str) -> str:
    """Gives the id of the release with this version, or nothing."""
    db.session.rollback()
    return db.session.scalar(select(Release.id).where(Release.version == version)) or ""


def test_a_key_belongs_to_its_token(make: Factory, owner: Organisation, caller: Caller, body: dict[str, Any]) -> None:
    headers = {"Idempotency-Key": "build-4711"}
    caller.post("/v3/releases", json=body, headers=headers)
    other = make.caller(owner)
    assert other.post("/v3/releases", json={**body, "version": "9.9"}, headers=headers).status_code == 201


@pytest.mark.parametrize("key", ["", "a" * 256, "a b", "ä"])
def test_a_key_that_is_none_is_refused(caller: Caller, body: dict[str, Any], key: str) -> None:
    answer = caller.post("/v3/releases", json=body, headers={"Idempotency-Key": key})
    assert (answer.status_code, answer.get_json()["code"]) == (400, "invalid_request")
    assert count(Release) == 0


def test_a_refused_request_leaves_its_key_free(caller: Caller, body: dict[str, Any]) -> None:
    headers = {"Idempotency-Key": "build-4711"}
    assert caller.post("/v3/releases", json={**body, "version": "v1"}, headers=headers).status_code == 400
    assert caller.post("/v3/releases", json=body, headers=headers).status_code == 201
