"""Releases of the past: created as if they had been when they were, inside a transaction that a service commits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, select, update
from sqlalchemy.orm import Session, defer, lazyload
from sqlalchemy.orm.attributes import set_committed_value

from app.accounts.actors import Actor
from app.audit import service as audit
from app.extensions import db
from app.releases import rows
from app.releases.models import Release, ReleaseSlot
from app.releases.schema import ReleaseDraft
from app.releases.serializers import serialize_release
from app.webhooks import events, outbox

# So many versions are looked up by one query.
_CHUNK = 300
# The product, the channel, the version's key and the platform.
Slot = tuple[str, str, bytes, str]


@dataclass(frozen=True, slots=True)
class PastRelease:
    """A release of the past, and whether it is entered as one that was published when it was created."""

    draft: ReleaseDraft
    publishes: bool


def list_slots(draft: ReleaseDraft) -> list[Slot]:
    """Gives the places that a draft would take."""
    return [(draft.product_id, draft.channel, draft.version_key, platform) for platform in draft.platforms or ("",)]


def find_holders(tenant_id: str, drafts: Iterable[ReleaseDraft]) -> dict[Slot, Release]:
    """Gives who has the places of these drafts, as far as anybody has; few queries for many drafts."""
    wanted = {slot for draft in drafts for slot in list_slots(draft)}
    keys = sorted({(product_id, key) for product_id, _, key, _ in wanted})
    found: dict[Slot, Release] = {}
    for product_id in dict.fromkeys(product_id for product_id, _ in keys):
        own = [key for product, key in keys if product == product_id]
        for start in range(0, len(own), _CHUNK):
            for slot, release in _load_slots(tenant_id, product_id, own[start : start + _CHUNK]):
                place = (slot.product_id, slot.channel, slot.version_key, slot.platform)
                if place in wanted:
                    found[place] = release
    return found


def _load_slots(tenant_id: str, product_id: str, keys: Sequence[bytes]) -> Sequence[tuple[ReleaseSlot, Release]]:
    query = (
        select(ReleaseSlot, Release)
        .join(Release, and_(Release.id == ReleaseSlot.release_id, Release.tenant_id == ReleaseSlot.tenant_id))
        .where(
            ReleaseSlot.tenant_id == tenant_id,
            ReleaseSlot.product_id == product_id,
            ReleaseSlot.version_key.in_(keys),
        )
        .options(defer(Release.notes_html), lazyload(Release.files))
    )
    return [(row[0], row[1]) for row in db.session.execute(query)]


def list_differences(release: Release, draft: ReleaseDraft, *, is_day: bool) -> list[str]:
    """Gives in which members, by the wire's names, a release is another one than a draft of the same place.

    A time that the draft does not name says nothing. With ``is_day`` it names only a day: any time of it will do.
    """
    created_at = draft.created_at
    if created_at and is_day and release.created_at.date() == created_at.date():
        created_at = None
    pairs = {
        "name": release.name == draft.name,
        "platforms": set(release.platforms) == set(draft.platforms),
        "private": release.private == draft.private,
        "notes": release.notes == draft.notes,
        "createdAt": created_at is None or release.created_at == created_at,
    }
    return [name for name, is_equal in pairs.items() if not is_equal]


def insert_past_releases(
    session: Session, actor: Actor, past: Sequence[PastRelease], details: Mapping[str, Any], *, is_quiet: bool
) -> list[Release]:
    """Inserts releases with what they owe; gives them as they are stored, in the same order.

    Webhooks are told that they are old or, if ``is_quiet``, nothing. ``details`` are what the audit log says beside the
    version. Raises IntegrityError if a place is taken, or a product is not the tenant's: then nothing of it is to be
    kept, by a savepoint of the caller's.
    """
    releases = []
    for one in past:
        release = rows.insert_release(session, actor, one.draft)
        _record(session, actor, events.RELEASE_CREATED, release, details, is_quiet=is_quiet)
        if one.publishes:
            # It was inserted a moment ago, and is not the session's own.
            set_committed_value(release, "published", value=True)
            set_committed_value(release, "published_at", release.created_at)
            _record(session, actor, events.RELEASE_PUBLISHED, release, details, is_quiet=is_quiet)
        releases.append(release)
    if published := [release.id for release in releases if release.published]:
        session.execute(
            update(Release)
            .where(Release.tenant_id == actor.tenant_id, Release.id.in_(published))
            .values(published=True, published_at=Release.created_at)
            .execution_options(synchronize_session=False)
        )
    return releases


def _record(
    session: Session, actor: Actor, event_type: str, release: Release, details: Mapping[str, Any], *, is_quiet: bool
) -> None:
    if not is_quiet:
        data = serialize_release(release)
        # It is triggered now, whatever time the release has.
        outbox.record(session, actor.tenant_id, event_type, release.id, data, release.updated_at, is_backdated=True)
    audit.record(session, actor, event_type, release.id, {"version": release.version, **details})
