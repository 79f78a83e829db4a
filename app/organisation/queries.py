"""What is read of organisations. Nothing here commits."""

from __future__ import annotations

from sqlalchemy import func, select

from app.accounts.models import Tenant, User
from app.extensions import db


def list_taken(tenant_id: str, name: str, slug: str) -> set[str]:
    """Gives which of ``name`` and ``slug`` another organisation than the tenant has."""
    query = select(Tenant.name, Tenant.slug).where(
        Tenant.id != tenant_id, (Tenant.name == name) | (Tenant.slug == slug)
    )
    rows = db.session.execute(query).all()
    return {field for row in rows for field, value in (("name", name), ("slug", slug)) if getattr(row, field) == value}


def count_without_second_factor(tenant_id: str) -> int:
    """Gives how many active members of a tenant have no second factor."""
    query = select(func.count()).where(User.tenant_id == tenant_id, User.is_active, User.totp_confirmed_at.is_(None))
    return db.session.scalar(query) or 0
