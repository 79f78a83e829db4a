"""What has come of an import as a file: CSV (RFC 4180) or JSON Lines, written piece by piece."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any, Final

from flask import Flask

from app.audit.export import guard_cell
from app.imports import queries
from app.imports.models import ImportRow
from app.imports.queries import RowQuery
from app.imports.serializers import serialize_row

HEADER: Final = (
    "number", "line", "state", "version", "name", "channel", "platforms", "createdAt", "productId", "releaseId",
    "messages",
)  # fmt: skip
_CHUNK = 500


def write_csv(app: Flask, tenant_id: str, import_id: str) -> Iterator[bytes]:
    """Takes the application and an import of a tenant; gives its rows as CSV."""
    yield _write([HEADER])
    for rows in _read_chunks(app, tenant_id, import_id):
        yield _write(_build_cells(serialize_row(row)) for row in rows)


def write_json_lines(app: Flask, tenant_id: str, import_id: str) -> Iterator[bytes]:
    """Takes the same; gives the rows as the API answers them, one a line."""
    for rows in _read_chunks(app, tenant_id, import_id):
        lines = [json.dumps(serialize_row(row), ensure_ascii=False, separators=(",", ":")) for row in rows]
        yield "".join(f"{line}\n" for line in lines).encode()


def _read_chunks(app: Flask, tenant_id: str, import_id: str) -> Iterator[Sequence[ImportRow]]:
    wanted = RowQuery(limit=_CHUNK, after=0)
    while True:
        # A context for each piece, which gives its connection back: whoever receives slowly must not hold one.
        with app.app_context():
            rows = queries.list_rows(tenant_id, import_id, wanted)
        if rows:
            yield rows
        if len(rows) < _CHUNK:
            return
        wanted = replace(wanted, after=rows[-1].number)


def _build_cells(row: dict[str, Any]) -> list[str]:
    messages = " ".join(one["message"] for one in (*row["errors"], *row["warnings"]))
    values = {**row, "platforms": ", ".join(row["platforms"]), "messages": messages}
    return ["" if values[name] is None else str(values[name]) for name in HEADER]


def _write(rows: Iterable[Iterable[str]]) -> bytes:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows([guard_cell(cell) for cell in row] for row in rows)
    return text.getvalue().encode("utf-8", "replace")
