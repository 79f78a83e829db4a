"""The machines' door to deliveries: those of a webhook, and the log of all attempts.

Its twin for people is ``views``.
"""

from __future__ import annotations

from flask import Blueprint, Response, g

from app.accounts.bearer import token_required
from app.answers import answer_entity, answer_json, answer_list, list_parameters, refuse_trial
from app.deliveries import filters, logs, queries, service
from app.deliveries.serializers import serialize_attempt, serialize_delivery, serialize_whole_delivery
from app.paging import build_cursor
from app.webhooks import queries as webhooks

blueprint = Blueprint("deliveries_api", __name__, url_prefix="/v3")


@blueprint.get("/webhook-event-logs")
@token_required("webhook:read")
def list_event_logs() -> Response:
    """Answers a bare array with one entry for each attempt, and the next page's address in Link."""
    wanted = filters.read_attempt_query(g.actor.tenant_id, list_parameters())
    found = logs.list_attempts(g.actor.tenant_id, wanted)
    items = [serialize_attempt(record) for record in found]
    return answer_list(items, wanted.limit, lambda: build_cursor(found[-1].attempt.started_at, found[-1].delivery.id))


@blueprint.get("/webhook-event-logs/<event_log_id>")
@token_required("webhook:read")
def get_event_log(event_log_id: str) -> Response:
    """Answers one attempt."""
    return answer_entity(serialize_attempt(logs.get_attempt(g.actor.tenant_id, event_log_id)))


@blueprint.get("/webhooks/<webhook_id>/deliveries")
@token_required("webhook:read")
def list_deliveries(webhook_id: str) -> Response:
    """Answers a bare array of a webhook's deliveries, and the next page's address in Link."""
    webhooks.get_webhook(g.actor.tenant_id, webhook_id)
    wanted = filters.read_delivery_query(g.actor.tenant_id, list_parameters())
    found = queries.list_of_webhook(g.actor.tenant_id, webhook_id, wanted)
    items = [serialize_delivery(record) for record in found]
    return answer_list(items, wanted.limit, lambda: build_cursor(found[-1].delivery.created_at, found[-1].delivery.id))


@blueprint.get("/webhooks/<webhook_id>/deliveries/<delivery_id>")
@token_required("webhook:read")
def get_delivery(webhook_id: str, delivery_id: str) -> Response:
    """Answers one delivery with its body and its attempts."""
    webhooks.get_webhook(g.actor.tenant_id, webhook_id)
    return answer_entity(serialize_whole_delivery(queries.get_delivery(g.actor.tenant_id, delivery_id, webhook_id)))


@blueprint.post("/webhooks/<webhook_id>/deliveries/<delivery_id>/resend")
@token_required("webhook:write")
def resend(webhook_id: str, delivery_id: str) -> Response:
    """Sends a delivery again. Clients send no body; one that comes is not looked at."""
    refuse_trial()
    service.resend(g.actor, delivery_id, webhook_id)
    return answer_json(serialize_delivery(queries.get_delivery(g.actor.tenant_id, delivery_id)), 202)
