"""Hooks inside a process of Slipway: at a named point it dies, or loses its database, if the run has armed it.

A point is armed by a file of its name, which holds what is to happen; whoever removes the file is hit. So exactly one
process is, exactly once, and the run sees that it was. Slipway's own code is wrapped from outside.
"""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import psycopg
from flask import Flask
from sqlalchemy import Engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.orm import Session

from app.database import call_after_commit, is_sqlite
from app.extensions import db
from app.replays import steps
from app.statements import Statement, _Prepared
from app.webhooks import claims, connection, delivery, due, jobs, outbox, outcomes
from app.webhooks.queue import Doorbell
from tests.chaos.faults import CUT, KILL

DIRECTORY_VARIABLE: Final = "SLIPWAY_CHAOS_DIRECTORY"
LEASE_VARIABLE: Final = "SLIPWAY_CHAOS_LEASE_SECONDS"
# While it is there, no worker claims anything.
HOLD_FILE: Final = "hold-workers"
_LOOK_SECONDS = 0.02
_MARK: Final = "chaos_point"


def name_file(point: str) -> str:
    """Gives the name of the file that arms a point."""
    return point.replace("/", "-")


class Hooks:
    """The hooks of one process, whose kind is ``web``, ``worker`` or ``relay``."""

    def __init__(self, kind: str) -> None:
        self._kind = kind
        self._directory = Path(os.environ[DIRECTORY_VARIABLE])
        self._database_url = ""
        self._thread = threading.local()

    def install(self, app: Flask) -> None:
        """Wraps what lies at the points. Raises AttributeError if something is not where it was."""
        _shorten_lease(float(os.environ[LEASE_VARIABLE]))
        with app.app_context():
            if not is_sqlite():
                url = make_url(app.extensions["slipway"].settings.database_url).set(drivername="postgresql")
                self._database_url = url.render_as_string(hide_password=False)
                self._watch_connections(db.engine)
        event.listen(Session, "before_commit", self._before_commit)
        {"web": self._install_web, "worker": self._install_worker, "relay": self._install_relay}[self._kind]()

    def hit(self, point: str) -> None:
        """Lets happen what the point is armed with, if it is."""
        action = self._disarm(point)
        if action == KILL:
            os.kill(os.getpid(), signal.SIGKILL)
        elif action:
            self._terminate_connections()

    def _disarm(self, point: str) -> str:
        path = self._directory / name_file(point)
        try:
            action = path.read_text()
            path.unlink()
        except FileNotFoundError:
            return ""
        return action

    def _terminate_connections(self) -> None:
        statement = "SELECT pg_terminate_backend(pid, 1000) FROM pg_stat_activity WHERE application_name = %s"
        # If another fault has just ended the server, there is no connection left to end.
        with (
            contextlib.suppress(psycopg.OperationalError),
            psycopg.connect(self._database_url, autocommit=True) as connection,
        ):
            connection.execute(statement, [f"chaos-{self._kind}"])

    def _install_web(self) -> None:
        def mark(session: Session, *_: Any) -> None:
            session.info[_MARK] = "web/before-commit"

        def mark_single(*_: Any) -> None:
            self._thread.is_marked = True
            self.hit("web/before-commit")

        _wrap(outbox, "record", before=mark)
        _wrap(Statement, "commit", before=mark_single)
        _wrap(
            Doorbell, "ring", before=lambda *_: self.hit("web/before-ring"), after=lambda *_: self.hit("web/after-ring")
        )

    def _install_worker(self) -> None:
        def mark(session: Session, *_: Any) -> None:
            call_after_commit(session, lambda: self.hit("worker/after-record"))
            self.hit("worker/before-record")

        def see_sent(sender: Any) -> None:
            if not sender._unsent:
                self.hit("worker/after-send")

        _wrap(jobs._Claiming, "claim", before=lambda *_: self._wait_while_held())
        _wrap(delivery, "connect", before=lambda *_: self.hit("worker/before-connect"))
        _wrap(connection.Connection, "_send", after=see_sent)
        _wrap(outcomes, "record_outcomes", before=mark)

    def _wait_while_held(self) -> None:
        while (self._directory / HOLD_FILE).exists():
            time.sleep(_LOOK_SECONDS)

    def _install_relay(self) -> None:
        def mark(session: Session, *_: Any) -> None:
            session.info[_MARK] = "relay/before-step"
            call_after_commit(session, lambda: self.hit("relay/after-step"))

        _wrap(Doorbell, "ring", before=lambda *_: self.hit("relay/before-ring"))
        _wrap(steps, "take_step", before=mark)

    def _before_commit(self, session: Session) -> None:
        point = session.info.pop(_MARK, None)
        if point:
            self._thread.is_marked = point == "web/before-commit"
            self.hit(point)

    def _watch_connections(self, engine: Engine) -> None:
        """Gives the connections of this kind a name, and lets one be cut between a commit and its answer."""

        def name_connection(opened: Any, _: Any) -> None:
            opened.execute(f"SET application_name = 'chaos-{self._kind}'")
            opened.commit()

        def cut(opened: Any) -> None:
            is_marked, self._thread.is_marked = getattr(self._thread, "is_marked", False), False
            if is_marked and self._disarm("web/commit-unanswered") == CUT:
                with socket.socket(fileno=os.dup(opened.fileno())) as duplicate:
                    duplicate.shutdown(socket.SHUT_RDWR)
                # This raises what a commit raises whose answer never came.
                opened.execute("SELECT 1")

        event.listen(engine, "connect", name_connection)
        _wrap(engine.dialect, "do_commit", after=cut)
        _wrap(_Prepared, "_execute", after=lambda _, connection, *__: cut(connection.driver_connection))


def _shorten_lease(seconds: float) -> None:
    for module in (due, claims):
        if not hasattr(module, "LEASE_SECONDS"):
            raise AttributeError(f"{module.__name__} has no lease")
        vars(module)["LEASE_SECONDS"] = seconds


def _wrap(
    owner: Any, name: str, before: Callable[..., None] | None = None, after: Callable[..., None] | None = None
) -> None:
    """Replaces a function by one that also calls these, with the same positional arguments, before and after it."""
    original = getattr(owner, name)

    def wrapped(*args: Any, **kwargs: Any) -> Any:
        if before:
            before(*args)
        result = original(*args, **kwargs)
        if after:
            after(*args)
        return result

    setattr(owner, name, wrapped)
