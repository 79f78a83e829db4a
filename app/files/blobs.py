"""Writes the rows of what lies in the storage, inside a transaction that a service commits.

A row is there before the first byte and until after the last: whatever lies in the storage is named by one.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import delete, func, or_, select, update
from sqlalchemy.orm import Session

from app import times
from app.database import clock, generate_id, lock_name
from app.files.models import Blob
from app.files.troubles import QuotaError

# Whoever uploads says again and again that this goes on; after a crash the room is free when it is over.
RESERVED_SECONDS: Final = 15 * 60


def reserve(session: Session, tenant_id: str, size: int, quota: int | None) -> str:
    """Takes room for an upload of so many bytes; gives the id of the blob. Raises QuotaError if there is not so much.

    Of those who ask at once each counts what the others have reserved.
    """
    if quota is not None:
        lock_name(session, f"storage:{tenant_id}")
        used = count_bytes(session, tenant_id)
        if used + size > quota:
            raise QuotaError(quota, used)
    blob = Blob(
        id=generate_id(),
        tenant_id=tenant_id,
        size=size,
        # The clock of the database decides when it is over.
        reserved_until=clock(RESERVED_SECONDS),
        created_at=times.now(),
    )
    session.add(blob)
    session.flush()
    blob_id: str = blob.id
    return blob_id


def count_bytes(session: Session, tenant_id: str) -> int:
    """Gives how many bytes a tenant has in the storage, with those that are on their way.

    Files of a deleted draft count until they are gone for good: else whoever deletes and uploads again has no limit.
    """
    is_there = or_(Blob.reserved_until.is_(None), Blob.reserved_until > clock())
    stored = select(func.coalesce(func.sum(Blob.size), 0)).where(Blob.tenant_id == tenant_id, is_there)
    return int(session.scalars(stored).one())


def prolong(session: Session, tenant_id: str, blob_id: str) -> None:
    """Says that an upload goes on."""
    session.execute(
        update(Blob)
        .where(Blob.tenant_id == tenant_id, Blob.id == blob_id, Blob.reserved_until.is_not(None))
        .values(reserved_until=clock(RESERVED_SECONDS))
        .execution_options(synchronize_session=False)
    )


def keep(session: Session, tenant_id: str, blob_id: str, size: int) -> bool:
    """Ends an upload whose file is added in this transaction; gives whether its room was still reserved."""
    kept = session.scalar(
        update(Blob)
        .where(Blob.tenant_id == tenant_id, Blob.id == blob_id, Blob.reserved_until > clock())
        .values(reserved_until=None, size=size)
        .returning(Blob.id)
        .execution_options(synchronize_session=False)
    )
    return kept is not None


def doom(session: Session, tenant_id: str, blob_id: str) -> None:
    """Lets what no file names any more be deleted soon."""
    session.execute(
        update(Blob)
        .where(Blob.tenant_id == tenant_id, Blob.id == blob_id)
        .values(doomed_at=clock())
        .execution_options(synchronize_session=False)
    )


def forget(session: Session, tenant_id: str, blob_id: str) -> None:
    """Deletes the row of what does not lie in the storage."""
    session.execute(
        delete(Blob).where(Blob.tenant_id == tenant_id, Blob.id == blob_id).execution_options(synchronize_session=False)
    )
