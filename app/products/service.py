"""What can be done with products. Each function checks permission, and commits once or not at all."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import times
from app.accounts.actors import Actor
from app.audit import service as audit
from app.database import generate_id, transaction
from app.exceptions import ConflictError, FieldError, NotFoundError, ValidationError
from app.idempotency import rows
from app.idempotency.fingerprints import build_fingerprint
from app.language import say
from app.products import queries
from app.products.models import Product
from app.products.schema import ProductSchema
from app.slugs import build_slug


def create_product(actor: Actor, sent: ProductSchema, key: str | None = None) -> Product:
    """Commits a product. Whoever sends the same again under one key gets the first one back.

    Raises ValidationError if the name is taken, IdempotencyMismatchError, PermissionDeniedError.
    """
    actor.require("product:write")
    fingerprint = build_fingerprint("product", sent.model_dump())
    if product := _find_made(actor, key, fingerprint):
        return product
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
            if key:
                rows.insert_key(session, actor, key, fingerprint, made_id=product.id)
            audit.record(session, actor, "product.created", product.id, {"name": sent.name})
            session.expunge(product)
    except IntegrityError:
        # The other one of two clicks at once has made it.
        if made := _find_made(actor, key, fingerprint):
            return made
        raise _build_taken() from None
    return product


def update_product(actor: Actor, product_id: str, sent: ProductSchema, seen_at: str | None = None) -> Product:
    """Commits other words for a product. The address of its customer page stays: links go on working.

    ``seen_at`` is when it was changed last, as far as the caller has seen. Raises ConflictError if it was changed
    since then, ValidationError if the name is taken, NotFoundError, PermissionDeniedError.
    """
    actor.require("product:write")
    try:
        with transaction() as session:
            product = _lock_product(session, actor.tenant_id, product_id)
            before = read_members(product)
            after = {**before, **sent.model_dump(), "displayName": sent.displayName or sent.name}
            if before != after:
                if seen_at and seen_at != times.format_time(product.updated_at):
                    raise ConflictError(
                        say("Somebody else has changed this product meanwhile. Save again to put yours in its place.")
                    )
                product.name, product.display_name = after["name"], after["displayName"]
                product.description, product.updated_at = after["description"], times.now()
                session.flush()
                changed = [name for name in before if before[name] != after[name]]
                details = {"before": _pick(before, changed), "after": _pick(after, changed)}
                audit.record(session, actor, "product.updated", product.id, details)
            session.expunge(product)
    except IntegrityError:
        raise _build_taken() from None
    return product


def delete_product(actor: Actor, product_id: str) -> Product:
    """Commits that a product is gone, with its templates of notes; gives it as it was.

    Raises ConflictError if it has releases, NotFoundError, PermissionDeniedError.
    """
    actor.require("product:write")
    try:
        with transaction() as session:
            product = _lock_product(session, actor.tenant_id, product_id)
            details = {"name": product.name, "slug": product.slug}
            session.expunge(product)
            # What belongs to it either goes with it or keeps it, by the database's own rule.
            session.execute(delete(Product).where(Product.tenant_id == actor.tenant_id, Product.id == product_id))
            rows.free_made_keys(session, actor.tenant_id, product_id)
            audit.record(session, actor, "product.deleted", product_id, details)
    except IntegrityError:
        raise ConflictError(
            say("A product that has releases cannot be deleted: their customers still read of them.")
        ) from None
    return product


def read_members(product: Product) -> dict[str, str]:
    """Gives what of a product can be changed, by the names of the schema."""
    return {"name": product.name, "displayName": product.display_name, "description": product.description}


def _pick(members: Mapping[str, str], names: list[str]) -> dict[str, str]:
    return {name: members[name] for name in names}


def _lock_product(session: Session, tenant_id: str, product_id: str) -> Product:
    query = select(Product).where(Product.tenant_id == tenant_id, Product.id == product_id).with_for_update()
    product = session.scalar(query) if queries.has_product(tenant_id, product_id) else None
    if product is None:
        raise NotFoundError(say("There is no such product."))
    return product


def _find_made(actor: Actor, key: str | None, fingerprint: bytes) -> Product | None:
    """Gives the product that came of a key, None if none did."""
    used = rows.find_used(actor, key, [fingerprint])
    return queries.get_product(actor.tenant_id, used.made_id) if used and used.made_id else None


def _build_taken() -> ValidationError:
    return ValidationError([FieldError("name", "taken", say("Name is taken: another product has it."))])


def _find_free_slug(session: Session, tenant_id: str, name: str) -> str:
    taken = set(session.scalars(select(Product.slug).where(Product.tenant_id == tenant_id)))
    return build_slug(name, taken, "product")
