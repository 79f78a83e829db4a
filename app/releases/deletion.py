"""Drafts that are deleted, and brought back. Each function that changes checks permission, and commits once or not at
all.

What is deleted is kept whole for seven days, beside the releases and not among them: nothing that lists, finds or
counts releases has to leave it out, and its place is free at once.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from sqlalchemy import LargeBinary, delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import etags, times
from app.accounts.actors import Actor
from app.database import UtcDateTime, clock, transaction
from app.etags import Precondition
from app.exceptions import ConflictError, DuplicateReleaseError, NotFoundError
from app.extensions import db
from app.files.models import ReleaseFile
from app.language import say
from app.listing import cut_list
from app.paging import Place
from app.products import queries as products
from app.releases import queries, rows
from app.releases.models import DeletedRelease, Release
from app.releases.serializers import serialize_release
from app.text import is_canonical_id
from app.webhooks import events

KEPT_DAYS: Final = 7
RESTORED: Final = "release.restored"
_DAY_SECONDS = 86400
# Made anew from the notes, and what was planned is over.
_LEFT_OUT = frozenset({"notes_html", "notes_renderer", "publish_at", "publish_by"})


@dataclass(frozen=True, slots=True)
class Restoration:
    """What came of an undo: the release, and whether somebody had brought it back before (``is_replay``)."""

    release: Release
    is_replay: bool


def delete_release(actor: Actor, release_id: str, expected: Precondition = etags.NONE) -> Release:
    """Deletes a release that was never published, with its files and idempotency keys; its place is free again.

    For seven days it can be restored. The event tells what it was, and its deliveries stay in the logs. Gives it as it
    was. Raises ConflictError if it is published, PreconditionFailedError if it is not as expected, NotFoundError,
    PermissionDeniedError.
    """
    actor.require("release:write")
    with transaction() as session:
        release = rows.lock_release(session, actor, release_id)
        if release.published:
            raise ConflictError(say("This release is published, and read-only from then on: archive it instead."))
        expected.check(etags.build_tag(serialize_release(release)))
        details = {"name": release.name, "version": release.version, "channel": release.channel}
        details |= rows.clear_plan(release)
        rows.record_event(session, actor, events.RELEASE_DELETED, release, times.now(), details)
        _keep(session, actor, release)
        session.expunge(release)
        # Slots, keys and files go with their release, by the database's own rule.
        session.execute(delete(Release).where(Release.tenant_id == actor.tenant_id, Release.id == release_id))
    return release


def restore_release(actor: Actor, release_id: str) -> Restoration:
    """Brings a deleted draft back as it was, under its id: place, files and notes. It owes ``release.created``.

    Whoever restores it twice gets it as it is. Raises DuplicateReleaseError if another release has its place, and
    ConflictError if its product is gone; then nothing has changed. Raises NotFoundError if it was never deleted or
    cannot be restored any more, PermissionDeniedError.
    """
    actor.require("release:write")
    deleted = find_deleted(actor.tenant_id, release_id)
    if deleted is None:
        return _find_restored(actor, release_id)
    content: Mapping[str, Any] = deleted.content
    actor.require_product(content["release"]["product_id"])
    try:
        with transaction() as session:
            if not _take(session, actor.tenant_id, release_id):
                # Somebody else was quicker, by a second click for example.
                return _find_restored(actor, release_id)
            release = _insert(session, actor, content)
            details = {"version": release.version}
            moment = release.updated_at
            rows.record_event(session, actor, events.RELEASE_CREATED, release, moment, details, action=RESTORED)
            session.expunge(release)
    except IntegrityError:
        return _resolve_collision(actor, release_id, _unpack(Release, content["release"]))
    return Restoration(release, is_replay=False)


def find_deleted(tenant_id: str, release_id: str) -> DeletedRelease | None:
    """Gives a deleted release of the tenant that can be restored; None for all others alike."""
    if not is_canonical_id(release_id):
        return None
    return db.session.scalar(
        select(DeletedRelease).where(
            DeletedRelease.tenant_id == tenant_id,
            DeletedRelease.id == release_id,
            DeletedRelease.deleted_at > clock(-KEPT_DAYS * _DAY_SECONDS),
        )
    )


def list_deleted(tenant_id: str, place: Place) -> Sequence[DeletedRelease]:
    """Gives the part of the tenant's deleted releases that is wanted, of those that can be restored."""
    query = select(DeletedRelease).where(
        DeletedRelease.tenant_id == tenant_id, DeletedRelease.deleted_at > clock(-KEPT_DAYS * _DAY_SECONDS)
    )
    return db.session.scalars(cut_list(query, (DeletedRelease.deleted_at, DeletedRelease.id), place)).all()


def find_end(deleted: DeletedRelease) -> datetime:
    """Gives until when a deletion can be undone."""
    return deleted.deleted_at + timedelta(days=KEPT_DAYS)


def _keep(session: Session, actor: Actor, release: Release) -> None:
    content = {"release": _pack(release), "files": [_pack(file) for file in release.files]}
    values = {
        "id": release.id,
        "tenant_id": release.tenant_id,
        "content": content,
        "deleted_by": actor.email,
        "deleted_at": times.now(),
    }
    session.execute(insert(DeletedRelease).values(values))


def _take(session: Session, tenant_id: str, release_id: str) -> bool:
    """Takes a release from those that are deleted; gives whether it was there. Of two at once one finds it."""
    taken = session.scalar(
        delete(DeletedRelease)
        .where(DeletedRelease.tenant_id == tenant_id, DeletedRelease.id == release_id)
        .returning(DeletedRelease.id)
        .execution_options(synchronize_session=False)
    )
    return taken is not None


def _insert(session: Session, actor: Actor, content: Mapping[str, Any]) -> Release:
    """Writes a release with its files and slots. Raises IntegrityError if its place is taken, or its product gone."""
    values = {**_unpack(Release, content["release"]), "updated_at": times.now()}
    session.execute(insert(Release).values(values))
    release = rows.lock_release(session, actor, values["id"])
    rows.insert_slots(session, release)
    if content["files"]:
        session.execute(insert(ReleaseFile), [_unpack(ReleaseFile, file) for file in content["files"]])
        session.expire(release, ["files"])
    return release


def _pack(row: Release | ReleaseFile) -> dict[str, Any]:
    """Gives a row by column, as JSON can say it."""
    names = [column.name for column in row.__table__.columns if column.name not in _LEFT_OUT]
    return {name: _pack_value(getattr(row, name)) for name in names}


def _pack_value(value: Any) -> Any:
    if isinstance(value, datetime):
        return times.format_time(value)
    return value.hex() if isinstance(value, bytes) else value


def _unpack(model: type[Release | ReleaseFile], packed: Mapping[str, Any]) -> dict[str, Any]:
    """Gives the values of a row by column. A column that has come since then gets its default."""
    values: dict[str, Any] = {}
    for column in model.__table__.columns:
        value = packed.get(column.name)
        if isinstance(value, str) and isinstance(column.type, UtcDateTime):
            value = times.parse_time(value)
        elif isinstance(value, str) and isinstance(column.type, LargeBinary):
            value = bytes.fromhex(value)
        if column.name in packed:
            values[column.name] = value
    return values


def _find_restored(actor: Actor, release_id: str) -> Restoration:
    release = queries.find_release(actor.tenant_id, release_id)
    if release is None:
        raise NotFoundError(say("There is no such deleted release, or it cannot be restored any more."))
    actor.require_product(release.product_id)
    return Restoration(release, is_replay=True)


def _resolve_collision(actor: Actor, release_id: str, values: Mapping[str, Any]) -> Restoration:
    """Finds out what the database refused."""
    place = (values["product_id"], values["channel"], values["version_key"])
    holders = queries.find_slot_holders(actor.tenant_id, *place, values["platforms"] or [""])
    if holders:
        message = say(
            "Version {version} exists already on channel {channel}, as another release. Nothing was restored.",
            version=values["version"],
            channel=values["channel"],
        )
        raise DuplicateReleaseError(message, holders[0].id)
    if not products.has_product(actor.tenant_id, values["product_id"]):
        raise ConflictError(say("The product of this release was deleted. Nothing was restored."))
    # Whoever had its place has gone meanwhile.
    return restore_release(actor, release_id)
