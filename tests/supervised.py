"""The supervisor as a real process with an embedded everything, in a directory of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from tests.stack import PROJECT, find_free_port, wait_until

START_SECONDS = 30.0
_SETTING_NAMES = ("DATABASE_URL", "REDIS_URL", "SECRET_KEY", "BASE_URL", "HOST", "TRUSTED_HOSTS")


class Supervised:
    """A running supervisor with an embedded everything in a directory of its own."""

    def __init__(self, data_dir: Path, port: int | None = None) -> None:
        self.data_dir = data_dir
        self.port = port or find_free_port()
        self.log = data_dir.parent / f"{data_dir.name}.log"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "app.supervisor"],
                cwd=PROJECT,
                env=build_environment(data_dir, self.port),
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    def get(self, path: str) -> Any:
        """Gives the JSON that the web process answers, also if it answers with an error."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=5) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return json.load(error)

    def is_up(self) -> bool:
        """Whether the web process answers. Raises AssertionError if the supervisor has ended."""
        assert self.process.poll() is None, self.log.read_text()
        try:
            return bool(self.get("/healthz"))
        except OSError:
            return False

    def is_ready(self) -> bool:
        """Whether web, database and queue all are there."""
        ready = dict.fromkeys(("status", "database", "migration", "queue", "storage"), "ok")
        try:
            return self.is_up() and bool(self.get("/readyz") == ready)
        except OSError:
            # What answered a moment ago may have been a process that is just ending.
            return False

    def list_descendants(self) -> list[psutil.Process]:
        """Gives every process below the supervisor."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def find_child(self, is_wanted: Callable[[psutil.Process], bool]) -> psutil.Process:
        """Gives the supervisor's own child that is wanted."""
        return next(child for child in psutil.Process(self.process.pid).children() if is_wanted(child))


def build_environment(data_dir: Path, port: int) -> dict[str, str]:
    """Gives an environment in which nothing but the directory and the port is set."""
    clean = {name: value for name, value in os.environ.items() if name not in _SETTING_NAMES}
    return {**clean, "DATA_DIR": str(data_dir), "PORT": str(port), "LOG_LEVEL": "WARNING"}


@contextmanager
def run_supervisor(data_dir: Path, port: int | None = None) -> Iterator[Supervised]:
    """Starts a supervisor and waits until it serves; whatever happens, nothing of it is left at the end."""
    supervised = Supervised(data_dir, port)
    family: list[psutil.Process] = []
    try:
        wait_until(supervised.is_ready, START_SECONDS, "the supervisor serves")
        family = supervised.list_descendants()
        yield supervised
    finally:
        if supervised.process.poll() is None:
            family += supervised.list_descendants()
            supervised.process.kill()
        supervised.process.wait()
        psutil.wait_procs(family, timeout=10)


def run_to_end(environment: Mapping[str, str], *command: str) -> subprocess.CompletedProcess[str]:
    """Runs a command that is to end by itself; gives its code and output."""
    return subprocess.run(
        [sys.executable, *command],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
