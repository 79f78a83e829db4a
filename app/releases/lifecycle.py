"""From draft to published, archived, and out of the archive. Each function checks permission, and commits once or not
at all.

A draft that goes has a file of its own, ``deletion``, and so has one that is to be published at a time, ``planning``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from app import etags, times
from app.accounts.actors import Actor
from app.database import transaction
from app.etags import Precondition
from app.exceptions import ConflictError, FieldError, ValidationError
from app.language import say
from app.releases import queries, rows, step_schema
from app.releases.models import Release
from app.releases.serializers import serialize_release
from app.releases.step_schema import UNKNOWN_REPLACEMENT, Archiving
from app.webhooks import events

_WITHOUT_REASON: Final = Archiving()


def publish_release(actor: Actor, release_id: str, expected: Precondition = etags.NONE) -> Release:
    """Publishes a release: from now on customers see it, unless it is private, and it is read-only.

    What was planned for it is over. Raises ConflictError if it is published already or archived,
    PreconditionFailedError if it is not as expected, NotFoundError, PermissionDeniedError.
    """
    actor.require("release:write")
    with transaction() as session:
        release = rows.lock_release(session, actor, release_id)
        if release.published:
            raise ConflictError(say("This release is published already."))
        if release.archived:
            raise ConflictError(say("This release is archived: unarchive it before you publish it."))
        expected.check(etags.build_tag(serialize_release(release)))
        rows.publish(session, actor, release, {"version": release.version})
        session.expunge(release)
    return release


def parse_archiving(actor: Actor, release_id: str, raw: Mapping[str, Any]) -> Archiving:
    """Takes what was sent; gives what to archive a release with.

    Adds to the schema's verdict the one thing that it cannot know: whether the replacement is another release of the
    same product. Raises ValidationError with everything that is wrong, NotFoundError, PermissionDeniedError.
    """
    actor.require("release:write")
    release = queries.get_reachable_release(actor, release_id)
    errors: list[FieldError] = []
    archiving = None
    try:
        archiving = step_schema.parse_archiving(raw)
    except ValidationError as error:
        errors = list(error.errors)
    replacement_id = raw.get("replacementId")
    is_judged = any(error.field == "replacementId" for error in errors)
    if replacement_id and not is_judged and not _can_replace(release, str(replacement_id)):
        errors.append(UNKNOWN_REPLACEMENT)
    if errors or archiving is None:
        raise ValidationError(errors)
    return archiving


def _can_replace(release: Release, replacement_id: str) -> bool:
    other = queries.find_release(release.tenant_id, replacement_id)
    return other is not None and other.id != release.id and other.product_id == release.product_id


def archive_release(
    actor: Actor, release_id: str, archiving: Archiving = _WITHOUT_REASON, expected: Precondition = etags.NONE
) -> Release:
    """Archives a release, published or not: customers see it no more. It keeps its place, and what was told of it.

    What ``parse_archiving`` gave says why. What was planned for it is over. Raises ConflictError if it is archived
    already, PreconditionFailedError if it is not as expected, NotFoundError, PermissionDeniedError.
    """
    actor.require("release:write")
    with transaction() as session:
        release = rows.lock_release(session, actor, release_id)
        if release.archived:
            raise ConflictError(say("This release is archived already."))
        expected.check(etags.build_tag(serialize_release(release)))
        release.archived, release.updated_at = True, times.now()
        release.archive_reason, release.replacement_id = archiving.reason, archiving.replacement_id
        details = {"version": release.version, **_describe_archiving(release), **rows.clear_plan(release)}
        session.flush()
        rows.record_event(session, actor, events.RELEASE_ARCHIVED, release, release.updated_at, details)
        session.expunge(release)
    return release


def unarchive_release(actor: Actor, release_id: str, expected: Precondition = etags.NONE) -> Release:
    """Takes a release out of the archive: it is again what it was, a draft or published. It owes ``release.updated``.

    Raises ConflictError if it is not archived, PreconditionFailedError if it is not as expected, NotFoundError,
    PermissionDeniedError.
    """
    actor.require("release:write")
    with transaction() as session:
        release = rows.lock_release(session, actor, release_id)
        if not release.archived:
            raise ConflictError(say("This release is not archived."))
        expected.check(etags.build_tag(serialize_release(release)))
        details = {"before": {"archived": True, **_describe_archiving(release)}, "after": {"archived": False}}
        release.archived, release.updated_at = False, times.now()
        release.archive_reason, release.replacement_id = "", None
        session.flush()
        rows.record_event(session, actor, events.RELEASE_UPDATED, release, release.updated_at, details)
        session.expunge(release)
    return release


def _describe_archiving(release: Release) -> dict[str, str]:
    """Gives why a release is archived, as audit entries tell it; nothing of what was not said."""
    said = {"reason": release.archive_reason, "replacementId": release.replacement_id}
    return {name: value for name, value in said.items() if value}
