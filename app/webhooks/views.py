"""The people's door to webhooks: the list, the page of one, and the form. Its twin for machines is ``api``.

What is done with a webhook by a button has its routes in ``controls``.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any, TypeVar

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.actors import Actor
from app.accounts.sessions import admit_form, is_sign_in_needed, sign_in_required
from app.deliveries import pages as delivery_pages
from app.deliveries import queries as deliveries
from app.exceptions import FieldError, ThrottledError, UnavailableError, ValidationError
from app.extensions import csrf
from app.forms import FormState, create_once, list_errors, list_headers, telling_outages
from app.language import gettext as _
from app.paging import MAX_PAGE, parse_whole_number
from app.times import format_time, parse_time
from app.webhooks import creation, forms, health, pages, queries, secret_page, service, troubles
from app.webhooks.field_types import CONCURRENCY_LIMIT, RATE_LIMIT
from app.webhooks.headers import COUNT_LIMIT

blueprint = Blueprint("webhooks", __name__, url_prefix="/webhooks")

_PAGE_SIZE = 50
_TROUBLES_SHOWN = 10
_DELIVERIES_SHOWN = 10

S = TypeVar("S")
Answer = Response | str | tuple[str, int] | tuple[str, int, dict[str, str]]


@blueprint.app_template_global()
def has_troubled_webhooks() -> bool:
    """Whether a webhook of whoever is signed in needs its owner, for the mark in the navigation."""
    return troubles.has_troubles(current_user.tenant_id)


@blueprint.get("")
@sign_in_required
def list_webhooks() -> str:
    """Shows the webhooks, the oldest first."""
    current_user.actor.require("webhook:read")
    tenant_id = current_user.tenant_id
    page = parse_whole_number(request.args.get("page", ""), 1, MAX_PAGE) or 1
    found = queries.list_webhooks(tenant_id, _PAGE_SIZE, page)
    # A page that is exactly full may be the last one, so what comes after it is asked for as a page of one.
    has_more = len(found) == _PAGE_SIZE and bool(queries.list_webhooks(tenant_id, 1, page * _PAGE_SIZE + 1))
    return render_template(
        "webhooks/list.html",
        webhooks=pages.build_rows(
            found,
            health.describe_all(tenant_id, found),
            queries.find_last_deliveries(tenant_id, [webhook.id for webhook in found]),
        ),
        troubles=pages.build_troubles(troubles.list_troubles(tenant_id, _TROUBLES_SHOWN)),
        trouble_count=troubles.count_troubles(tenant_id),
        dead_count=delivery_pages.format_count(deliveries.count_dead(tenant_id)),
        next_url=url_for(".list_webhooks", page=page + 1) if has_more else None,
        first_url=url_for(".list_webhooks") if page > 1 else None,
    )


@blueprint.get("/new")
@sign_in_required
def new_webhook() -> Response:
    """Shows the empty form."""
    current_user.actor.require("webhook:write")
    answer = make_response(_render_form(None, forms.build_new_values()))
    # Not "no-store": who goes back to this page must find what they had typed, and the same key.
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


@blueprint.post("")
def create_webhook() -> Answer:
    """Creates a webhook. Whatever stands in the way, what was typed comes back."""
    values = forms.read_values(request.form)
    try:
        with telling_outages():
            admit_form()
            if _wants_row():
                return _render_form(None, values)
            create = partial(creation.create_webhook, current_user.actor, _parse(service.parse_webhook, values))
            made = create_once(create, values)
    except (ValidationError, ThrottledError, UnavailableError) as error:
        return _render_form(None, values, list_errors(error)), error.status, list_headers(error)
    if made.is_replay:
        flash(_("This webhook exists already, just as you sent it. Nothing was doubled."), "info")
    else:
        words = [_("Webhook {name} was created.", name=made.webhook.name)]
        if values["ping"]:
            words.append(_("A test is on its way: its answer stands among the deliveries."))
        flash(" ".join(words), "success")
    return redirect(url_for(".show_webhook", webhook_id=made.webhook.id), 303)


@blueprint.get("/<webhook_id>")
@sign_in_required
def show_webhook(webhook_id: str) -> str:
    """Shows how a webhook does, what it is set to, and its newest deliveries."""
    actor = current_user.actor
    actor.require("webhook:read")
    webhook = queries.get_webhook(actor.tenant_id, webhook_id)
    described = health.describe(actor.tenant_id, webhook)
    return render_template(
        "webhooks/show.html",
        webhook=pages.build_page(webhook, described),
        headers=secret_page.list_headers(actor, webhook),
        secret=secret_page.build_secret(actor, webhook),
        health=described,
        figures=pages.build_figures(described),
        deliveries=delivery_pages.list_of_webhook(actor.tenant_id, webhook_id, _DELIVERIES_SHOWN),
    )


@blueprint.get("/<webhook_id>/edit")
@sign_in_required
def edit_webhook(webhook_id: str) -> str:
    """Shows the form with what is stored."""
    actor = current_user.actor
    actor.require("webhook:write")
    webhook = queries.get_webhook(actor.tenant_id, webhook_id)
    return _render_form(webhook_id, forms.build_stored_values(webhook, secret_page.list_headers(actor, webhook)))


@blueprint.post("/<webhook_id>")
def update_webhook(webhook_id: str) -> Answer:
    """Changes a webhook. Whatever stands in the way, what was typed comes back."""
    values = forms.read_values(request.form)
    try:
        with telling_outages():
            admit_form()
            if _wants_row():
                queries.get_webhook(current_user.tenant_id, webhook_id)
                return _render_form(webhook_id, values)
            words = _save(current_user.actor, webhook_id, values)
    except service.ChangedMeanwhileError as error:
        # Who has been told of it may save again.
        values["updatedAt"] = format_time(error.updated_at)
        return _render_form(webhook_id, values, list_errors(error)), error.status
    except (ValidationError, ThrottledError, UnavailableError) as error:
        return _render_form(webhook_id, values, list_errors(error)), error.status, list_headers(error)
    flash(words, "success")
    return redirect(url_for(".show_webhook", webhook_id=webhook_id), 303)


def _save(actor: Actor, webhook_id: str, values: Mapping[str, Any]) -> str:
    """Saves what was typed; gives what there is to say of that."""
    actor.require("webhook:write")
    before = secret_page.read_token(actor, queries.get_webhook(actor.tenant_id, webhook_id))
    change, seen_at = _parse(service.parse_webhook_change, values), parse_time(values["updatedAt"])
    webhook = service.update_webhook(actor, webhook_id, change, seen_at)
    if secret_page.read_token(actor, webhook) == before:
        return _("The webhook was changed.")
    if secret_page.is_public(webhook):
        return _("The webhook was changed. It has a new key pair: the receiver needs the public key.")
    return _("The webhook was changed. It has a new secret: the receiver needs it.")


# ``admit_form`` checks the token.
csrf.exempt(create_webhook)
csrf.exempt(update_webhook)


@blueprint.post("/<webhook_id>/delete")
@sign_in_required
def delete_webhook(webhook_id: str) -> Response:
    """Deletes a webhook."""
    service.delete_webhook(current_user.actor, webhook_id)
    flash(_("The webhook was deleted."), "success")
    return redirect(url_for(".list_webhooks"), 303)


def _wants_row() -> bool:
    """Whether nothing is to be saved: without script, a row for a header comes from here."""
    return request.form.get("action") == "add-header"


def _parse(parse: Callable[[Actor, Mapping[str, Any]], S], values: Mapping[str, Any]) -> S:
    doubled = forms.find_header_errors(values["headers"])
    try:
        sent = parse(current_user.actor, forms.build_raw(values))
    except ValidationError as error:
        raise ValidationError([*error.errors, *doubled]) from None
    if doubled:
        raise ValidationError(doubled)
    return sent


def _render_form(webhook_id: str | None, values: Mapping[str, Any], errors: Iterable[FieldError] = ()) -> str:
    form = FormState.build(values, errors)
    row_count = len(request.form.getlist("headerName")) + _wants_row()
    spare_count = max(1, min(row_count, COUNT_LIMIT) - len(values["headers"]))
    return render_template(
        "webhooks/form.html",
        webhook_id=webhook_id,
        form=form,
        header_rows=forms.build_header_rows(values["headers"], form.summary, spare_count),
        is_outdated=any(error.code == service.ChangedMeanwhileError.code for error in form.summary),
        event_types=pages.EVENT_SENTENCES,
        schemes=pages.SCHEMES,
        limits={"concurrency": CONCURRENCY_LIMIT, "rate": RATE_LIMIT},
        sign_in_needed=is_sign_in_needed(),
        asks_nothing=form.is_outage,
    )
