"""Whom a product trusts. Each function checks permission, and commits once or not at all.

How the token comes of it that a job then works with has a file of its own, ``minting``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import times
from app.accounts.actors import Actor
from app.audit import service as audit
from app.database import generate_id, lock_name, transaction
from app.exceptions import ConflictError, NotFoundError
from app.language import say
from app.products import queries as products
from app.publishers import kinds, queries
from app.publishers.models import PublisherToken, TrustedPublisher
from app.publishers.schema import PublisherDraft

# More than anybody watches over.
PUBLISHER_LIMIT = 50


@dataclass(frozen=True, slots=True)
class Creation:
    """What came of a create: the publisher, and whether it was there before (``is_replay``)."""

    publisher: TrustedPublisher
    is_replay: bool


def create_publisher(actor: Actor, product_id: str, draft: PublisherDraft) -> Creation:
    """Commits that a product trusts a job of CI. Whoever sends the same twice gets the first one back.

    Raises ConflictError if the product trusts it already with another owner, or too many, NotFoundError,
    PermissionDeniedError.
    """
    actor.require("product:write")
    products.get_product(actor.tenant_id, product_id)
    try:
        with transaction() as session:
            # Whoever counts, and whoever adds the same, waits for this one.
            lock_name(session, f"trusted-publishers:{product_id}")
            publisher = _find_same(session, actor, product_id, draft)
            is_replay = publisher is not None
            if publisher is None:
                _check_count(session, actor, product_id)
                publisher = _build_row(actor, product_id, draft)
                session.add(publisher)
                session.flush()
                audit.record(session, actor, "publisher.created", publisher.id, describe(publisher))
            session.expunge(publisher)
    except IntegrityError:
        # Its product has gone at this very moment.
        raise NotFoundError(say("There is no such product.")) from None
    return Creation(publisher, is_replay)


def delete_publisher(actor: Actor, product_id: str, publisher_id: str) -> TrustedPublisher:
    """Commits that a job is not trusted any more; gives the publisher as it was.

    All its tokens are refused from the next request on. Raises NotFoundError, PermissionDeniedError.
    """
    actor.require("product:write")
    with transaction() as session:
        publisher = queries.get_publisher(actor.tenant_id, product_id, publisher_id)
        session.expunge(publisher)
        # Its tokens go with it, by the database's own rule.
        session.execute(
            delete(TrustedPublisher).where(
                TrustedPublisher.tenant_id == actor.tenant_id, TrustedPublisher.id == publisher_id
            )
        )
        audit.record(session, actor, "publisher.deleted", publisher.id, describe(publisher))
    return publisher


def revoke_tokens(actor: Actor, product_id: str, publisher_id: str) -> TrustedPublisher:
    """Commits that the tokens which a publisher has now are refused; its next job gets another one.

    Raises NotFoundError, PermissionDeniedError.
    """
    actor.require("product:write")
    with transaction() as session:
        publisher = queries.get_publisher(actor.tenant_id, product_id, publisher_id)
        moment = times.now()
        revoked = session.scalars(
            update(PublisherToken)
            .where(
                PublisherToken.tenant_id == actor.tenant_id,
                PublisherToken.publisher_id == publisher_id,
                PublisherToken.revoked_at.is_(None),
                PublisherToken.expires_at > moment,
            )
            .values(revoked_at=moment)
            .returning(PublisherToken.id)
            .execution_options(synchronize_session=False)
        ).all()
        if revoked:
            details = {**describe(publisher), "tokens": len(revoked)}
            audit.record(session, actor, "publisher.tokens_revoked", publisher.id, details)
        session.expunge(publisher)
    return publisher


def describe(publisher: TrustedPublisher) -> dict[str, Any]:
    """Gives what the audit log tells of a publisher."""
    name = kinds.build_label(publisher.kind, publisher.issuer, publisher.members)
    told: Mapping[str, Any] = {member: value for member, value in publisher.members.items() if value}
    return {"name": name, "productId": publisher.product_id, "kind": publisher.kind, "issuer": publisher.issuer, **told}


def _find_same(session: Session, actor: Actor, product_id: str, draft: PublisherDraft) -> TrustedPublisher | None:
    query = select(TrustedPublisher).where(
        TrustedPublisher.tenant_id == actor.tenant_id,
        TrustedPublisher.product_id == product_id,
        TrustedPublisher.digest == kinds.build_digest(draft.kind, draft.issuer, draft.members),
    )
    found = session.scalar(query)
    if found is not None and draft.owner_id and draft.owner_id != found.owner_id:
        raise ConflictError(
            say("This product trusts this job already, with another owner. Remove that trusted publisher first.")
        )
    return found


def _check_count(session: Session, actor: Actor, product_id: str) -> None:
    own = (TrustedPublisher.tenant_id == actor.tenant_id, TrustedPublisher.product_id == product_id)
    if (session.scalar(select(func.count()).select_from(TrustedPublisher).where(*own)) or 0) >= PUBLISHER_LIMIT:
        raise ConflictError(
            say("A product has at most {limit} trusted publishers. Remove one first.", limit=PUBLISHER_LIMIT)
        )


def _build_row(actor: Actor, product_id: str, draft: PublisherDraft) -> TrustedPublisher:
    moment = times.now()
    return TrustedPublisher(
        id=generate_id(),
        tenant_id=actor.tenant_id,
        product_id=product_id,
        kind=draft.kind,
        issuer=draft.issuer,
        members=dict(draft.members),
        digest=kinds.build_digest(draft.kind, draft.issuer, draft.members),
        lookup=kinds.build_lookup(draft.kind, draft.members),
        owner_id=draft.owner_id,
        created_by=actor.email,
        created_at=moment,
        updated_at=moment,
    )
