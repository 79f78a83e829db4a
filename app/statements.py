"""Statements that PostgreSQL prepares once for each connection, and that are transactions by themselves.

The session of the ORM takes several times as long as what it asks for. That is worth it nearly everywhere, and not
where every request of the API passes.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final

import psycopg
from psycopg import pq
from psycopg.errors import InvalidSqlStatementName, error_from_result
from sqlalchemy import JSON, Boolean, Integer, Select, String, Uuid
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import PoolProxiedConnection
from sqlalchemy.types import TypeEngine

from app.database import forget_commit, is_sqlite, note_commit
from app.extensions import db
from app.outages import noticing_loss

# Whatever JSON has lists and objects for is sent as JSON.
Value = str | bytes | bool | int | datetime | list[Any] | dict[str, Any] | None

_PARAMETER: Final = re.compile(r"%\((\w+)\)s")
_TEXT, _BINARY = 0, 1
_ANSWERS: Final = (pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK)


class Statement:
    """One statement with named parameters, in SQLAlchemy's words, so that it knows the tables as the models do."""

    def __init__(self, clause: Select[*tuple[Any, ...]]) -> None:
        self._clause = clause
        self._prepared: _Prepared | None = None

    def fetch(self, parameters: Mapping[str, Value]) -> tuple[Any, ...] | None:
        """Asks for what is stored; gives the first row, None without one. Raises DBAPIError."""
        if is_sqlite() or _has_connection():
            row = db.session.execute(self._clause, parameters).first()
            return None if row is None else tuple(row)
        return self._prepare().run(parameters)

    def commit(self, parameters: Mapping[str, Value]) -> tuple[Any, ...] | None:
        """Changes what PostgreSQL stores, whole or not at all; gives the first row. Raises DBAPIError, CommitLostError.

        Whatever was read before in this context is let go first, as by ``transaction()``. SQLite has no statement that
        changes more than one table.
        """
        if _has_connection():
            db.session.rollback()
        forget_commit()
        with noticing_loss():
            row = self._prepare().run(parameters)
        note_commit()
        return row

    def _prepare(self) -> _Prepared:
        if self._prepared is None:
            self._prepared = _Prepared(self._clause)
        return self._prepared


class _Prepared:
    """A statement as PostgreSQL gets it, on whichever connection of the engine's pool.

    The driver's own way to prepare is no help: it lets go of all that is prepared whenever it rolls back, as the ORM
    does at the end of each request.
    """

    def __init__(self, clause: Select[*tuple[Any, ...]]) -> None:
        compiled = clause.compile(dialect=db.engine.dialect)
        names: list[str] = []

        def number(match: re.Match[str]) -> str:
            if match[1] not in names:
                names.append(match[1])
            return f"${names.index(match[1]) + 1}"

        self._sql = _PARAMETER.sub(number, str(compiled))
        # What is written into the statement itself is a parameter, too, whose value is always the same.
        constants = {name: value for name, value in compiled.params.items() if value is not None}
        self._template = [_encode(constants.get(name)) for name in names]
        self._places = [(place, name) for place, name in enumerate(names) if name not in constants]
        # The name is made of the text: whoever meets it on a connection meets this statement.
        self._name = b"slipway_" + hashlib.sha256(self._sql.encode()).hexdigest()[:32].encode()
        self._decoders = [_choose_decoder(column.type) for column in clause.selected_columns]

    def run(self, parameters: Mapping[str, Value]) -> tuple[Any, ...] | None:
        """Gives the first row that the statement gives, None if it gives none."""
        values, formats = self._template.copy(), [_TEXT] * len(self._template)
        for place, name in self._places:
            value = parameters[name]
            values[place] = _encode(value)
            if isinstance(value, bytes):
                formats[place] = _BINARY
        result = self._exchange(values, formats)
        if not result.ntuples:
            return None
        cells = (result.get_value(0, column) for column in range(result.nfields))
        pairs = zip(self._decoders, cells, strict=True)
        return tuple(None if cell is None else decode(cell) for decode, cell in pairs)

    def _exchange(self, values: list[Any], formats: list[int]) -> pq.abc.PGresult:
        engine = db.engine
        connection = engine.raw_connection()
        try:
            return self._execute(connection, values, formats)
        except psycopg.Error as error:
            is_gone = _get_pgconn(connection).status == pq.ConnStatus.BAD
            if is_gone:
                connection.invalidate(error)
            raise DBAPIError.instance(
                self._sql, {}, error, psycopg.Error, connection_invalidated=is_gone, dialect=engine.dialect
            ) from error
        finally:
            connection.close()

    def _execute(self, connection: PoolProxiedConnection, values: list[Any], formats: list[int]) -> pq.abc.PGresult:
        pgconn = _get_pgconn(connection)
        if self._name not in connection.info:
            self._prepare(connection, pgconn)
        try:
            return _check(pgconn.exec_prepared(self._name, values, formats))
        except InvalidSqlStatementName:
            # When the driver lets go of what it has prepared itself, it lets go of all.
            self._prepare(connection, pgconn)
            return _check(pgconn.exec_prepared(self._name, values, formats))

    def _prepare(self, connection: PoolProxiedConnection, pgconn: pq.abc.PGconn) -> None:
        _check(pgconn.prepare(self._name, self._sql.encode()))
        connection.info[self._name] = True


def _has_connection() -> bool:
    # Who waits for a second connection while holding one may wait for others who do the same.
    return db.session.registry.has() and db.session().in_transaction()


def _get_pgconn(connection: PoolProxiedConnection) -> pq.abc.PGconn:
    opened: psycopg.Connection[Any] = connection.driver_connection  # type: ignore[assignment]
    return opened.pgconn


def _check(result: pq.abc.PGresult) -> pq.abc.PGresult:
    if result.status not in _ANSWERS:
        raise error_from_result(result)
    return result


def _encode(value: Value) -> bytes | None:
    """Gives a value as PostgreSQL reads it."""
    if isinstance(value, str):
        return value.encode()
    if value is None or isinstance(value, bytes):
        return value
    if isinstance(value, bool):
        return b"true" if value else b"false"
    if isinstance(value, datetime):
        return value.isoformat().encode()
    if isinstance(value, list | dict):
        return json.dumps(value).encode()
    return str(value).encode()


def _choose_decoder(kind: TypeEngine[Any]) -> Callable[[bytes], Any]:
    """Takes the type of a column; gives what reads its text. Raises TypeError for one that no statement gives yet."""
    if isinstance(kind, JSON):
        return json.loads
    if isinstance(kind, Boolean):
        return lambda cell: cell == b"t"
    if isinstance(kind, Integer):
        return int
    if isinstance(kind, String | Uuid):
        return bytes.decode
    raise TypeError(f"{kind!r} cannot be read")
