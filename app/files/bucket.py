"""Files in a bucket of a store that speaks S3, as ``storage`` describes it."""

from __future__ import annotations

import contextlib
import itertools
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

import obstore
from obstore.exceptions import BaseError
from obstore.store import S3Store

from app.config_storage import Bucket
from app.files.troubles import StorageError

logger = logging.getLogger(__name__)

# S3 takes 10,000 parts of an object: 80 GB of this size.
_PART: Final = 8 * 1024 * 1024
_PARTS_AT_ONCE: Final = 2
# Read by several requests: a reader may take hours, and what breaks off is asked for again from there on.
_SEGMENT: Final = 64 * 1024 * 1024
_CHUNK: Final = 1024 * 1024
_TRIES: Final = 3
_CLIENT: Final[Any] = {"connect_timeout": "5s", "read_timeout": "30s", "timeout": "1h", "allow_http": True}
# Whoever asks whether it is there does not wait long for the answer.
_PROBE: Final[Any] = {"connect_timeout": "2s", "timeout": "3s", "allow_http": True}
_RETRY: Final[Any] = {"max_retries": 2, "retry_timeout": timedelta(seconds=20)}


class BucketStorage:
    """Keeps each file as an object. Large ones are sent in parts, which the store shows to nobody before the last."""

    def __init__(self, bucket: Bucket) -> None:
        self._bucket = bucket
        self._stores: dict[int, S3Store] = {}

    @property
    def _store(self) -> S3Store:
        # Its threads would be missing in a process that was forked from the one that they were started in.
        process = os.getpid()
        if process not in self._stores:
            self._stores[process] = _build_store(self._bucket, _CLIENT, _RETRY)
        return self._stores[process]

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        """Stores bytes: small ones by one request, others by several of which at most two are under way."""
        rest = iter(chunks)
        head = b"".join(_take(rest, _PART))
        if len(head) < _PART:
            with _translating():
                obstore.put(self._store, key, head, use_multipart=False)
            return
        # What the chunks raise comes out here as it is; the parts that were sent are dropped.
        with _translating():
            obstore.put(
                self._store,
                key,
                itertools.chain([head], rest),
                use_multipart=True,
                chunk_size=_PART,
                max_concurrency=_PARTS_AT_ONCE,
            )

    def read(self, key: str, start: int, end: int) -> BucketPart:
        """Gives the bytes from ``start`` to before ``end``."""
        return BucketPart(self._store, key, start, end)

    def delete(self, key: str) -> None:
        """Deletes what lies under a key."""
        with _translating():
            try:
                obstore.delete(self._store, key)
            except FileNotFoundError:
                return

    def has(self, key: str) -> bool:
        """Whether anything lies under a key."""
        with _translating():
            try:
                obstore.head(self._store, key)
            except FileNotFoundError:
                return False
        return True

    def sweep(self, idle_seconds: float) -> int:
        """Gives 0: what killed processes left is the bucket's own to clear away, by a rule of its lifecycle."""
        return 0

    def check(self) -> None:
        """Raises StorageError unless the store answers at once."""
        probe = _build_store(self._bucket, _PROBE, {"max_retries": 0})
        with _translating(), contextlib.suppress(FileNotFoundError):
            obstore.head(probe, "check")


class BucketPart:
    """Bytes of an object, asked for as they are needed. The first come at once, so that it is known whether any do."""

    def __init__(self, store: S3Store, key: str, start: int, end: int) -> None:
        self._store = store
        self._key = key
        self._start = start
        self._end = end
        self._stream: Iterator[bytes] = iter(())
        self._next = self._read()

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        """Gives the next bytes."""
        chunk, self._next = self._next or self._read(), b""
        if not chunk:
            raise StopIteration
        return chunk

    def close(self) -> None:
        """Lets go of the request that is under way."""
        self._stream = iter(())

    def _read(self) -> bytes:
        for tries_left in reversed(range(_TRIES)):
            try:
                chunk = self._ask()
            except (BaseError, OSError) as error:
                if not tries_left or isinstance(error, FileNotFoundError):
                    raise _report(error) from error
                self.close()
            else:
                self._start += len(chunk)
                return chunk
        return b""

    def _ask(self) -> bytes:
        """Gives what comes next of the request that is under way, or of a new one."""
        if self._start == self._end:
            return b""
        if chunk := next(self._stream, b""):
            return chunk
        until = min(self._start + _SEGMENT, self._end)
        found = obstore.get(self._store, self._key, options={"range": (self._start, until)})
        self._stream = iter(found.stream(min_chunk_size=_CHUNK))
        if chunk := next(self._stream, b""):
            return chunk
        raise OSError("the stored file is shorter than it was")


@contextmanager
def _translating() -> Iterator[None]:
    """Around what is asked of the store: raises StorageError in place of its errors, and logs them."""
    try:
        yield
    except (BaseError, OSError) as error:
        raise _report(error) from error


def _report(error: Exception) -> StorageError:
    reason = str(error).split("\n")[0]
    logger.error("the storage of files fails", extra={"error": reason})
    return StorageError()


def _build_store(bucket: Bucket, client: Any, retry: Any) -> S3Store:
    given = {
        "endpoint": bucket.endpoint,
        "access_key_id": bucket.access_key_id,
        "secret_access_key": bucket.secret_access_key,
    }
    options: Any = {name: value for name, value in given.items() if value}
    return S3Store(
        bucket.name,
        prefix=bucket.prefix or None,
        region=bucket.region,
        client_options=client,
        retry_config=retry,
        **options,
    )


def _take(chunks: Iterator[bytes], size: int) -> Iterator[bytes]:
    """Gives chunks until there are so many bytes, or no more."""
    taken = 0
    while taken < size and (chunk := next(chunks, b"")):
        taken += len(chunk)
        yield chunk
