"""What can be done with files of releases. Each function checks permission, and commits once or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import etags, times
from app.accounts.actors import Actor
from app.database import generate_id, transaction
from app.etags import Precondition
from app.exceptions import FieldError, NotFoundError, ValidationError
from app.files import blobs, queries, rows, schema
from app.files.models import FileRecord, ReleaseFile
from app.files.rows import FILE_COUNT_LIMIT, READ_ONLY, TOO_MANY, DuplicateFileError, describe_taken
from app.files.schema import FileDraft
from app.files.serializers import serialize_file
from app.idempotency import rows as keys
from app.idempotency.fingerprints import build_fingerprint
from app.language import say
from app.releases import queries as releases
from app.releases import rows as releases_rows
from app.schemas import describe_ignored
from app.webhooks import events

_UNKNOWN_RELEASE = FieldError(
    "releaseId", "unknown_release", say("Release does not exist: there is no release with this id.")
)


@dataclass(frozen=True, slots=True)
class Creation:
    """What came of a create: the file, and whether it was there before (``is_replay``)."""

    record: FileRecord
    is_replay: bool


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
    if not is_judged and not _has_release(actor, str(raw["releaseId"])):
        errors.append(_UNKNOWN_RELEASE)
    if errors or draft is None:
        raise ValidationError(errors)
    return draft


def _has_release(actor: Actor, release_id: str) -> bool:
    release = releases.find_release(actor.tenant_id, release_id)
    if release is not None:
        actor.require_product(release.product_id)
    return release is not None


def find_warnings(actor: Actor, draft: FileDraft) -> list[str]:
    """Gives in words what the caller may not expect of adding this file now.

    Raises NotFoundError if the release has gone, PermissionDeniedError.
    """
    actor.require("release:write")
    warnings = [describe_ignored(name) for name in draft.ignored_fields]
    release = releases.get_reachable_release(actor, draft.release_id)
    if release.published:
        warnings.append(f"{READ_ONLY} This would be refused.")
    elif any(schema.find_key(file.name) == schema.find_key(draft.name) for file in release.files):
        warnings.append(f"{describe_taken(draft.name)} This would be a conflict.")
    elif release.total_files >= FILE_COUNT_LIMIT:
        warnings.append(f"{TOO_MANY} This would be a conflict.")
    return warnings


def create_file(actor: Actor, draft: FileDraft, key: str | None = None) -> Creation:
    """Commits a file that lies elsewhere, with what it owes; its address is not asked for anything.

    Whoever sends the same twice gets the first one back. Raises DuplicateFileError if the release has another one of
    this name, ConflictError if it has too many, ReadOnlyError if it is published, IdempotencyMismatchError if the key
    came with something else, ValidationError if the release has gone meanwhile, PermissionDeniedError.
    """
    actor.require("release:write")
    fingerprint = build_fingerprint("file", draft.to_json())
    try:
        with transaction() as session:
            release = releases_rows.lock_release(session, actor, draft.release_id)
            used = keys.find_used(actor, key, [fingerprint])
            stored = _find_same(actor, draft)
            record = stored or rows.insert_file(session, actor, release, _build_row(draft, actor.tenant_id))
            if key and used is None:
                made = {"release_id": release.id, "made_id": record.file.id}
                keys.insert_key(session, actor, key, fingerprint, **made)
            _expunge(session, record)
    except IntegrityError:
        # The release is locked, so its names are known: the key came at this very moment for another one.
        return create_file(actor, draft, key)
    except NotFoundError:
        raise ValidationError([_UNKNOWN_RELEASE]) from None
    return Creation(record, is_replay=stored is not None)


def _find_same(actor: Actor, draft: FileDraft) -> FileRecord | None:
    """Gives the file of a locked release that is the one that was sent, None if its name is free."""
    taken = queries.find_file_of_release(actor.tenant_id, draft.release_id, schema.find_key(draft.name))
    if taken is None:
        return None
    stored = (taken.name, taken.url, taken.size, taken.checksum, taken.secured)
    if stored != (draft.name, draft.url, draft.size, draft.checksum, draft.secured):
        raise DuplicateFileError(draft.name, taken.id)
    return queries.get_file(actor, taken.id)


def _expunge(session: Session, record: FileRecord) -> None:
    # A new one is out of the session already.
    if record.file in session:
        session.expunge(record.file)


def _build_row(draft: FileDraft, tenant_id: str) -> ReleaseFile:
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
    )


def delete_file(actor: Actor, file_id: str, expected: Precondition = etags.NONE) -> None:
    """Takes a file off a draft. No event is about that alone, so its release is told of as updated.

    Raises ReadOnlyError if the release is published, PreconditionFailedError if the file is not as expected,
    NotFoundError, PermissionDeniedError.
    """
    actor.require("release:write")
    release_id = queries.get_file(actor, file_id).file.release_id
    with transaction() as session:
        release = releases_rows.lock_release(session, actor, release_id)
        record = queries.get_file(actor, file_id)
        rows.check_open(release)
        stored = serialize_file(record)
        expected.check(etags.build_tag(stored))
        keys.free_made_keys(session, actor.tenant_id, file_id)
        removed = {"before": {"file": stored}, "after": {"file": None}}
        session.execute(delete(ReleaseFile).where(ReleaseFile.tenant_id == actor.tenant_id, ReleaseFile.id == file_id))
        if record.file.blob_id is not None:
            blobs.doom(session, actor.tenant_id, record.file.blob_id)
        release.total_files -= 1
        release.updated_at = times.now()
        session.flush()
        release = releases_rows.lock_release(session, actor, release_id)
        releases_rows.record_event(session, actor, events.RELEASE_UPDATED, release, release.updated_at, removed)
