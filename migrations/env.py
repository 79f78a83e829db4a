"""Runs the migrations, on SQLite and PostgreSQL alike, inside the application that Flask-Migrate was given."""

from __future__ import annotations

from typing import Any

from alembic import context
from flask import current_app
from sqlalchemy import Connection, text

import app.models  # noqa: F401 - Alembic sees the tables that were imported
from app.sqlite import WRITE_OPTION

# Any number of processes may start at once; the first one migrates, the others wait and find nothing left to do.
_LOCK = 0x511B3A7
_LOCK_TIMEOUT_SECONDS = 60


def render_item(kind: str, item: Any, _autogen_context: Any) -> str | bool:
    """Takes an item of a new migration; gives the source of our own column types, False for all others."""
    if kind == "type" and type(item).__name__ == "UtcDateTime":
        return "app.database.UtcDateTime()"
    return False


def run_migrations() -> None:
    """Brings the database to the revision that was asked for, in one transaction."""
    extension = current_app.extensions["migrate"]
    with extension.db.engine.connect() as connection:
        _set_patience(connection)
        # Begun here and not by Alembic, which on SQLite would begin anew for each migration, and as a reader.
        with connection.execution_options(**{WRITE_OPTION: True}).begin():
            _wait_for_others(connection)
            context.configure(
                connection=connection,
                target_metadata=extension.db.metadata,
                render_item=render_item,
                **extension.configure_args,
            )
            context.run_migrations()


def _set_patience(connection: Connection) -> None:
    """Lets a connection wait for another process' migration; on SQLite before it begins, which is when it waits."""
    if connection.dialect.name == "sqlite":
        # Closed afterwards, not given back: nobody else should be as patient.
        connection.detach()
        driver: Any = connection.connection.dbapi_connection
        driver.execute(f"PRAGMA busy_timeout = {_LOCK_TIMEOUT_SECONDS * 1000}")


def _wait_for_others(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        connection.execute(text(f"SET LOCAL lock_timeout = '{_LOCK_TIMEOUT_SECONDS}s'"))
        connection.execute(text("SET LOCAL statement_timeout = 0"))
        connection.execute(text(f"SELECT pg_advisory_xact_lock({_LOCK})"))


run_migrations()
