"""The machines' door to webhooks: ``/v3/webhooks``. Its twin for people is ``views``.

What is done with a webhook beside changing it has its routes in ``actions_api``.
"""

from __future__ import annotations

from flask import Blueprint, Response, g

from app.accounts.bearer import token_required
from app.answers import (
    answer_json,
    answer_list,
    answer_trial,
    build_url,
    list_parameters,
    name_ignored_fields,
    read_flag,
    read_idempotency_key,
    read_precondition,
    refuse_trial,
)
from app.json_body import read_json_object
from app.schemas import find_unknown
from app.webhooks import creation, filters, queries, service, trials
from app.webhooks.answers import answer_webhook, show_webhooks
from app.webhooks.events import EVENT_TYPES
from app.webhooks.schema import WebhookChangeSchema, WebhookSchema, find_warnings
from app.webhooks.serializers import serialize_settings

blueprint = Blueprint("webhooks_api", __name__, url_prefix="/v3/webhooks")


@blueprint.post("")
@token_required("webhook:write")
def create_webhook() -> Response:
    """Creates a webhook, or with ``validateOnly=true`` says whether it could be created.

    With ``"ping": true`` a test is sent to it at once.
    """
    is_trial, is_strict = read_flag("validateOnly"), read_flag("strict")
    key = read_idempotency_key()
    raw = read_json_object()
    sent = service.parse_webhook(g.actor, raw, is_strict=is_strict)
    headers = name_ignored_fields(find_unknown(WebhookSchema, raw))
    if is_trial:
        return answer_trial(serialize_settings(sent), find_warnings(raw, sent), headers)
    made = creation.create_webhook(g.actor, sent, key)
    if made.is_replay:
        return answer_webhook(made.webhook, 200, {**headers, "Idempotent-Replayed": "true"})
    location = build_url(f"/v3/webhooks/{made.webhook.id}")
    return answer_webhook(made.webhook, 201, {**headers, "Location": location})


@blueprint.get("")
@token_required("webhook:read")
def list_webhooks() -> Response:
    """Answers a bare array, with the next page's address in Link."""
    wanted = filters.parse_list_query(list_parameters())
    found = queries.select_page(g.actor.tenant_id, wanted)
    return answer_list(show_webhooks(found), wanted.limit, lambda: filters.build_cursor(found[-1]), has_secrets=True)


@blueprint.get("/events")
@token_required("webhook:read")
def list_event_types() -> Response:
    """Answers the event types by entity."""
    return answer_json({entity: list(names) for entity, names in EVENT_TYPES.items()})


@blueprint.get("/<webhook_id>")
@token_required("webhook:read")
def get_webhook(webhook_id: str) -> Response:
    """Answers one webhook."""
    return answer_webhook(queries.get_webhook(g.actor.tenant_id, webhook_id))


@blueprint.patch("/<webhook_id>")
@token_required("webhook:write")
def update_webhook(webhook_id: str) -> Response:
    """Changes what is given, or with ``validateOnly=true`` says whether it could be changed so.

    A new token replaces the former one at once.
    """
    is_trial, is_strict = read_flag("validateOnly"), read_flag("strict")
    expected = read_precondition()
    raw = read_json_object()
    change = service.parse_webhook_change(g.actor, raw, is_strict=is_strict)
    headers = name_ignored_fields(find_unknown(WebhookChangeSchema, raw))
    if is_trial:
        trial = trials.try_change(g.actor, webhook_id, change, expected)
        return answer_trial(trial.normalized, [*find_warnings(raw, change), *trial.warnings], headers)
    return answer_webhook(service.update_webhook(g.actor, webhook_id, change, expected=expected), headers=headers)


@blueprint.delete("/<webhook_id>")
@token_required("webhook:write")
def delete_webhook(webhook_id: str) -> Response:
    """Deletes a webhook."""
    refuse_trial()
    service.delete_webhook(g.actor, webhook_id, read_precondition())
    return Response(status=204)
