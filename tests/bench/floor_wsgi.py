"""What there is to compare with, behind the same gunicorn: a static answer, and bare inserts with psycopg.

One insert is of a row into a table of its own; the other writes, in one statement, all rows that a create of Slipway
writes, into Slipway's tables. Neither asks who sends it, looks at what is sent, or wakes anybody.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

import psycopg

_local = threading.local()
_ANSWER = b'{"status":"ok"}'
TABLE = (
    "CREATE TABLE IF NOT EXISTS bare"
    " (id uuid PRIMARY KEY, name text, version text UNIQUE, notes text, created_at timestamptz)"
)
_INSERT = "INSERT INTO bare VALUES (%s, %s, %s, %s, now())"
_ROWS = """
    WITH
    released AS (INSERT INTO releases (
            id, tenant_id, product_id, name, version, version_key, channel, platforms, private, published, archived,
            is_historic, total_files, notes, created_at, updated_at)
        VALUES (%(id)s, %(tenant)s, %(product)s, %(name)s, %(version)s, %(key)s, 'stable', '["linux"]', false, false,
            false, false, 0, %(notes)s, now(), now())),
    slots AS (INSERT INTO release_slots (product_id, channel, platform, version_key, tenant_id, release_id)
        VALUES (%(product)s, 'stable', 'linux', %(key)s, %(tenant)s, %(id)s)),
    happened AS (INSERT INTO events (id, tenant_id, event_type, entity_id, body, request_id, triggered_at)
        VALUES (%(event)s, %(tenant)s, 'release.created', %(id)s, %(body)s, %(request)s, now())),
    owed AS (INSERT INTO deliveries (
            id, tenant_id, event_id, webhook_id, state, priority, attempt_count, attempts_before, lost_count,
            next_attempt_at, is_claimed, is_test, reason, created_at, updated_at)
        SELECT gen_random_uuid(), %(tenant)s, %(event)s, id, 'pending', 0, 0, 0, 0, now(), false, false, '', now(),
            now()
        FROM webhooks WHERE tenant_id = %(tenant)s)
    INSERT INTO audit_entries (
        tenant_id, actor_kind, actor_id, actor_email, action, entity_id, details, request_id, occurred_at)
    VALUES (%(tenant)s, 'token', %(id)s, 'ci@example.test', 'release.created', %(id)s, '{}', %(request)s, now())
"""

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answers at once, or on ``/insert`` and ``/rows`` after one commit."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if environ["PATH_INFO"] == "/insert":
        sent = json.loads(body)
        _connect().execute(_INSERT, (uuid4(), sent["name"], sent["version"], sent["notes"]))
    elif environ["PATH_INFO"] == "/rows":
        _connect().execute(_ROWS, _build_rows(json.loads(body), body), prepare=True)
    start_response("201 Created", [("Content-Type", "application/json"), ("Content-Length", str(len(_ANSWER)))])
    return [_ANSWER]


def _build_rows(sent: dict[str, Any], body: bytes) -> dict[str, Any]:
    return {
        "id": uuid4(),
        "event": uuid4(),
        "tenant": os.environ["BARE_TENANT_ID"],
        "product": os.environ["BARE_PRODUCT_ID"],
        "name": sent["name"],
        "version": sent["version"],
        "key": sent["version"].encode().rjust(32, b"\0"),
        "notes": sent["notes"],
        "body": body,
        "request": uuid4().hex,
    }


def _connect() -> psycopg.Connection[Any]:
    if not hasattr(_local, "connection"):
        _local.connection = psycopg.connect(os.environ["BARE_DATABASE_URL"], autocommit=True)
    connection: psycopg.Connection[Any] = _local.connection
    return connection
