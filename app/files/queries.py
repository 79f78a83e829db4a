"""What is read of files. Every query names its tenant; none commits."""

from __future__ import annotations

from sqlalchemy import Select, select

from app.exceptions import NotFoundError
from app.extensions import db
from app.files.models import FileRecord, ReleaseFile
from app.listing import ListQuery, cut_list
from app.releases.models import Release
from app.text import is_canonical_id


def get_file(tenant_id: str, file_id: str) -> FileRecord:
    """Gives the tenant's file. Raises NotFoundError, alike for an absent one and for another tenant's."""
    row = None
    if is_canonical_id(file_id):
        row = db.session.execute(_select(tenant_id).where(ReleaseFile.id == file_id)).first()
    if row is None:
        raise NotFoundError("There is no such file.")
    return FileRecord(*row)


def list_files(tenant_id: str, wanted: ListQuery) -> list[FileRecord]:
    """Gives the files of a tenant that fit (see ``filters``), at most ``wanted.limit`` of them."""
    query = _select(tenant_id).where(*wanted.conditions)
    rows = db.session.execute(cut_list(query, (ReleaseFile.created_at, ReleaseFile.id), wanted))
    return [FileRecord(*row) for row in rows]


def _select(tenant_id: str) -> Select[ReleaseFile, str, bool]:
    return (
        select(ReleaseFile, Release.name, Release.published)
        .join(Release, (Release.id == ReleaseFile.release_id) & (Release.tenant_id == ReleaseFile.tenant_id))
        .where(ReleaseFile.tenant_id == tenant_id)
    )
