"""Tells by an error of the database whether it is away or busy, and whether a commit that failed may have come through.

What it says goes by the codes of PostgreSQL (appendix A of its manual).
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy.exc import DBAPIError, OperationalError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

# It is going down, full, locked, or has given up on a statement.
_OUTAGE_SQLSTATES = ("08", "53", "55P03", "57", "40001", "40P01", "25006")
_LOCK_TIMEOUT = "55P03"
# The connection broke, or somebody ends the server.
_GONE_SQLSTATES = ("08", "57P")


class CommitLostError(OperationalError):
    """The database went away while it committed: it may have, or not, and nobody was told."""


def is_outage(error: DBAPIError | PoolTimeoutError) -> bool:
    """Whether it is worth while to try again later."""
    if isinstance(error, PoolTimeoutError) or error.connection_invalidated:
        return True
    sqlstate = _read_sqlstate(error)
    if sqlstate is None:
        return isinstance(error, OperationalError)
    return sqlstate.startswith(_OUTAGE_SQLSTATES)


def is_lock_timeout(error: DBAPIError | PoolTimeoutError) -> bool:
    """Whether somebody else held for too long what a statement has waited for. SQLite does not say."""
    return isinstance(error, DBAPIError) and _read_sqlstate(error) == _LOCK_TIMEOUT


@contextmanager
def noticing_loss() -> Iterator[None]:
    """Around a COMMIT: raises CommitLostError if it has failed, and nobody can tell how it has ended."""
    try:
        yield
    except DBAPIError as error:
        if error.orig is None or not _is_answer_lost(error):
            raise
        raise CommitLostError(
            error.statement, error.params, error.orig, connection_invalidated=error.connection_invalidated
        ) from error


def _is_answer_lost(error: DBAPIError) -> bool:
    # SQLite is no other process: whatever its COMMIT fails with is its answer.
    if isinstance(error.orig, sqlite3.Error):
        return False
    sqlstate = _read_sqlstate(error)
    return sqlstate is None or sqlstate.startswith(_GONE_SQLSTATES)


def _read_sqlstate(error: DBAPIError) -> str | None:
    sqlstate: str | None = getattr(error.orig, "sqlstate", None)
    return sqlstate
