"""The people's door to parts of a release's page: its deliveries while they are under way, and its whole history."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.sessions import sign_in_required
from app.deliveries import queries as deliveries
from app.deliveries import service
from app.deliveries.schema import DELIVERING, HELD, QUEUED
from app.deliveries.wording import find_state
from app.exceptions import ConflictError, NotFoundError
from app.language import gettext as _
from app.language import translate
from app.paging import parse_whole_number
from app.releases import deletion, queries
from app.releases.delivery_groups import build_deliveries
from app.releases.history_pages import PAGE_SIZE, build_history

blueprint = Blueprint("release_page", __name__, url_prefix="/releases/<release_id>")

_HIGHEST_ENTRY = 999_999_999


@blueprint.get("/deliveries")
@sign_in_required
def show_deliveries(release_id: str) -> str:
    """Shows the deliveries of a release alone, for a page that is open already."""
    release = queries.get_release(current_user.tenant_id, release_id)
    found = build_deliveries(current_user.tenant_id, release.id)
    return render_template("releases/page/deliveries_alone.html", deliveries=found, release=release)


@blueprint.post("/deliveries/<delivery_id>/resend")
@sign_in_required
def resend(release_id: str, delivery_id: str) -> Response:
    """Sends a delivery of a release again. One that is on its way already is not sent twice by a second click."""
    record = deliveries.get_delivery(current_user.tenant_id, delivery_id)
    if record.entity_id != release_id:
        raise NotFoundError("There is no such delivery.")
    back = redirect(url_for("releases.show_release", release_id=release_id, _anchor="deliveries"), 303)
    current_user.actor.require("webhook:write")
    if find_state(record.delivery) in (QUEUED, DELIVERING):
        flash(_("It is on its way already."), "info")
        return back
    try:
        delivery = service.resend(current_user.actor, delivery_id)
    except ConflictError as error:
        flash(translate(error.message), "error")
        return back
    if delivery.state == HELD:
        flash(_("The webhook is paused: it is held, and goes out once the webhook is resumed."), "info")
    else:
        flash(_("{event} goes to {webhook} again.", event=record.event_type, webhook=record.webhook.name), "success")
    return back


@blueprint.get("/history")
@sign_in_required
def show_history(release_id: str) -> str:
    """Shows all that was done with a release, the newest first; also of one that was deleted."""
    release = queries.find_release(current_user.tenant_id, release_id)
    version = release.version if release else _find_deleted_version(release_id)
    before = parse_whole_number(request.args.get("before", ""), 1, _HIGHEST_ENTRY)
    return render_template(
        "releases/page/all_history.html",
        release_id=release_id,
        version=version,
        history=build_history(current_user.tenant_id, release_id, PAGE_SIZE, before),
        is_first=before is None,
    )


def _find_deleted_version(release_id: str) -> str:
    deleted = deletion.find_deleted(current_user.tenant_id, release_id)
    if deleted is None:
        raise NotFoundError("There is no such release.")
    return str(deleted.content["release"]["version"])
