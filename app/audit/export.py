"""The audit log as CSV (RFC 4180), written piece by piece: however long it is, a few hundred entries are in memory.

A spreadsheet takes a cell that begins with certain signs for a formula and obeys it, and part of what stands in the log
comes from whoever calls the API. Such a cell begins with an apostrophe, as OWASP advises against "CSV injection". Where
a comma is part of a number, they end cells at semicolons; one before such a sign stands as JSON can spell it, too.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterable, Iterator
from typing import Any

from flask import Flask

from app.audit import queries
from app.audit.models import AuditEntry
from app.audit.schema import AuditFilter
from app.times import format_time

HEADER = ("id", "time", "actor", "actor_kind", "action", "entity_id", "details", "request_id")
_CHUNK_ROWS = 500
# The last four are the same signs in full width, which some programs fold.
_FORMULA_SIGNS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
# Blanks and quotes before the sign are dropped by some.
_FORMULA = rf"""(?=[\s"'\\]*[{re.escape("".join(_FORMULA_SIGNS))}])"""
_BEFORE_FORMULA = re.compile(f";{_FORMULA}")
# What ends a cell for a program that knows no quotes within one, as those that split at semicolons see ours.
_END_BEFORE_FORMULA = re.compile(f"[;\\t\\r\\n]{_FORMULA}")


def write_csv(app: Flask, tenant_id: str, wanted: AuditFilter) -> Iterator[bytes]:
    """Takes the application, a tenant and which of its entries; gives the file, the newest entry first.

    Entries that are written while it goes out are not in it.
    """
    yield _write([HEADER])
    before: int | None = None
    while True:
        # A context for each piece, which gives its connection back: whoever receives slowly must not hold one.
        with app.app_context():
            entries = queries.list_entries(tenant_id, wanted, _CHUNK_ROWS, before)
            piece = _write(_build_row(entry) for entry in entries)
            before = entries[-1].id if entries else None
        if piece:
            yield piece
        if len(entries) < _CHUNK_ROWS:
            return


def guard_cell(text: str) -> str:
    """Takes the text of a cell; gives one that no spreadsheet takes for a formula, wherever it ends cells."""
    text = _END_BEFORE_FORMULA.sub(r"\g<0>'", text)
    return f"'{text}" if text.startswith(_FORMULA_SIGNS) else text


def _build_row(entry: AuditEntry) -> tuple[str, ...]:
    return (
        str(entry.id),
        format_time(entry.occurred_at),
        entry.actor_email,
        entry.actor_kind,
        entry.action,
        entry.entity_id,
        _BEFORE_FORMULA.sub(r"\\u003b", json.dumps(entry.details, ensure_ascii=False, separators=(",", ":"))),
        entry.request_id,
    )


def _write(rows: Iterable[Iterable[Any]]) -> bytes:
    text = io.StringIO(newline="")
    # CRLF ends a line (RFC 4180, section 2).
    csv.writer(text, lineterminator="\r\n").writerows([guard_cell(cell) for cell in row] for row in rows)
    # Half a surrogate pair, which JSON can spell and UTF-8 cannot, becomes a question mark.
    return text.getvalue().encode("utf-8", "replace")
