"""If-Match and If-None-Match through the API: what somebody else has changed meanwhile is not overwritten."""

from __future__ import annotations

import gzip
import itertools
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update
from werkzeug.test import TestResponse

from app.database import transaction
from app.extensions import db
from app.files.models import ReleaseFile
from app.releases.models import Release
from app.times import format_time, now
from tests.counting import count
from tests.factories import Caller, Factory, Organisation
from tests.recorded import FILE, list_event_types

NOBODY = "0f8fad5b-d9cb-469f-a165-70867728950e"
GZIP = {"Accept-Encoding": "gzip"}
OTHER = '"00000000000000000000000000000000"'

Change = Callable[[Caller, str, dict[str, str]], TestResponse]


@pytest.fixture
def path(caller: Caller, body: dict[str, Any]) -> str:
    """The address of a draft that is larger than what is sent as it is."""
    answer = caller.post("/v3/releases", json={**body, "notes": "word " * 400})
    return f"/v3/releases/{answer.get_json()['id']}"


def check_refused(answer: TestResponse) -> None:
    """It is a refusal by a precondition, in the form of all others."""
    assert (answer.status_code, answer.content_type) == (412, "application/problem+json")
    assert answer.get_json()["code"] == "precondition_failed"


def test_who_has_what_is_stored_is_not_sent_it_again(
    make: Factory, owner: Organisation, caller: Caller, path: str
) -> None:
    file = caller.post("/v3/release-files", json={**FILE, "releaseId": path.rpartition("/")[2]}).get_json()
    webhook = make.webhook(owner, "http://127.0.0.1:9/")
    for url in (
        path,
        f"/v3/release-files/{file['id']}",
        f"/v3/webhooks/{webhook.id}",
        "/v3/releases",
        "/v3/release-files",
    ):
        first = caller.get(url)
        tag = first.headers["ETag"]
        for given in (tag, f"W/{tag}", f'"x", {tag}', "*"):
            again = caller.get(url, headers={"If-None-Match": given})
            assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag), (url, given)
        assert caller.request("HEAD", url, headers={"If-None-Match": tag}).status_code == 304
        assert caller.get(url, headers={"If-None-Match": OTHER}).data == first.data
        assert caller.get(url, headers={"If-Match": tag}).data == first.data
        check_refused(caller.get(url, headers={"If-Match": OTHER}))
        assert caller.get(url, headers={"If-None-Match": "nonsense"}).status_code == 400
        kept = "no-store" if "webhooks" in url else "private, no-cache"
        assert first.headers["Cache-Control"] == kept


def test_what_is_sent_compressed_has_a_tag_of_its_own_that_means_the_same(caller: Caller, path: str) -> None:
    plain, small = caller.get(path), caller.get(path, headers=GZIP)
    assert gzip.decompress(small.data) == plain.data
    tag = small.headers["ETag"]
    assert tag == f'{plain.headers["ETag"][:-1]}-gzip"'
    for headers in ({}, GZIP):
        again = caller.get(path, headers={**headers, "If-None-Match": tag})
        assert (again.status_code, again.data) == (304, b"")
        assert caller.get(path, headers={**headers, "If-Match": tag}).status_code == 200
    assert caller.request("PATCH", path, json={"notes": "n"}, headers={"If-Match": tag}).status_code == 200


def test_each_change_answers_the_tag_that_the_next_one_needs(caller: Caller, body: dict[str, Any]) -> None:
    created = caller.post("/v3/releases", json=body)
    path = f"/v3/releases/{created.get_json()['id']}"
    answer = created
    for method, url, sent in (
        ("PATCH", path, {"notes": "one"}),
        ("PATCH", path, {"notes": "two"}),
        ("POST", f"{path}/archive", {"reason": "r"}),
        ("POST", f"{path}/unarchive", {}),
        ("POST", f"{path}/publish", {}),
    ):
        answer = caller.request(method, url, json=sent, headers={"If-Match": answer.headers["ETag"]})
        assert answer.status_code == 200, (url, answer.text)
        assert answer.headers["ETag"] == caller.get(path).headers["ETag"]


CHANGES: dict[str, Change] = {
    "patch": lambda caller, path, headers: caller.request("PATCH", path, json={"name": "Other"}, headers=headers),
    "trial": lambda caller, path, headers: caller.request(
        "PATCH", f"{path}?validateOnly=true", json={"name": "Other"}, headers=headers
    ),
    "delete": lambda caller, path, headers: caller.request("DELETE", path, headers=headers),
    "publish": lambda caller, path, headers: caller.post(f"{path}/publish", headers=headers),
    "plan": lambda caller, path, headers: caller.post(
        f"{path}/publish", json={"publishAt": format_time(now() + timedelta(days=1))}, headers=headers
    ),
    "archive": lambda caller, path, headers: caller.post(f"{path}/archive", headers=headers),
}


def read_state() -> tuple[int, list[str]]:
    """Gives how many releases there are, and what was told of them."""
    return count(Release), list_event_types()


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_what_was_changed_meanwhile_is_not_changed(caller: Caller, path: str, change: Change) -> None:
    seen = caller.get(path).headers["ETag"]
    changed = caller.request("PATCH", path, json={"notes": "by somebody else"}).get_json()
    before = read_state()
    for headers in ({"If-Match": seen}, {"If-Match": f"W/{caller.get(path).headers['ETag']}"}, {"If-None-Match": "*"}):
        check_refused(change(caller, path, headers))
    assert change(caller, path, {"If-Match": "nonsense"}).status_code == 400
    assert (caller.get(path).get_json(), read_state()) == (changed, before)
    # What stands in the way without any of this is told first.
    absent = f"/v3/releases/{NOBODY}"
    assert change(caller, absent, {"If-Match": seen}).status_code == 404
    tag = caller.get(path).headers["ETag"]
    assert change(caller, path, {"If-Match": f'"x", {tag}'}).status_code in (200, 204)


def test_a_change_that_is_sent_again_was_made_already(caller: Caller, path: str) -> None:
    headers = {"If-Match": caller.get(path).headers["ETag"]}
    answers = [caller.request("PATCH", path, json={"notes": "new"}, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    assert answers[0].get_json() == answers[1].get_json()
    check_refused(caller.request("PATCH", path, json={"notes": "newer"}, headers=headers))
    assert list_event_types() == ["release.created", "release.updated"]


def test_of_many_who_have_seen_the_same_one_changes_it(app: Flask, caller: Caller, path: str) -> None:
    headers = {"If-Match": caller.get(path).headers["ETag"]}
    barrier, numbers = threading.Barrier(12), itertools.count()

    def send(_: int) -> tuple[int, str]:
        client, notes = Caller(app.test_client(), caller.token), f"by {next(numbers)}"
        barrier.wait()
        return client.request("PATCH", path, json={"notes": notes}, headers=headers).status_code, notes

    with ThreadPoolExecutor(12) as pool:
        answers = sorted(pool.map(send, range(12)))
    assert [status for status, _ in answers] == [200] + [412] * 11
    assert caller.get(path).get_json()["notes"] == answers[0][1]
    assert list_event_types() == ["release.created", "release.updated"]


def test_a_download_stands_in_the_way_of_nobody(caller: Caller, path: str) -> None:
    release_id = path.rpartition("/")[2]
    file = caller.post("/v3/release-files", json={**FILE, "releaseId": release_id}).get_json()
    file_path = f"/v3/release-files/{file['id']}"
    tags = {url: caller.get(url).headers["ETag"] for url in (path, file_path)}
    with transaction() as session:
        session.execute(update(ReleaseFile).values(downloads=7))
    for url, tag in tags.items():
        # Who keeps a copy is told, ...
        assert caller.get(url, headers={"If-None-Match": tag}).status_code == 200
    # ... and who changes something has seen all that can be changed.
    assert caller.request("PATCH", path, json={"notes": "n"}, headers={"If-Match": tags[path]}).status_code == 200
    check_refused(caller.request("DELETE", file_path, headers={"If-Match": OTHER}))
    assert caller.request("DELETE", file_path, headers={"If-Match": tags[file_path]}).status_code == 204
    db.session.rollback()
    assert count(ReleaseFile) == 0


def test_a_webhook_is_changed_by_who_has_seen_it(make: Factory, owner: Organisation, caller: Caller) -> None:
    path = f"/v3/webhooks/{make.webhook(owner, 'http://127.0.0.1:9/', headers={'X-Key': 'one'}).id}"
    seen = caller.get(path).headers["ETag"]
    # Nothing of it is shown, and all the same it is another state.
    changed = caller.request("PATCH", path, json={"headers": {"X-Key": "two"}}, headers={"If-Match": seen})
    assert (changed.status_code, changed.headers["ETag"] == seen) == (200, False)
    stale = {"If-Match": seen}
    for answer in (
        caller.request("PATCH", path, json={"name": "Other"}, headers=stale),
        caller.request("PATCH", f"{path}?validateOnly=true", json={"name": "Other"}, headers=stale),
        caller.request("DELETE", path, headers=stale),
        *(caller.post(f"{path}/{action}", headers=stale) for action in ("pause", "resume", "rotate", "cut-over")),
    ):
        check_refused(answer)
    assert caller.get(path).get_json() == changed.get_json()
    answer = changed
    for action in ("pause", "resume", "rotate", "cut-over"):
        answer = caller.post(f"{path}/{action}", headers={"If-Match": answer.headers["ETag"]})
        assert (answer.status_code, answer.headers["ETag"]) == (200, caller.get(path).headers["ETag"])
    final = {"If-Match": answer.headers["ETag"]}
    renamed = [caller.request("PATCH", path, json={"name": "Other"}, headers=final) for _ in range(2)]
    assert [answer.status_code for answer in renamed] == [200, 200]
    assert caller.request("DELETE", path, headers={"If-Match": renamed[1].headers["ETag"]}).status_code == 204


def test_a_file_is_created_once_and_names_what_is_in_its_way(caller: Caller, path: str) -> None:
    sent, headers = {**FILE, "releaseId": path.rpartition("/")[2]}, {"Idempotency-Key": "build-4711"}
    first, again = (caller.post("/v3/release-files", json=sent, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code, again.headers["Idempotent-Replayed"]) == (201, 200, "true")
    assert first.get_json() == again.get_json() == caller.post("/v3/release-files", json=sent).get_json()
    other = {**sent, "size": 5}
    assert caller.post("/v3/release-files", json=other, headers=headers).status_code == 422
    refused = caller.post("/v3/release-files", json=other)
    url = f"http://localhost:8000/v3/release-files/{first.get_json()['id']}"
    existing = {"id": first.get_json()["id"], "url": url}
    assert (refused.status_code, refused.get_json()["existing"], refused.headers["Location"]) == (409, existing, url)
    assert list_event_types() == ["release.created", "release.file.created"]
    # The key of a file that is taken off is free.
    assert caller.request("DELETE", url.removeprefix("http://localhost:8000")).status_code == 204
    assert caller.post("/v3/release-files", json=other, headers=headers).status_code == 201
