"""What was written beside what happened: events with their bodies, and audit entries."""

from __future__ import annotations

import json
from typing import Any

from sqlalchemy import select

from app.audit.models import AuditEntry
from app.extensions import db
from app.webhooks.models import Event

FILE: dict[str, Any] = {
    "name": "rocket-1.2.tar.gz",
    "url": "https://downloads.example.org/rocket-1.2.tar.gz?build=7",
    "size": 1_500_000,
    "checksum": "d41d8cd98f00b204e9800998ecf8427e",
    "secured": True,
}


def list_events() -> list[Event]:
    """Gives the events in the order in which they happened."""
    db.session.rollback()
    return list(db.session.scalars(select(Event).order_by(Event.triggered_at)))


def list_event_types() -> list[str]:
    """Gives their types alone."""
    return [event.event_type for event in list_events()]


def read_last_event() -> tuple[str, dict[str, Any]]:
    """Gives the type and the data of the newest event, once it is sure that its body is in order."""
    event = list_events()[-1]
    body = json.loads(event.body)
    assert (list(body), body["event"]) == (["event", "data", "triggeredAt"], event.event_type)
    return event.event_type, body["data"]


def read_last_audit() -> tuple[str, str, dict[str, Any]]:
    """Gives action, entity and details of the newest audit entry."""
    db.session.rollback()
    entry = db.session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc()).limit(1)).one()
    return entry.action, entry.entity_id, entry.details
