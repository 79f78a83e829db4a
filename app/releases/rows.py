"""Writes the rows of releases, inside a transaction that a service commits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select
from sqlalchemy.orm import Session

from app import times
from app.accounts.actors import Actor
from app.audit import service as audit
from app.database import generate_id
from app.exceptions import NotFoundError
from app.releases.models import Release, ReleaseSlot
from app.releases.schema import ReleaseDraft
from app.releases.serializers import serialize_release
from app.text import is_canonical_id
from app.webhooks import outbox


def lock_release(session: Session, tenant_id: str, release_id: str) -> Release:
    """Gives the tenant's release as it is now, which nobody else changes before this transaction is over.

    Raises NotFoundError, alike for an absent one and for another tenant's.
    """
    query = (
        select(Release)
        .where(Release.tenant_id == tenant_id, Release.id == release_id)
        # NO KEY: a row that refers to the release needs its key alone. SQLite has one writer.
        .with_for_update(key_share=True, of=Release)
        .execution_options(populate_existing=True)
    )
    release = session.scalar(query) if is_canonical_id(release_id) else None
    if release is None:
        raise NotFoundError("There is no such release.")
    return release


def record_event(
    session: Session, actor: Actor, event_type: str, release: Release, moment: datetime, details: Mapping[str, Any]
) -> None:
    """Writes what is owed when something happened to a release: event, deliveries and audit entry.

    The event's data is the release as it is now, so whatever changed is written before. ``details`` are the audit
    entry's alone.
    """
    data = serialize_release(release)
    outbox.record(session, actor.tenant_id, event_type, release.id, data, moment)
    audit.record(session, actor, event_type, release.id, details)


def insert_release(session: Session, actor: Actor, draft: ReleaseDraft) -> Release:
    """Inserts a release and the slots that it holds; gives it as it is stored.

    Raises IntegrityError if a slot is taken, or the product is not the tenant's.
    """
    moment = times.now()
    values = {
        "id": generate_id(),
        "tenant_id": actor.tenant_id,
        "product_id": draft.product_id,
        "name": draft.name,
        "version": draft.version,
        "version_key": draft.version_key,
        "channel": draft.channel,
        "platforms": list(draft.platforms),
        "private": draft.private,
        "published": False,
        "published_at": None,
        "archived": False,
        "is_historic": draft.created_at is not None,
        "total_files": 0,
        "notes": draft.notes,
        "notes_html": None,
        "notes_renderer": None,
        "created_at": draft.created_at or moment,
        "updated_at": moment,
    }
    release = Release(**values)
    # The session's unit of work costs three times what the statements do; there is nothing here for it to find out.
    session.execute(Release.__table__.insert(), values)  # type: ignore[attr-defined]
    _insert_slots(session, release, _list_platforms(release))
    return release


def move_slots(session: Session, release: Release, channel: str, version_key: bytes, platforms: list[str]) -> None:
    """Takes a release that was changed, and from where; gives up the slots that it left, and takes the new ones.

    Raises IntegrityError if one of these is taken. The new ones come first: of two releases that would change places
    one learns that the other's is taken, and neither waits for the other for ever.
    """
    has_stayed = (channel, version_key) == (release.channel, release.version_key)
    kept = set(platforms or [""]) if has_stayed else set()
    wanted = _list_platforms(release)
    _insert_slots(session, release, [platform for platform in wanted if platform not in kept])
    session.execute(
        delete(ReleaseSlot).where(
            ReleaseSlot.tenant_id == release.tenant_id,
            ReleaseSlot.release_id == release.id,
            or_(
                ReleaseSlot.channel != release.channel,
                ReleaseSlot.version_key != release.version_key,
                ReleaseSlot.platform.not_in(wanted),
            ),
        )
    )


def _list_platforms(release: Release) -> list[str]:
    # In one order, so that two who want the same places meet at the first one, and none waits for the other.
    return sorted(release.platforms) or [""]


def _insert_slots(session: Session, release: Release, platforms: list[str]) -> None:
    place = {
        "tenant_id": release.tenant_id,
        "release_id": release.id,
        "product_id": release.product_id,
        "channel": release.channel,
        "version_key": release.version_key,
    }
    if platforms:
        slots = [{**place, "platform": platform} for platform in platforms]
        session.execute(ReleaseSlot.__table__.insert(), slots)  # type: ignore[attr-defined]


def build_fingerprint(draft: ReleaseDraft) -> bytes:
    """Gives 32 bytes that are the same for what says the same."""
    return hashlib.sha256(json.dumps(draft.to_json(), sort_keys=True).encode()).digest()
