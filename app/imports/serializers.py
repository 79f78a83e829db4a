"""The one form of an import and of its rows in JSON."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from app.exceptions import FieldError
from app.imports.judging import CONFLICT, ERROR, STATES, Verdict
from app.imports.models import ImportRow
from app.imports.planning import Plan, build_row
from app.imports.queries import ImportRecord
from app.imports.reading import Reading
from app.imports.schema import ImportOptions
from app.imports.words import unpack, unpack_errors
from app.times import format_time

# Of a trial; a preview shows all of them, by pages.
PLANNED_ROWS = 100


def serialize_import(record: ImportRecord) -> dict[str, Any]:
    """Takes an import; gives its members. ``processed`` are the rows that the run has not to look at any more."""
    entity, counts = record.entity, record.counts
    options = {name: value for name, value in entity.options.items() if name not in ("format", "fileName", "productId")}
    return {
        "id": entity.id,
        "createdAt": format_time(entity.created_at),
        "updatedAt": format_time(entity.updated_at),
        "state": entity.state,
        "reason": entity.reason or None,
        "format": entity.format,
        "fileName": entity.file_name,
        "productId": entity.product_id,
        **options,
        "total": entity.total,
        "processed": entity.total - counts.open,
        "counts": dict(counts.states),
        "warnings": [str(unpack(warning)) for warning in entity.warnings],
        "createdBy": entity.created_by,
        "startedAt": format_time(entity.started_at) if entity.started_at else None,
        "finishedAt": format_time(entity.finished_at) if entity.finished_at else None,
    }


def serialize_row(row: ImportRow) -> dict[str, Any]:
    """Takes a row of an import; gives its members."""
    return {
        "number": row.number,
        "line": row.line,
        "state": row.state,
        "version": row.version,
        "name": row.name,
        "channel": row.channel,
        "platforms": list(row.platforms),
        "private": row.private,
        "publish": row.publishes,
        "createdAt": format_time(row.released_at) if row.released_at else None,
        "productId": row.product_id,
        "releaseId": row.release_id,
        "errors": serialize_errors(unpack_errors(row.errors)),
        "warnings": serialize_errors(unpack_errors(row.warnings)),
    }


def serialize_errors(errors: Iterable[FieldError]) -> list[dict[str, str]]:
    """Takes errors, or warnings of the same form; gives them as the API answers those of a field."""
    return [{"field": error.field, "code": error.code, "message": str(error.message)} for error in errors]


def serialize_plan(plan: Plan, options: ImportOptions) -> dict[str, Any]:
    """Takes what would come of a file; gives the answer to ``validateOnly=true``, with some rows in their order.

    Those that would be refused go before others: whoever tries asks what is wrong.
    """
    counts = dict.fromkeys(STATES, 0)
    for verdict in plan.verdicts:
        counts[verdict.state] += 1
    pairs = list(enumerate(zip(plan.readings, plan.verdicts, strict=True), 1))
    bad_first = sorted(pairs, key=lambda pair: pair[1][1].state not in (ERROR, CONFLICT))
    shown = sorted(bad_first[:PLANNED_ROWS], key=lambda pair: pair[0])
    return {
        "valid": not counts[ERROR] and not counts[CONFLICT],
        "normalized": {**options.to_json(), "format": plan.file.format},
        "warnings": [str(warning) for warning in plan.file.warnings],
        "total": len(plan.verdicts),
        "counts": counts,
        "rows": [_serialize_planned(number, *pair) for number, pair in shown],
    }


def _serialize_planned(number: int, reading: Reading, verdict: Verdict) -> dict[str, Any]:
    row = ImportRow(**build_row(number, reading, verdict))
    return serialize_row(row)
