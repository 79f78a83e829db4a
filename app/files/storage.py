"""Where the bytes of uploaded files lie: one small interface, behind it a folder on a disk or a bucket of S3."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Protocol

from app.config_storage import StorageSettings
from app.files.bucket import BucketStorage
from app.files.disk import DiskStorage


class Part(Protocol):
    """Bytes that are read as they are asked for. Whoever stops before the end closes it."""

    def __iter__(self) -> Iterator[bytes]:
        """Gives itself."""

    def __next__(self) -> bytes:
        """Gives the next bytes. Raises StorageError."""

    def close(self) -> None:
        """Lets go of what it reads from."""


class Storage(Protocol):
    """Keeps bytes under keys. Every function raises StorageError if the storage cannot do now what is asked."""

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        """Stores what ``chunks`` gives, whole or not at all: whatever they raise, nothing is left and that goes on."""

    def read(self, key: str, start: int, end: int) -> Part:
        """Gives the bytes from ``start`` to before ``end``; there is at least one."""

    def delete(self, key: str) -> None:
        """Deletes what lies under a key, if anything does."""

    def has(self, key: str) -> bool:
        """Whether anything lies under a key."""

    def sweep(self, idle_seconds: float) -> int:
        """Deletes what killed writers have left, where nobody wrote to it for so long; gives how many there were."""

    def check(self) -> None:
        """Raises StorageError unless the storage answers."""


def build_storage(settings: StorageSettings) -> Storage:
    """Takes the settings; gives the storage that they name. Does nothing with it yet."""
    return BucketStorage(settings.bucket) if settings.bucket else DiskStorage(settings.folder)


def find_key(blob_id: str) -> str:
    """Takes the id of a blob; gives where it lies. The ids are random, so that folders fill evenly."""
    return f"{blob_id[:2]}/{blob_id}"
