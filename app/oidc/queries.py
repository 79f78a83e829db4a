"""What is read of identities. Nothing here commits."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from app.accounts import queries as accounts
from app.accounts.models import Tenant, User
from app.extensions import db
from app.oidc.models import Identity
from app.oidc.schema import Account


@dataclass(frozen=True, slots=True)
class Candidate:
    """A user whom an account at the provider may stand for; without an identity it is about to be linked."""

    user: User
    tenant: Tenant
    identity: Identity | None


def list_candidates(account: Account) -> list[Candidate]:
    """Gives the active users that an account signs in, of all tenants: nobody has said yet to which they belong.

    Those that it is linked to; and in other tenants, if the provider has verified the address, those who have it. Not
    one who is linked to another account of this provider: addresses are given to somebody else, accounts are not.
    """
    query = (
        select(Identity, User, Tenant)
        .join(User, (User.tenant_id == Identity.tenant_id) & (User.id == Identity.user_id))
        .join(Tenant, Tenant.id == Identity.tenant_id)
        .where(Identity.issuer == account.issuer, Identity.subject == account.subject)
        .order_by(Identity.created_at, Identity.id)
    )
    linked = db.session.execute(query).all()
    found = [Candidate(user, tenant, identity) for identity, user, tenant in linked if user.is_active]
    taken = {tenant.id for _, _, tenant in linked}
    if account.is_email_verified:
        for user, tenant in accounts.find_users(account.email):
            if user.is_active and tenant.id not in taken and not _has_account_of(user, account.issuer):
                found.append(Candidate(user, tenant, None))
    return found


def find_identity(tenant_id: str, account: Account) -> Identity | None:
    """Gives what an account at the provider is linked to in a tenant."""
    query = select(Identity).where(
        Identity.tenant_id == tenant_id, Identity.issuer == account.issuer, Identity.subject == account.subject
    )
    return db.session.scalar(query)


def list_identities(tenant_id: str, user_id: str) -> Sequence[Identity]:
    """Gives the accounts that sign a user in, the oldest first."""
    query = (
        select(Identity)
        .where(Identity.tenant_id == tenant_id, Identity.user_id == user_id)
        .order_by(Identity.created_at, Identity.id)
    )
    return db.session.scalars(query).all()


def _has_account_of(user: User, issuer: str) -> bool:
    query = select(Identity.id).where(
        Identity.tenant_id == user.tenant_id, Identity.user_id == user.id, Identity.issuer == issuer
    )
    return db.session.scalar(query.limit(1)) is not None
