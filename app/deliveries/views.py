"""The people's door to deliveries: the list, the page of one, and sending it again.

Its twin for machines is ``api``.
"""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.actors import Actor
from app.accounts.sessions import sign_in_required
from app.deliveries import pages, queries, service, webhook_choice
from app.deliveries.schema import HELD, KNOWN_EVENT_TYPES, STATES
from app.exceptions import ConflictError
from app.forms import FormState
from app.language import gettext as _
from app.language import translate
from app.paging import build_cursor

blueprint = Blueprint("deliveries", __name__, url_prefix="/webhooks/deliveries")


@blueprint.get("")
@sign_in_required
def list_deliveries() -> tuple[str, int]:
    """Shows the deliveries of the tenant that fit the filters, the newest first."""
    actor = current_user.actor
    actor.require("webhook:read")
    wanted = pages.read_filters(request.args)
    found = [] if wanted.errors else queries.list_deliveries(actor.tenant_id, wanted.filters, wanted.place)
    shown = found[: pages.PAGE_SIZE]
    next_url = None
    if len(found) > len(shown):
        last = shown[-1].delivery
        next_url = url_for(".list_deliveries", **wanted.address, cursor=build_cursor(last.created_at, last.id))
    rows = pages.build_rows(actor.tenant_id, shown)
    choice = webhook_choice.build_choice(actor.tenant_id, wanted.values["webhook"])
    page = render_template(
        "deliveries/list.html",
        form=FormState.build({**wanted.values, "webhook": choice.shown}, wanted.errors),
        deliveries=rows,
        letters_words=pages.describe_letters(rows),
        is_filtered=bool(wanted.address),
        event_types=KNOWN_EVENT_TYPES,
        states=STATES,
        webhook_choice=choice,
        dead_count=pages.format_count(queries.count_dead(actor.tenant_id)),
        next_url=next_url,
        newest_url=url_for(".list_deliveries", **wanted.address),
    )
    return page, 400 if wanted.errors else 200


@blueprint.get("/<delivery_id>")
@sign_in_required
def show_delivery(delivery_id: str) -> str:
    """Shows a delivery with its attempts. Who may not read webhooks sees what became of it, and no secret of theirs."""
    actor = current_user.actor
    _require_reader(actor)
    record = queries.get_delivery(actor.tenant_id, delivery_id)
    return render_template("deliveries/show.html", delivery=pages.build_page(record))


@blueprint.post("/<delivery_id>/resend")
@sign_in_required
def resend(delivery_id: str) -> Response:
    """Sends a delivery again."""
    try:
        delivery = service.resend(current_user.actor, delivery_id)
    except ConflictError as error:
        flash(translate(error.message), "error")
    else:
        is_held = delivery.state == HELD
        flash(
            _("The webhook is paused: it is held, and goes out once the webhook is resumed.")
            if is_held
            else _("It is sent again, with the same webhook-id and the same bytes."),
            "info" if is_held else "success",
        )
    return redirect(url_for(".show_delivery", delivery_id=delivery_id), 303)


def _require_reader(actor: Actor) -> None:
    # The page of a release tells of its deliveries, too, so whoever reads releases may follow its links.
    if not actor.has_scope("webhook:read"):
        actor.require("release:read")
