"""What is read of deliveries. Every query names its tenant; none commits.

A list is read in two steps: first the ids of its part, from an index alone wherever there is one, then what is shown
of them. So no plan ever joins a million rows to show twenty.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from sqlalchemy import ColumnElement, Select, false, func, literal, literal_column, or_, select
from sqlalchemy.orm import lazyload, load_only

from app.deliveries.schema import DEAD, DELIVERED, DELIVERING, HELD, QUEUED, RETRYING, DeliveryFilter
from app.exceptions import NotFoundError
from app.extensions import db
from app.listing import ListQuery, cut_list
from app.paging import Place
from app.releases.models import Release
from app.text import is_canonical_id
from app.webhooks import queries as webhooks
from app.webhooks.events import WEBHOOK_TEST
from app.webhooks.models import Attempt, Delivery, Event, Webhook

COUNT_LIMIT = 1000
_FEW = 500


@dataclass(frozen=True, slots=True)
class DeliveryRecord:
    """A delivery with what is needed to tell of it. Name and version are of the release that the event is about.

    ``request_id`` is of the request that made the event, and empty where it was none.
    """

    delivery: Delivery
    event_type: str
    entity_id: str
    request_id: str
    webhook: Webhook
    release_name: str | None
    release_version: str | None
    body: bytes = b""
    attempts: Sequence[Attempt] = field(default=())


def list_deliveries(tenant_id: str, filters: DeliveryFilter, place: Place) -> list[DeliveryRecord]:
    """Gives the part of the tenant's deliveries that fit, without their bodies and attempts."""
    return _list_fitting(tenant_id, _build_conditions(tenant_id, filters), place)


def list_of_webhook(tenant_id: str, webhook_id: str, wanted: ListQuery) -> list[DeliveryRecord]:
    """Gives the part of a webhook's deliveries that fit (see ``filters``), without their bodies and attempts."""
    return _list_fitting(tenant_id, [Delivery.webhook_id == webhook_id, *wanted.conditions], wanted)


def list_of_entity(tenant_id: str, entity_id: str, limit: int) -> list[DeliveryRecord]:
    """Gives the newest deliveries of the events about one entity."""
    place = Place(limit=limit, is_descending=True)
    return list_deliveries(tenant_id, DeliveryFilter(release=entity_id), place)


def get_delivery(tenant_id: str, delivery_id: str, webhook_id: str | None = None) -> DeliveryRecord:
    """Gives the tenant's delivery with its body and attempts. Raises NotFoundError.

    An absent one, another tenant's and, if a webhook is named, another webhook's look alike.
    """
    found = _load_records(tenant_id, [delivery_id]) if is_canonical_id(delivery_id) else []
    if not found or webhook_id not in (None, found[0].delivery.webhook_id):
        raise NotFoundError("There is no such delivery.")
    (record,) = found
    body = select(Event.body).where(Event.tenant_id == tenant_id, Event.id == record.delivery.event_id)
    attempts = (
        select(Attempt)
        .where(Attempt.tenant_id == tenant_id, Attempt.delivery_id == delivery_id)
        .order_by(Attempt.number)
    )
    return DeliveryRecord(
        delivery=record.delivery,
        event_type=record.event_type,
        entity_id=record.entity_id,
        request_id=record.request_id,
        webhook=record.webhook,
        release_name=record.release_name,
        release_version=record.release_version,
        body=db.session.scalars(body).one(),
        attempts=db.session.scalars(attempts).all(),
    )


def count_dead(tenant_id: str) -> int:
    """Gives how many dead letters the tenant has, and does not count beyond ``COUNT_LIMIT`` + 1."""
    conditions = _build_conditions(tenant_id, DeliveryFilter(state=DEAD))
    some = select(literal(1)).where(Delivery.tenant_id == tenant_id, *conditions).limit(COUNT_LIMIT + 1)
    return db.session.scalar(select(func.count()).select_from(some.subquery())) or 0


def find_last_attempts(tenant_id: str, deliveries: Sequence[Delivery]) -> Mapping[str, Attempt]:
    """Takes deliveries; gives, by id, the last attempt of each that has one, without both sides' words."""
    if not deliveries:
        return {}
    query = (
        select(Attempt)
        .where(
            Attempt.tenant_id == tenant_id,
            or_(*((Attempt.delivery_id == it.id) & (Attempt.number == it.attempt_count) for it in deliveries)),
        )
        .options(load_only(Attempt.delivery_id, Attempt.error_message, Attempt.url))
    )
    return {attempt.delivery_id: attempt for attempt in db.session.scalars(query)}


def _list_fitting(tenant_id: str, conditions: Sequence[ColumnElement[bool]], place: Place) -> list[DeliveryRecord]:
    query = select(Delivery.id).where(Delivery.tenant_id == tenant_id, *conditions)
    ids = db.session.scalars(cut_list(query, (Delivery.created_at, Delivery.id), place)).all()
    return _load_records(tenant_id, ids)


def _load_records(tenant_id: str, delivery_ids: Sequence[str]) -> list[DeliveryRecord]:
    query = (
        select(Delivery, Event.event_type, Event.entity_id, Event.request_id, Webhook, Release.name, Release.version)
        .join(Event, (Event.id == Delivery.event_id) & (Event.tenant_id == Delivery.tenant_id))
        .join(Webhook, (Webhook.id == Delivery.webhook_id) & (Webhook.tenant_id == Delivery.tenant_id))
        .outerjoin(Release, (Release.id == Event.entity_id) & (Release.tenant_id == Event.tenant_id))
        .where(Delivery.tenant_id == tenant_id, Delivery.id.in_(delivery_ids))
        .options(lazyload(Webhook.subscriptions))
    )
    found = {row[0].id: DeliveryRecord(*row) for row in db.session.execute(query)} if delivery_ids else {}
    return [found[delivery_id] for delivery_id in delivery_ids if delivery_id in found]


def _build_conditions(tenant_id: str, filters: DeliveryFilter) -> list[ColumnElement[bool]]:
    conditions: list[ColumnElement[bool]] = []
    if filters.webhook is not None:
        conditions.append(_build_webhook_condition(tenant_id, filters.webhook))
    if filters.state is not None:
        conditions.append(build_state_condition(filters.state))
    if filters.state == DEAD and filters.webhook is None:
        conditions += _list_letter_conditions(filters)
    if filters.since is not None:
        conditions.append(Delivery.created_at >= filters.since)
    if filters.until is not None:
        conditions.append(Delivery.created_at < filters.until)
    if filters.event_type is not None or filters.release is not None:
        few = find_few_deliveries(tenant_id, filters)
        is_about_it = build_event_condition(tenant_id, filters) if few is None else Delivery.id.in_(few)
        conditions.append(is_about_it)
    return conditions


def _build_webhook_condition(tenant_id: str, text: str) -> ColumnElement[bool]:
    if is_canonical_id(text):
        return Delivery.webhook_id == text
    meant = webhooks.select_meant(tenant_id, text).with_only_columns(Webhook.id)
    few = db.session.scalars(meant.limit(_FEW + 1)).all()
    # Named one by one, each is found in the index of its own deliveries.
    condition: ColumnElement[bool] = Delivery.webhook_id.in_(few if len(few) <= _FEW else meant)
    return condition if few else false()


def _list_letter_conditions(filters: DeliveryFilter) -> list[ColumnElement[bool]]:
    """Gives what makes a dead delivery a dead letter: that somebody misses it, and that it can be sent again."""
    is_of_deleted = (
        select(Webhook.id)
        .where(
            Webhook.id == Delivery.webhook_id,
            Webhook.tenant_id == Delivery.tenant_id,
            Webhook.deleted_at.is_not(None),
        )
        .exists()
    )
    # A test that failed has told all that it was for, but whoever looks for tests wants to see it.
    return [~is_of_deleted, *([] if filters.event_type == WEBHOOK_TEST else [Delivery.is_test.is_(False)])]


def build_state_condition(state: str) -> ColumnElement[bool]:
    """Gives the condition that a delivery is in one of ``schema.STATES``."""
    # As constants, not as parameters: otherwise neither database sees that its partial indexes fit.
    is_pending = Delivery.state == literal_column("'pending'")
    conditions: dict[str, ColumnElement[bool]] = {
        QUEUED: is_pending & Delivery.is_claimed.is_(False) & (Delivery.attempt_count == Delivery.attempts_before),
        RETRYING: is_pending & Delivery.is_claimed.is_(False) & (Delivery.attempt_count > Delivery.attempts_before),
        DELIVERING: is_pending & Delivery.is_claimed.is_(True),
        DELIVERED: Delivery.state == literal_column("'delivered'"),
        DEAD: Delivery.state == literal_column("'dead'"),
        HELD: Delivery.state == literal_column("'held'"),
    }
    return conditions[state]


def build_event_condition(tenant_id: str, filters: DeliveryFilter) -> ColumnElement[bool]:
    """Gives the condition that a delivery's event fits what the filter says of events."""
    return _select_events(tenant_id, filters).where(Event.id == Delivery.event_id).exists()


def find_few_deliveries(tenant_id: str, filters: DeliveryFilter) -> Sequence[str] | None:
    """Gives the ids of all deliveries whose events fit, or None if those are many.

    What many events fit is soon met by going through a list; what few fit is not, but they can be named one by one.
    """
    fitting = _select_events(tenant_id, filters).limit(_FEW + 1)
    events = db.session.scalars(fitting).all()
    if len(events) > _FEW:
        return None
    few = select(Delivery.id).where(Delivery.tenant_id == tenant_id, Delivery.event_id.in_(events))
    return db.session.scalars(few).all()


def find_few_in_state(tenant_id: str, state: str) -> Sequence[str] | None:
    """Gives the ids of all deliveries in a state, or None if those are many."""
    query = select(Delivery.id).where(Delivery.tenant_id == tenant_id, build_state_condition(state))
    few = db.session.scalars(query.limit(_FEW + 1)).all()
    return few if len(few) <= _FEW else None


def _select_events(tenant_id: str, filters: DeliveryFilter) -> Select[str]:
    query = select(Event.id).where(Event.tenant_id == tenant_id)
    if filters.event_type is not None:
        query = query.where(Event.event_type == filters.event_type)
    if filters.release is not None and is_canonical_id(filters.release):
        query = query.where(Event.entity_id == filters.release)
    elif filters.release is not None:
        mentions = or_(
            Release.name.icontains(filters.release, autoescape=True),
            Release.version.icontains(filters.release, autoescape=True),
        )
        query = query.join(Release, (Release.id == Event.entity_id) & (Release.tenant_id == Event.tenant_id))
        query = query.where(Release.tenant_id == tenant_id, mentions)
    return query
