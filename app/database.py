"""How Slipway talks to its database: column types, the database's clock, and the one way to commit.

SQLite and PostgreSQL serve the same code. What differs between them is kept in this file.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from sqlalchemy import BigInteger, BindParameter, DateTime, Dialect, Engine, Integer, Uuid, event, func, select
from sqlalchemy.engine import Connection
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from app.config import Settings
from app.extensions import db
from app.outages import noticing_loss

# A write transaction on SQLite starts with BEGIN IMMEDIATE: a deferred one that writes after it has read fails at
# once when another writer came in between, whatever the busy timeout says.
WRITE_OPTION = "slipway_write"
_BUSY_TIMEOUT_MILLISECONDS = 5000
# A server whose machine has vanished says nothing: without these, whoever waits for it would do so for hours.
_KEEP_ALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
_AFTER_COMMIT = "slipway_after_commit"
_COMMITTED = "slipway_committed"
_SWITCH_SECONDS = 30
_SWITCH_PAUSE_SECONDS = 0.02
# The low byte of SQLite's result codes is the primary one (https://www.sqlite.org/rescode.html).
_PRIMARY_CODE = 0xFF

Id = Uuid(as_uuid=False)
BigId = BigInteger().with_variant(Integer, "sqlite")


def generate_id() -> str:
    """Gives a new random id in the canonical form of RFC 9562 (36 characters, lower case)."""
    return str(uuid4())


class UtcDateTime(TypeDecorator[datetime]):
    """An aware UTC time: ``timestamptz`` on PostgreSQL, sortable UTC text on SQLite, which has no zones."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Takes an aware time; gives what the driver stores. Raises ValueError for a naive one."""
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a time without a zone cannot be stored")
        value = value.astimezone(UTC)
        return value.replace(tzinfo=None) if dialect.name == "sqlite" else value

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        """Gives the stored time, aware and in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class clock(FunctionElement[datetime]):  # noqa: N801 - reads as the SQL function that it is
    """The database's clock plus some seconds: leases and retries must not depend on whose clock is right."""

    type = UtcDateTime()
    inherit_cache = True
    name = "clock"

    def __init__(self, plus_seconds: Any = 0) -> None:
        super().__init__(plus_seconds)


@compiles(clock, "postgresql")
def _compile_clock_postgresql(element: clock, compiler: SQLCompiler, **kw: Any) -> str:
    (seconds,) = element.clauses
    moment = f"clock_timestamp() + make_interval(secs => {compiler.process(seconds, **kw)})"
    # As a subquery it is asked once for the whole statement. Asked for each row, it could not be looked up in an index.
    return f"(SELECT {moment})" if isinstance(seconds, BindParameter) else f"({moment})"


@compiles(clock, "sqlite")
def _compile_clock_sqlite(element: clock, compiler: SQLCompiler, **kw: Any) -> str:
    (seconds,) = element.clauses
    # The text must sort like what the driver stores, hence six digits of a second.
    return f"(strftime('%Y-%m-%d %H:%M:%f', 'now', ({compiler.process(seconds, **kw)}) || ' seconds') || '000')"


class random_id(FunctionElement[str]):  # noqa: N801 - reads as the SQL function that it is
    """A new random id, made by the database: for rows that one statement makes out of others."""

    type = Id
    inherit_cache = True
    name = "random_id"


@compiles(random_id, "postgresql")
def _compile_random_id_postgresql(element: random_id, compiler: SQLCompiler, **kw: Any) -> str:
    return "gen_random_uuid()"


@compiles(random_id, "sqlite")
def _compile_random_id_sqlite(element: random_id, compiler: SQLCompiler, **kw: Any) -> str:
    return "slipway_random_id()"


def get_engine_options(settings: Settings) -> dict[str, Any]:
    """Takes the settings; gives the options of the engine.

    PostgreSQL gives up on what takes too long by itself, so that one stuck lock does not hold every web thread.
    """
    if settings.is_sqlite:
        return {"connect_args": {"timeout": _BUSY_TIMEOUT_MILLISECONDS / 1000}}
    limits = {"statement_timeout": "10s", "lock_timeout": "3s", "idle_in_transaction_session_timeout": "30s"}
    options = " ".join(f"-c {name}={value}" for name, value in limits.items())
    return {
        "connect_args": {"options": options, "connect_timeout": 3, "application_name": "slipway", **_KEEP_ALIVE},
        "pool_pre_ping": True,
        "pool_timeout": 5,
        "pool_size": settings.web_threads,
        "max_overflow": 2,
    }


def configure_engine(engine: Engine) -> None:
    """Takes a new engine and sets what each of its connections needs: pragmas and explicit BEGIN on SQLite."""
    if engine.dialect.name != "sqlite":
        return
    event.listen(engine, "connect", _prepare_sqlite)
    event.listen(engine, "begin", _begin_sqlite)


def _prepare_sqlite(connection: sqlite3.Connection, _record: object) -> None:
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
        f"busy_timeout={_BUSY_TIMEOUT_MILLISECONDS}",
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


def _begin_sqlite(connection: Connection) -> None:
    is_write = connection.get_execution_options().get(WRITE_OPTION, False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if is_write else "BEGIN")


@contextmanager
def transaction() -> Iterator[Session]:
    """The one way to commit: gives a session inside a new write transaction, commits at the end of the block.

    Whatever was read before in this context is let go first. On any exception everything is rolled back and the
    exception goes on. What ``call_after_commit`` collected runs once the commit is done. Raises CommitLostError if the
    database went away before it said whether it has committed.
    """
    session = db.session()
    session.rollback()
    session.info.pop(_AFTER_COMMIT, None)
    session.info.pop(_COMMITTED, None)
    session.connection(execution_options={WRITE_OPTION: True})
    try:
        yield session
        # What is refused is refused here; after this there is nothing left to hear but the answer to COMMIT.
        session.flush()
        with noticing_loss():
            session.commit()
    except BaseException:
        session.rollback()
        session.info.pop(_AFTER_COMMIT, None)
        raise
    session.info[_COMMITTED] = True
    for action in session.info.pop(_AFTER_COMMIT, ()):
        action()


def has_committed() -> bool:
    """Whether the last ``transaction()`` of this context was committed, so that what fails now fails after that."""
    return _COMMITTED in db.session().info


def call_after_commit(session: Session, action: Callable[[], None]) -> None:
    """Takes the session of a ``transaction()`` and runs the action after its commit, once however often it is named.

    The action must not raise: what is committed is answered, whatever happens to it.
    """
    actions = session.info.setdefault(_AFTER_COMMIT, [])
    if action not in actions:
        actions.append(action)


def lock_name(session: Session, name: str) -> None:
    """Takes the session of a ``transaction()`` and waits until no other one holds the name; holds it to the end.

    For rules that no constraint can express, such as "at most ten in five minutes". On SQLite there is nothing to
    wait for: a write transaction is alone from its beginning.
    """
    if not is_sqlite():
        session.execute(select(func.pg_advisory_xact_lock(func.hashtextextended(name, 0))))


def refresh_statistics() -> None:
    """Lets SQLite look at what its tables hold, so that it chooses the index that fits; a few milliseconds at most.

    PostgreSQL does so by itself (autovacuum).
    """
    if is_sqlite():
        with contextlib.closing(db.engine.raw_connection()) as connection:
            cursor = connection.cursor()
            # A limit keeps it short however large a table is (https://www.sqlite.org/lang_analyze.html).
            cursor.execute("PRAGMA analysis_limit = 400")
            cursor.execute("ANALYZE")
            cursor.close()


def is_sqlite() -> bool:
    """Whether the current application stores its data in SQLite."""
    return db.engine.dialect.name == "sqlite"
