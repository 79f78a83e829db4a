"""What SQLite asks of those who open one file together."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import Engine, create_engine, text

from app import database
from app.database import configure_engine, is_sqlite, refresh_statistics
from app.extensions import db
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
    monkeypatch.setattr("app.database.time.sleep", lambda _seconds: other.rollback() if other.in_transaction else None)
    with engine.connect() as connection:
        assert connection.exec_driver_sql("PRAGMA journal_mode").scalar() == "wal"
    other.close()


def test_a_new_file_that_stays_locked_is_an_error_in_the_end(
    file: Path, engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = open_as_writer(file)
    monkeypatch.setattr(database, "_SWITCH_SECONDS", 0.1)
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
