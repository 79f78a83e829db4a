"""``GET /v3/{accountId}/{releaseId}/{fileName}``: who may have a file, what of it is sent, and what counts."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from app.download_keys import service as download_keys
from app.download_keys.schema import DownloadKeySchema
from app.extensions import db
from tests.factories import Caller, Factory, Organisation
from tests.recorded import FILE
from tests.stored import list_stored

pytestmark = pytest.mark.usefixtures("storage")

CONTENT = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(CONTENT)
TAG = f'"{SHA256.hexdigest()}"'


class Shelf:
    """A published release with a file, and what happens to them."""

    def __init__(self, caller: Caller, body: dict[str, Any], query: str = "", **members: Any) -> None:
        self._caller = caller
        self.release = caller.post("/v3/releases", json={**body, **members}).get_json()
        self.short = f"/v3/{self.release['id']}/rocket.zip"
        self.path = f"/v3/{self.release['tenantId']}/{self.release['id']}/rocket.zip"
        self.file = caller.request("PUT", f"{self.short}{query}", data=CONTENT).get_json()

    def publish(self) -> None:
        """Publishes the release."""
        assert self._caller.post(f"/v3/releases/{self.release['id']}/publish").status_code == 200

    def count(self) -> int:
        """Gives how often the file was had."""
        return int(self._caller.get(f"/v3/release-files/{self.file['id']}").get_json()["downloads"])


@pytest.fixture
def shelf(caller: Caller, body: dict[str, Any]) -> Shelf:
    """A draft with a secured file."""
    return Shelf(caller, body)


@pytest.fixture
def ask(app: Flask) -> Callable[..., tuple[int, str]]:
    """Asks for a file with a token, a key or nothing; gives the status, and what it says if it is an error."""

    def send(path: str, token: str | None = None, method: str = "GET") -> tuple[int, str]:
        headers = {} if token is None else {"Authorization": f"Bearer {token}"}
        with app.test_client().open(path, method=method, headers=headers) as answer:
            return answer.status_code, answer.get_json()["code"] if answer.status_code >= 400 else ""

    return send


def test_a_file_is_sent_as_it_came_and_each_full_download_counts_once(app: Flask, caller: Caller, shelf: Shelf) -> None:
    for number, path in enumerate((shelf.path, shelf.short, shelf.path.replace("rocket", "ROCKET")), 1):
        answer = caller.get(path)
        assert (answer.status_code, answer.data == CONTENT) == (200, True)
        assert shelf.count() == number
    assert shelf.file["url"] == f"http://localhost:8000{shelf.path}"
    digest = base64.b64encode(SHA256.digest()).decode()
    expected = {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": 'attachment; filename="rocket.zip"',
        "Content-Length": str(len(CONTENT)),
        "Content-Security-Policy": "default-src 'none'; sandbox",
        "Content-Type": "application/octet-stream",
        "ETag": TAG,
        "Repr-Digest": f"sha-256=:{digest}:",
        "X-Content-Type-Options": "nosniff",
    }
    answer = caller.get(shelf.path, buffered=True)
    assert {name: answer.headers[name] for name in expected} == expected
    assert "Content-Encoding" not in answer.headers
    head = caller.request("HEAD", shelf.path)
    assert (head.status_code, head.data) == (200, b"")
    assert {name: head.headers[name] for name in expected} == expected
    # Who stops before the end has not had it.
    with caller.get(shelf.path, buffered=False) as broken:
        next(broken.response)  # type: ignore[call-overload]
    assert shelf.count() == 4


def test_a_part_is_sent_as_it_is_asked_for(caller: Caller, shelf: Shelf) -> None:
    size, last = len(CONTENT), len(CONTENT) - 1
    modified = caller.request("HEAD", shelf.path).headers["Last-Modified"]
    cases: list[tuple[dict[str, str], int, bytes, str | None]] = [
        ({"Range": "bytes=0-9"}, 206, CONTENT[:10], f"bytes 0-9/{size}"),
        ({"Range": "bytes=300-"}, 206, CONTENT[300:], f"bytes 300-{last}/{size}"),
        ({"Range": "bytes=-5"}, 206, CONTENT[-5:], f"bytes {size - 5}-{last}/{size}"),
        ({"Range": f"BYTES = 1-{size * 2}"}, 206, CONTENT[1:], f"bytes 1-{last}/{size}"),
        ({"Range": f"bytes=-{'9' * 19}"}, 206, CONTENT, f"bytes 0-{last}/{size}"),
        ({"Range": f"bytes={size}-"}, 416, b"range_not_satisfiable", f"bytes */{size}"),
        ({"Range": "bytes=-0"}, 416, b"range_not_satisfiable", f"bytes */{size}"),
        # What cannot be read, and several parts at once, are all of it.
        ({"Range": "bytes=9-1"}, 200, CONTENT, None),
        ({"Range": "bytes=0-1,5-6"}, 200, CONTENT, None),
        ({"Range": "lines=0-1"}, 200, CONTENT, None),
        ({"Range": "bytes=" + "9" * 5000 + "-"}, 200, CONTENT, None),
        ({"Range": "bytes=0-1", "If-Range": TAG}, 206, CONTENT[:2], f"bytes 0-1/{size}"),
        ({"Range": "bytes=0-1", "If-Range": modified}, 206, CONTENT[:2], f"bytes 0-1/{size}"),
        ({"Range": "bytes=0-1", "If-Range": '"other"'}, 200, CONTENT, None),
        ({"Range": "bytes=0-1", "If-Range": f"W/{TAG}"}, 200, CONTENT, None),
        ({"Range": "bytes=0-1", "If-Range": "Sat, 24 Aug 2019 14:15:22 GMT"}, 200, CONTENT, None),
        ({"If-None-Match": TAG}, 304, b"", None),
        ({"If-None-Match": f'"x", W/{TAG}', "Range": "bytes=0-1"}, 304, b"", None),
        ({"If-None-Match": '"x"', "If-Modified-Since": modified}, 200, CONTENT, None),
        ({"If-Modified-Since": modified}, 304, b"", None),
        ({"If-Match": TAG}, 200, CONTENT, None),
    ]
    wrong = []
    for headers, status, content, place in cases:
        answer = caller.get(shelf.path, headers=headers)
        is_problem = answer.mimetype == "application/problem+json"
        found = answer.get_json()["code"].encode() if is_problem else answer.data
        if (answer.status_code, found, answer.headers.get("Content-Range")) != (status, content, place):
            wrong.append((headers, answer.status_code, found[:99], answer.headers.get("Content-Range")))
    assert wrong == []
    refused = caller.get(shelf.path, headers={"If-Match": '"other"'})
    assert (refused.status_code, refused.get_json()["code"]) == (412, "precondition_failed")


def test_parts_count_once_when_the_last_of_them_is_had(caller: Caller, shelf: Shelf) -> None:
    half = len(CONTENT) // 2
    for wanted, expected in (("0-0", 0), (f"0-{half - 1}", 0), ("-100", 0), (f"{half}-", 1), (f"-{len(CONTENT)}", 2)):
        headers = {"Range": f"bytes={wanted}"}
        assert caller.get(shelf.path, headers=headers, buffered=True).status_code == 206
        assert (wanted, shelf.count()) == (wanted, expected)


def test_who_may_have_a_file(
    make: Factory, owner: Organisation, caller: Caller, body: dict[str, Any], ask: Callable[..., tuple[int, str]]
) -> None:
    secured = Shelf(caller, body)
    opened = Shelf(caller, body, "?secured=false", version="2.0")
    hidden = Shelf(caller, body, "?secured=false", version="3.0", private=True)
    draft = Shelf(caller, body, "?secured=false", version="4.0")
    archived = Shelf(caller, body, "?secured=false", version="5.0")
    for shelf in (secured, opened, hidden, archived):
        shelf.publish()
    caller.post(f"/v3/releases/{archived.release['id']}/archive")
    every = {"secured": secured, "open": opened, "private": hidden, "draft": draft, "archived": archived}
    key = download_keys.create_key(owner.actor, body["productId"], DownloadKeySchema(name="customer")).key
    revoked = download_keys.create_key(owner.actor, body["productId"], DownloadKeySchema(name="former"))
    download_keys.revoke_key(owner.actor, body["productId"], revoked.row.id)
    other = make.product(owner).id
    foreign = download_keys.create_key(owner.actor, other, DownloadKeySchema(name="of another product")).key
    db.session.rollback()
    stranger = make.caller(make.organisation()).token
    writer = make.caller(owner, "release:write").token
    unknown, missing, denied = (401, "authentication_required"), (404, "not_found"), (403, "insufficient_scope")

    def check(name: str, expected: dict[str, tuple[int, str]], query: str = "", token: str | None = None) -> None:
        found = {label: ask(shelf.path + query, token) for label, shelf in every.items()}
        assert (name, found) == (name, {label: expected.get(label, (200, "")) for label in every})

    closed = ("private", "draft", "archived")
    check("its own token", {}, token=caller.token)
    check("nobody", dict.fromkeys(("secured", *closed), unknown))
    check("a key", dict.fromkeys(closed, unknown), f"?key={key}")
    check("a revoked key", dict.fromkeys(("secured", *closed), unknown), f"?key={revoked.key}")
    check("a key of another product", dict.fromkeys(("secured", *closed), unknown), f"?key={foreign}")
    check("a stranger", dict.fromkeys(("secured", *closed), missing), token=stranger)
    check("a token that may not read", dict.fromkeys(("secured", *closed), denied), token=writer)
    check("a token that may not read, and a key", dict.fromkeys(closed, denied), f"?key={key}", writer)
    check("a bad token", dict.fromkeys(every, (401, "invalid_token")), f"?key={key}", "a.b.c")
    download_keys.restrict_product(owner.actor, body["productId"], is_restricted=True)
    check("nobody, of a restricted product", dict.fromkeys(every, unknown))
    check("a key of a restricted product", dict.fromkeys(closed, unknown), f"?key={key}")
    check("a token of a restricted product", {}, token=caller.token)


def test_what_there_is_not_is_told_to_those_whom_we_know(
    caller: Caller, shelf: Shelf, ask: Callable[..., tuple[int, str]]
) -> None:
    nobody = "0f8fad5b-d9cb-469f-a165-70867728950e"
    for path in (
        shelf.path.replace("rocket", "other"),
        shelf.path.replace(shelf.release["id"], nobody),
        shelf.path.replace(shelf.release["tenantId"], nobody),
        shelf.short.replace(shelf.release["id"], shelf.release["id"].upper()),
        shelf.short.replace("rocket", "%00"),
        shelf.short.replace("rocket", "..%2f..%2fetc"),
        shelf.short.replace("rocket", "%ed%a0%80"),
    ):
        assert (path, ask(path, caller.token)) == (path, (404, "not_found"))
        assert (path, ask(path)) == (path, (401, "authentication_required"))
    assert ask(shelf.path, method="PATCH")[0] == 405
    assert ask("/v3/nothing/rocket.zip")[0] == 404


def test_a_file_that_lies_elsewhere_is_asked_for_there(
    caller: Caller, body: dict[str, Any], ask: Callable[..., tuple[int, str]]
) -> None:
    release = caller.post("/v3/releases", json=body).get_json()
    added = caller.post("/v3/release-files", json={**FILE, "releaseId": release["id"]}).get_json()
    path = f"/v3/{release['tenantId']}/{release['id']}/{FILE['name']}"
    answer = caller.get(path)
    assert (answer.status_code, answer.headers["Location"]) == (302, FILE["url"])
    assert caller.request("HEAD", path).headers["Location"] == FILE["url"]
    assert caller.get(f"/v3/release-files/{added['id']}").get_json()["downloads"] == 1
    assert ask(path) == (401, "authentication_required")


def test_a_storage_or_a_counter_that_is_away_is_no_bug(
    app: Flask, caller: Caller, shelf: Shelf, data_dir: Path
) -> None:
    def fail(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "UPDATE release_files" in statement:
            raise OperationalError(statement, {}, Exception("gone"))

    event.listen(db.engine, "before_cursor_execute", fail)
    try:
        assert caller.get(shelf.path).data == CONTENT
    finally:
        event.remove(db.engine, "before_cursor_execute", fail)
    assert shelf.count() == 0
    (stored,) = list_stored(data_dir)
    stored.unlink()
    refused = caller.get(shelf.path)
    assert (refused.status_code, refused.get_json()["code"]) == (503, "storage_unavailable")
    assert "Retry-After" in refused.headers
    assert "Content-Disposition" not in refused.headers
