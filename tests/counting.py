"""Counts rows, and the statements that the database is asked to run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from unittest.mock import patch

from sqlalchemy import event, func, select

from app.extensions import db
from app.statements import _Prepared


def count(model: Any) -> int:
    """Gives the number of a model's rows."""
    return int(db.session.scalar(select(func.count()).select_from(model)) or 0)


@contextmanager
def watching_statements() -> Iterator[list[str]]:
    """Gives the statements that are run meanwhile. SQLite's ``BEGIN`` of a transaction that only reads is none."""
    found: list[str] = []

    def note(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if statement != "BEGIN":
            found.append(statement)

    run = _Prepared.run

    def note_prepared(statement: _Prepared, parameters: Any) -> Any:
        found.append(statement._sql)
        return run(statement, parameters)

    event.listen(db.engine, "before_cursor_execute", note)
    try:
        with patch.object(_Prepared, "run", note_prepared):
            yield found
    finally:
        event.remove(db.engine, "before_cursor_execute", note)
