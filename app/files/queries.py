"""What is read of files. Every query names its tenant; none commits."""

from __future__ import annotations

from sqlalchemy import Select, select

from app.accounts.actors import Actor
from app.exceptions import NotFoundError
from app.extensions import db
from app.files.models import DownloadRow, FileRecord, ReleaseFile
from app.listing import ListQuery, cut_list
from app.products.models import Product
from app.releases.models import Release
from app.releases.queries import is_for_customers, is_in_reach
from app.text import is_canonical_id


def get_file(actor: Actor, file_id: str) -> FileRecord:
    """Gives the actor's file. Raises NotFoundError, alike for an absent one and for one that is not theirs to see."""
    row = None
    if is_canonical_id(file_id):
        row = db.session.execute(_select(actor).where(ReleaseFile.id == file_id)).first()
    if row is None:
        raise NotFoundError("There is no such file.")
    return FileRecord(*row)


def find_file_of_release(tenant_id: str, release_id: str, name_key: str) -> ReleaseFile | None:
    """Gives the file of a tenant's release that has this name in whatever case, None if there is none."""
    query = select(ReleaseFile).where(
        ReleaseFile.tenant_id == tenant_id,
        ReleaseFile.release_id == release_id,
        ReleaseFile.name_key == name_key,
    )
    return db.session.scalar(query)


def find_download(release_id: str, name_key: str) -> DownloadRow | None:
    """Gives a file with what decides on who may have it, None if there is none.

    The release says whose it is: whoever downloads need not be known, and older clients name no tenant.
    """
    if not is_canonical_id(release_id):
        return None
    query = (
        select(ReleaseFile, Release.product_id, is_for_customers(), Product.is_restricted)
        .join(Release, (Release.id == ReleaseFile.release_id) & (Release.tenant_id == ReleaseFile.tenant_id))
        .join(Product, (Product.id == Release.product_id) & (Product.tenant_id == Release.tenant_id))
        .where(ReleaseFile.release_id == release_id, ReleaseFile.name_key == name_key)
    )
    row = db.session.execute(query).first()
    return None if row is None else DownloadRow(*row)


def list_files(actor: Actor, wanted: ListQuery) -> list[FileRecord]:
    """Gives the files that the actor may see and that fit (see ``filters``), at most ``wanted.limit`` of them."""
    query = _select(actor).where(*wanted.conditions)
    rows = db.session.execute(cut_list(query, (ReleaseFile.created_at, ReleaseFile.id), wanted))
    return [FileRecord(*row) for row in rows]


def _select(actor: Actor) -> Select[ReleaseFile, str, bool]:
    return (
        select(ReleaseFile, Release.name, Release.published)
        .join(Release, (Release.id == ReleaseFile.release_id) & (Release.tenant_id == ReleaseFile.tenant_id))
        .where(ReleaseFile.tenant_id == actor.tenant_id, *is_in_reach(actor))
    )
