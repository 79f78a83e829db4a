"""``python -m app.supervisor``: Valkey, web, worker and relay as one service, started and stopped as a whole.

The application is loaded once, here, and the children are forks of this process: that makes a start quick.
"""

from __future__ import annotations

import os
import socket
import sys
import time
from pathlib import Path
from signal import SIGTERM
from typing import TYPE_CHECKING

from app.config import ConfigError, Settings
from app.config_values import REQUEST_LINE_BYTES
from app.directory_lock import DirectoryInUseError, DirectoryLock, hold_directory
from app.embedded import EmbeddedServerError, ValkeyServer
from app.processes import Child, ForkedProcess, Guardian, Wakeup

if TYPE_CHECKING:
    from flask import Flask

_STOP_SECONDS = 20.0
# Requests end before the whole stop is out of time.
_DRAIN_SECONDS = 15
_VALKEY_STOP_SECONDS = 5.0
_IDLE_SECONDS = 60.0
_BACKLOG = 1024


class StartError(Exception):
    """Slipway cannot start; the text is one line for the operator."""


class Supervisor:
    """Starts the children, starts again what dies, and stops them in order."""

    def __init__(self, settings: Settings, listener: socket.socket, lock: DirectoryLock) -> None:
        self._settings = settings
        self._listener = listener
        self._guardian = Guardian()
        lock.name_group(self._guardian.group)
        self._wakeup = Wakeup()
        self._valkey = ValkeyServer(settings.valkey_socket, settings.data_dir / "valkey")
        self._queue = [Child("valkey", self._launch_valkey)] if settings.is_redis_embedded else []
        self._workers = [
            Child("web", lambda: ForkedProcess(self._serve, self._guardian)),
            Child("worker", lambda: ForkedProcess(lambda: _run_command("worker"), self._guardian)),
            Child("relay", lambda: ForkedProcess(lambda: _run_command("relay"), self._guardian)),
        ]

    def run(self) -> int:
        """Runs until it is told to stop; gives the exit code. Raises StartError or EmbeddedServerError."""
        try:
            self._start()
            while not self._wakeup.stop_count and self._guardian.is_running():
                waits = [child.revive() for child in (*self._queue, *self._workers)]
                self._wakeup.wait(min((wait for wait in waits if wait is not None), default=_IDLE_SECONDS))
            if self._wakeup.stop_count:
                return 0
            # Without it, nobody would end the children of a supervisor that is killed.
            print("slipway: the process that guards the others was killed; stopping them all", file=sys.stderr)  # noqa: T201
            return 1
        finally:
            self._stop()

    def _start(self) -> None:
        for child in self._queue:
            child.start()
        app = load_app()
        notice = prepare_database(app)
        if self._queue:
            self._valkey.wait_until_ready()
        if self._wakeup.stop_count:
            return
        for child in self._workers:
            child.start()
        _print(f"Slipway serves at {self._settings.base_url} (stop it with Ctrl+C)")
        if notice:
            _print(notice)

    def _stop(self) -> None:
        # Nobody waits in a queue that no one will serve: new connections are refused from now on.
        self._listener.close()
        is_clean = self._end(self._workers, _STOP_SECONDS) and self._end(self._queue, _VALKEY_STOP_SECONDS)
        if not is_clean:
            self._guardian.kill_group()
        self._guardian.dismiss()

    def _end(self, children: list[Child], seconds: float) -> bool:
        """Asks the children to stop; gives whether all did in time, and before somebody became impatient."""
        deadline = time.monotonic() + seconds
        for child in children:
            child.signal(SIGTERM)
        while any(child.is_running() for child in children):
            remaining = deadline - time.monotonic()
            if remaining <= 0 or self._wakeup.stop_count > 1:
                return False
            self._wakeup.wait(remaining)
        return True

    def _launch_valkey(self) -> ValkeyServer:
        # The directory is ours: what answers there was left by a supervisor that was killed with its guardian.
        self._valkey.end_orphan()
        self._valkey.launch(process_group=self._guardian.group, inherited=(self._guardian.children_end,))
        return self._valkey

    def _serve(self) -> object:
        from gunicorn.app.wsgiapp import run  # noqa: PLC0415 - only this child needs it

        sys.argv = ["gunicorn", *list_gunicorn_options(self._settings, self._listener.fileno()), "wsgi:app"]
        return run()


def list_gunicorn_options(settings: Settings, listener: int) -> list[str]:
    """Takes the settings and the descriptor of the open listener; gives gunicorn's options."""
    options = {
        "bind": f"fd://{listener}",
        "worker-class": "gthread",
        "workers": settings.web_concurrency,
        "threads": settings.web_threads,
        "graceful-timeout": _DRAIN_SECONDS,
        "limit-request-line": REQUEST_LINE_BYTES,
        # The application decides by the same list. An empty one trusts nobody, not even this machine.
        "forwarded-allow-ips": ",".join(settings.forwarded_allow_ips),
        "log-level": "debug" if settings.log_level == "DEBUG" else "warning",
    }
    return ["--preload", "--no-control-socket", *(f"--{name}={value}" for name, value in options.items())]


def load_app() -> Flask:
    """Imports the WSGI entry; gives its application. The forks find it loaded."""
    import wsgi  # noqa: PLC0415 - the guardian is forked, and Valkey starts, before so much is loaded

    return wsgi.app


def prepare_database(app: Flask) -> str | None:
    """Takes the application; brings its database to the newest migration and gives what setup has to say.

    Raises StartError if the database cannot be reached or used.
    """
    from flask_migrate import upgrade  # noqa: PLC0415 - as in load_app
    from sqlalchemy.exc import SQLAlchemyError  # noqa: PLC0415

    from app.accounts.setup import setup_notice  # noqa: PLC0415
    from app.extensions import db  # noqa: PLC0415

    with app.app_context():
        try:
            if not _is_migrated():
                upgrade()
            return setup_notice(app)
        except SQLAlchemyError as error:
            reason = str(getattr(error, "orig", None) or error).strip().split("\n")[0]
            raise StartError(f"the database of DATABASE_URL cannot be used: {reason}") from error
        finally:
            # A connection must not be shared with the forks.
            db.session.remove()
            db.engine.dispose()


def _is_migrated() -> bool:
    from sqlalchemy import inspect, text  # noqa: PLC0415 - as in load_app

    from app.extensions import db  # noqa: PLC0415
    from app.health import find_head  # noqa: PLC0415

    if not inspect(db.engine).has_table("alembic_version"):
        return False
    found = set(db.session.scalars(text("SELECT version_num FROM alembic_version")))
    return found == {find_head(str(Path(__file__).parent.parent / "migrations"))}


def _run_command(name: str) -> None:
    from flask.cli import main  # noqa: PLC0415 - as in load_app

    sys.argv = ["flask", "--app", "wsgi", name]
    main()


def open_listener(host: str, port: int) -> socket.socket:
    """Gives a socket that listens there. Raises StartError if the port is in use, or not ours to use."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        return socket.create_server(address[:2], family=family, backlog=_BACKLOG)
    except OSError as error:
        is_about_host = isinstance(error, socket.gaierror) or not error.errno
        reason = error.strerror if is_about_host else os.strerror(error.errno or 0)
        raise StartError(f"PORT {port} on HOST {host} cannot be listened at: {reason}") from error


def main() -> int:
    """Runs the supervisor by the environment; gives the exit code. What is wrong is said in one line."""
    try:
        settings = Settings.from_environ(os.environ)
        settings.prepare()
        with hold_directory(settings.data_dir) as lock, open_listener(settings.host, settings.port) as listener:
            return Supervisor(settings, listener, lock).run()
    except (ConfigError, DirectoryInUseError, EmbeddedServerError, StartError) as error:
        print(f"slipway: {error}", file=sys.stderr)  # noqa: T201
        return 1


def _print(text: str) -> None:
    print(text, flush=True)  # noqa: T201 - the supervisor's terminal is where its operator looks


if __name__ == "__main__":
    sys.exit(main())
