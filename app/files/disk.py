"""Files in a folder on a disk, as ``storage`` describes it."""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, Final

from app.files.troubles import STORAGE_FULL, StorageError

logger = logging.getLogger(__name__)

_CHUNK: Final = 256 * 1024
# No blob begins with these letters.
_INCOMING: Final = "incoming"
_FULL: Final = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class DiskStorage:
    """Keeps each file under its key. What is not whole yet lies in a folder of its own, on the same disk."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def write(self, key: str, chunks: Iterable[bytes]) -> None:
        """Stores bytes: written apart, synced, and moved to their place by one rename."""
        place = self._folder / key
        draft = self._folder / _INCOMING / place.name
        try:
            self._write(draft, chunks)
            with _translating():
                self._make_folder(place.parent)
                draft.replace(place)
                _sync_folder(place.parent)
        except BaseException:
            with contextlib.suppress(OSError):
                draft.unlink(missing_ok=True)
                place.unlink(missing_ok=True)
            raise

    def _write(self, draft: Path, chunks: Iterable[bytes]) -> None:
        with _translating():
            self._make_folder(draft.parent)
            file = draft.open("xb", buffering=0)
        with file:
            for chunk in chunks:
                with _translating():
                    _write_all(file, chunk)
            with _translating():
                os.fsync(file.fileno())

    def _make_folder(self, folder: Path) -> None:
        if not folder.is_dir():
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            _sync_folder(self._folder)

    def read(self, key: str, start: int, end: int) -> DiskPart:
        """Gives the bytes from ``start`` to before ``end``."""
        with _translating():
            file = (self._folder / key).open("rb", buffering=0)
            file.seek(start)
        return DiskPart(file, end - start)

    def delete(self, key: str) -> None:
        """Deletes what lies under a key."""
        with _translating():
            (self._folder / key).unlink(missing_ok=True)

    def has(self, key: str) -> bool:
        """Whether anything lies under a key."""
        self.check()
        return (self._folder / key).is_file()

    def sweep(self, idle_seconds: float) -> int:
        """Deletes what killed processes left half written."""
        before, count = time.time() - idle_seconds, 0
        with _translating():
            for draft in (self._folder / _INCOMING).glob("*"):
                # A writer may finish in this moment.
                with contextlib.suppress(FileNotFoundError):
                    if draft.stat().st_mtime <= before:
                        draft.unlink()
                        count += 1
        return count

    def check(self) -> None:
        """Raises StorageError unless the folder is there and can be written."""
        if not self._folder.is_dir() or not os.access(self._folder, os.R_OK | os.W_OK | os.X_OK):
            logger.error("the folder of files is not there or cannot be written", extra={"folder": str(self._folder)})
            raise StorageError


class DiskPart:
    """Bytes of a file, read as they are asked for."""

    def __init__(self, file: BinaryIO, length: int) -> None:
        self._file = file
        self._left = length

    def __iter__(self) -> Iterator[bytes]:
        return self

    def __next__(self) -> bytes:
        """Gives the next bytes."""
        if not self._left:
            self.close()
            raise StopIteration
        with _translating():
            chunk = self._file.read(min(_CHUNK, self._left))
        if not chunk:
            logger.error("a stored file is shorter than it was")
            raise StorageError
        self._left -= len(chunk)
        return chunk

    def close(self) -> None:
        """Closes the file."""
        self._file.close()


@contextmanager
def _translating() -> Iterator[None]:
    """Around what is done with the disk: raises StorageError in place of the system's errors, and logs them."""
    try:
        yield
    except OSError as error:
        logger.error("the storage of files fails", extra={"error": str(error)})  # noqa: TRY400 - one line says it all
        raise StorageError(*([STORAGE_FULL] if error.errno in _FULL else [])) from error


def _write_all(file: BinaryIO, chunk: bytes) -> None:
    view = memoryview(chunk)
    while view:
        # Without a buffer a write may take a part only.
        view = view[file.write(view) :]


def _sync_folder(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
