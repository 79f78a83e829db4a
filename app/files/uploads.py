"""Uploads: a file comes in pieces, and is there whole or not at all. Each function checks permission.

All that can be known before is looked at before the first piece is asked for. The release is locked for a moment at the
end; while the pieces come nothing of the database is held.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from flask import current_app
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from app.accounts.actors import Actor
from app.config_storage import StorageSettings
from app.database import generate_id, transaction
from app.exceptions import InvalidRequestError, NotFoundError, UnavailableError
from app.extensions import db
from app.files import blobs, queries, rows, schema
from app.files.models import FileRecord, ReleaseFile
from app.files.multipart import OVERHEAD
from app.files.rows import DuplicateFileError
from app.files.serializers import find_url
from app.files.storage import Storage, find_key
from app.files.troubles import FileTooLargeError
from app.language import say
from app.outages import CommitLostError
from app.releases import queries as releases
from app.releases import rows as releases_rows

logger = logging.getLogger(__name__)

_PROLONG_SECONDS: Final = blobs.RESERVED_SECONDS / 3
# What a form adds at the least; so much of its length is no file.
_FORM_BYTES: Final = 100
_NO_LENGTH: Final = say("An upload must have a Content-Length: it is looked at before anything is read.")
_EMPTY: Final = say("The file is empty: it must have at least one byte.")
_GONE: Final = say("The file that had this name was removed meanwhile. Send it again.")
_OVER: Final = say("The upload stood still for too long. Nothing was stored; send it again.")


@dataclass(frozen=True, slots=True)
class UploadOrder:
    """What is to be uploaded, by what is known before it comes.

    ``length`` counts the bytes of the body, None if that is not said; ``is_form`` says that there is a form around it.
    """

    release_id: str
    name: str
    secured: bool
    length: int | None
    is_form: bool = False


@dataclass(frozen=True, slots=True)
class Upload:
    """What came of it: the file, and whether the same had been uploaded before (``is_replay``)."""

    record: FileRecord
    is_replay: bool


def upload_file(actor: Actor, order: UploadOrder, chunks: Iterable[bytes]) -> Upload:
    """Stores what ``chunks`` gives, and commits it as a file of a draft, with what that owes.

    The same once more changes nothing. Raises ValidationError for the name, NotFoundError, OtherProductError,
    ReadOnlyError if the release is published, DuplicateFileError if it has something else of this name, ConflictError
    if it has too many, QuotaError, FileTooLargeError, InvalidRequestError without a length or a byte,
    PermissionDeniedError, StorageError, and whatever the chunks raise.
    """
    actor.require("release:read")
    actor.require("release:write")
    slipway = current_app.extensions["slipway"]
    settings: StorageSettings = slipway.settings.storage
    schema.parse_name(order.name)
    release = releases.get_reachable_release(actor, order.release_id)
    rows.check_open(release)
    length = _check_length(order, settings.file_size_limit)
    meter = _Meter(settings.file_size_limit)
    if taken := _find_taken(actor, order):
        return _compare(actor, order, taken, meter.measure(chunks), meter)
    rows.check_room(release)
    with transaction() as session:
        blob_id = blobs.reserve(session, actor.tenant_id, length, settings.quota)
    # The connection goes back: others use it while this goes on.
    db.session.rollback()
    storage: Storage = slipway.storage
    try:
        storage.write(find_key(blob_id), meter.measure(chunks, lambda: _prolong(actor.tenant_id, blob_id)))
        return _finish(actor, order, blob_id, meter)
    except CommitLostError:
        # Nobody knows whether the file is there: if it is not, this is cleared away later.
        raise
    except BaseException:
        _discard(storage, actor.tenant_id, blob_id)
        raise


def _check_length(order: UploadOrder, limit: int) -> int:
    """Gives how many bytes the file has at most, or is sure to have if it is no form."""
    if order.length is None:
        raise InvalidRequestError(_NO_LENGTH)
    if order.length == 0:
        raise InvalidRequestError(_EMPTY)
    if order.length > limit + (OVERHEAD if order.is_form else 0):
        raise FileTooLargeError(limit)
    return max(1, order.length - _FORM_BYTES) if order.is_form else order.length


def _find_taken(actor: Actor, order: UploadOrder) -> ReleaseFile | None:
    return queries.find_file_of_release(actor.tenant_id, order.release_id, schema.find_key(order.name))


def _compare(actor: Actor, order: UploadOrder, taken: ReleaseFile, measured: Iterable[bytes], meter: _Meter) -> Upload:
    """Reads a file whose name is taken: it may be the same one again. Raises DuplicateFileError if it is not."""
    is_longer = not order.is_form and order.length != taken.size
    if taken.sha256 is None or taken.secured != order.secured or is_longer:
        raise DuplicateFileError(order.name, taken.id)
    db.session.rollback()
    for _ in measured:
        pass
    return _replay(actor, order, meter)


def _replay(actor: Actor, order: UploadOrder, meter: _Meter) -> Upload:
    """Gives the file that has the name, if it is what has come. Raises DuplicateFileError if it is something else."""
    taken = _find_taken(actor, order)
    if taken is None:
        raise NotFoundError(_GONE)
    if (taken.sha256, taken.secured) != (meter.sha256, order.secured):
        raise DuplicateFileError(order.name, taken.id)
    return Upload(queries.get_file(actor, taken.id), is_replay=True)


def _finish(actor: Actor, order: UploadOrder, blob_id: str, meter: _Meter) -> Upload:
    """Commits the file of what was stored."""
    try:
        with transaction() as session:
            release = releases_rows.lock_release(session, actor, order.release_id)
            if not blobs.keep(session, actor.tenant_id, blob_id, meter.size):
                raise UnavailableError(_OVER)
            record = rows.insert_file(session, actor, release, _build_row(actor, order, blob_id, meter))
    except IntegrityError:
        # Somebody else was quicker, by the same command perhaps.
        upload = _replay(actor, order, meter)
        _discard(current_app.extensions["slipway"].storage, actor.tenant_id, blob_id)
        return upload
    return Upload(record, is_replay=False)


def _build_row(actor: Actor, order: UploadOrder, blob_id: str, meter: _Meter) -> ReleaseFile:
    file = ReleaseFile(
        id=generate_id(),
        tenant_id=actor.tenant_id,
        release_id=order.release_id,
        name=order.name,
        name_key=schema.find_key(order.name),
        size=meter.size,
        downloads=0,
        checksum=meter.md5,
        secured=order.secured,
        blob_id=blob_id,
        sha256=meter.sha256,
    )
    # For processes of the version before, which know of no other one.
    file.url = find_url(file)
    return file


def _prolong(tenant_id: str, blob_id: str) -> None:
    try:
        with transaction() as session:
            blobs.prolong(session, tenant_id, blob_id)
    except SQLAlchemyError as error:
        # The next time may be in time, too.
        logger.warning("an upload was not prolonged", extra={"error": str(error).split("\n")[0]})


def _discard(storage: Storage, tenant_id: str, blob_id: str) -> None:
    """Leaves nothing of an upload that came to nothing. What cannot be deleted now is cleared away later."""
    with contextlib.suppress(UnavailableError, SQLAlchemyError):
        storage.delete(find_key(blob_id))
        with transaction() as session:
            blobs.forget(session, tenant_id, blob_id)


class _Meter:
    """Counts what goes by, and makes its checksums."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._md5 = hashlib.md5(usedforsecurity=False)
        self._sha256 = hashlib.sha256()
        self.size = 0

    @property
    def md5(self) -> str:
        """The MD5 of what has gone by, in hexadecimal digits."""
        return self._md5.hexdigest()

    @property
    def sha256(self) -> str:
        """Its SHA-256, in hexadecimal digits."""
        return self._sha256.hexdigest()

    def measure(self, chunks: Iterable[bytes], tell: Callable[[], None] | None = None) -> Iterator[bytes]:
        """Gives the chunks as they come, and calls ``tell`` from time to time while they do.

        Raises FileTooLargeError as soon as there are too many bytes, InvalidRequestError if there is none.
        """
        tell_at = time.monotonic() + _PROLONG_SECONDS
        for chunk in chunks:
            self.size += len(chunk)
            if self.size > self._limit:
                raise FileTooLargeError(self._limit)
            self._md5.update(chunk)
            self._sha256.update(chunk)
            if tell is not None and time.monotonic() > tell_at:
                tell()
                tell_at = time.monotonic() + _PROLONG_SECONDS
            yield chunk
        if not self.size:
            raise InvalidRequestError(_EMPTY)
