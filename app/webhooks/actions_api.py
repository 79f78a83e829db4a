"""The machines' door to what is done with a webhook: tests, pauses, rotations of its secret, health and its notice.

A body may be left out. One that has a member which the action does not have is refused, always: what somebody has
misspelt would be done otherwise than they meant it.
"""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, request

from app.accounts.bearer import token_required
from app.answers import answer_json, read_precondition, refuse_trial
from app.json_body import read_json_object
from app.webhooks import pausing, queries, rotation, samples, troubles
from app.webhooks.answers import answer_webhook, show_webhook_health
from app.webhooks.schema import parse_action, parse_rotation

blueprint = Blueprint("webhook_actions_api", __name__, url_prefix="/v3/webhooks/<webhook_id>")


@blueprint.post("/test")
@token_required("webhook:write")
def send_test(webhook_id: str) -> Response:
    """Sends a test; answers the id of its delivery, under which the receiver's answer is found."""
    parse_action(_read_members(webhook_id))
    return answer_json({"deliveryId": samples.send_test(g.actor, webhook_id)}, 202)


@blueprint.post("/pause")
@token_required("webhook:write")
def pause_webhook(webhook_id: str) -> Response:
    """Holds events back until the webhook is resumed."""
    parse_action(_read_members(webhook_id))
    return answer_webhook(pausing.pause_webhook(g.actor, webhook_id, read_precondition()))


@blueprint.post("/resume")
@token_required("webhook:write")
def resume_webhook(webhook_id: str) -> Response:
    """Sends what was held, at a ramp."""
    parse_action(_read_members(webhook_id))
    return answer_webhook(pausing.resume_webhook(g.actor, webhook_id, read_precondition()))


@blueprint.post("/rotate")
@token_required("webhook:write")
def rotate_secret(webhook_id: str) -> Response:
    """Replaces the secret; without a body the former one stays good for a day."""
    sent = parse_rotation(_read_members(webhook_id))
    webhook = rotation.rotate_secret(g.actor, webhook_id, sent.overlap_hours, sent.token, expected=read_precondition())
    return answer_webhook(webhook)


@blueprint.post("/cut-over")
@token_required("webhook:write")
def cut_over(webhook_id: str) -> Response:
    """Ends an overlap: only the newest secret is good from now on."""
    parse_action(_read_members(webhook_id))
    return answer_webhook(rotation.cut_over(g.actor, webhook_id, read_precondition()))


@blueprint.post("/dismiss-notice")
@token_required("webhook:write")
def dismiss_notice(webhook_id: str) -> Response:
    """Ends the notice that Slipway has switched the webhook off; answers its health, which says when that was."""
    parse_action(_read_members(webhook_id))
    return answer_json(show_webhook_health(troubles.dismiss_notice(g.actor, webhook_id)))


@blueprint.get("/health")
@token_required("webhook:read")
def show_health(webhook_id: str) -> Response:
    """Answers how the webhook does."""
    return answer_json(show_webhook_health(queries.get_webhook(g.actor.tenant_id, webhook_id)))


def _read_members(webhook_id: str) -> dict[str, Any]:
    """Gives what was sent, nothing if there is no body."""
    # What is not there is not there, whatever else is wrong with the request.
    queries.get_webhook(g.actor.tenant_id, webhook_id)
    refuse_trial()
    # Of a form nothing is left to read, for it was looked through for a token; it is no JSON all the same.
    has_body = request.content_length or request.get_data() or request.form
    return read_json_object() if has_body else {}
