"""Both storages keep the promises of their interface: a folder on a disk, and a bucket of a real S3 server."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from app.config import Settings
from app.files import uploads
from app.files.storage import Storage, build_storage
from app.files.troubles import StorageError
from tests.factories import Caller
from tests.object_store import ObjectStore, object_store

pytestmark = pytest.mark.once

# More than two parts of an object, and not a whole number of anything.
SIZE = 20 * 1024 * 1024 + 7


@pytest.fixture(scope="module")
def store() -> Iterator[ObjectStore]:
    """An S3 server."""
    with object_store() as running:
        yield running


class Case:
    """A storage, and a look at what lies in it from outside."""

    def __init__(self, storage: Storage, list_all: Callable[[], list[str]]) -> None:
        self.storage = storage
        self.list_all = list_all


def open_storage(**environment: str) -> Storage:
    """Gives the storage of these settings."""
    return build_storage(Settings.from_environ(environment).storage)


@pytest.fixture(params=["disk", "bucket"])
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    """Each of them."""
    if request.param == "disk":
        (tmp_path / "files").mkdir()
        storage = open_storage(DATA_DIR=str(tmp_path))
        return Case(storage, lambda: [path.name for path in (tmp_path / "files").rglob("*") if path.is_file()])
    store: ObjectStore = request.getfixturevalue("store")
    return Case(open_storage(**store.environment), lambda: [*store.list_keys(), *store.list_begun()])


def give(size: int, step: int = 1_000_003) -> Iterator[bytes]:
    """Gives so many bytes in uneven pieces."""
    whole = bytes(range(256)) * (step // 256 + 2)
    for start in range(0, size, step):
        yield whole[: min(step, size - start)]


def break_off(size: int) -> Iterator[bytes]:
    """Gives so many bytes, and then no end."""
    yield from give(size)
    raise LookupError("the sender died")


def test_what_was_written_is_read_whole_and_in_parts_until_it_is_deleted(case: Case) -> None:
    storage = case.storage
    storage.check()
    small, large = "aa/small", "bb/large"
    storage.write(small, iter([b"rock", b"et"]))
    storage.write(large, give(SIZE))
    assert b"".join(storage.read(small, 0, 6)) == b"rocket"
    assert b"".join(storage.read(small, 2, 5)) == b"cke"
    whole = b"".join(give(SIZE))
    assert b"".join(storage.read(large, 0, SIZE)) == whole
    assert b"".join(storage.read(large, 3, SIZE - 5)) == whole[3:-5]
    assert max(len(chunk) for chunk in storage.read(large, 0, SIZE)) <= 4 * 1024 * 1024
    begun = storage.read(large, 0, SIZE)
    next(begun)
    begun.close()
    assert (storage.has(small), storage.has("aa/other")) == (True, False)
    for key in (small, large, large):
        storage.delete(key)
    assert case.list_all() == []
    with pytest.raises(StorageError):
        next(storage.read(small, 0, 6))


@pytest.mark.parametrize("size", [0, 10, SIZE])
def test_what_breaks_off_leaves_nothing_and_says_why(case: Case, size: int) -> None:
    with pytest.raises(LookupError, match="the sender died"):
        case.storage.write("cc/broken", break_off(size))
    assert case.list_all() == []


def test_a_storage_that_is_away_is_told_in_one_way(tmp_path: Path) -> None:
    (tmp_path / "files").write_text("no folder")
    away = [
        open_storage(DATA_DIR=str(tmp_path)),
        open_storage(
            STORAGE_URL="s3://releases",
            S3_ENDPOINT="http://127.0.0.1:9",
            S3_ACCESS_KEY_ID="a",
            S3_SECRET_ACCESS_KEY="b",
        ),
    ]
    for storage in away:
        attempts: list[Callable[[], object]] = [
            partial(storage.write, "aa/x", [b"x"]),
            partial(storage.read, "aa/x", 0, 1),
            partial(storage.delete, "aa/x"),
            storage.check,
        ]
        for attempt in attempts:
            with pytest.raises(StorageError):
                attempt()


def test_a_file_goes_into_the_bucket_and_out_of_it_and_an_outage_is_a_503(
    build_app: Callable[..., Flask],
    caller: Caller,
    body: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # With each piece it is said that this goes on: the store asks for them in its own way.
    monkeypatch.setattr(uploads, "_PROLONG_SECONDS", -1.0)
    with object_store() as store:
        client = build_app(**store.environment).test_client()
        there = Caller(client, caller.token)
        path = f"/v3/{there.post('/v3/releases', json=body).get_json()['id']}/rocket.zip"
        content = b"".join(give(SIZE))
        added = there.request("PUT", path, data=content)
        assert (added.status_code, added.get_json()["size"]) == (200, SIZE)
        assert len(store.list_keys()) == 1
        assert store.list_keys()[0].startswith("some/prefix/")
        assert there.get(path).data == content
        assert there.get(path, headers={"Range": "bytes=100-199"}).data == content[100:200]
        store.stop()
        for answer in (there.get(path), there.request("PUT", f"{path}.sig", data=b"x")):
            assert (answer.status_code, answer.get_json()["code"]) == (503, "storage_unavailable")
    files = there.get(path.rpartition("/")[0].replace("/v3/", "/v3/releases/")).get_json()["files"]
    assert [(file["name"], file["downloads"]) for file in files] == [("rocket.zip", 1)]
