"""A store that speaks S3, as a process of its own on the loopback interface."""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from tests.stack import find_free_port, wait_until

BUCKET: Final = "releases"
_START_SECONDS: Final = 30.0


class ObjectStore:
    """The store, with one bucket in it."""

    def __init__(self) -> None:
        self.port = find_free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self._process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        wait_until(self._is_up, _START_SECONDS, "the object store answers")
        self._ask(f"/{BUCKET}", "PUT")

    @property
    def environment(self) -> dict[str, str]:
        """The settings by which Slipway keeps its files there."""
        return {
            "STORAGE_URL": f"s3://{BUCKET}/some/prefix",
            "S3_ENDPOINT": self.url,
            "S3_ACCESS_KEY_ID": "any",
            "S3_SECRET_ACCESS_KEY": "thing",
        }

    def list_keys(self) -> list[str]:
        """Gives the keys of all objects."""
        return re.findall(r"<Key>(.*?)</Key>", self._ask(f"/{BUCKET}?list-type=2"))

    def list_begun(self) -> list[str]:
        """Gives the keys of objects that were begun, and are not whole."""
        return re.findall(r"<Key>(.*?)</Key>", self._ask(f"/{BUCKET}?uploads"))

    def stop(self) -> None:
        """Ends the process."""
        self._process.kill()
        self._process.wait()

    def _is_up(self) -> bool:
        assert self._process.poll() is None, "the object store has ended"
        try:
            return bool(self._ask("/moto-api/"))
        except OSError:
            return False

    def _ask(self, path: str, method: str = "GET") -> str:
        with urllib.request.urlopen(urllib.request.Request(self.url + path, method=method), timeout=10) as answer:
            return str(answer.read().decode())


@contextmanager
def object_store() -> Iterator[ObjectStore]:
    """Runs a store; nothing of it is left at the end."""
    store = ObjectStore()
    try:
        yield store
    finally:
        store.stop()
