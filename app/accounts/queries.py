"""What is read of tenants, users and sessions. Nothing here commits."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import Row, exists, or_, select

from app.accounts.actors import ROLE_SCOPES, Actor
from app.accounts.models import Tenant, User, UserSession
from app.exceptions import NotFoundError
from app.extensions import db
from app.text import find_encoding_error

# One e-mail address in more organisations than this must name the organisation: each costs a password check.
CANDIDATE_LIMIT = 8
# Of a name that nobody has: enough to see which one was meant.
_SHOWN_LENGTH = 64


def has_organisation() -> bool:
    """Whether Slipway has been set up."""
    return bool(db.session.scalar(select(exists().select_from(Tenant))))


def find_tenant(name: str) -> Tenant | None:
    """Gives the tenant of exactly this name."""
    return db.session.scalar(select(Tenant).where(Tenant.name == name)) if _is_storable(name) else None


def get_tenant_named(name: str) -> Tenant:
    """Gives the tenant of exactly this name. Raises NotFoundError."""
    tenant = find_tenant(name)
    if tenant is None:
        raise NotFoundError(f"There is no organisation named {name[:_SHOWN_LENGTH]!r}.")
    return tenant


def get_tenant(tenant_id: str) -> Tenant:
    """Gives a tenant by its id. Raises NotFoundError."""
    tenant = db.session.get(Tenant, tenant_id)
    if tenant is None:
        raise NotFoundError("There is no such organisation.")
    return tenant


def has_member(tenant_id: str, email: str) -> bool:
    """Whether a tenant has a user with this e-mail address, active or not."""
    return bool(db.session.scalar(select(exists().where(User.tenant_id == tenant_id, User.email == email))))


def find_owner(tenant_id: str) -> User | None:
    """Gives the first owner of a tenant who is active."""
    query = (
        select(User)
        .where(User.tenant_id == tenant_id, User.role == "owner", User.is_active)
        .order_by(User.created_at, User.id)
        .limit(1)
    )
    return db.session.scalar(query)


def find_actor(tenant_id: str, user_id: str) -> Actor | None:
    """Gives a user who is active as whoever acts, with what the role allows now; None for all others alike."""
    query = select(User).where(User.tenant_id == tenant_id, User.id == user_id, User.is_active)
    user = db.session.scalar(query.execution_options(populate_existing=True))
    if user is None:
        return None
    return Actor(tenant_id, user.id, user.email, user.role, ROLE_SCOPES.get(user.role, frozenset()))


def find_email(tenant_id: str, user_id: str) -> str | None:
    """Gives the e-mail address of a tenant's user, active or not; None if there is no such user."""
    return db.session.scalar(select(User.email).where(User.tenant_id == tenant_id, User.id == user_id))


def list_administrators(tenant_id: str) -> Sequence[str]:
    """Gives the e-mail addresses of a tenant's active owners and admins, the oldest first."""
    query = (
        select(User.email)
        .where(User.tenant_id == tenant_id, User.role.in_(("owner", "admin")), User.is_active)
        .order_by(User.created_at, User.id)
    )
    return db.session.scalars(query).all()


def find_users(email: str, tenant_name: str | None = None) -> Sequence[Row[User, Tenant]]:
    """Takes a normalized e-mail address, and the name or slug of an organisation if one was given.

    Gives the users with their tenants, of all tenants: at sign-in nobody has said yet to which they belong.
    """
    if not (_is_storable(email) and _is_storable(tenant_name or "")):
        return []
    query = (
        select(User, Tenant)
        .join(Tenant, Tenant.id == User.tenant_id)
        .where(User.email == email)
        .order_by(User.created_at, User.id)
        .limit(CANDIDATE_LIMIT)
    )
    if tenant_name:
        query = query.where(or_(Tenant.name == tenant_name, Tenant.slug == tenant_name.lower()))
    return db.session.execute(query).all()


def find_session(session_id: str, moment: datetime, idle_since: datetime) -> Row[UserSession, User, Tenant] | None:
    """Gives a session that is neither revoked nor over nor idle since then, with its user, who is active."""
    query = (
        select(UserSession, User, Tenant)
        .join(User, (User.tenant_id == UserSession.tenant_id) & (User.id == UserSession.user_id))
        .join(Tenant, Tenant.id == UserSession.tenant_id)
        .where(
            UserSession.id == session_id,
            UserSession.revoked_at.is_(None),
            UserSession.expires_at > moment,
            UserSession.last_seen_at > idle_since,
            User.is_active,
        )
    )
    return db.session.execute(query).one_or_none()


def _is_storable(text: str) -> bool:
    return find_encoding_error(text) is None
