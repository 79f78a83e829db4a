"""What can be done with products. Each function checks permission, and commits once or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import etags, times
from app.accounts.actors import Actor
from app.audit import service as audit
from app.database import generate_id, transaction
from app.etags import Precondition
from app.exceptions import ConflictError, DuplicateError, NotFoundError
from app.idempotency import rows
from app.idempotency.fingerprints import build_fingerprint
from app.language import say
from app.products import queries
from app.products.models import Product
from app.products.schema import ProductChangeSchema, ProductSchema
from app.products.serializers import serialize_product
from app.slugs import build_slug


@dataclass(frozen=True, slots=True)
class Creation:
    """What came of a create: the product, and whether it was there before (``is_replay``)."""

    product: Product
    is_replay: bool


def create_product(actor: Actor, sent: ProductSchema, key: str | None = None) -> Creation:
    """Commits a product. Whoever sends the same again under one key gets the first one back.

    Raises DuplicateError if the name is taken, IdempotencyMismatchError, PermissionDeniedError.
    """
    actor.require("product:write")
    fingerprint = build_fingerprint("product", sent.model_dump())
    if made := _find_made(actor, key, fingerprint):
        return Creation(made, is_replay=True)
    try:
        refuse_taken(actor, sent)
    except DuplicateError:
        # Another request with this key may have made it between the two looks.
        if made := _find_made(actor, key, fingerprint):
            return Creation(made, is_replay=True)
        raise
    try:
        with transaction() as session:
            product = _build_product(session, actor, sent)
            session.add(product)
            session.flush()
            if key:
                rows.insert_key(session, actor, key, fingerprint, made_id=product.id)
            audit.record(session, actor, "product.created", product.id, {"name": sent.name})
            session.expunge(product)
    except IntegrityError:
        # Another one was quicker: with this key, with this name, or with the same address of its customer page. What it
        # has made is seen now.
        return create_product(actor, sent, key)
    return Creation(product, is_replay=False)


def refuse_taken(actor: Actor, sent: ProductSchema | ProductChangeSchema, except_id: str | None = None) -> None:
    """Raises DuplicateError if another product has the name."""
    found = queries.find_product_named(actor.tenant_id, sent.name) if sent.name else None
    if found is not None and found.id != except_id:
        raise DuplicateError(say("Name is taken: another product has it."), "/v3/products", found.id)


def update_product(
    actor: Actor,
    product_id: str,
    sent: ProductSchema | ProductChangeSchema,
    seen_at: str | None = None,
    expected: Precondition = etags.NONE,
) -> Product:
    """Commits changes of a product. The address of its customer page stays: links go on working.

    ``seen_at`` is when it was changed last, as far as the caller has seen. Raises ConflictError if it was changed
    since then, DuplicateError if the name is taken, NotFoundError, PreconditionFailedError, PermissionDeniedError.
    """
    actor.require("product:write")
    queries.get_product(actor.tenant_id, product_id)
    refuse_taken(actor, sent, product_id)
    try:
        with transaction() as session:
            product = _lock_product(session, actor.tenant_id, product_id)
            _check(expected, product)
            before = read_members(product)
            after = apply_change(before, sent)
            if before != after:
                if seen_at and seen_at != times.format_time(product.updated_at):
                    raise ConflictError(
                        say("Somebody else has changed this product meanwhile. Save again to put yours in its place.")
                    )
                product.name, product.display_name = after["name"], after["displayName"]
                product.description, product.entries = after["description"], after["metadata"]
                product.updated_at = times.now()
                session.flush()
                changed = [name for name in before if before[name] != after[name]]
                details = {"before": _pick(before, changed), "after": _pick(after, changed)}
                audit.record(session, actor, "product.updated", product.id, details)
            session.expunge(product)
    except IntegrityError:
        # Another one has taken the name at this moment.
        return update_product(actor, product_id, sent, seen_at, expected)
    return product


def try_change(
    actor: Actor, product_id: str, sent: ProductChangeSchema, expected: Precondition = etags.NONE
) -> dict[str, Any]:
    """Gives the members that a change would leave.

    Raises DuplicateError, NotFoundError, PreconditionFailedError, PermissionDeniedError.
    """
    actor.require("product:write")
    product = queries.get_product(actor.tenant_id, product_id)
    _check(expected, product)
    refuse_taken(actor, sent, product_id)
    return apply_change(read_members(product), sent)


def delete_product(actor: Actor, product_id: str, expected: Precondition = etags.NONE) -> Product:
    """Commits that a product is gone, with its templates of notes; gives it as it was.

    Raises ConflictError if it has releases, NotFoundError, PreconditionFailedError, PermissionDeniedError.
    """
    actor.require("product:write")
    try:
        with transaction() as session:
            product = _lock_product(session, actor.tenant_id, product_id)
            _check(expected, product)
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


def read_members(product: Product) -> dict[str, Any]:
    """Gives what of a product can be changed, by the names of the schema."""
    return {
        "name": product.name,
        "displayName": product.display_name,
        "description": product.description,
        "metadata": product.entries,
    }


def apply_change(before: Mapping[str, Any], sent: ProductSchema | ProductChangeSchema) -> dict[str, Any]:
    """Takes what can be changed, and what was sent; gives what it is then.

    A display name is one only if it differs: without one, a product is displayed by its name, whatever that becomes.
    """
    after = {**before, **sent.model_dump(exclude_none=True)}
    has_own = before["displayName"] != before["name"] or sent.displayName is not None
    return {**after, "displayName": (after["displayName"] if has_own else "") or after["name"]}


def _build_product(session: Session, actor: Actor, sent: ProductSchema) -> Product:
    moment = times.now()
    return Product(
        id=generate_id(),
        tenant_id=actor.tenant_id,
        name=sent.name,
        slug=_find_free_slug(session, actor.tenant_id, sent.name),
        display_name=sent.displayName or sent.name,
        description=sent.description,
        entries=sent.metadata,
        created_at=moment,
        updated_at=moment,
    )


def _check(expected: Precondition, product: Product) -> None:
    # Who asks for nothing need not have releases counted.
    if expected != etags.NONE:
        counts = queries.count_all_releases(product.tenant_id, [product.id])
        expected.check(etags.build_tag(serialize_product(product, counts.get(product.id, 0))))


def _pick(members: Mapping[str, Any], names: list[str]) -> dict[str, Any]:
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


def _find_free_slug(session: Session, tenant_id: str, name: str) -> str:
    taken = set(session.scalars(select(Product.slug).where(Product.tenant_id == tenant_id)))
    return build_slug(name, taken, "product")
