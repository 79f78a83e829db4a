"""The job that other queues get, as textbooks have it: load the delivery, POST the signed body, record the outcome.

The job carries the delivery's id and nothing else; what it needs lies in the database, secrets too. Sessions and
connections are kept by each thread. It has no guard, no deadline over all, no attempts of their own, and nothing that a
second worker could be fenced off with.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import threading
import time
from typing import Any

import psycopg
import requests

TABLES = """
    CREATE TABLE textbook_webhooks (id serial PRIMARY KEY, url text NOT NULL, secret text NOT NULL);
    CREATE TABLE textbook_events (id serial PRIMARY KEY, body bytea NOT NULL);
    CREATE TABLE textbook_deliveries (
        id uuid PRIMARY KEY DEFAULT gen_random_uuid(),
        webhook_id int NOT NULL REFERENCES textbook_webhooks, event_id int NOT NULL REFERENCES textbook_events,
        state text NOT NULL DEFAULT 'pending', status_code int, error text, duration_ms int, finished_at timestamptz
    );
"""
_LOAD = """
    SELECT webhook.url, webhook.secret, event.body
    FROM textbook_deliveries delivery
    JOIN textbook_webhooks webhook ON webhook.id = delivery.webhook_id
    JOIN textbook_events event ON event.id = delivery.event_id
    WHERE delivery.id = %s
"""
_RECORD = """
    UPDATE textbook_deliveries
    SET state = %s, status_code = %s, error = %s, duration_ms = %s, finished_at = now()
    WHERE id = %s
"""
_TIMEOUT_SECONDS = (5, 15)

_local = threading.local()


def build_environment(database_url: str, redis_url: str) -> dict[str, str]:
    """Takes Slipway's database and queue; gives what the workers of all comparators find in their environment."""
    return {
        "TEXTBOOK_DATABASE_URL": database_url.replace("postgresql+psycopg", "postgresql"),
        "TEXTBOOK_REDIS_URL": redis_url,
        # Kombu's own word for a Redis that listens on a socket.
        "TEXTBOOK_CELERY_URL": redis_url.replace("unix://", "redis+socket://"),
    }


def deliver(delivery_id: str) -> None:
    """Makes one attempt."""
    connection, timestamp = _get_connection(), int(time.time())
    row = connection.execute(_LOAD, (delivery_id,)).fetchone()
    if row is None:
        return
    url, secret, body = row
    started_at = time.perf_counter()
    status_code, error = None, None
    try:
        answer = _get_session().post(
            url,
            data=body,
            headers={
                "Content-Type": "application/json; charset=utf-8",
                "webhook-id": delivery_id,
                "webhook-timestamp": str(timestamp),
                "webhook-signature": _sign(secret, delivery_id, timestamp, body),
            },
            timeout=_TIMEOUT_SECONDS,
            allow_redirects=False,
        )
        status_code = answer.status_code
    except requests.RequestException as failure:
        error = str(failure)
    duration_ms = round((time.perf_counter() - started_at) * 1000)
    state = "delivered" if status_code and 200 <= status_code < 300 else "failed"
    connection.execute(_RECORD, (state, status_code, error, duration_ms, delivery_id))


def _sign(secret: str, delivery_id: str, timestamp: int, body: bytes) -> str:
    message = f"{delivery_id}.{timestamp}.".encode() + body
    digest = hmac.new(secret.encode(), message, hashlib.sha256).digest()
    return f"v1,{base64.b64encode(digest).decode()}"


def _get_session() -> requests.Session:
    if not hasattr(_local, "session"):
        _local.session = requests.Session()
        # What the environment says of proxies is the same for every request.
        _local.session.trust_env = False
    session: requests.Session = _local.session
    return session


def _get_connection() -> psycopg.Connection[Any]:
    if not hasattr(_local, "connection"):
        _local.connection = psycopg.connect(os.environ["TEXTBOOK_DATABASE_URL"], autocommit=True)
    connection: psycopg.Connection[Any] = _local.connection
    return connection
