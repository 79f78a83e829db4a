"""What PostgreSQL does for a request: the plan of its query, in one line."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from flask import Flask
from sqlalchemy import event

from app.extensions import db

# Where rows go through, and nothing is looked for.
_PASSAGES = frozenset(
    {"Limit", "Subquery Scan", "Append", "Result", "Materialize", "Memoize", "Gather", "Gather Merge"}
)


@dataclass(frozen=True)
class Plan:
    """The steps of a plan that look for something, the last one first, and how many pages of 8 KiB they read."""

    steps: str
    buffers: int


def explain(app: Flask, path: str, token: str | None) -> Plan:
    """Takes the address of a list; gives the plan of the query that finds its releases."""
    asked: list[tuple[str, Any]] = []

    def note(_c: Any, _cursor: Any, statement: str, parameters: Any, *_rest: Any) -> None:
        if "FROM releases" in statement or "FROM release_slots" in statement:
            asked.append((statement, parameters))

    headers = {"Authorization": f"Bearer {token}"} if token else {}
    with app.app_context():
        event.listen(db.engine, "before_cursor_execute", note)
        answer = app.test_client().get(path, headers=headers)
        event.remove(db.engine, "before_cursor_execute", note)
        if answer.status_code not in (200, 204):
            raise RuntimeError(f"{path}: {answer.text}")
        statement, parameters = asked[0]
        with db.engine.connect() as connection:
            cursor = connection.connection.cursor()
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {statement}", parameters)
            [[found]] = cursor.fetchall()
    plan = (json.loads(found) if isinstance(found, str) else found)[0]["Plan"]
    return Plan(" ← ".join(_list_steps(plan)), plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])


def _list_steps(node: dict[str, Any]) -> Iterator[str]:
    name, target = node["Node Type"], node.get("Index Name") or node.get("Relation Name")
    if name not in _PASSAGES:
        backward = " backward" if node.get("Scan Direction") == "Backward" else ""
        yield f"{name}{backward}{f' `{target}`' if target else ''}"
    for child in node.get("Plans", ()):
        yield from _list_steps(child)
