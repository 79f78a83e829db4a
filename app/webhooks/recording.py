"""Writes many outcomes at once. The statements are built once, and each writes all rows of its table.

PostgreSQL takes all rows as one value, which is several times quicker than one statement for each. SQLite, which
answers within the process, takes one after the other.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import (
    JSON,
    Float,
    Integer,
    Row,
    Select,
    String,
    Text,
    Update,
    bindparam,
    case,
    cast,
    column,
    func,
    null,
    select,
    update,
)
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import Session

from app.database import Id, clock, is_sqlite
from app.webhooks.models import Attempt, Delivery
from app.webhooks.rounds import RETRY
from app.webhooks.states import DELIVERED, PENDING

Rows = Sequence[Mapping[str, Any]]

_DELIVERIES: Any = Delivery.__table__
_ATTEMPTS: Any = Attempt.__table__
_ATTEMPT_COLUMNS: Mapping[str, Any] = {
    "the_tenant_id": Id,
    "the_delivery_id": Id,
    "the_number": Integer(),
    "the_delay": Float(),
    "outcome": String(),
    "status_code": Integer(),
    "error": String(),
    "error_message": Text(),
    "response_snippet": Text(),
    "address": String(),
    "phases": JSON(),
    "request_headers": JSON(),
}
_DELIVERY_COLUMNS: Mapping[str, Any] = {
    "the_tenant_id": Id,
    "the_id": Id,
    "the_state": String(),
    "the_delay": Float(),
    "the_reason": Text(),
}


def lock_deliveries(session: Session, delivery_ids: Sequence[str]) -> Mapping[str, Row[Any]]:
    """Locks deliveries in the order of the ids that are given; gives ``attempt_count``, ``is_claimed``, ``state``."""
    rows = session.connection().execute(_build_lock(), {"the_ids": delivery_ids})
    return {row.id: row for row in rows}


def write_attempts(session: Session, rows: Rows) -> None:
    """Writes what attempts came to; ``the_delay`` is the seconds until the next one, None if there is none."""
    _write(session, _build_write_attempts(for_sqlite=is_sqlite()), rows)


def write_deliveries(session: Session, rows: Rows) -> None:
    """Writes what deliveries are in from now on, and when they are due again."""
    _write(session, _build_write_deliveries(for_sqlite=is_sqlite()), rows)


def _write(session: Session, statement: Update, rows: Rows) -> None:
    if not rows:
        return
    if is_sqlite():
        session.connection().execute(statement, rows)
    else:
        session.connection().execute(statement, {"the_rows": json.dumps(rows)})


@functools.cache
def _build_lock() -> Select[*tuple[Any, ...]]:
    return (
        select(_DELIVERIES.c.id, _DELIVERIES.c.attempt_count, _DELIVERIES.c.is_claimed, _DELIVERIES.c.state)
        .where(_DELIVERIES.c.id.in_(bindparam("the_ids", expanding=True)))
        .order_by(_DELIVERIES.c.id)
        .with_for_update()
    )


def _get_source(columns: Mapping[str, Any], *, for_sqlite: bool) -> Mapping[str, Any]:
    """Gives what stands for each value of a row in a statement."""
    if for_sqlite:
        return {name: bindparam(name, type_=kind) for name, kind in columns.items()}
    rows = func.jsonb_to_recordset(cast(bindparam("the_rows", type_=Text()), JSONB()))
    table = rows.table_valued(*(column(name, kind) for name, kind in columns.items()), name="recorded")
    return dict(table.render_derived(with_types=True).c)


@functools.cache
def _build_write_attempts(*, for_sqlite: bool) -> Update:
    row = _get_source(_ATTEMPT_COLUMNS, for_sqlite=for_sqlite)
    values = {name: value for name, value in row.items() if not name.startswith("the_")}
    return (
        update(_ATTEMPTS)
        .where(
            _ATTEMPTS.c.tenant_id == row["the_tenant_id"],
            _ATTEMPTS.c.delivery_id == row["the_delivery_id"],
            _ATTEMPTS.c.number == row["the_number"],
        )
        .values(**values, finished_at=clock(), retry_at=_build_moment(row["the_delay"]))
    )


@functools.cache
def _build_write_deliveries(*, for_sqlite: bool) -> Update:
    row = _get_source(_DELIVERY_COLUMNS, for_sqlite=for_sqlite)
    state = row["the_state"]
    return (
        update(_DELIVERIES)
        .where(_DELIVERIES.c.tenant_id == row["the_tenant_id"], _DELIVERIES.c.id == row["the_id"])
        .values(
            state=state,
            reason=row["the_reason"],
            # Only attempts that are lost one after the other speak against a delivery.
            lost_count=0,
            is_claimed=False,
            held_at=None,
            priority=case((state == PENDING, RETRY), else_=_DELIVERIES.c.priority),
            next_attempt_at=_build_moment(row["the_delay"]),
            delivered_at=case((state == DELIVERED, clock()), else_=_DELIVERIES.c.delivered_at),
            updated_at=clock(),
        )
    )


def _build_moment(delay: Any) -> Any:
    return case((delay.is_not(None), clock(delay)), else_=null())
