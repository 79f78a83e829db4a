"""What is read of webhooks. Every query names its tenant; none commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from sqlalchemy import Select, and_, asc, desc, exists, or_, select
from sqlalchemy.orm import aliased, lazyload

from app.exceptions import NotFoundError
from app.extensions import db
from app.listing import ListQuery, cut_list
from app.text import is_canonical_id
from app.webhooks.models import Delivery, Webhook, WebhookSubscription


def get_webhook(tenant_id: str, webhook_id: str) -> Webhook:
    """Gives the tenant's webhook. Raises NotFoundError for an absent, a deleted and another tenant's one alike."""
    webhook = None
    if is_canonical_id(webhook_id):
        webhook = db.session.scalar(_select_webhooks(tenant_id).where(Webhook.id == webhook_id))
    if webhook is None:
        raise NotFoundError("There is no such webhook.")
    return webhook


def list_webhooks(tenant_id: str, limit: int, page: int = 1, *, is_descending: bool = False) -> Sequence[Webhook]:
    """Gives a page of the tenant's webhooks, the oldest first unless ``is_descending``."""
    direction = desc if is_descending else asc
    query = _select_webhooks(tenant_id).order_by(direction(Webhook.created_at), direction(Webhook.id))
    return db.session.scalars(query.limit(limit).offset((page - 1) * limit)).all()


def select_page(tenant_id: str, wanted: ListQuery) -> Sequence[Webhook]:
    """Gives the part of the tenant's webhooks that is wanted."""
    query = _select_webhooks(tenant_id).where(*wanted.conditions)
    return db.session.scalars(cut_list(query, (Webhook.created_at, Webhook.id), wanted)).all()


def _select_webhooks(tenant_id: str) -> Select[Webhook]:
    return select(Webhook).where(Webhook.tenant_id == tenant_id, Webhook.deleted_at.is_(None))


def list_meant(tenant_id: str, text: str, limit: int) -> Sequence[Webhook]:
    """Gives webhooks that a filter means, see ``select_meant``, the oldest first."""
    query = select_meant(tenant_id, text).options(lazyload(Webhook.subscriptions))
    return db.session.scalars(query.order_by(Webhook.created_at, Webhook.id).limit(limit)).all()


def select_meant(tenant_id: str, text: str) -> Select[Webhook]:
    """Selects the webhooks that a filter means: the one with this id, or those with this name if there are any.

    Else they are those that have the text in their name or URL, in any case. Deleted ones are among them, for what
    was sent to them is still listed.
    """
    own = select(Webhook).where(Webhook.tenant_id == tenant_id)
    if is_canonical_id(text):
        return own.where(Webhook.id == text)
    namesake = aliased(Webhook)
    has_namesake = exists().where(namesake.tenant_id == tenant_id, namesake.name == text)
    mentions = Webhook.name.icontains(text, autoescape=True) | Webhook.url.icontains(text, autoescape=True)
    return own.where(or_(Webhook.name == text, and_(~has_namesake, mentions)))


def list_subscribers(tenant_id: str, event_type: str) -> Sequence[Webhook]:
    """Gives the active webhooks of the tenant that an event of this type goes to, by name."""
    is_subscribed = exists().where(
        WebhookSubscription.webhook_id == Webhook.id,
        WebhookSubscription.tenant_id == tenant_id,
        WebhookSubscription.event_type == event_type,
    )
    query = _select_webhooks(tenant_id).where(Webhook.active.is_(True), is_subscribed)
    query = query.options(lazyload(Webhook.subscriptions)).order_by(Webhook.name, Webhook.id)
    return db.session.scalars(query).all()


def find_last_deliveries(tenant_id: str, webhook_ids: Sequence[str]) -> Mapping[str, Delivery]:
    """Gives the newest delivery of each webhook that has one."""
    # One look into the index for each webhook, however many deliveries it has.
    newest = (
        select(Delivery.id)
        .where(Delivery.tenant_id == Webhook.tenant_id, Delivery.webhook_id == Webhook.id)
        .order_by(Delivery.created_at.desc())
        .limit(1)
        .scalar_subquery()
    )
    ids = select(newest).where(Webhook.tenant_id == tenant_id, Webhook.id.in_(webhook_ids))
    query = select(Delivery).where(Delivery.tenant_id == tenant_id, Delivery.id.in_(ids))
    return {delivery.webhook_id: delivery for delivery in db.session.scalars(query)}
