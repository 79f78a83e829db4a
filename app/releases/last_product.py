"""Which product the form of a new release begins with: the one that this user released last."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.accounts.actors import Actor
from app.accounts.models import User
from app.extensions import db
from app.products.models import Product
from app.releases import queries


def remember_product(session: Session, actor: Actor, product_id: str) -> None:
    """Writes into the session's transaction which product a user has released. What a token does is not remembered."""
    if actor.kind == "user":
        session.execute(
            update(User)
            .where(
                User.tenant_id == actor.tenant_id,
                User.id == actor.user_id,
                # Nothing is written, and so nobody waits, where it is known.
                User.last_product_id.is_distinct_from(product_id),
            )
            .values(last_product_id=product_id)
            .execution_options(synchronize_session=False)
        )


def find_product_id(actor: Actor) -> str:
    """Gives the product that the user released last; of who has not yet, the tenant's last or only one, or nothing."""
    query = (
        select(Product.id)
        .join(User, User.last_product_id == Product.id)
        .where(User.tenant_id == actor.tenant_id, User.id == actor.user_id, Product.tenant_id == actor.tenant_id)
    )
    return db.session.scalar(query) or queries.find_last_product(actor.tenant_id)
