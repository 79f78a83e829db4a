"""How Slipway talks to its database: column types, the database's clock, and the one way to commit.

SQLite and PostgreSQL serve the same code. What differs between them is kept in this file, and in ``sqlite``.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

import psycopg
from flask import g
from sqlalchemy import BigInteger, BindParameter, DateTime, Dialect, Engine, Integer, Uuid, event, func, select
from sqlalchemy.exc import InvalidatePoolError
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.orm import Session
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeDecorator

from app import sqlite
from app.config import Settings
from app.extensions import db
from app.outages import noticing_loss
from app.randomness import draw_id
from app.sqlite import READ_SECONDS, WRITE_OPTION

# PostgreSQL plans a statement that comes again and again once for all values. To find what one release has, and what
# half of them have, takes different plans: a query whose values matter so says it by this option.
PLAN_OPTION = "slipway_plans_anew"
# A server whose machine has vanished says nothing: without these, whoever waits for it would do so for hours.
_KEEP_ALIVE = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3, "tcp_user_timeout": 30_000}
_AFTER_COMMIT = "slipway_after_commit"
_COMMITTED = "slipway_committed"

Id = Uuid(as_uuid=False)
BigId = BigInteger().with_variant(Integer, "sqlite")


def generate_id() -> str:
    """Gives a new random id in the canonical form of RFC 9562 (36 characters, lower case)."""
    return draw_id()


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
        return {"connect_args": {"timeout": sqlite.BUSY_TIMEOUT_MILLISECONDS / 1000}}
    limits = {
        "statement_timeout": f"{READ_SECONDS}s",
        "lock_timeout": "3s",
        "idle_in_transaction_session_timeout": "30s",
    }
    options = " ".join(f"-c {name}={value}" for name, value in limits.items())
    return {
        "connect_args": {"options": options, "connect_timeout": 3, "application_name": "slipway", **_KEEP_ALIVE},
        "pool_timeout": 5,
        "pool_size": settings.web_threads,
        "max_overflow": 2,
    }


def configure_engine(engine: Engine) -> None:
    """Takes a new engine and sets what each of its connections needs: pragmas and explicit BEGIN on SQLite."""
    if engine.dialect.name != "sqlite":
        event.listen(engine, "do_execute", _execute_anew)
        event.listen(engine, "checkout", _check_connection)
        return
    sqlite.configure_engine(engine)


def _execute_anew(cursor: Any, statement: str, parameters: Any, context: Any) -> bool:
    """Executes a statement that is to be planned for its values; gives False for others, which go their usual way."""
    if context is None or not context.execution_options.get(PLAN_OPTION, False):
        return False
    cursor.execute(statement, parameters, prepare=False)
    return True


def _check_connection(connection: psycopg.Connection[Any], _record: object, _proxy: object) -> None:
    """Lets the pool open another connection where this one has ended since it was used.

    A server that goes away says so, or its system does: whatever has come is read, and then that nothing more will.
    That asks nobody, where a ping takes as long as a short statement.
    """
    try:
        connection.pgconn.consume_input()
        connection.pgconn.consume_input()
    except psycopg.Error as error:
        raise InvalidatePoolError from error


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
    forget_commit()
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
    note_commit()
    for action in session.info.pop(_AFTER_COMMIT, ()):
        action()


def note_commit() -> None:
    """Remembers, in this context, that what was to be done is committed."""
    setattr(g, _COMMITTED, True)


def forget_commit() -> None:
    """Called before something is done: whatever was committed before in this context is none of it."""
    g.pop(_COMMITTED, None)


def has_committed() -> bool:
    """Whether the last ``transaction()`` of this context was committed, so that what fails now fails after that."""
    return _COMMITTED in g


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
