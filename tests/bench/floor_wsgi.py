"""What there is to compare with, behind the same gunicorn: a static answer, and a bare insert with psycopg."""

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

StartResponse = Callable[[str, list[tuple[str, str]]], Any]


def app(environ: dict[str, Any], start_response: StartResponse) -> Iterable[bytes]:
    """Answers at once, or on ``/insert`` after one committed row."""
    body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
    if environ["PATH_INFO"] == "/insert":
        sent = json.loads(body)
        _connect().execute(_INSERT, (uuid4(), sent["name"], sent["version"], sent["notes"]))
    start_response("201 Created", [("Content-Type", "application/json"), ("Content-Length", str(len(_ANSWER)))])
    return [_ANSWER]


def _connect() -> psycopg.Connection[Any]:
    if not hasattr(_local, "connection"):
        _local.connection = psycopg.connect(os.environ["BARE_DATABASE_URL"], autocommit=True)
    connection: psycopg.Connection[Any] = _local.connection
    return connection
