"""What was done with a release, from the audit log. Every query names its tenant; none commits."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from app.audit.models import AuditEntry
from app.extensions import db
from app.releases.planning import NOT_PUBLISHED


def list_entries(tenant_id: str, release_id: str, limit: int, before: int | None = None) -> Sequence[AuditEntry]:
    """Gives the entries about a release, the newest first, or those before one by its id."""
    query = select(AuditEntry).where(AuditEntry.tenant_id == tenant_id, AuditEntry.entity_id == release_id)
    if before is not None:
        query = query.where(AuditEntry.id < before)
    return db.session.scalars(query.order_by(AuditEntry.id.desc()).limit(limit)).all()


def find_refusal(tenant_id: str, release_id: str) -> AuditEntry | None:
    """Gives the entry that tells of the last time when a release was not published as planned."""
    query = select(AuditEntry).where(
        AuditEntry.tenant_id == tenant_id, AuditEntry.entity_id == release_id, AuditEntry.action == NOT_PUBLISHED
    )
    return db.session.scalar(query.order_by(AuditEntry.id.desc()).limit(1))
