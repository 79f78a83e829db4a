"""From draft to published, archived, and gone. Each function checks permission, and commits once or not at all."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import delete

from app import times
from app.accounts.actors import Actor
from app.database import transaction
from app.exceptions import ConflictError
from app.releases import rows
from app.releases.models import Release
from app.webhooks import events

# Takes who acts and a release's id; gives the release as it is afterwards.
Step = Callable[[Actor, str], Release]


def publish_release(actor: Actor, release_id: str) -> Release:
    """Publishes a release: from now on customers see it, unless it is private, and it is read-only.

    Raises ConflictError if it is published already or archived, NotFoundError, PermissionDeniedError.
    """
    actor.require("release:write")
    with transaction() as session:
        release = rows.lock_release(session, actor.tenant_id, release_id)
        if release.published:
            raise ConflictError("This release is published already.")
        if release.archived:
            raise ConflictError("This release is archived: unarchive it before you publish it.")
        release.published = True
        release.published_at = release.updated_at = times.now()
        session.flush()
        details = {"version": release.version}
        rows.record_event(session, actor, events.RELEASE_PUBLISHED, release, release.updated_at, details)
        session.expunge(release)
    return release


def archive_release(actor: Actor, release_id: str) -> Release:
    """Archives a release, published or not: customers see it no more. It keeps its place, and what was told of it.

    Raises ConflictError if it is archived already, NotFoundError, PermissionDeniedError.
    """
    actor.require("release:write")
    with transaction() as session:
        release = rows.lock_release(session, actor.tenant_id, release_id)
        if release.archived:
            raise ConflictError("This release is archived already.")
        release.archived, release.updated_at = True, times.now()
        session.flush()
        details = {"version": release.version}
        rows.record_event(session, actor, events.RELEASE_ARCHIVED, release, release.updated_at, details)
        session.expunge(release)
    return release


def unarchive_release(actor: Actor, release_id: str) -> Release:
    """Takes a release out of the archive: it is again what it was, a draft or published. It owes ``release.updated``.

    Raises ConflictError if it is not archived, NotFoundError, PermissionDeniedError.
    """
    actor.require("release:write")
    with transaction() as session:
        release = rows.lock_release(session, actor.tenant_id, release_id)
        if not release.archived:
            raise ConflictError("This release is not archived.")
        release.archived, release.updated_at = False, times.now()
        session.flush()
        details = {"before": {"archived": True}, "after": {"archived": False}}
        rows.record_event(session, actor, events.RELEASE_UPDATED, release, release.updated_at, details)
        session.expunge(release)
    return release


def delete_release(actor: Actor, release_id: str) -> None:
    """Deletes a release that was never published, with its files and idempotency keys; its place is free again.

    The event tells what it was, and its deliveries stay in the logs. Raises ConflictError if it is published,
    NotFoundError, PermissionDeniedError.
    """
    actor.require("release:write")
    with transaction() as session:
        release = rows.lock_release(session, actor.tenant_id, release_id)
        if release.published:
            raise ConflictError("This release is published, and read-only from then on: archive it instead.")
        details = {"name": release.name, "version": release.version, "channel": release.channel}
        rows.record_event(session, actor, events.RELEASE_DELETED, release, times.now(), details)
        # Slots, keys and files go with their release, by the database's own rule.
        session.execute(delete(Release).where(Release.tenant_id == actor.tenant_id, Release.id == release_id))
