"""The people's door to what is done with a webhook by a button: tests, pauses, its notice, the rotation of its secret.

Its twin for machines is ``actions_api``.
"""

from __future__ import annotations

from uuid import uuid4

from flask import Blueprint, flash, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.sessions import sign_in_required
from app.exceptions import ConflictError
from app.language import gettext as _
from app.language import ngettext, translate
from app.webhooks import forms, pausing, queries, rotation, samples, secret_page, service, troubles
from app.webhooks.field_types import DEFAULT_OVERLAP_HOURS
from app.webhooks.schema import WebhookChangeSchema, parse_rotation

blueprint = Blueprint("webhook_controls", __name__, url_prefix="/webhooks/<webhook_id>")


@blueprint.app_template_global()
def make_form_key() -> str:
    """Gives a key for the form of a button, by which a second click is known from another one."""
    return str(uuid4())


@blueprint.post("/test")
@sign_in_required
def send_test(webhook_id: str) -> Response:
    """Sends a test, and leads to where its answer will be."""
    delivery_id = samples.send_test(current_user.actor, webhook_id, request.form.get("clickKey", ""))
    flash(_("A test is on its way. What came back shows up here."), "success")
    return redirect(url_for("deliveries.show_delivery", delivery_id=delivery_id), 303)


@blueprint.post("/pause")
@sign_in_required
def pause(webhook_id: str) -> Response:
    """Holds events back until the webhook is resumed."""
    webhook = pausing.pause_webhook(current_user.actor, webhook_id)
    if webhook.active:
        flash(_("The webhook is paused. Events are held until you resume it."), "success")
    else:
        flash(_("The webhook is paused. It is switched off, too."), "success")
    return _go_back(webhook_id)


@blueprint.post("/resume")
@sign_in_required
def resume(webhook_id: str) -> Response:
    """Sends what was held, at a ramp."""
    webhook = pausing.resume_webhook(current_user.actor, webhook_id)
    if webhook.active:
        flash(_("The webhook is resumed. What was held goes out now, slowly at first."), "success")
    else:
        flash(_("The pause is over. It is switched off: what it is owed waits until you switch it on."), "info")
    return _go_back(webhook_id)


@blueprint.post("/switch-on")
@sign_in_required
def switch_on(webhook_id: str) -> Response:
    """Switches a webhook on that its owner or Slipway had switched off."""
    webhook = service.update_webhook(current_user.actor, webhook_id, WebhookChangeSchema(active=True))
    if webhook.paused_at is None:
        flash(_("The webhook is switched on. What it was owed goes out now, slowly at first."), "success")
    else:
        flash(_("The webhook is switched on, and still paused. Events are held until you resume it."), "info")
    return _go_back(webhook_id)


@blueprint.post("/dismiss-notice")
@sign_in_required
def dismiss_notice(webhook_id: str) -> Response:
    """Ends the notice that Slipway has switched a webhook off, and leads back to where the button was."""
    webhook = troubles.dismiss_notice(current_user.actor, webhook_id)
    if request.form.get("from") != "list":
        return _go_back(webhook_id)
    flash(_("The notice about {name} is gone. The webhook stays switched off.", name=webhook.name), "success")
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
        webhook = rotation.rotate_secret(
            actor, webhook_id, sent.overlap_hours, form_key=request.form.get("clickKey", "")
        )
    except ConflictError as error:
        flash(translate(error.message), "error")
        return _go_back(webhook_id)
    flash(_describe_overlap(sent.overlap_hours, is_public=secret_page.is_public(webhook)), "success")
    return _go_back(webhook_id)


@blueprint.post("/cut-over")
@sign_in_required
def cut_over(webhook_id: str) -> Response:
    """Ends an overlap: only the newest secret is good from now on."""
    webhook = rotation.cut_over(current_user.actor, webhook_id)
    if secret_page.is_public(webhook):
        flash(_("Only the newest key signs from now on."), "success")
    else:
        flash(_("Only the newest secret signs from now on."), "success")
    return _go_back(webhook_id)


def _describe_overlap(hours: int, *, is_public: bool) -> str:
    if hours:
        made = _("There is a new key pair.") if is_public else _("There is a new secret.")
        stays = ngettext(
            "The former one stays good for {count} hour.", "The former one stays good for {count} hours.", hours
        )
        return f"{made} {stays}"
    if is_public:
        words = _("There is a new key pair, whose public key the receiver needs now.")
    else:
        words = _("There is a new secret, which the receiver needs now.")
    worthless = _("The former one is worth nothing any more.")
    return f"{words} {worthless}"


def _go_back(webhook_id: str) -> Response:
    # To the top of the page, where it says what was done.
    return redirect(url_for("webhooks.show_webhook", webhook_id=webhook_id), 303)
