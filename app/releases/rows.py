"""Writes the rows of releases, inside a transaction that a service commits."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete, or_, select, update
from sqlalchemy.orm import Session
from sqlalchemy.orm.attributes import set_committed_value

from app import times
from app.accounts.actors import Actor
from app.audit import service as audit
from app.database import generate_id
from app.exceptions import NotFoundError
from app.language import say
from app.releases.models import Release, ReleaseSlot
from app.releases.schema import ReleaseDraft
from app.releases.serializers import serialize_release
from app.text import is_canonical_id
from app.times import format_time
from app.webhooks import events, outbox


def lock_release(session: Session, actor: Actor, release_id: str) -> Release:
    """Gives the actor's release as it is now, which nobody else changes before this transaction is over.

    Raises NotFoundError, alike for an absent one and for another tenant's, and OtherProductError.
    """
    query = (
        select(Release)
        .where(Release.tenant_id == actor.tenant_id, Release.id == release_id)
        # NO KEY: a row that refers to the release needs its key alone. SQLite has one writer.
        .with_for_update(key_share=True, of=Release)
        .execution_options(populate_existing=True)
    )
    release = session.scalar(query) if is_canonical_id(release_id) else None
    if release is None:
        raise NotFoundError(say("There is no such release."))
    actor.require_product(release.product_id)
    return release


def record_event(
    session: Session,
    actor: Actor,
    event_type: str,
    release: Release,
    moment: datetime,
    details: Mapping[str, Any],
    *,
    action: str | None = None,
) -> None:
    """Writes what is owed when something happened to a release: event, deliveries and audit entry.

    The event's data is the release as it is now, so whatever changed is written before. ``details`` are the audit
    entry's alone, and so is ``action`` where it was something else than what receivers are told.
    """
    data = serialize_release(release)
    outbox.record(session, actor.tenant_id, event_type, release.id, data, moment)
    audit.record(session, actor, action or event_type, release.id, details)


def publish(session: Session, actor: Actor, release: Release, details: Mapping[str, Any]) -> None:
    """Takes a draft that nobody else can change now, new or locked; publishes it, and writes what that owes.

    What was planned for it is over with that.
    """
    moment = times.now()
    values = {
        "published": True,
        "published_at": moment,
        "updated_at": moment,
        "publish_at": None,
        "publish_by": None,
    }
    session.execute(
        update(Release)
        .where(Release.tenant_id == release.tenant_id, Release.id == release.id)
        .values(values)
        .execution_options(synchronize_session=False)
    )
    # A release that was inserted a moment ago is not the session's own.
    for name, value in values.items():
        set_committed_value(release, name, value)
    record_event(session, actor, events.RELEASE_PUBLISHED, release, moment, details)


def clear_plan(release: Release) -> dict[str, Any]:
    """Takes back what is planned for a release; gives what an audit entry tells of that, nothing if there was none."""
    planned_at = release.publish_at
    release.publish_at = release.publish_by = None
    if planned_at is None:
        return {}
    return {"before": {"publishAt": format_time(planned_at)}, "after": {"publishAt": None}}


def insert_release(session: Session, actor: Actor, draft: ReleaseDraft) -> Release:
    """Inserts a release and the slots that it holds; gives it as it is stored.

    Raises IntegrityError if a slot is taken, or the product is not the tenant's.
    """
    values = build_values(actor, draft)
    # The session's unit of work costs three times what the statements do; there is nothing here for it to find out.
    session.execute(Release.__table__.insert(), values)  # type: ignore[attr-defined]
    release = Release(**values)
    insert_slots(session, release)
    return release


def build_values(actor: Actor, draft: ReleaseDraft) -> dict[str, Any]:
    """Gives the row of a new release, by column."""
    moment = times.now()
    return {
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


def insert_slots(session: Session, release: Release) -> None:
    """Takes all the places of a release that is stored. Raises IntegrityError if one is taken."""
    _insert_slots(session, release, list_platforms(release.platforms))


def move_slots(session: Session, release: Release, channel: str, version_key: bytes, platforms: list[str]) -> None:
    """Takes a release that was changed, and from where; gives up the slots that it left, and takes the new ones.

    Raises IntegrityError if one of these is taken. The new ones come first: of two releases that would change places
    one learns that the other's is taken, and neither waits for the other for ever.
    """
    has_stayed = (channel, version_key) == (release.channel, release.version_key)
    kept = set(platforms or [""]) if has_stayed else set()
    wanted = list_platforms(release.platforms)
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


def list_platforms(platforms: Iterable[str]) -> list[str]:
    """Takes the platforms of a release; gives those of its slots.

    In one order, so that two who want the same places meet at the first one, and none waits for the other.
    """
    return sorted(platforms) or [""]


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
