"""What can be done with download keys and restricted products. Each function that changes something checks permission,
and commits once or not at all.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import current_app
from sqlalchemy import select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import times
from app.accounts.actors import Actor
from app.audit import service as audit
from app.database import generate_id, lock_name, transaction
from app.download_keys import grammar, queries
from app.download_keys.models import DownloadKey
from app.download_keys.schema import DownloadKeyChangeSchema, DownloadKeySchema
from app.download_keys.serializers import serialize_access, serialize_key
from app.etags import NONE, Precondition, build_tag
from app.exceptions import AuthenticationError, ConflictError, FieldError, NotFoundError, ValidationError
from app.extensions import db
from app.idempotency import rows as keys
from app.idempotency.fingerprints import build_fingerprint
from app.language import say
from app.products import queries as products
from app.products.models import Product

# Of one product at a time. Who sells to more customers than this gives one key to each group of them.
KEY_LIMIT = 10_000
# When a key was last used is shown to people; to the hour is enough, and spares each download a write.
_TOUCH_AFTER = timedelta(hours=1)
# How long a form that is sent again, by a second click or because the answer was lost, gets the key once more.
_SHOWN_AGAIN = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class IssuedKey:
    """A key's row, and the key itself; None if it was shown before and cannot be had again."""

    row: DownloadKey
    key: str | None
    is_replay: bool = False


def admits(tenant_id: str, product_id: str, key: str | None) -> bool:
    """Whether what was sent as ``key`` is a download key of the product that is in force; it is then used now.

    Call it before anything else is read: about once in an hour it commits, and lets go what was read before.
    """
    if not key:
        return False
    found = db.session.execute(
        select(DownloadKey.id, DownloadKey.last_used_at).where(
            DownloadKey.tenant_id == tenant_id,
            DownloadKey.product_id == product_id,
            DownloadKey.key_hash == grammar.hash_key(key),
            DownloadKey.revoked_at.is_(None),
        )
    ).one_or_none()
    if found is None:
        return False
    moment = times.now()
    if found.last_used_at is None or found.last_used_at < moment - _TOUCH_AFTER:
        _touch(tenant_id, found.id)
    return True


def require_access(actor: Actor | None, tenant_id: str, product_id: str, key: str | None) -> None:
    """Lets through who may have what a restricted product has: by one of its download keys, or by a token.

    ``actor`` is who the request's token is, None if it has none. Call it before anything else is read, as ``admits``.
    Raises AuthenticationError without either, PermissionDeniedError if the token may not read releases.
    """
    if admits(tenant_id, product_id, key):
        return
    if actor is None or actor.tenant_id != tenant_id or actor.product_id not in (None, product_id):
        raise AuthenticationError(
            say("This product is restricted: send a token of its organisation, or one of its download keys as key."),
            code="authentication_required",
        )
    actor.require("release:read")


def create_key(actor: Actor, product_id: str, sent: DownloadKeySchema, key: str | None = None) -> IssuedKey:
    """Commits a download key of a product; gives it, which is stored nowhere. ``key`` is an idempotency key.

    The same sent twice, by its idempotency key, makes one. Raises ValidationError if there are too many,
    IdempotencyMismatchError, NotFoundError, PermissionDeniedError.
    """
    actor.require("product:write")
    products.get_product(actor.tenant_id, product_id)
    fingerprint = build_fingerprint("download-key", product_id, sent.name)
    used = keys.find_used(actor, key, [fingerprint])
    if used is not None and used.made_id:
        return _show_again(queries.get_key(actor.tenant_id, product_id, used.made_id))
    try:
        with transaction() as session:
            row, secret = _insert(session, actor, product_id, sent.name)
            if key:
                keys.insert_key(session, actor, key, fingerprint, made_id=row.id)
            session.expunge(row)
    except IntegrityError:
        if not products.has_product(actor.tenant_id, product_id) or key is None:
            raise NotFoundError(say("There is no such product.")) from None
        # Another request with this key was quicker, and what it made is what was asked for.
        return create_key(actor, product_id, sent, key)
    return IssuedKey(row, secret)


def update_key(
    actor: Actor, product_id: str, key_id: str, change: DownloadKeyChangeSchema, expected: Precondition = NONE
) -> DownloadKey:
    """Commits another name for a key, or that it is revoked: then it is refused from the next request on.

    Doing so again changes nothing. Raises ConflictError if a revoked one is to be in force again, NotFoundError,
    PermissionDeniedError, PreconditionFailedError if it is not what the caller has seen.
    """
    actor.require("product:write")
    with transaction() as session:
        row = _lock(session, actor, product_id, key_id)
        _check_change(row, change, expected)
        if change.name is not None and change.name != row.name:
            details = {"before": {"name": row.name}, "after": {"name": change.name}, "productId": product_id}
            row.name, row.updated_at = change.name, times.now()
            audit.record(session, actor, "download_key.updated", row.id, details)
        if change.revoked and row.revoked_at is None:
            row.revoked_at = row.updated_at = times.now()
            audit.record(session, actor, "download_key.revoked", row.id, _describe(row))
        session.flush()
        session.expunge(row)
    return row


def try_change(
    actor: Actor, product_id: str, key_id: str, change: DownloadKeyChangeSchema, expected: Precondition = NONE
) -> dict[str, Any]:
    """Gives what a change would leave of what can be changed. Raises what ``update_key`` does."""
    actor.require("product:write")
    row = queries.get_key(actor.tenant_id, product_id, key_id)
    _check_change(row, change, expected)
    return {"name": change.name or row.name, "revoked": bool(change.revoked or row.revoked_at)}


def _check_change(row: DownloadKey, change: DownloadKeyChangeSchema, expected: Precondition) -> None:
    expected.check(build_tag(serialize_key(row)))
    if change.revoked is False and row.revoked_at is not None:
        raise ConflictError(say("This download key is revoked, and stays so. Make another one."))


def revoke_key(actor: Actor, product_id: str, key_id: str, expected: Precondition = NONE) -> DownloadKey:
    """Commits that a key is revoked; doing it again changes nothing. Raises as above."""
    return update_key(actor, product_id, key_id, DownloadKeyChangeSchema(revoked=True), expected)


def restrict_product(actor: Actor, product_id: str, *, is_restricted: bool, expected: Precondition = NONE) -> None:
    """Commits who may have a product's releases: everybody, or those with a token or a download key.

    Raises NotFoundError, PermissionDeniedError, PreconditionFailedError if it is not what the caller has seen.
    """
    actor.require("product:write")
    products.get_product(actor.tenant_id, product_id)
    with transaction() as session:
        is_it = (Product.tenant_id == actor.tenant_id) & (Product.id == product_id)
        # NO KEY: whoever stores a release of it needs its key alone.
        stored = session.execute(
            select(Product.name, Product.is_restricted).where(is_it).with_for_update(key_share=True)
        ).one_or_none()
        if stored is None:
            raise NotFoundError(say("There is no such product."))
        expected.check(build_tag(serialize_access(stored.is_restricted)))
        if stored.is_restricted != is_restricted:
            session.execute(update(Product).where(is_it).values(is_restricted=is_restricted))
            action = "product.restricted" if is_restricted else "product.opened"
            audit.record(session, actor, action, product_id, {"name": stored.name})


def try_access(actor: Actor, product_id: str, expected: Precondition = NONE) -> None:
    """Raises what ``restrict_product`` does."""
    actor.require("product:write")
    product = products.get_product(actor.tenant_id, product_id)
    expected.check(build_tag(serialize_access(product.is_restricted)))


def _insert(session: Session, actor: Actor, product_id: str, name: str) -> tuple[DownloadKey, str]:
    lock_name(session, f"download-keys:{product_id}")
    if queries.count_keys(actor.tenant_id, product_id) >= KEY_LIMIT:
        message = say("A product has at most {limit} download keys. Revoke one first.", limit=KEY_LIMIT)
        raise ValidationError([FieldError("", "too_many", message)])
    moment, key_id = times.now(), generate_id()
    secret = grammar.build_key(current_app.extensions["slipway"].settings.secret_key, key_id)
    row = DownloadKey(
        id=key_id,
        tenant_id=actor.tenant_id,
        product_id=product_id,
        name=name,
        key_hash=grammar.hash_key(secret),
        ending=grammar.find_ending(secret),
        created_at=moment,
        updated_at=moment,
    )
    session.add(row)
    session.flush()
    audit.record(session, actor, "download_key.created", row.id, _describe(row))
    return row, secret


def _show_again(row: DownloadKey) -> IssuedKey:
    key = grammar.build_key(current_app.extensions["slipway"].settings.secret_key, row.id)
    is_fresh = row.revoked_at is None and row.created_at > times.now() - _SHOWN_AGAIN
    # With another SECRET_KEY it is not the one that was made.
    is_same = grammar.hash_key(key) == row.key_hash
    return IssuedKey(row, key if is_fresh and is_same else None, is_replay=True)


def _lock(session: Session, actor: Actor, product_id: str, key_id: str) -> DownloadKey:
    queries.get_key(actor.tenant_id, product_id, key_id)
    query = select(DownloadKey).where(DownloadKey.tenant_id == actor.tenant_id, DownloadKey.id == key_id)
    return session.scalars(query.with_for_update().execution_options(populate_existing=True)).one()


def _describe(row: DownloadKey) -> dict[str, str]:
    return {"name": row.name, "productId": row.product_id}


def _touch(tenant_id: str, key_id: str) -> None:
    with transaction() as session:
        session.execute(
            update(DownloadKey)
            .where(DownloadKey.tenant_id == tenant_id, DownloadKey.id == key_id)
            .values(last_used_at=times.now())
        )
