"""What SQLite asks of those who open one file together."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, text
from sqlalchemy.exc import OperationalError

from app import sqlite
from app.database import configure_engine, is_sqlite, refresh_statistics
from app.extensions import db
from app.outages import is_outage
from tests.factories import Factory


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Where a database of its own will be."""
    return tmp_path / "new.db"


@pytest.fixture
def engine(file: Path) -> Engine:
    """An engine on that file, as Slipway sets it up."""
    engine = create_engine(f"sqlite:///{file}")
    configure_engine(engine)
    return engine


def open_as_writer(file: Path) -> sqlite3.Connection:
    """Gives a connection to a file that is not in WAL mode yet, in the middle of a write."""
    other = sqlite3.connect(file, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    return other


def test_a_new_file_is_opened_once_another_process_is_done_with_it(
    file: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = open_as_writer(file)
    # SQLite does not wait here by itself; whoever pauses lets the other one finish.
    monkeypatch.setattr("app.sqlite.time.sleep", lambda _seconds: other.rollback() if other.in_transaction else None)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    other.close()


def test_a_new_file_that_stays_locked_is_an_error_in_the_end(
    file: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = open_as_writer(file)
    monkeypatch.setattr(sqlite, "_SWITCH_SECONDS", 0.1)
    with pytest.raises(sqlite3.OperationalError, match="database is locked"):
        engine.raw_connection()
    other.close()


def test_sqlite_looks_at_what_its_tables_hold(app: Flask, make: Factory) -> None:
    make.organisation()
    refresh_statistics()
    db.session.rollback()
    if is_sqlite():
        tables = db.session.scalars(text("SELECT DISTINCT tbl FROM sqlite_stat1")).all()
        assert "users" in tables


def test_what_reads_without_an_end_is_given_up_and_what_writes_is_not(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sqlite, "READ_SECONDS", 0.01)
    rows = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n {}) SELECT count(*) FROM n"
    with engine.connect() as connection:
        with pytest.raises(OperationalError, match="interrupted") as given_up:
            connection.exec_driver_sql(rows.format(""))
        # It is told as a busy database is, and the connection is as good as before.
        assert is_outage(given_up.value)
        connection.rollback()
        assert connection.exec_driver_sql("SELECT 1").scalar() == 1
        connection.exec_driver_sql(f"CREATE TABLE counted AS {rows.format('WHERE i < 300000')}")
        assert connection.exec_driver_sql("SELECT * FROM counted").scalar() == 300_000
