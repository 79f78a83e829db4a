"""Slipway as real processes: web, worker and relay, each of which a test can kill."""

from __future__ import annotations

import contextlib
import itertools
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

PROJECT = Path(__file__).resolve().parents[1]
_START_SECONDS = 30.0


def find_free_port() -> int:
    """Gives a port of the loopback interface that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Stack:
    """The processes of one Slipway. Leaving the block kills those that are left."""

    def __init__(self, environment: Mapping[str, str], log_dir: Path) -> None:
        self.port = find_free_port()
        self.base_url = f"http://127.0.0.1:{self.port}"
        self._environment = {**os.environ, **environment, "PORT": str(self.port), "BASE_URL": self.base_url}
        self._log_dir = log_dir
        self._processes: list[subprocess.Popen[bytes]] = []
        self._numbers = itertools.count()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for process in list(self._processes):
            self.kill(process)

    def start_web(
        self, module: str = "wsgi:app", workers: int = 1, host: str = "127.0.0.1", *options: str
    ) -> subprocess.Popen[bytes]:
        """Starts gunicorn, with further options of its own, and waits until it answers for the host."""
        process = self._start(
            "web", "-m", "gunicorn", module, "--bind", f"127.0.0.1:{self.port}", "--workers", str(workers),
            "--threads", "8", "--worker-class", "gthread", "--no-control-socket", *options,
        )  # fmt: skip
        self._wait_until_up(process, host)
        return process

    def start_server(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts a server of another kind, and waits until it accepts connections."""
        process = self._start("server", *arguments)

        def is_up() -> bool:
            if process.poll() is not None:
                raise AssertionError(f"the server did not come up:\n{self.read_logs()}")
            with socket.socket() as probe:
                return probe.connect_ex(("127.0.0.1", self.port)) == 0

        wait_until(is_up, _START_SECONDS, "the server is up")
        return process

    def start_worker(self, module: str = "wsgi") -> subprocess.Popen[bytes]:
        """Starts a worker of the application in the module."""
        return self._start("worker", "-m", "flask", "--app", module, "worker")

    def start_relay(self, module: str = "wsgi") -> subprocess.Popen[bytes]:
        """Starts a relay of the application in the module."""
        return self._start("relay", "-m", "flask", "--app", module, "relay")

    def start_module(self, *arguments: str) -> subprocess.Popen[bytes]:
        """Starts Python with these arguments, such as ``-m`` and a module."""
        return self._start("module", *arguments)

    def kill(self, process: subprocess.Popen[bytes]) -> None:
        """Kills a process and all that it started, at once."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        # Its number may soon be another one's.
        if process in self._processes:
            self._processes.remove(process)

    def read_logs(self) -> str:
        """Gives what all processes have written."""
        return "\n".join(path.read_text() for path in sorted(self._log_dir.glob("*.log")))

    def _start(self, name: str, *arguments: str) -> subprocess.Popen[bytes]:
        log = (self._log_dir / f"{name}-{next(self._numbers)}.log").open("wb")
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=PROJECT,
            env=self._environment,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        log.close()
        self._processes.append(process)
        return process

    def _wait_until_up(self, process: subprocess.Popen[bytes], host: str) -> None:
        deadline = time.monotonic() + _START_SECONDS
        while time.monotonic() < deadline and process.poll() is None:
            try:
                request = urllib.request.Request(f"{self.base_url}/healthz", headers={"Host": host})
                urllib.request.urlopen(request, timeout=1).close()
            except OSError:
                time.sleep(0.05)
            else:
                return
        raise AssertionError(f"the web process did not come up:\n{self.read_logs()}")


def wait_until(condition: object, seconds: float, what: str) -> None:
    """Takes a function; returns as soon as it gives something true. Raises AssertionError after ``seconds``."""
    deadline = time.monotonic() + seconds
    while not condition():  # type: ignore[operator]
        if time.monotonic() > deadline:
            raise AssertionError(f"after {seconds} s still not: {what}")
        time.sleep(0.02)
