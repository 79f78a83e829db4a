"""How a draft is changed. Each function checks permission, and commits once or not at all."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import etags, times
from app.accounts.actors import Actor
from app.database import transaction
from app.drafts import rows as drafts
from app.etags import Precondition
from app.exceptions import ConflictError, DuplicateReleaseError, FieldError, ValidationError
from app.language import say
from app.releases import queries, rows, schema, service, versions
from app.releases.models import Release
from app.releases.schema import ReleaseChange, ReleaseDraft
from app.releases.serializers import serialize_release
from app.webhooks import events

_PLACE = ("channel", "version", "platforms")
_READ_ONLY = say("This release is published, and read-only from then on.")


@dataclass(frozen=True, slots=True)
class Trial:
    """What a change would make of a release, in the wire's names, and what its caller may not expect of it."""

    normalized: Mapping[str, Any]
    warnings: tuple[str, ...]


def parse_change(actor: Actor, release_id: str, raw: Mapping[str, Any], *, is_strict: bool = False) -> ReleaseChange:
    """Takes what was sent; gives what is to be changed.

    Adds to the schema's verdict the one thing that it cannot know: whether product and creation time, which cannot
    change, are those that the release has. Raises ValidationError with everything that is wrong, NotFoundError,
    PermissionDeniedError.
    """
    actor.require("release:write")
    release = queries.get_reachable_release(actor, release_id)
    errors: list[FieldError] = []
    change = None
    try:
        change = schema.parse_release_change(raw, times.now(), is_strict=is_strict)
    except ValidationError as error:
        errors = list(error.errors)
    judged = {error.field for error in errors}
    errors += [error for error in _find_fixed(release, raw) if error.field not in judged]
    if errors or change is None:
        raise ValidationError(errors)
    return change


def _find_fixed(release: Release, raw: Mapping[str, Any]) -> Iterator[FieldError]:
    if raw.get("productId") not in (None, release.product_id):
        message = f"{schema.LABELS['productId']} cannot be changed: a release stays with its product."
        yield FieldError("productId", "not_changeable", message)
    created_at = raw.get("createdAt")
    if isinstance(created_at, str) and times.parse_time(created_at) != release.created_at:
        kept = times.format_time(release.created_at)
        yield FieldError(
            "createdAt", "not_changeable", f"{schema.LABELS['createdAt']} cannot be changed: it is {kept}."
        )


def update_release(
    actor: Actor, release_id: str, change: ReleaseChange, expected: Precondition = etags.NONE
) -> Release:
    """Commits what is to be changed of a draft, with what it owes; what changes nothing owes nothing.

    Of two who change it at once, the second changes what the first has made of it, unless ``expected`` says that it
    must be as it was. Raises DuplicateReleaseError if another release has the new place, ConflictError if the release
    is published, PreconditionFailedError, NotFoundError, PermissionDeniedError.
    """
    actor.require("release:write")
    try:
        with transaction() as session:
            release = rows.lock_release(session, actor, release_id)
            if release.published:
                raise ConflictError(_READ_ONLY)
            _check(release, change, expected)
            write_change(session, actor, release, change)
            drafts.remove_changed(session, actor, release_id)
            session.expunge(release)
    except IntegrityError:
        return _resolve_collision(actor, release_id, change, expected)
    return release


def _check(release: Release, change: ReleaseChange, expected: Precondition) -> None:
    # Somebody who sends a change again, because its answer was lost, has made it already (RFC 9110, section 13.1.1).
    if find_differences(release, change):
        expected.check(etags.build_tag(serialize_release(release)))


def write_change(session: Session, actor: Actor, release: Release, change: ReleaseChange) -> None:
    """Takes a draft that is locked; writes what a change makes of it, with what that owes.

    Raises IntegrityError if another release has its new place.
    """
    before = _apply(session, release, change)
    if before:
        release.updated_at = times.now()
        session.flush()
        details = {"before": before, "after": {name: getattr(release, name) for name in before}}
        rows.record_event(session, actor, events.RELEASE_UPDATED, release, release.updated_at, details)


def try_change(actor: Actor, release_id: str, change: ReleaseChange, expected: Precondition = etags.NONE) -> Trial:
    """Gives what a change would come to now, and changes nothing.

    Raises PreconditionFailedError, NotFoundError, PermissionDeniedError.
    """
    actor.require("release:write")
    release = queries.get_reachable_release(actor, release_id)
    if not release.published:
        _check(release, change, expected)
    members = {name: getattr(release, name) for name in ("name", "version", "channel", "private", "notes", "platforms")}
    members |= find_differences(release, change)
    platforms = tuple(members.pop("platforms"))
    draft = ReleaseDraft(**members, platforms=platforms, product_id=release.product_id, created_at=release.created_at)
    warnings = list(change.warnings)
    if release.published:
        warnings.append(f"{_READ_ONLY.removesuffix('.')}: this would be a conflict.")
    elif holder := _find_holder(actor, release, change):
        warnings.append(f"{service.describe_place(holder)}, as another release: this would be a conflict.")
    return Trial(draft.to_json(), tuple(warnings))


def _apply(session: Session, release: Release, change: ReleaseChange) -> dict[str, Any]:
    """Changes the release; gives what its changed members were before, none if all is as it was."""
    place = (release.channel, release.version_key, release.platforms)
    before = {}
    for name, value in find_differences(release, change).items():
        before[name] = getattr(release, name)
        setattr(release, name, value)
    if "notes" in before:
        release.notes_html = release.notes_renderer = None
    if before.keys() & _PLACE:
        release.version_key = versions.build_version_key(release.version)
        session.flush()
        rows.move_slots(session, release, *place)
    return before


def find_differences(release: Release, change: ReleaseChange) -> dict[str, Any]:
    """Gives the members that a change would make otherwise than they are, with their new values."""
    members = _list_members(change).items()
    return {name: value for name, value in members if not _is_same(name, getattr(release, name), value)}


def _list_members(change: ReleaseChange) -> dict[str, Any]:
    members = {name: getattr(change, name) for name in ("name", "version", "channel", "private", "notes")}
    members["platforms"] = None if change.platforms is None else list(change.platforms)
    return {name: value for name, value in members.items() if value is not None}


def _is_same(name: str, stored: Any, given: Any) -> bool:
    # As for a create that comes again, the order of platforms says nothing.
    return bool(set(stored) == set(given) if name == "platforms" else stored == given)


def _resolve_collision(actor: Actor, release_id: str, change: ReleaseChange, expected: Precondition) -> Release:
    """Finds out who has the place that the database refused."""
    release = queries.get_reachable_release(actor, release_id)
    if holder := _find_holder(actor, release, change):
        message = say(
            "Version {version} exists already on channel {channel}, as another release.",
            version=holder.version,
            channel=holder.channel,
        )
        raise DuplicateReleaseError(message, holder.id)
    # Whoever had it has gone meanwhile.
    return update_release(actor, release_id, change, expected)


def _find_holder(actor: Actor, release: Release, change: ReleaseChange) -> Release | None:
    """Gives another release that has the place, or part of it, to which the change would move this one."""
    platforms = release.platforms if change.platforms is None else change.platforms
    holders = queries.find_slot_holders(
        actor.tenant_id,
        release.product_id,
        change.channel or release.channel,
        versions.build_version_key(change.version or release.version),
        platforms or ("",),
    )
    return next((holder for holder in holders if holder.id != release.id), None)
