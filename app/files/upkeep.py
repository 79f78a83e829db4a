"""What the relay does for stored files from time to time. Each function commits short transactions.

A blob is deleted once no file names it, and none can name it again: a deleted draft may come back for seven days, with
its files. Two relays may do this at once.
"""

from __future__ import annotations

from typing import Any, Final

from flask import current_app
from sqlalchemy import ColumnElement, delete, exists, select, update

from app.database import clock, transaction
from app.extensions import db
from app.files.models import Blob, ReleaseFile
from app.files.storage import Storage, find_key
from app.files.troubles import StorageError
from app.releases.deletion import KEPT_DAYS

BATCH: Final = 100
_DAY_SECONDS: Final = 86400
# A day longer than a deletion can be undone, counted from when it is noticed.
_DOOMED_SECONDS: Final = (KEPT_DAYS + 1) * _DAY_SECONDS
# Longer than any transaction may last that has read the row before.
_GRACE_SECONDS: Final = 120
# Far longer than an upload may stand still.
_IDLE_SECONDS: Final = 3600.0


def clear_away() -> bool:
    """Looks for blobs that no file names, deletes those whose time has come, and what killed processes left.

    Gives whether there may be more to delete.
    """
    _judge()
    storage: Storage = current_app.extensions["slipway"].storage
    try:
        has_more = _delete_doomed(storage)
        storage.sweep(_IDLE_SECONDS)
    except StorageError:
        # The log says why already. What is to go is still named, and goes the next time.
        return False
    return has_more


def _judge() -> None:
    is_named = exists().where(ReleaseFile.blob_id == Blob.id)
    is_abandoned = Blob.reserved_until <= clock(-_GRACE_SECONDS)
    with transaction() as session:
        # An upload that ended with its process.
        _change(session, [is_abandoned, ~is_named], doomed_at=clock(), reserved_until=None)
        _change(
            session,
            [Blob.reserved_until.is_(None), Blob.doomed_at.is_(None), ~is_named],
            doomed_at=clock(_DOOMED_SECONDS),
        )
        # Its draft has come back.
        _change(session, [Blob.doomed_at.is_not(None), is_named], doomed_at=None)


def _change(session: Any, criteria: list[ColumnElement[bool]], **values: Any) -> None:
    session.execute(update(Blob).where(*criteria).values(**values).execution_options(synchronize_session=False))


def _delete_doomed(storage: Storage) -> bool:
    is_due = (Blob.doomed_at <= clock(-_GRACE_SECONDS), ~exists().where(ReleaseFile.blob_id == Blob.id))
    found = db.session.scalars(select(Blob.id).where(*is_due).limit(BATCH)).all()
    db.session.remove()
    if not found:
        return False
    for blob_id in found:
        storage.delete(find_key(blob_id))
    # The row goes last: whatever lies in the storage is named by one.
    with transaction() as session:
        session.execute(delete(Blob).where(Blob.id.in_(found)).execution_options(synchronize_session=False))
    return len(found) == BATCH
