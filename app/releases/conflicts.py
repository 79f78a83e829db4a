"""What is done where another release has the place of one that is to be created, as its caller wants it.

Each function checks permission, and commits once or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.accounts.actors import Actor
from app.database import transaction
from app.exceptions import DuplicateReleaseError, NotFoundError
from app.idempotency import rows as keys
from app.language import say
from app.releases import changes, queries, rows, service
from app.releases.models import Release
from app.releases.schema import ReleaseChange, ReleaseDraft
from app.times import format_time

ERROR: Final = "error"
IGNORE: Final = "ignore"
UPDATE: Final = "update"
# What ``onConflict`` can be, the first where nothing is said.
MODES: Final = (ERROR, IGNORE, UPDATE)

CREATED: Final = "created"
REPLAYED: Final = "replayed"
IGNORED: Final = "ignored"
UPDATED: Final = "updated"

# Whoever has the place may go while one looks at it, and the next one, too. So often it is no accident.
_TRIES: Final = 16


@dataclass(frozen=True, slots=True)
class Outcome:
    """The release that stands in the place now, and in one word what became of what was sent."""

    release: Release
    word: str


def create_release(actor: Actor, draft: ReleaseDraft, key: str | None, mode: str) -> Outcome:
    """Commits a release as ``service.create_release`` does, unless another one with other content has its place.

    By ``mode`` that one is then given as it is, or is changed to what was sent, with what that owes; it must be a
    draft for that. The key leads to it from then on. Raises DuplicateReleaseError where that cannot be, or ``mode``
    does not want it, IdempotencyMismatchError, PermissionDeniedError.
    """
    tries = 1 if mode == ERROR else _TRIES
    while True:
        try:
            creation = service.create_release(actor, draft, key)
        except DuplicateReleaseError:
            if mode != ERROR and (outcome := _resolve(actor, draft, key, mode)):
                return outcome
            tries -= 1
            if not tries:
                raise
        else:
            return Outcome(creation.release, REPLAYED if creation.is_replay else CREATED)


def find_warnings(actor: Actor, draft: ReleaseDraft, mode: str) -> tuple[str, ...]:
    """Gives in words what the caller may not expect of creating this draft now. Raises PermissionDeniedError."""
    holder = None if mode == ERROR else _find_conflicting(actor, draft)
    if holder is None:
        return service.find_warnings(actor, draft)
    try:
        _check_single(actor, draft)
        if mode == UPDATE:
            _check_changeable(holder, draft)
    except DuplicateReleaseError as error:
        return (*draft.warnings, f"{error.message} This would be a conflict.")
    return (*draft.warnings, f"{service.describe_place(holder)}, with other content: {_describe(holder, draft, mode)}.")


def _describe(holder: Release, draft: ReleaseDraft, mode: str) -> str:
    if mode == IGNORE:
        return "the stored release would be given as it is"
    names = ", ".join(changes.find_differences(holder, _build_change(draft)))
    return f"the stored release would be changed in {names}"


def _find_conflicting(actor: Actor, draft: ReleaseDraft) -> Release | None:
    try:
        service.look_up(actor, draft)
    except DuplicateReleaseError as error:
        return queries.find_release(actor.tenant_id, error.release_id)
    return None


def _resolve(actor: Actor, draft: ReleaseDraft, key: str | None, mode: str) -> Outcome | None:
    """Does with the release that has the place what ``mode`` says; None if it has gone, or the key has been used."""
    holder = _check_single(actor, draft)
    if holder is None:
        return None
    release_id = holder.id
    try:
        with transaction() as session:
            release = rows.lock_release(session, actor, release_id)
            if not _overlaps(release, draft):
                return None
            if key:
                keys.insert_key(session, actor, key, rows.build_fingerprint(draft), release_id=release.id)
            word = _update(session, actor, release, draft) if mode == UPDATE else IGNORED
            session.expunge(release)
    except (IntegrityError, NotFoundError):
        return None
    return Outcome(release, word)


def _update(session: Session, actor: Actor, release: Release, draft: ReleaseDraft) -> str:
    change = _build_change(draft)
    # Of several who send the same at once, the first has made it so.
    if not changes.find_differences(release, change) and _has_time(release, draft):
        return REPLAYED
    _check_changeable(release, draft)
    changes.write_change(session, actor, release, change)
    return UPDATED


def _check_single(actor: Actor, draft: ReleaseDraft) -> Release | None:
    """Gives the release that has the place, None if none has. Raises DuplicateReleaseError if several share it."""
    platforms = draft.platforms or ("",)
    place = (draft.product_id, draft.channel, draft.version_key)
    holders = queries.find_slot_holders(actor.tenant_id, *place, platforms)
    if len(holders) > 1:
        message = say(
            "Version {version} exists already on channel {channel}, and its platforms are those of {count} releases:"
            " name the platforms of one of them.",
            version=holders[0].version,
            channel=holders[0].channel,
            count=len(holders),
        )
        raise DuplicateReleaseError(message, holders[0].id)
    return holders[0] if holders else None


def _overlaps(release: Release, draft: ReleaseDraft) -> bool:
    place = (release.product_id, release.channel, release.version_key)
    shared = set(release.platforms or [""]) & set(draft.platforms or [""])
    return place == (draft.product_id, draft.channel, draft.version_key) and bool(shared)


def _check_changeable(release: Release, draft: ReleaseDraft) -> None:
    """Raises DuplicateReleaseError if a release cannot be changed to what was sent."""
    if release.published:
        message = say(
            "Version {version} exists already on channel {channel}, with other content. It is published, and read-only"
            " from then on.",
            version=release.version,
            channel=release.channel,
        )
        raise DuplicateReleaseError(message, release.id)
    if not _has_time(release, draft):
        message = say(
            "Version {version} exists already on channel {channel}. Created at cannot be changed: it is {moment}.",
            version=release.version,
            channel=release.channel,
            moment=format_time(release.created_at),
        )
        raise DuplicateReleaseError(message, release.id)


def _has_time(release: Release, draft: ReleaseDraft) -> bool:
    return draft.created_at in (None, release.created_at)


def _build_change(draft: ReleaseDraft) -> ReleaseChange:
    # Version and channel are the place. 1.2 and 1.2.0 are one version, and it is spelled as it was at first.
    return ReleaseChange(name=draft.name, platforms=draft.platforms, private=draft.private, notes=draft.notes)
