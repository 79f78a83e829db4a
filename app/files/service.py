"""What can be done with files of releases. Each function checks permission, and commits once or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError

from app import times
from app.accounts.actors import Actor
from app.audit import service as audit
from app.database import generate_id, transaction
from app.exceptions import ConflictError, FieldError, NotFoundError, ReadOnlyError, ValidationError
from app.files import queries, schema
from app.files.models import FileRecord, ReleaseFile
from app.files.schema import FileDraft
from app.files.serializers import serialize_file
from app.language import say
from app.releases import queries as releases
from app.releases import rows
from app.schemas import describe_unknown
from app.webhooks import events, outbox

# Every answer and every event of a release holds them all.
FILE_COUNT_LIMIT = 200
_UNKNOWN_RELEASE = FieldError(
    "releaseId", "unknown_release", say("Release does not exist: there is no release with this id.")
)
_TOO_MANY = say("A release has at most {limit} files.", limit=FILE_COUNT_LIMIT)
_READ_ONLY = say("This release is published, and its files stay as they are from then on.")


def parse_file(actor: Actor, raw: Mapping[str, Any], *, is_strict: bool = False) -> FileDraft:
    """Takes what was sent; gives a draft of a file of one of the tenant's releases.

    Adds to the schema's verdict the one thing that it cannot know: whether the release is the tenant's. Raises
    ValidationError with everything that is wrong, PermissionDeniedError.
    """
    actor.require("release:write")
    errors: list[FieldError] = []
    draft = None
    try:
        draft = schema.parse_file(raw, is_strict=is_strict)
    except ValidationError as error:
        errors = list(error.errors)
    is_judged = any(error.field == "releaseId" for error in errors)
    if not is_judged and releases.find_release(actor.tenant_id, str(raw["releaseId"])) is None:
        errors.append(_UNKNOWN_RELEASE)
    if errors or draft is None:
        raise ValidationError(errors)
    return draft


def find_warnings(actor: Actor, draft: FileDraft) -> list[str]:
    """Gives in words what the caller may not expect of adding this file now.

    Raises NotFoundError if the release has gone, PermissionDeniedError.
    """
    actor.require("release:write")
    warnings = [f"{describe_unknown(name).message} It is ignored." for name in draft.ignored_fields]
    release = releases.get_release(actor.tenant_id, draft.release_id)
    if release.published:
        warnings.append(f"{_READ_ONLY} This would be refused.")
    elif any(schema.find_key(file.name) == schema.find_key(draft.name) for file in release.files):
        warnings.append(f"{_describe_taken(draft)} This would be a conflict.")
    elif release.total_files >= FILE_COUNT_LIMIT:
        warnings.append(f"{_TOO_MANY} This would be a conflict.")
    return warnings


def _describe_taken(draft: FileDraft) -> str:
    return say("This release has a file with the name {name} already.", name=draft.name)


def create_file(actor: Actor, draft: FileDraft) -> FileRecord:
    """Commits a file that lies elsewhere, with what it owes; its address is not asked for anything.

    Raises ConflictError if the release has one of this name or too many, ReadOnlyError if it is published,
    ValidationError if it has gone meanwhile, PermissionDeniedError.
    """
    actor.require("release:write")
    try:
        with transaction() as session:
            release = rows.lock_release(session, actor.tenant_id, draft.release_id)
            if release.published:
                raise ReadOnlyError(_READ_ONLY)
            if release.total_files >= FILE_COUNT_LIMIT:
                raise ConflictError(_TOO_MANY)
            release.total_files += 1
            release.updated_at = times.now()
            file = _build_row(draft, actor.tenant_id, release.updated_at)
            session.add(file)
            session.flush()
            record = FileRecord(file, release.name, release.published)
            # The entity is the release, whose page and log tell of it.
            data = serialize_file(record)
            outbox.record(session, actor.tenant_id, events.RELEASE_FILE_CREATED, release.id, data, release.updated_at)
            audit.record(session, actor, events.RELEASE_FILE_CREATED, release.id, {"file": data})
            session.expunge(file)
    except IntegrityError:
        raise ConflictError(_describe_taken(draft)) from None
    except NotFoundError:
        raise ValidationError([_UNKNOWN_RELEASE]) from None
    return record


def _build_row(draft: FileDraft, tenant_id: str, moment: datetime) -> ReleaseFile:
    return ReleaseFile(
        id=generate_id(),
        tenant_id=tenant_id,
        release_id=draft.release_id,
        name=draft.name,
        name_key=schema.find_key(draft.name),
        url=draft.url,
        size=draft.size,
        downloads=0,
        checksum=draft.checksum,
        secured=draft.secured,
        created_at=moment,
        updated_at=moment,
    )


def delete_file(actor: Actor, file_id: str) -> None:
    """Takes a file off a draft. No event is about that alone, so its release is told of as updated.

    Raises ReadOnlyError if the release is published, NotFoundError, PermissionDeniedError.
    """
    actor.require("release:write")
    release_id = queries.get_file(actor.tenant_id, file_id).file.release_id
    with transaction() as session:
        release = rows.lock_release(session, actor.tenant_id, release_id)
        record = queries.get_file(actor.tenant_id, file_id)
        if release.published:
            raise ReadOnlyError(_READ_ONLY)
        removed = {"before": {"file": serialize_file(record)}, "after": {"file": None}}
        session.execute(delete(ReleaseFile).where(ReleaseFile.tenant_id == actor.tenant_id, ReleaseFile.id == file_id))
        release.total_files -= 1
        release.updated_at = times.now()
        session.flush()
        release = rows.lock_release(session, actor.tenant_id, release_id)
        rows.record_event(session, actor, events.RELEASE_UPDATED, release, release.updated_at, removed)
