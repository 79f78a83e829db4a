"""Writes the rows of files, inside a transaction that a service commits."""

from __future__ import annotations

from typing import Final

from sqlalchemy.orm import Session

from app import times
from app.accounts.actors import Actor
from app.audit import service as audit
from app.exceptions import ConflictError, DuplicateError, ReadOnlyError
from app.files.models import FileRecord, ReleaseFile
from app.files.serializers import serialize_file
from app.language import say
from app.releases.models import Release
from app.webhooks import events, outbox

# Every answer and every event of a release holds them all.
FILE_COUNT_LIMIT: Final = 200
TOO_MANY: Final = say("A release has at most {limit} files.", limit=FILE_COUNT_LIMIT)
READ_ONLY: Final = say("This release is published, and its files stay as they are from then on.")


class DuplicateFileError(DuplicateError):
    """The release has another file of this name, in whatever case."""

    code = "duplicate_file"
    title = "File exists"

    def __init__(self, name: str, file_id: str) -> None:
        super().__init__(describe_taken(name), "/v3/release-files", file_id)


def describe_taken(name: str) -> str:
    """Says that a name is taken."""
    return say("This release has a file with the name {name} already.", name=name)


def check_open(release: Release) -> None:
    """Raises ReadOnlyError if nothing can be changed of the release's files any more."""
    if release.published:
        raise ReadOnlyError(READ_ONLY)


def check_room(release: Release) -> None:
    """Raises ConflictError if the release has as many files as one may have."""
    if release.total_files >= FILE_COUNT_LIMIT:
        raise ConflictError(TOO_MANY)


def insert_file(session: Session, actor: Actor, release: Release, file: ReleaseFile) -> FileRecord:
    """Takes a release that is locked and a new file of it; adds that, and writes what it owes. Gives it with its data.

    Raises ReadOnlyError, ConflictError, and IntegrityError if the name is taken.
    """
    check_open(release)
    check_room(release)
    release.total_files += 1
    release.updated_at = file.created_at = file.updated_at = times.now()
    session.add(file)
    session.flush()
    record = FileRecord(file, release.name, release.published)
    # The entity is the release, whose page and log tell of it.
    data = serialize_file(record)
    outbox.record(session, actor.tenant_id, events.RELEASE_FILE_CREATED, release.id, data, release.updated_at)
    audit.record(session, actor, events.RELEASE_FILE_CREATED, release.id, {"file": data})
    session.expunge(file)
    return record
