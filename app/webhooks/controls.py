"""The people's door to what is done with a webhook by a button: tests, pauses, its notice, the rotation of its secret.

Its twin for machines is ``actions_api``.
"""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.sessions import sign_in_required
from app.exceptions import ConflictError
from app.webhooks import forms, pausing, queries, rotation, samples, service, troubles
from app.webhooks.schema import DEFAULT_OVERLAP_HOURS, WebhookChangeSchema, parse_rotation

blueprint = Blueprint("webhook_controls", __name__, url_prefix="/webhooks/<webhook_id>")


@blueprint.post("/test")
@sign_in_required
def send_test(webhook_id: str) -> Response:
    """Sends a test, and leads to where its answer will be."""
    delivery_id = samples.send_test(current_user.actor, webhook_id)
    flash("A test is on its way. What came back shows up here.", "success")
    return redirect(url_for("deliveries.show_delivery", delivery_id=delivery_id), 303)


@blueprint.post("/pause")
@sign_in_required
def pause(webhook_id: str) -> Response:
    """Holds events back until the webhook is resumed."""
    pausing.pause_webhook(current_user.actor, webhook_id)
    flash("The webhook is paused. Events are held until you resume it.", "success")
    return _go_back(webhook_id)


@blueprint.post("/resume")
@sign_in_required
def resume(webhook_id: str) -> Response:
    """Sends what was held, at a ramp."""
    pausing.resume_webhook(current_user.actor, webhook_id)
    flash("The webhook is resumed. What was held goes out now, slowly at first.", "success")
    return _go_back(webhook_id)


@blueprint.post("/switch-on")
@sign_in_required
def switch_on(webhook_id: str) -> Response:
    """Switches a webhook on that its owner or Slipway had switched off."""
    service.update_webhook(current_user.actor, webhook_id, WebhookChangeSchema(active=True))
    flash("The webhook is switched on. What it was owed goes out now, slowly at first.", "success")
    return _go_back(webhook_id)


@blueprint.post("/dismiss-notice")
@sign_in_required
def dismiss_notice(webhook_id: str) -> Response:
    """Ends the notice that Slipway has switched a webhook off, and leads back to where the button was."""
    webhook = troubles.dismiss_notice(current_user.actor, webhook_id)
    if request.form.get("from") != "list":
        return _go_back(webhook_id)
    flash(f"The notice about {webhook.name} is gone. The webhook stays switched off.", "success")
    return redirect(url_for("webhooks.list_webhooks"), 303)


@blueprint.post("/rotate")
@sign_in_required
def rotate(webhook_id: str) -> Response:
    """Replaces the secret. Raises ValidationError for an overlap that the form does not offer."""
    actor = current_user.actor
    actor.require("webhook:write")
    queries.get_webhook(actor.tenant_id, webhook_id)
    typed = request.form.get("overlapHours", "")
    sent = parse_rotation({"overlapHours": forms.read_number(typed, DEFAULT_OVERLAP_HOURS)})
    try:
        rotation.rotate_secret(actor, webhook_id, sent.overlap_hours)
    except ConflictError as error:
        flash(error.message, "error")
        return _go_back(webhook_id, "secret")
    flash(_describe_overlap(sent.overlap_hours), "success")
    return _go_back(webhook_id, "secret")


@blueprint.post("/cut-over")
@sign_in_required
def cut_over(webhook_id: str) -> Response:
    """Ends an overlap: only the newest secret is good from now on."""
    rotation.cut_over(current_user.actor, webhook_id)
    flash("Only the newest secret signs from now on.", "success")
    return _go_back(webhook_id, "secret")


def _describe_overlap(hours: int) -> str:
    if not hours:
        return "There is a new secret, which the receiver needs now: the former one is worth nothing any more."
    return f"There is a new secret. The former one stays good for {hours} hour{'s' if hours > 1 else ''}."


def _go_back(webhook_id: str, anchor: str | None = None) -> Response:
    return redirect(url_for("webhooks.show_webhook", webhook_id=webhook_id, _anchor=anchor), 303)
