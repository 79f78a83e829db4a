"""How releases come to be. Each function checks permission, and commits once or not at all.

What is done with one later has files of its own: ``changes`` of a draft, and its ``lifecycle``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import update
from sqlalchemy.exc import IntegrityError

from app import notes, times
from app.accounts.actors import Actor
from app.database import transaction
from app.drafts import rows as drafts
from app.exceptions import DuplicateReleaseError, FieldError, NotFoundError, ValidationError
from app.idempotency import rows as keys
from app.language import say
from app.products import queries as products
from app.releases import insertion, last_product, queries, rows, schema
from app.releases.models import Release
from app.releases.schema import ReleaseDraft
from app.text import is_canonical_id
from app.webhooks import events

_UNKNOWN_PRODUCT = FieldError(
    "productId", "unknown_product", say("Product does not exist: there is no product with this id.")
)
# Why a draft that was there before is not published by sending it again.
_ARCHIVED = say("This release exists already, and is archived: take it out of the archive before you publish it.")
_CHANGED = say("This release was changed after it was created: look at it before you publish it.")


@dataclass(frozen=True, slots=True)
class Creation:
    """What came of a create: the release, whether it was there before (``is_replay``), and whether it was published."""

    release: Release
    is_replay: bool
    is_published_now: bool = False


def parse_release(
    actor: Actor, raw: Mapping[str, Any], *, is_strict: bool = False, is_created_next: bool = False
) -> ReleaseDraft:
    """Takes what was sent; gives a draft that the tenant can create.

    Adds to the schema's verdict the one thing that it cannot know: whether the product is the tenant's. With
    ``is_created_next``, if that is all that can be wrong, creating it says so. Raises ValidationError with everything
    that is wrong, PermissionDeniedError.
    """
    actor.require("release:write")
    errors: list[FieldError] = []
    draft = None
    try:
        draft = schema.parse_release(raw, times.now(), is_strict=is_strict)
    except ValidationError as error:
        errors = list(error.errors)
    product_id = draft.product_id if draft else raw.get("productId")
    is_judged = any(error.field == "productId" for error in errors)
    if not is_judged:
        actor.require_product(str(product_id))
    # Whatever is no id at all, the database would not even read.
    is_left = is_created_next and draft is not None and is_canonical_id(draft.product_id)
    if not is_judged and not is_left and not products.has_product(actor.tenant_id, product_id):
        errors.append(_UNKNOWN_PRODUCT)
    if errors or draft is None:
        raise ValidationError(errors)
    return draft


def create_release(
    actor: Actor, draft: ReleaseDraft, idempotency_key: str | None = None, *, publishes: bool = False
) -> Creation:
    """Commits a release together with what it owes: event, deliveries, audit entry; then rings for the workers.

    With ``publishes`` it is published in the same transaction, and owes that, too. Whoever sends the same twice gets
    the first one back; if that is still a draft, with ``publishes`` it is published now. Raises DuplicateReleaseError
    if another release has the place, IdempotencyMismatchError if the key came with something else,
    PermissionDeniedError.
    """
    actor.require("release:write")
    actor.require_product(draft.product_id)
    creation = _create(actor, draft, idempotency_key, publishes)
    # Another request with the same may have come first, or have published it.
    is_draft = creation.is_replay and not creation.release.published
    return _publish_replay(actor, draft, creation) if publishes and is_draft else creation


def _create(actor: Actor, draft: ReleaseDraft, key: str | None, publishes: bool) -> Creation:
    try:
        if insertion.is_enough(actor, publishes=publishes):
            # Whether the key was used before, the database says at the same time.
            return Creation(insertion.insert_release(actor, draft, key), is_replay=False)
        return _find_replay(actor, draft, key) or _insert(actor, draft, key, publishes)
    except IntegrityError:
        return _resolve_collision(actor, draft, key, publishes)


def _insert(actor: Actor, draft: ReleaseDraft, key: str | None, publishes: bool) -> Creation:
    with transaction() as session:
        release = rows.insert_release(session, actor, draft)
        if key:
            keys.insert_key(session, actor, key, rows.build_fingerprint(draft), release_id=release.id)
        details = {"version": draft.version}
        rows.record_event(session, actor, events.RELEASE_CREATED, release, release.updated_at, details)
        if publishes:
            release = rows.lock_release(session, actor, release.id)
            rows.publish(session, actor, release, details)
            session.expunge(release)
        drafts.remove_sent(session, actor, key)
        # The last thing to wait for: who holds it waits for nothing else.
        last_product.remember_product(session, actor, draft.product_id)
    return Creation(release, is_replay=False, is_published_now=publishes)


def _publish_replay(actor: Actor, draft: ReleaseDraft, replay: Creation) -> Creation:
    """Publishes a draft that was there before, unless it is no longer what was sent."""
    with transaction() as session:
        release = rows.lock_release(session, actor, replay.release.id)
        is_draft = not release.published
        if is_draft and release.archived:
            raise DuplicateReleaseError(_ARCHIVED, release.id)
        if is_draft and not (_has_same_place(release, draft) and _has_same_content(release, draft)):
            raise DuplicateReleaseError(_CHANGED, release.id)
        if is_draft:
            rows.publish(session, actor, release, {"version": release.version})
        session.expunge(release)
    return Creation(release, is_replay=True, is_published_now=is_draft)


def look_up(actor: Actor, draft: ReleaseDraft) -> Creation | None:
    """Gives the release that creating this draft now would give back, None if it would make one.

    Raises DuplicateReleaseError if another release has the place, PermissionDeniedError.
    """
    actor.require("release:write")
    actor.require_product(draft.product_id)
    holder = _find_holder(actor, draft)
    if holder and not holder.is_replay:
        raise _describe_duplicate(holder.release)
    return holder


def find_warnings(actor: Actor, draft: ReleaseDraft) -> tuple[str, ...]:
    """Gives in words what the caller may not expect of creating this draft now. Raises PermissionDeniedError."""
    actor.require("release:write")
    actor.require_product(draft.product_id)
    holder = _find_holder(actor, draft)
    if holder is None:
        return draft.warnings
    outcome = (
        "with the same content: the stored release would be given"
        if holder.is_replay
        else "with other content: this would be a conflict"
    )
    return (*draft.warnings, f"{describe_place(holder.release)}, {outcome}.")


def describe_place(release: Release) -> str:
    """Says that the place of a release is taken, without the end of the sentence."""
    return f"Version {release.version} exists already on channel {release.channel}"


def get_notes_html(release: Release) -> str:
    """Gives the HTML of a release's notes: made at first view, kept, and made anew by a newer renderer."""
    if release.notes_html is not None and release.notes_renderer == notes.RENDERER_VERSION:
        return release.notes_html
    tenant_id, release_id, source = release.tenant_id, release.id, release.notes
    html = notes.render(source)
    with transaction() as session:
        # Only for the source that was rendered: the notes of a draft may have changed meanwhile.
        session.execute(
            update(Release)
            .where(Release.tenant_id == tenant_id, Release.id == release_id, Release.notes == source)
            .values(notes_html=html, notes_renderer=notes.RENDERER_VERSION)
        )
    return html


def _find_replay(actor: Actor, draft: ReleaseDraft, key: str | None) -> Creation | None:
    used = keys.find_used(actor, key, [rows.build_fingerprint(draft)]) if key else None
    if used is None or used.release_id is None:
        return None
    release = queries.find_release(actor.tenant_id, used.release_id)
    # A release takes its keys with it: one that was deleted at this very moment has none any more.
    return Creation(release, is_replay=True) if release else None


def _resolve_collision(actor: Actor, draft: ReleaseDraft, key: str | None, publishes: bool) -> Creation:
    """Finds out what the database refused: somebody else, or this caller in another request, came first."""
    if replay := _find_replay(actor, draft, key):
        return replay
    holder = _find_holder(actor, draft)
    if holder is None and not products.has_product(actor.tenant_id, draft.product_id):
        raise ValidationError([_UNKNOWN_PRODUCT])
    if holder is None:
        # Whoever had the place or the key has gone meanwhile.
        return create_release(actor, draft, key, publishes=publishes)
    if not holder.is_replay:
        raise _describe_duplicate(holder.release)
    return _keep_key(actor, draft, key, holder, publishes) if key else holder


def _describe_duplicate(release: Release) -> DuplicateReleaseError:
    message = say(
        "Version {version} exists already on channel {channel}, with other content.",
        version=release.version,
        channel=release.channel,
    )
    return DuplicateReleaseError(message, release.id)


def _find_holder(actor: Actor, draft: ReleaseDraft) -> Creation | None:
    """Gives the release that has the draft's place, if one has; it is a replay if its content is the draft's."""
    holders = queries.find_slot_holders(
        actor.tenant_id, draft.product_id, draft.channel, draft.version_key, draft.platforms or ("",)
    )
    if not holders:
        return None
    return Creation(holders[0], is_replay=len(holders) == 1 and _has_same_content(holders[0], draft))


def _keep_key(actor: Actor, draft: ReleaseDraft, key: str, replay: Creation, publishes: bool) -> Creation:
    """Commits that the key was used for a release that was there before."""
    release_id = replay.release.id
    try:
        with transaction() as session:
            release = rows.lock_release(session, actor, release_id)
            keys.insert_key(session, actor, key, rows.build_fingerprint(draft), release_id=release.id)
            drafts.remove_sent(session, actor, key)
            session.expunge(release)
    except (IntegrityError, NotFoundError):
        # Another request with this key was quicker, and what it sent decides; or the release has gone meanwhile.
        return create_release(actor, draft, key, publishes=publishes)
    return Creation(release, is_replay=True)


def _has_same_place(release: Release, draft: ReleaseDraft) -> bool:
    return (release.product_id, release.channel, release.version_key) == (
        draft.product_id,
        draft.channel,
        draft.version_key,
    )


def _has_same_content(release: Release, draft: ReleaseDraft) -> bool:
    # A createdAt that is not given says nothing about the time; one that is given must be the stored one.
    return (
        release.name == draft.name
        and set(release.platforms) == set(draft.platforms)
        and release.private == draft.private
        and release.notes == draft.notes
        and (draft.created_at is None or release.created_at == draft.created_at)
    )
