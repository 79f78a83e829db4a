"""The machines' door to replays: ``/v3/webhooks/{id}/replays``. Its twin for people is ``views``."""

from __future__ import annotations

from flask import Blueprint, Response, g

from app import paging
from app.accounts.bearer import token_required
from app.answers import answer_entity, answer_json, answer_list, build_url, list_parameters, read_flag, refuse_trial
from app.json_body import read_json_object
from app.parameters import read_place
from app.replays import queries, service
from app.replays.serializers import serialize_preview, serialize_replay
from app.webhooks import queries as webhooks

blueprint = Blueprint("replays_api", __name__, url_prefix="/v3/webhooks/<webhook_id>/replays")


@blueprint.post("")
def create_replay(webhook_id: str) -> Response:
    """Orders a replay, or with ``validateOnly=true`` says what it would find, for which reading is enough."""
    return _preview(webhook_id) if read_flag("validateOnly") else _create(webhook_id)


@token_required("webhook:read")
def _preview(webhook_id: str) -> Response:
    # What is not there is not there, whatever else is wrong with the request.
    webhooks.get_webhook(g.actor.tenant_id, webhook_id)
    return answer_json(serialize_preview(service.preview(g.actor, webhook_id, read_json_object())))


@token_required("webhook:write")
def _create(webhook_id: str) -> Response:
    webhooks.get_webhook(g.actor.tenant_id, webhook_id)
    replay = service.create_replay(g.actor, webhook_id, service.parse_replay(read_json_object()))
    # It is accepted, and the relay takes it from here.
    return answer_json(
        _show(webhook_id, replay.id), 202, {"Location": build_url(f"/v3/webhooks/{webhook_id}/replays/{replay.id}")}
    )


@blueprint.get("")
@token_required("webhook:read")
def list_replays(webhook_id: str) -> Response:
    """Answers a bare array, with the next page's address in Link."""
    webhook = webhooks.get_webhook(g.actor.tenant_id, webhook_id)
    wanted = read_place(list_parameters())
    found = queries.list_replays(g.actor.tenant_id, webhook_id, wanted)
    items = [serialize_replay(record, webhook) for record in found]
    return answer_list(items, wanted.limit, lambda: _build_cursor(found[-1]))


@blueprint.get("/<replay_id>")
@token_required("webhook:read")
def get_replay(webhook_id: str, replay_id: str) -> Response:
    """Answers one replay, with how far it is."""
    return answer_entity(_show(webhook_id, replay_id))


@blueprint.post("/<replay_id>/cancel")
@token_required("webhook:write")
def cancel_replay(webhook_id: str, replay_id: str) -> Response:
    """Ends a running replay; what it has queued and what was not tried yet is taken back."""
    refuse_trial()
    service.cancel_replay(g.actor, webhook_id, replay_id)
    return answer_json(_show(webhook_id, replay_id))


def _build_cursor(record: queries.ReplayRecord) -> str:
    return paging.build_cursor(record.replay.created_at, record.replay.id)


def _show(webhook_id: str, replay_id: str) -> dict[str, object]:
    webhook = webhooks.get_webhook(g.actor.tenant_id, webhook_id)
    return serialize_replay(queries.get_replay(g.actor.tenant_id, webhook_id, replay_id), webhook)
