"""A create that is run again with other content: refused, ignored or made to what was sent, as its caller wants it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event, select

from app.accounts import tokens
from app.audit.models import AuditEntry
from app.database import transaction
from app.extensions import db
from app.idempotency import rows as keys
from app.releases import conflicts, service
from app.releases.models import Release
from app.webhooks.models import Event
from tests.counting import count
from tests.factories import Caller, Organisation

URL = "/v3/releases?onConflict={}"


@pytest.fixture
def stored(caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
    """A draft that is there before."""
    answer = caller.post("/v3/releases", json=body)
    assert answer.status_code == 201
    found: dict[str, Any] = answer.get_json()
    return found


def list_events() -> list[str]:
    """Gives the types of all events in their order."""
    db.session.rollback()
    return list(db.session.scalars(select(Event.event_type).order_by(Event.triggered_at)))


def find_audited(action: str) -> list[dict[str, Any]]:
    """Gives the details of all audit entries of an action."""
    db.session.rollback()
    return list(db.session.scalars(select(AuditEntry.details).where(AuditEntry.action == action)))


def test_ignored_the_stored_release_is_given_as_it_is(
    caller: Caller, body: dict[str, Any], stored: dict[str, Any]
) -> None:
    answer = caller.post(URL.format("ignore"), json={**body, "notes": "other"})
    assert (answer.status_code, answer.headers["Slipway-On-Conflict"]) == (200, "ignored")
    assert answer.get_json() == stored
    assert "Idempotent-Replayed" not in answer.headers
    # Published, it is there all the same.
    published = caller.post(f"/v3/releases/{stored['id']}/publish").get_json()
    assert caller.post(URL.format("ignore"), json={**body, "notes": "other"}).get_json() == published
    assert list_events() == ["release.created", "release.published"]


def test_updated_the_draft_becomes_what_was_sent_once(
    caller: Caller, body: dict[str, Any], stored: dict[str, Any]
) -> None:
    sent = {**body, "notes": "other", "platforms": ["windows", "macos"], "version": "1.2"}
    answer = caller.post(URL.format("update"), json=sent)
    assert (answer.status_code, answer.headers["Slipway-On-Conflict"]) == (200, "updated")
    changed = {"notes": "other", "platforms": ["windows", "macos"]}
    assert answer.get_json() == {**stored, **changed, "updatedAt": answer.get_json()["updatedAt"]}
    again = caller.post(URL.format("update"), json=sent)
    assert (again.status_code, again.headers["Idempotent-Replayed"]) == (200, "true")
    assert again.get_json() == answer.get_json()
    assert list_events() == ["release.created", "release.updated"]
    (details,) = find_audited("release.updated")
    assert details == {"before": {name: stored[name] for name in changed}, "after": changed}
    # The place that it gave up is free, and the one that it took is not.
    assert caller.post("/v3/releases", json={**body, "platforms": ["linux"]}).status_code == 201
    assert caller.post("/v3/releases", json={**body, "platforms": ["macos"]}).status_code == 409


@pytest.mark.parametrize("mode", ["error", "ignore", "update"])
def test_where_nothing_is_in_the_way_each_mode_creates_and_replays(
    caller: Caller, body: dict[str, Any], mode: str
) -> None:
    first, second = (caller.post(URL.format(mode), json=body) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert second.headers["Idempotent-Replayed"] == "true"
    assert first.get_json() == second.get_json()
    assert (count(Release), list_events()) == (1, ["release.created"])


def test_what_cannot_be_updated_is_a_conflict_that_names_what_is_there(
    caller: Caller, body: dict[str, Any], stored: dict[str, Any]
) -> None:
    moved = caller.post(URL.format("update"), json={**body, "createdAt": "2020-01-01T00:00:00Z"})
    assert "Created at cannot be changed: it is 2019-08-24T14:15:22Z." in moved.get_json()["message"]
    caller.post(f"/v3/releases/{stored['id']}/publish")
    published = caller.post(URL.format("update"), json={**body, "notes": "other"})
    assert "It is published, and read-only from then on." in published.get_json()["message"]
    refused = caller.post(URL.format("error"), json={**body, "notes": "other"})
    url = f"http://localhost:8000/v3/releases/{stored['id']}"
    for answer in (moved, published, refused):
        problem = answer.get_json()
        assert (answer.status_code, problem["code"]) == (409, "duplicate_release")
        assert (problem["existing"], answer.headers["Location"]) == ({"id": stored["id"], "url": url}, url)
    # With the same content there is nothing to update.
    assert caller.post(URL.format("update"), json=body).status_code == 200
    assert list_events() == ["release.created", "release.published"]


def test_a_place_that_several_share_is_a_conflict_in_each_mode(caller: Caller, body: dict[str, Any]) -> None:
    first = caller.post("/v3/releases", json={**body, "platforms": ["linux"], "createdAt": None}).get_json()
    caller.post("/v3/releases", json={**body, "platforms": ["windows"], "createdAt": None})
    for mode in conflicts.MODES:
        answer = caller.post(URL.format(mode), json=body)
        assert (answer.status_code, answer.get_json()["existing"]["id"]) == (409, first["id"])
        assert mode == "error" or "those of 2 releases" in answer.get_json()["message"]
    assert count(Release) == 2


def test_a_trial_says_what_would_happen(caller: Caller, body: dict[str, Any], stored: dict[str, Any]) -> None:
    other = {**body, "notes": "other", "private": True}
    told = {}
    for mode in conflicts.MODES:
        answer = caller.post(f"{URL.format(mode)}&validateOnly=true", json=other)
        assert answer.status_code == 200
        (told[mode],) = answer.get_json()["warnings"]
    assert told["error"].endswith("with other content: this would be a conflict.")
    assert told["ignore"].endswith("with other content: the stored release would be given as it is.")
    assert told["update"].endswith("with other content: the stored release would be changed in private, notes.")
    assert caller.get(f"/v3/releases/{stored['id']}").get_json() == stored
    caller.post(f"/v3/releases/{stored['id']}/publish")
    answer = caller.post(f"{URL.format('update')}&validateOnly=true", json=other)
    assert answer.get_json()["warnings"][0].endswith("read-only from then on. This would be a conflict.")
    free = caller.post(f"{URL.format('update')}&validateOnly=true", json={**body, "version": "7.0"})
    assert free.get_json()["warnings"] == []


@pytest.mark.parametrize(
    ("query", "field"), [("onConflict=replace", "onConflict"), ("onConflict=", "onConflict"),
                         ("onConflict=Update", "onConflict"), ("onconflict=update", "onconflict"),
                         ("onConflict=update&onConflict=update", "onConflict")]
)  # fmt: skip
def test_a_mode_that_is_none_is_refused(caller: Caller, body: dict[str, Any], query: str, field: str) -> None:
    answer = caller.post(f"/v3/releases?{query}", json=body)
    assert answer.status_code == 400
    assert [error["field"] for error in answer.get_json()["errors"]] == [field]
    assert count(Release) == 0


def test_a_key_leads_to_what_was_ignored_or_updated_and_undoes_nothing_later(
    caller: Caller, body: dict[str, Any], stored: dict[str, Any], build_app: Callable[..., Flask]
) -> None:
    headers = {"Idempotency-Key": "build-4711"}
    sent = {**body, "notes": "from the build"}
    assert caller.post(URL.format("update"), json=sent, headers=headers).headers["Slipway-On-Conflict"] == "updated"
    later = caller.request("PATCH", f"/v3/releases/{stored['id']}", json={"notes": "by hand"}).get_json()
    # Another process, such as this one after a restart.
    other = Caller(build_app().test_client(), caller.token)
    again = other.post(URL.format("update"), json=sent, headers=headers)
    assert (again.status_code, again.headers["Idempotent-Replayed"], again.get_json()) == (200, "true", later)
    assert other.post(URL.format("update"), json=body, headers=headers).status_code == 422
    ignored = {"Idempotency-Key": "build-4712"}
    assert caller.post(URL.format("ignore"), json=sent, headers=ignored).headers["Slipway-On-Conflict"] == "ignored"
    assert caller.post(URL.format("ignore"), json=body, headers=ignored).status_code == 422
    assert list_events() == ["release.created", "release.updated", "release.updated"]


@pytest.mark.parametrize(
    ("mode", "is_there", "key"),
    [
        ("error", False, "build-4711"),
        ("ignore", True, None),
        ("ignore", True, "build-4711"),
        ("update", True, None),
        ("update", False, "build-4711"),
    ],
)
def test_fifty_at_once_are_one(
    app: Flask, caller: Caller, body: dict[str, Any], mode: str, is_there: bool, key: str | None
) -> None:
    if is_there:
        caller.post("/v3/releases", json={**body, "notes": "before"})
    barrier = threading.Barrier(50)

    def send(_: int) -> tuple[int, str, str]:
        client = Caller(app.test_client(), caller.token)
        barrier.wait()
        answer = client.post(URL.format(mode), json=body, headers={"Idempotency-Key": key} if key else {})
        return (
            answer.status_code,
            answer.get_json().get("id", answer.text),
            answer.headers.get("Slipway-On-Conflict", ""),
        )

    with ThreadPoolExecutor(50) as pool:
        answers = list(pool.map(send, range(50)))
    assert {status for status, _, _ in answers} <= {200, 201}, answers
    assert sum(status == 201 for status, _, _ in answers) == int(not is_there)
    assert len({release_id for _, release_id, _ in answers}) == count(Release) == 1
    updated = ["release.updated"] if is_there and mode == "update" else []
    assert list_events() == ["release.created", *updated]
    assert sum(word == "updated" for _, _, word in answers) == len(updated)


@pytest.mark.parametrize("mode", ["ignore", "update"])
def test_a_release_that_goes_while_it_is_looked_at_is_made_anew(
    owner: Organisation, caller: Caller, body: dict[str, Any], stored: dict[str, Any], mode: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    find = conflicts._check_single
    gone: list[int] = []

    def find_and_lose(*arguments: Any) -> Release | None:
        holder = find(*arguments)
        if not gone:
            gone.append(caller.request("DELETE", f"/v3/releases/{stored['id']}").status_code)
        return holder

    monkeypatch.setattr(conflicts, "_check_single", find_and_lose)
    draft = service.parse_release(owner.actor, {**body, "notes": "other"})
    outcome = conflicts.create_release(owner.actor, draft, None, mode)
    assert (gone, outcome.word) == ([204], "created")
    assert outcome.release.id != stored["id"]


@contextmanager
def short_patience() -> Iterator[None]:
    """Lets whoever waits for a lock give up at once."""

    def set_timeout(connection: Any, *_: Any) -> None:
        connection.execute("SET lock_timeout = '100ms'")
        connection.commit()

    def reset_timeout(connection: Any, *_: Any) -> None:
        connection.execute("RESET lock_timeout")
        connection.commit()

    event.listen(db.engine, "checkout", set_timeout)
    event.listen(db.engine, "checkin", reset_timeout)
    try:
        yield
    finally:
        event.remove(db.engine, "checkout", set_timeout)
        event.remove(db.engine, "checkin", reset_timeout)


@pytest.mark.once
def test_a_key_whose_request_is_still_running_is_told_so(caller: Caller, body: dict[str, Any]) -> None:
    headers = {"Idempotency-Key": "build-4711"}
    with short_patience():
        actor = tokens.authenticate(caller.token)
        with transaction() as session:
            # As by a request that is not over yet.
            keys.insert_key(session, actor, "build-4711", b"0" * 32)
            running = caller.post("/v3/releases", json=body, headers=headers)
            session.rollback()
    assert (running.status_code, running.get_json()["code"]) == (409, "idempotency_key_in_use")
    assert int(running.headers["Retry-After"]) > 0
    assert caller.post("/v3/releases", json=body, headers=headers).status_code == 201
