"""The people's door to replays: the form with its preview, the list and the page. Its twin for machines is ``api``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import timedelta
from typing import Any
from uuid import uuid4

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app import times
from app.accounts.sessions import admit_form, sign_in_required
from app.exceptions import ConflictError, FieldError, ThrottledError, ValidationError
from app.extensions import csrf
from app.forms import FormState, list_errors, list_headers
from app.idempotency.clicks import build_key
from app.language import gettext as _
from app.language import translate
from app.paging import Place
from app.replays import pages, queries, service
from app.replays.queries import Preview
from app.webhooks import queries as webhooks
from app.webhooks.events import ALL_EVENT_TYPES

blueprint = Blueprint("replays", __name__, url_prefix="/webhooks/<webhook_id>/replays")

_LIST_LIMIT = 100
# Where the span begins in the form unless the webhook's failures began somewhere.
_USUAL_SPAN = timedelta(days=1)

Answer = Response | tuple[str, int] | tuple[str, int, dict[str, str]]


@blueprint.get("")
@sign_in_required
def list_replays(webhook_id: str) -> str:
    """Shows a webhook's replays, the newest first."""
    current_user.actor.require("webhook:read")
    webhook = webhooks.get_webhook(current_user.tenant_id, webhook_id)
    found = queries.list_replays(current_user.tenant_id, webhook_id, Place(_LIST_LIMIT, is_descending=True))
    rows = [pages.build_row(record, webhook) for record in found]
    return render_template("replays/list.html", webhook=webhook, replays=rows)


@blueprint.get("/new")
@sign_in_required
def new_replay(webhook_id: str) -> Answer:
    """Shows the form; with ``since`` in the address it is filled in, and says what it would send."""
    actor = current_user.actor
    actor.require("webhook:read")
    webhook = webhooks.get_webhook(actor.tenant_id, webhook_id)
    if "since" not in request.args:
        return _render(webhook_id, pages.build_new_values(webhook.failing_since or times.now() - _USUAL_SPAN)), 200
    values = pages.read_values(request.args)
    try:
        return _render(webhook_id, values, preview=service.preview(actor, webhook_id, pages.build_raw(values))), 200
    except ValidationError as error:
        return _render(webhook_id, values, error.errors), error.status


@blueprint.post("")
def create_replay(webhook_id: str) -> Answer:
    """Orders a replay. Whatever stands in the way, what was chosen comes back."""
    values = pages.read_values(request.form)
    try:
        admit_form()
        actor = current_user.actor
        actor.require("webhook:write")
        webhooks.get_webhook(actor.tenant_id, webhook_id)
        raw = pages.build_raw(values)
        # What was chosen is part of it: another choice is another order.
        key = build_key(request.form.get("idempotencyKey", ""), raw) or ""
        replay = service.create_replay(actor, webhook_id, service.parse_replay(raw), key)
    except (ValidationError, ThrottledError, ConflictError) as error:
        page = _render(webhook_id, values, list_errors(error), _find_preview(webhook_id, values))
        return page, error.status, list_headers(error)
    flash(_("The replay has begun. It goes on by itself, whatever becomes of this page."), "success")
    return redirect(url_for(".show_replay", webhook_id=webhook_id, replay_id=replay.id), 303)


# ``admit_form`` checks the token.
csrf.exempt(create_replay)


@blueprint.get("/<replay_id>")
@sign_in_required
def show_replay(webhook_id: str, replay_id: str) -> str:
    """Shows how far a replay is."""
    current_user.actor.require("webhook:read")
    webhook = webhooks.get_webhook(current_user.tenant_id, webhook_id)
    record = queries.get_replay(current_user.tenant_id, webhook_id, replay_id)
    return render_template("replays/show.html", webhook=webhook, replay=pages.build_row(record, webhook))


@blueprint.post("/<replay_id>/cancel")
@sign_in_required
def cancel_replay(webhook_id: str, replay_id: str) -> Response:
    """Cancels a running replay; one that has ended by itself meanwhile is no error to whoever pressed the button."""
    try:
        service.cancel_replay(current_user.actor, webhook_id, replay_id)
        flash(_("The replay was cancelled."), "success")
    except ConflictError as error:
        flash(translate(error.message), "info")
    return redirect(url_for(".show_replay", webhook_id=webhook_id, replay_id=replay_id), 303)


def _find_preview(webhook_id: str, values: Mapping[str, Any]) -> Preview | None:
    """Gives what is shown beside a refusal that is not about the values, so that they can be sent once more."""
    if not current_user.is_authenticated:
        return None
    try:
        return service.preview(current_user.actor, webhook_id, pages.build_raw(values))
    except ValidationError:
        return None


def _render(
    webhook_id: str,
    values: Mapping[str, Any],
    errors: Iterable[FieldError] = (),
    preview: Preview | None = None,
) -> str:
    is_signed_in = current_user.is_authenticated
    if is_signed_in:
        # A refused form shows the page, too, and the page names the webhook.
        current_user.actor.require("webhook:read")
    return render_template(
        "replays/new.html",
        webhook_id=webhook_id,
        webhook=webhooks.get_webhook(current_user.tenant_id, webhook_id) if is_signed_in else None,
        form=FormState.build(pages.show_values(values), errors),
        sent=values,
        event_types=ALL_EVENT_TYPES,
        preview=pages.describe_preview(preview, includes_missed=values["includeMissed"]) if preview else None,
        form_key=request.form.get("idempotencyKey", "") or str(uuid4()),
        sign_in_needed=not is_signed_in,
        can_write=not is_signed_in or current_user.actor.has_scope("webhook:write"),
    )
