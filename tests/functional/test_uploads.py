"""``PUT /v3/{releaseId}/{fileName}``: what is stored, what is refused before anything is read, and what is left."""

from __future__ import annotations

import base64
import hashlib
import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.config_storage import StorageSettings
from app.database import clock, transaction
from app.extensions import db
from app.files import uploads
from app.files.models import Blob, ReleaseFile
from app.files.storage import find_key
from app.files.troubles import StorageError
from app.files.upkeep import clear_away
from app.releases.models import DeletedRelease
from tests.counting import count
from tests.factories import Caller, Factory, Organisation
from tests.recorded import FILE, list_event_types, read_last_audit, read_last_event
from tests.stored import list_stored

pytestmark = pytest.mark.usefixtures("storage")

CONTENT = b"\x00\r\n--rocket\xff" * 5000
MD5 = hashlib.md5(CONTENT).hexdigest()
SHA256 = hashlib.sha256(CONTENT).hexdigest()


def encode_digest(algorithm: str, content: bytes = CONTENT) -> str:
    """Gives a checksum in base64, as headers have it."""
    return base64.b64encode(hashlib.new(algorithm, content).digest()).decode()


@pytest.fixture
def release(caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
    """A draft."""
    created: dict[str, Any] = caller.post("/v3/releases", json=body).get_json()
    return created


@pytest.fixture
def path(release: dict[str, Any]) -> str:
    """Where a file of it is uploaded to."""
    return f"/v3/{release['id']}/Rocket-1.2.tar.gz"


@pytest.fixture
def change(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., None]]:
    """Sets the limits of stored files."""
    slipway = app.extensions["slipway"]

    def set_limits(**limits: Any) -> None:
        settings = slipway.settings.storage
        changed = {"folder": settings.folder, "bucket": None, "file_size_limit": settings.file_size_limit} | limits
        object.__setattr__(slipway.settings, "storage", StorageSettings(**{"quota": settings.quota, **changed}))

    before = slipway.settings.storage
    monkeypatch.setattr(uploads, "_PROLONG_SECONDS", -1.0)
    yield set_limits
    object.__setattr__(slipway.settings, "storage", before)


def build_form(content: bytes, name: str = "file") -> dict[str, Any]:
    """Gives a form with a file in it, and other things around that."""
    data = {"before": "x", name: (io.BytesIO(content), "ignored.bin"), "after": "y"}
    return {"data": data, "content_type": "multipart/form-data"}


@pytest.mark.parametrize("kind", ["raw", "form", "named"])
def test_a_file_is_stored_member_for_member_and_told(
    caller: Caller, data_dir: Path, release: dict[str, Any], path: str, kind: str
) -> None:
    sent: dict[str, Any] = {
        "raw": {"data": CONTENT, "content_type": "application/x-www-form-urlencoded"},
        "form": build_form(CONTENT),
        "named": {"data": CONTENT, "headers": {"Repr-Digest": f"sha-256=:{encode_digest('sha256')}:, unixsum=:AA==:"}},
    }[kind]
    answer = caller.request("PUT", path, **sent)
    assert answer.status_code == 200, answer.text
    added = answer.get_json()
    url = f"http://localhost:8000/v3/{release['tenantId']}/{release['id']}/Rocket-1.2.tar.gz"
    expected = {"name": "Rocket-1.2.tar.gz", "url": url, "size": len(CONTENT), "downloads": 0, "extension": ".gz"}
    expected |= {"checksum": MD5, "secured": True, "published": False, "releaseId": release["id"]}
    assert {name: added[name] for name in expected} == expected
    after = caller.get(f"/v3/releases/{release['id']}").get_json()
    assert (after["totalFiles"], after["files"]) == (1, [added])
    assert list_event_types() == ["release.created", "release.file.created"]
    assert read_last_event() == ("release.file.created", added)
    assert read_last_audit() == ("release.file.created", release["id"], {"file": added})
    (stored,) = list_stored(data_dir)
    assert stored.read_bytes() == CONTENT
    assert caller.get("/v3/release-files").get_json() == [added]


def test_the_same_again_changes_nothing_and_something_else_is_a_conflict(
    app: Flask, caller: Caller, data_dir: Path, release: dict[str, Any], path: str
) -> None:
    added = caller.request("PUT", path, data=CONTENT).get_json()
    for sent in ({"data": CONTENT}, build_form(CONTENT)):
        again = caller.request("PUT", path, **sent)
        assert (again.status_code, again.get_json(), again.headers["Idempotent-Replayed"]) == (200, added, "true")
    other = path.replace("Rocket", "rocket")
    for refused in (
        caller.request("PUT", other, data=CONTENT[:-1] + b"x"),
        caller.request("PUT", other, **build_form(CONTENT + b"x")),
        caller.request("PUT", f"{path}?secured=false", data=CONTENT),
        caller.post("/v3/release-files", json={**FILE, "name": added["name"], "releaseId": release["id"]}),
    ):
        assert (refused.status_code, refused.get_json()["code"]) == (409, "duplicate_file"), refused.text
        assert refused.get_json()["existing"]["id"] == added["id"]
    assert list_event_types() == ["release.created", "release.file.created"]
    assert len(list_stored(data_dir)) == count(Blob) == count(ReleaseFile) == 1


def test_of_two_that_upload_the_same_at_once_both_have_it_and_it_is_there_once(
    app: Flask, caller: Caller, data_dir: Path, release: dict[str, Any], path: str
) -> None:
    slow, quick = caller, Caller(app.test_client(), caller.token)
    statuses: list[int] = []

    class Slow(io.BytesIO):
        """Lets somebody else pass before its first byte."""

        def read(self, size: int | None = -1) -> bytes:
            if not statuses:
                statuses.append(quick.request("PUT", path, data=CONTENT).status_code)
            return super().read(size)

    answer = slow.request("PUT", path, input_stream=Slow(CONTENT), headers={"Content-Length": str(len(CONTENT))})
    assert (answer.status_code, statuses) == (200, [200])
    assert answer.headers["Idempotent-Replayed"] == "true"
    assert len(list_stored(data_dir)) == count(Blob) == count(ReleaseFile) == 1
    assert caller.get(f"/v3/releases/{release['id']}").get_json()["totalFiles"] == 1


class Untouched(io.BytesIO):
    """A body that nobody may ask for."""

    def read(self, size: int | None = -1) -> bytes:
        """Fails."""
        raise AssertionError("the body was read")


def offer(caller: Caller, path: str, headers: dict[str, str]) -> Any:
    """Sends a body that nobody may read, as long as its headers say."""
    length = headers.get("Content-Length", "")
    body = Untouched(b"x" * int(length or 0))
    return caller.request("PUT", path, input_stream=body, headers=headers, environ_overrides={"CONTENT_LENGTH": length})


def test_what_cannot_be_stored_is_refused_before_its_body_is_read(
    make: Factory,
    owner: Organisation,
    caller: Caller,
    body: dict[str, Any],
    release: dict[str, Any],
    path: str,
    change: Callable[..., None],
) -> None:
    change(file_size_limit=100, quota=1000)
    published = caller.post("/v3/releases", json={**body, "version": "9.0"}).get_json()["id"]
    caller.post(f"/v3/releases/{published}/publish")
    caller.request("PUT", path, data=b"x")
    length = {"Content-Length": "90"}
    nobody = Caller(make.app.test_client(), "a.b.c")
    cases: list[tuple[int, str, Caller, str, dict[str, str]]] = [
        (401, "invalid_token", nobody, path, length),
        (403, "insufficient_scope", make.caller(owner, "release:write"), path, length),
        (403, "insufficient_scope", make.caller(owner, "release:read"), path, length),
        (404, "not_found", make.caller(make.organisation()), path, length),
        (404, "not_found", caller, path.replace(release["id"], "0f8fad5b-d9cb-469f-a165-70867728950e"), length),
        (404, "not_found", caller, path.replace(release["id"], "nothing"), length),
        (403, "release_published", caller, path.replace(release["id"], published), length),
        (400, "invalid_request", caller, path, {}),
        (400, "invalid_request", caller, path, {"Transfer-Encoding": "chunked"}),
        (400, "invalid_request", caller, path, {"Content-Length": "0"}),
        (400, "invalid_request", caller, path, {**length, "Content-Range": "bytes 0-9/90"}),
        (400, "invalid_request", caller, path, {**length, "Content-MD5": "nonsense"}),
        (400, "invalid_request", caller, path, {**length, "Repr-Digest": "sha-256=:AAAA:"}),
        (400, "invalid_request", caller, path, {**length, "Content-Digest": "sha-256"}),
        (400, "malformed_body", caller, f"{path}x", {**length, "Content-Type": "multipart/form-data"}),
        (400, "validation_failed", caller, f"{path}?secured=perhaps", length),
        (400, "validation_failed", caller, f"{path}?validateOnly=true", length),
        (409, "duplicate_file", caller, path, length),
        (413, "file_too_large", caller, f"{path}x", {"Content-Length": "101"}),
        (415, "unsupported_media_type", caller, path, {**length, "Content-Encoding": "gzip"}),
    ]
    wrong = []
    for status, code, sender, where, headers in cases:
        answer = offer(sender, where, headers)
        if (answer.status_code, answer.get_json()["code"]) != (status, code):
            wrong.append((status, code, headers, answer.text))
    change(file_size_limit=100, quota=50)
    full = offer(caller, f"{path}x", length)
    assert (full.status_code, full.get_json()["code"]) == (409, "quota_exceeded")
    assert (
        "room for 50\N{NO-BREAK SPACE}bytes of files, and 1\N{NO-BREAK SPACE}byte of it" in full.get_json()["message"]
    )
    assert wrong == []
    assert count(Blob) == 1


class Broken(io.BytesIO):
    """A body whose sender dies halfway."""

    def read(self, size: int | None = -1) -> bytes:
        """Gives a part, then fails as a server's stream does."""
        if self.tell():
            raise ConnectionResetError
        return super().read(100)


def test_an_upload_that_breaks_leaves_nothing(
    caller: Caller,
    data_dir: Path,
    release: dict[str, Any],
    path: str,
    change: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    length = {"CONTENT_LENGTH": str(len(CONTENT))}
    halves = CONTENT.partition(b"\xff")
    boundary = {"Content-Type": "multipart/form-data; boundary=rocket"}
    head = b'--rocket\r\nContent-Disposition: form-data; name="file"; filename="x"\r\n\r\n'
    change(file_size_limit=len(CONTENT))
    cases: list[tuple[int, str, dict[str, Any]]] = [
        (400, "bad_request", {"input_stream": Broken(CONTENT), "environ_overrides": length}),
        (400, "bad_request", {"input_stream": io.BytesIO(CONTENT[:-1]), "environ_overrides": length}),
        (400, "digest_mismatch", {"data": CONTENT, "headers": {"Content-MD5": encode_digest("md5", b"other")}}),
        (
            400,
            "digest_mismatch",
            {"data": CONTENT, "headers": {"Content-Digest": f"sha-512=:{encode_digest('sha512', b'other')}:"}},
        ),
        (400, "malformed_body", build_form(CONTENT, "document")),
        (400, "malformed_body", {"data": head + CONTENT[:90], "headers": boundary}),
        (400, "malformed_body", {"data": b"--rocket\r\n" + halves[2], "headers": boundary}),
        (400, "malformed_body", {"data": head + b"a\r\n" + head + b"b\r\n--rocket--", "headers": boundary}),
        (400, "invalid_request", {"data": head + b"\r\n--rocket--", "headers": boundary}),
        (413, "file_too_large", build_form(CONTENT + b"x")),
    ]
    wrong = []
    for status, code, sent in cases:
        answer = caller.request("PUT", path, **sent)
        if (answer.status_code, answer.get_json()["code"]) != (status, code):
            wrong.append((status, code, answer.text))
    assert wrong == []
    with monkeypatch.context() as patch:
        # The disk is full when all is written.
        patch.setattr("app.files.disk.os.fsync", fail_full)
        full = caller.request("PUT", path, data=CONTENT)
    assert (full.status_code, full.get_json()["code"]) == (503, "storage_unavailable")
    assert "full" in full.get_json()["message"]
    assert list_stored(data_dir) == []
    assert (count(Blob), count(ReleaseFile)) == (0, 0)
    assert list_event_types() == ["release.created"]


def fail_full(_descriptor: int) -> None:
    """Fails as a full disk does."""
    raise OSError(28, "No space left on device")


def test_a_release_that_is_published_while_its_file_comes_stays_as_it_is(
    caller: Caller, data_dir: Path, release: dict[str, Any], path: str
) -> None:
    class Late(io.BytesIO):
        """Publishes the release before its first byte."""

        def read(self, size: int | None = -1) -> bytes:
            if not self.tell():
                caller.post(f"/v3/releases/{release['id']}/publish")
            return super().read(size)

    headers = {"Content-Length": str(len(CONTENT))}
    answer = caller.request("PUT", path, input_stream=Late(CONTENT), headers=headers)
    assert (answer.status_code, answer.get_json()["code"]) == (403, "release_published")
    assert (list_stored(data_dir), count(Blob)) == ([], 0)


def expire() -> None:
    """Lets all that is doomed or reserved be over."""
    with transaction() as session:
        for column in (Blob.doomed_at, Blob.reserved_until):
            values = {column.key: clock(-1000)}
            session.execute(update(Blob).where(column.is_not(None)).values(**values))


def test_bytes_go_when_nothing_names_them_any_more_and_not_before(
    app: Flask, caller: Caller, body: dict[str, Any], data_dir: Path, release: dict[str, Any], path: str
) -> None:
    caller.request("PUT", path, data=CONTENT)
    removed = caller.request("PUT", f"{path}.sig", data=b"signature").get_json()
    caller.request("DELETE", f"/v3/release-files/{removed['id']}")
    clear_away()
    # Who has begun to read it reads it to its end.
    assert len(list_stored(data_dir)) == 2
    expire()
    clear_away()
    assert len(list_stored(data_dir)) == count(Blob) == 1

    # A deleted draft may come back, with its files.
    caller.request("DELETE", f"/v3/releases/{release['id']}")
    clear_away()
    assert db.session.scalar(select(Blob.doomed_at)) is not None
    assert caller.post(f"/v3/releases/{release['id']}/restore").status_code == 200
    expire()
    clear_away()
    assert caller.get(path).data == CONTENT
    assert db.session.scalar(select(Blob.doomed_at)) is None

    caller.request("DELETE", f"/v3/releases/{release['id']}")
    clear_away()
    expire()
    with transaction() as session:
        session.execute(update(DeletedRelease).values(deleted_at=clock(-8 * 86400)))
    clear_away()
    assert (list_stored(data_dir), count(Blob)) == ([], 0)


def fail_away(_key: str) -> None:
    """Fails as a storage does that is away."""
    raise StorageError


def test_what_a_killed_process_left_is_cleared_away_and_its_room_is_free_again(
    app: Flask,
    owner: Organisation,
    caller: Caller,
    data_dir: Path,
    path: str,
    change: Callable[..., None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    change(quota=len(CONTENT))
    storage = app.extensions["slipway"].storage
    with transaction() as session:
        # One that was written whole, and whose file was never committed; another that was half written.
        blob = Blob(tenant_id=owner.tenant_id, size=1, reserved_until=clock(100), created_at=clock())
        session.add(blob)
        session.flush()
        blob_id = blob.id
    storage.write(find_key(blob_id), [b"x"])
    (data_dir / "files" / "incoming").mkdir(exist_ok=True)
    (data_dir / "files" / "incoming" / "half").write_bytes(b"half")
    assert caller.request("PUT", path, data=CONTENT).get_json()["code"] == "quota_exceeded"
    clear_away()
    assert len(list_stored(data_dir)) == 2
    expire()
    clear_away()
    expire()
    with monkeypatch.context() as patch:
        patch.setattr(storage, "delete", fail_away)
        assert clear_away() is False
    assert count(Blob) == 1
    clear_away()
    assert storage.sweep(0.0) == 1
    assert (list_stored(data_dir), count(Blob)) == ([], 0)
    assert caller.request("PUT", path, data=CONTENT).status_code == 200
