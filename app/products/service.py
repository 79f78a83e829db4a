"""What can be done with products. Each function checks permission, and commits once or not at all."""

from __future__ import annotations

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import times
from app.accounts.actors import Actor
from app.audit import service as audit
from app.database import generate_id, transaction
from app.exceptions import FieldError, ValidationError
from app.products.models import Product
from app.products.schema import ProductSchema
from app.slugs import build_slug


def create_product(actor: Actor, sent: ProductSchema) -> Product:
    """Commits a product. Raises ValidationError if the name is taken, PermissionDeniedError."""
    actor.require("product:write")
    moment = times.now()
    try:
        with transaction() as session:
            product = Product(
                id=generate_id(),
                tenant_id=actor.tenant_id,
                name=sent.name,
                slug=_find_free_slug(session, actor.tenant_id, sent.name),
                display_name=sent.displayName or sent.name,
                description=sent.description,
                created_at=moment,
                updated_at=moment,
            )
            session.add(product)
            session.flush()
            audit.record(session, actor, "product.created", product.id, {"name": sent.name})
            session.expunge(product)
    except IntegrityError:
        taken = FieldError("name", "taken", "Name is taken: another product has it.")
        raise ValidationError([taken]) from None
    return product


def _find_free_slug(session: Session, tenant_id: str, name: str) -> str:
    taken = set(session.scalars(select(Product.slug).where(Product.tenant_id == tenant_id)))
    return build_slug(name, taken, "product")
