"""What is read of channels and platforms. Every query names its tenant; none commits."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import select

from app.channels.kinds import Kind
from app.channels.models import Name, ReleaseChannel, ReleasePlatform
from app.exceptions import NotFoundError
from app.extensions import db
from app.listing import ListQuery, cut_list
from app.text import is_canonical_id

_OFFERED = 24


def get_name(tenant_id: str, kind: Kind, name_id: str) -> Name:
    """Gives the tenant's channel or platform. Raises NotFoundError, alike for an absent one and another tenant's."""
    query = select(kind.model).where(kind.model.tenant_id == tenant_id, kind.model.id == name_id)
    found = db.session.scalar(query) if is_canonical_id(name_id) else None
    if found is None:
        raise NotFoundError(kind.missing)
    return found


def find_name(tenant_id: str, kind: Kind, text: str) -> Name | None:
    """Gives the channel or the platform of exactly this name, None if there is none."""
    return db.session.scalar(select(kind.model).where(kind.model.tenant_id == tenant_id, kind.model.name == text))


def list_names(tenant_id: str, kind: Kind, wanted: ListQuery) -> Sequence[Name]:
    """Gives those that fit (see ``filters``), at most ``wanted.limit`` of them."""
    query = select(kind.model).where(kind.model.tenant_id == tenant_id, *wanted.conditions)
    return db.session.scalars(cut_list(query, (kind.model.created_at, kind.model.id), wanted)).all()


def list_declared(tenant_id: str) -> tuple[list[str], list[str]]:
    """Gives the channels and the platforms that somebody made, for whoever fills in a release."""
    channels, platforms = (
        db.session.scalars(
            select(model.name)
            .where(model.tenant_id == tenant_id, model.is_declared)
            .order_by(model.name)
            .limit(_OFFERED)
        ).all()
        for model in (ReleaseChannel, ReleasePlatform)
    )
    return list(channels), list(platforms)


def list_texts(tenant_id: str, kind: Kind) -> set[str]:
    """Gives all names alone."""
    return set(db.session.scalars(select(kind.model.name).where(kind.model.tenant_id == tenant_id)))
