"""What each connection to SQLite needs, so that it serves as PostgreSQL does: pragmas, limits and explicit BEGIN."""

from __future__ import annotations

import math
import sqlite3
import time
from uuid import uuid4

from sqlalchemy import Engine, event
from sqlalchemy.engine import Connection
from sqlalchemy.pool import ConnectionPoolEntry

# A write transaction on SQLite starts with BEGIN IMMEDIATE: a deferred one that writes after it has read fails at
# once when another writer came in between, whatever the busy timeout says.
WRITE_OPTION = "slipway_write"
BUSY_TIMEOUT_MILLISECONDS = 5000
# A statement that reads for longer is given up. PostgreSQL counts by itself; SQLite asks after so many of its steps.
READ_SECONDS = 10
_STEPS = 1_000_000
_GIVE_UP_AT = "slipway_give_up_at"
_SWITCH_SECONDS = 30
_SWITCH_PAUSE_SECONDS = 0.02
# The low byte of SQLite's result codes is the primary one (https://www.sqlite.org/rescode.html).
_PRIMARY_CODE = 0xFF


def configure_engine(engine: Engine) -> None:
    """Takes a new engine of SQLite and sets what each of its connections needs."""
    event.listen(engine, "connect", _prepare)
    event.listen(engine, "begin", _begin)
    event.listen(engine, "before_cursor_execute", _start_clock)


def _start_clock(connection: Connection, _cursor: object, statement: str, *_: object) -> None:
    # Who only reads can be told to ask for less. What changes the tables for a newer version takes as long as it takes.
    is_reading = statement.startswith(("SELECT", "WITH"))
    connection.info[_GIVE_UP_AT] = time.monotonic() + READ_SECONDS if is_reading else math.inf


def _limit_reading(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
    info = record.info
    info[_GIVE_UP_AT] = math.inf
    connection.set_progress_handler(lambda: time.monotonic() > info[_GIVE_UP_AT], _STEPS)


def _prepare(connection: sqlite3.Connection, record: ConnectionPoolEntry) -> None:
    _limit_reading(connection, record)
    # The driver's own transaction handling is off: it would begin late and commit behind our back.
    connection.isolation_level = None
    # SQLite keeps ids as 32 hexadecimal digits, which is what the column type writes and reads.
    connection.create_function("slipway_random_id", 0, lambda: uuid4().hex)
    # What looks for text in any case compares it in lower case; by itself SQLite knows that of ASCII letters only.
    connection.create_function("lower", 1, _fold_case, deterministic=True)
    _switch_to_wal(connection)
    for pragma in (
        # FULL, because a release that was answered with 201 must survive a power cut (NORMAL may lose the last ones).
        "synchronous=FULL",
        "foreign_keys=ON",
        f"busy_timeout={BUSY_TIMEOUT_MILLISECONDS}",
        # As on PostgreSQL; by itself LIKE takes ASCII letters of either case for the same.
        "case_sensitive_like=ON",
    ):
        connection.execute(f"PRAGMA {pragma}")


def _switch_to_wal(connection: sqlite3.Connection) -> None:
    # A new file becomes a WAL database under a lock for which SQLite never waits, whatever the busy timeout says: of
    # several processes that open it at once, all but one are told at once that it is locked.
    give_up_at = time.monotonic() + _SWITCH_SECONDS
    while True:
        try:
            connection.execute("PRAGMA journal_mode=WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & _PRIMARY_CODE != sqlite3.SQLITE_BUSY or time.monotonic() > give_up_at:
                raise
            time.sleep(_SWITCH_PAUSE_SECONDS)
        else:
            return


def _fold_case(value: float | str | bytes | None) -> float | str | bytes | None:
    return value.lower() if isinstance(value, str) else value


def _begin(connection: Connection) -> None:
    is_write = connection.get_execution_options().get(WRITE_OPTION, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")
