"""One supervisor for each data directory: a lock that is gone when its holder and all its children are."""

from __future__ import annotations

import contextlib
import fcntl
import os
import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from app.processes import ORPHAN_SECONDS

_POLL_SECONDS = 0.05
_KILL_SECONDS = 5.0
_CONTENT = re.compile(r"(?P<holder>[1-9][0-9]*)(?: (?P<group>[1-9][0-9]*))?\s*\Z")


class DirectoryInUseError(Exception):
    """Another supervisor holds the data directory; the text is one line for the operator."""


class DirectoryLock:
    """The lock that this process holds. Its file names the holder and, once there is one, its children's group."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file
        self._write(str(os.getpid()))

    def name_group(self, group: int) -> None:
        """Takes the process group of all children: whoever starts next ends it if nobody else can."""
        self._write(f"{os.getpid()} {group}")

    def _write(self, content: str) -> None:
        self._file.seek(0)
        self._file.truncate()
        self._file.write(content)
        self._file.flush()


@contextmanager
def hold_directory(directory: Path) -> Iterator[DirectoryLock]:
    """Holds the directory during the block. Raises DirectoryInUseError if somebody else does.

    The lock belongs to the open file, which forks inherit. If its holder was killed, the children are given
    the time that their guardian gives them; if the guardian was killed too, they are ended then.
    """
    with (directory / "supervisor.lock").open("a+", encoding="ascii") as file:
        if not _take_within(file, ORPHAN_SECONDS + 1):
            _end_orphans(file)
            if not _take_within(file, _KILL_SECONDS):
                raise DirectoryInUseError(_describe_use(file, directory))
        yield DirectoryLock(file)


def _take_within(file: IO[str], seconds: float) -> bool:
    """Gives whether the lock is ours now. Waits for it only while its holder is dead."""
    deadline = time.monotonic() + seconds
    while not _take(file):
        if _is_holder_alive(file) or time.monotonic() > deadline:
            return False
        time.sleep(_POLL_SECONDS)
    return True


def _take(file: IO[str]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _read(file: IO[str]) -> re.Match[str] | None:
    file.seek(0)
    return _CONTENT.match(file.read())


def _is_holder_alive(file: IO[str]) -> bool:
    # A file that names nobody is about to be written.
    found = _read(file)
    return found is None or _is_alive(int(found["holder"]))


def _end_orphans(file: IO[str]) -> None:
    """Ends the children of a dead holder.

    The lock is still held, so one of them lives; while a group has a member, its number is given to no other.
    """
    found = _read(file)
    if found and found["group"] and not _is_alive(int(found["holder"])) and int(found["group"]) != os.getpgrp():
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(int(found["group"]), signal.SIGKILL)


def _describe_use(file: IO[str], directory: Path) -> str:
    found = _read(file)
    holder = found["holder"] if found else "unknown"
    if found and not _is_alive(int(holder)):
        return f"DATA_DIR must have one supervisor only: children of process {holder}, which has ended, use {directory}"
    return f"DATA_DIR must have one supervisor only: process {holder} serves {directory}"


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True
