"""What both twins of a create share: tables, rows to begin with, and the job as their textbooks have it.

The job: verify the token's signature and time, look up the token and the product, validate what was sent, store a
release, an event, one delivery for each active webhook and an audit entry, commit, and enqueue a job of RQ for each
delivery. Left out, of what Slipway does: slots for each platform, idempotency keys, the check of the token's owner and
of its signing key, the look at what notes would become as HTML, strict JSON, entity tags, and headers.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import uuid4

import rq
from joserfc import jwt
from joserfc.jwk import RSAKey
from pydantic import BaseModel, StringConstraints
from redis import Redis
from sqlalchemy import JSON, ForeignKey, LargeBinary, String, Text, UniqueConstraint, create_engine, select
from sqlalchemy.orm import DeclarativeBase, Mapped, Session, mapped_column, relationship

SCOPE = "release:write"
EVENT = "release.created"
_ALGORITHMS = ["RS256"]
_CLAIMS = jwt.JWTClaimsRegistry(exp={"essential": True}, iss={"essential": True, "value": "twin"})


def make_id() -> str:
    """Gives a new id."""
    return str(uuid4())


def get_now() -> datetime:
    """Gives the time."""
    return datetime.now(UTC)


class Base(DeclarativeBase):
    """The base of the tables, which lie beside Slipway's."""


class Token(Base):
    """An access token."""

    __tablename__ = "twin_tokens"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=make_id)
    tenant_id: Mapped[str] = mapped_column(String(36), index=True)
    email: Mapped[str] = mapped_column(String(254))
    scopes: Mapped[list[str]] = mapped_column(JSON)
    is_revoked: Mapped[bool] = mapped_column(default=False)


class Product(Base):
    """A product."""

    __tablename__ = "twin_products"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=make_id)
    tenant_id: Mapped[str] = mapped_column(String(36), index=True)


class Webhook(Base):
    """A receiver."""

    __tablename__ = "twin_webhooks"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=make_id)
    tenant_id: Mapped[str] = mapped_column(String(36), index=True)
    url: Mapped[str] = mapped_column(Text)
    events: Mapped[list[str]] = mapped_column(JSON)
    is_active: Mapped[bool] = mapped_column(default=True)


class Release(Base):
    """A release."""

    __tablename__ = "twin_releases"
    __table_args__ = (UniqueConstraint("product_id", "channel", "version"),)
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=make_id)
    tenant_id: Mapped[str] = mapped_column(String(36), index=True)
    product_id: Mapped[str] = mapped_column(ForeignKey("twin_products.id"), index=True)
    name: Mapped[str] = mapped_column(String(256))
    version: Mapped[str] = mapped_column(String(128))
    channel: Mapped[str] = mapped_column(String(256))
    platforms: Mapped[list[str]] = mapped_column(JSON)
    private: Mapped[bool]
    published: Mapped[bool] = mapped_column(default=False)
    notes: Mapped[str] = mapped_column(Text)
    created_at: Mapped[datetime] = mapped_column(default=get_now, index=True)


class Event(Base):
    """What happened."""

    __tablename__ = "twin_events"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=make_id)
    tenant_id: Mapped[str] = mapped_column(String(36), index=True)
    event_type: Mapped[str] = mapped_column(String(64))
    body: Mapped[bytes] = mapped_column(LargeBinary)
    created_at: Mapped[datetime] = mapped_column(default=get_now)


class Delivery(Base):
    """An event that is owed to a webhook."""

    __tablename__ = "twin_deliveries"
    id: Mapped[str] = mapped_column(String(36), primary_key=True, default=make_id)
    event_id: Mapped[str] = mapped_column(ForeignKey("twin_events.id"), index=True)
    webhook_id: Mapped[str] = mapped_column(ForeignKey("twin_webhooks.id"), index=True)
    state: Mapped[str] = mapped_column(String(16), default="pending", index=True)
    created_at: Mapped[datetime] = mapped_column(default=get_now)
    event: Mapped[Event] = relationship()


class AuditEntry(Base):
    """Who did what."""

    __tablename__ = "twin_audit_entries"
    id: Mapped[int] = mapped_column(primary_key=True)
    tenant_id: Mapped[str] = mapped_column(String(36), index=True)
    email: Mapped[str] = mapped_column(String(254))
    action: Mapped[str] = mapped_column(String(64))
    entity_id: Mapped[str] = mapped_column(String(36), index=True)
    created_at: Mapped[datetime] = mapped_column(default=get_now)


class ReleaseIn(BaseModel):
    """What is sent."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=256)]
    version: Annotated[str, StringConstraints(pattern=r"^[0-9]+(\.[0-9]+){1,3}$", max_length=128)]
    channel: Annotated[str, StringConstraints(min_length=1, max_length=256)] = "stable"
    platforms: list[str] = []
    private: bool = False
    notes: Annotated[str, StringConstraints(max_length=4096)] = ""
    productId: str  # noqa: N815 - the wire's name


@dataclass(frozen=True, slots=True)
class Place:
    """What is needed to send a create."""

    token: str
    product_id: str


def prepare(database_url: str) -> tuple[dict[str, str], Place]:
    """Makes tables, a tenant's rows and a key; gives what the twins find in their environment, and who sends what."""
    engine = create_engine(database_url)
    Base.metadata.create_all(engine)
    key, tenant_id = RSAKey.generate_key(2048), make_id()
    with Session(engine) as session:
        token = Token(tenant_id=tenant_id, email="ci@example.test", scopes=[SCOPE])
        product = Product(tenant_id=tenant_id)
        session.add_all([token, product, Webhook(tenant_id=tenant_id, url="https://example.test", events=[EVENT])])
        session.commit()
        claims = {"iss": "twin", "jti": token.id, "exp": int(time.time()) + 86400}
        place = Place(jwt.encode({"alg": "RS256"}, claims, key), product.id)
    engine.dispose()
    return {"TWIN_PUBLIC_KEY": key.as_pem(private=False).decode()}, place


def load_key() -> RSAKey:
    """Gives the key that tokens are verified with."""
    return RSAKey.import_key(os.environ["TWIN_PUBLIC_KEY"])


def read_token_id(key: RSAKey, token: str) -> str:
    """Gives the id of a token that is signed and in force. Raises JoseError or ValueError."""
    claims = jwt.decode(token, key, algorithms=_ALGORITHMS).claims
    _CLAIMS.validate(claims)
    return str(claims["jti"])


def select_webhooks(tenant_id: str) -> Any:
    """Gives the query for the tenant's active webhooks."""
    return select(Webhook).where(Webhook.tenant_id == tenant_id, Webhook.is_active)


def build_rows(token: Token, sent: ReleaseIn, webhooks: list[Webhook]) -> tuple[Release, list[Any], list[Delivery]]:
    """Gives the release, all rows to store with it, in an order that foreign keys allow, and the deliveries of them."""
    release = Release(
        id=make_id(),
        tenant_id=token.tenant_id,
        product_id=sent.productId,
        name=sent.name,
        version=sent.version,
        channel=sent.channel,
        platforms=sent.platforms,
        private=sent.private,
        published=False,
        notes=sent.notes,
        created_at=get_now(),
    )
    body = json.dumps({"event": EVENT, "data": describe(release)}).encode()
    event = Event(id=make_id(), tenant_id=token.tenant_id, event_type=EVENT, body=body)
    owed = [
        Delivery(id=make_id(), event=event, webhook_id=webhook.id) for webhook in webhooks if EVENT in webhook.events
    ]
    entry = AuditEntry(tenant_id=token.tenant_id, email=token.email, action=EVENT, entity_id=release.id)
    return release, [release, event, entry, *owed], owed


def describe(release: Release) -> dict[str, Any]:
    """Gives a release as the API answers it."""
    return {
        "id": release.id,
        "createdAt": release.created_at.isoformat(),
        "name": release.name,
        "channel": release.channel,
        "version": release.version,
        "platforms": release.platforms,
        "notes": release.notes,
        "published": release.published,
        "private": release.private,
        "productId": release.product_id,
        "tenantId": release.tenant_id,
    }


def connect_queue() -> rq.Queue:
    """Gives RQ's queue."""
    return rq.Queue("twins", connection=Redis.from_url(os.environ["REDIS_URL"]))


def deliver(delivery_id: str) -> None:
    """What workers would do; none runs while creates are measured."""
    raise NotImplementedError(delivery_id)
