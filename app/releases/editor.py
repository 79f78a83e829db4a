"""Renders the form of a release, a new one or a draft: what was typed, what is wrong with it, and a preview."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import current_app, render_template, url_for
from flask_login import current_user
from markupsafe import Markup

from app import notes
from app.accounts.sessions import is_sign_in_needed
from app.exceptions import FieldError
from app.language import gettext as _
from app.products import queries as products
from app.releases import forms, queries, schema
from app.releases.confirmation import Question
from app.releases.hint_pages import describe_hints, find_customer_address
from app.releases.service import Creation

_LIMITS = {"name": schema.NAME_LIMIT, "notes": schema.NOTES_LIMIT, "channel": schema.NAME_LIMIT}


def render_form(
    values: Mapping[str, Any],
    errors: Iterable[FieldError] = (),
    existing_id: str | None = None,
    *,
    release_id: str | None = None,
    preview: bool = False,
    question: Question | None = None,
) -> str:
    """Takes the values of the form and what is wrong with them; gives the page.

    ``existing_id`` is the release that has the place already, ``release_id`` the one that the form changes; without
    it the form makes a new one. With ``preview`` the page says, too, what is wrong with the notes, and a ``question``
    is asked above the fields. During an outage of the database it shows what was sent, and no more.
    """
    form = forms.build_state(values, errors)
    tenant_id = current_user.tenant_id if current_user.is_authenticated and not form.is_outage else None
    channels, platforms = queries.list_offered(tenant_id) if tenant_id else (["stable"], [])
    own = products.list_products(tenant_id) if tenant_id else []
    text, notes_errors = schema.parse_notes(values["notes"])
    if preview:
        form = forms.build_state(values, [*errors, *notes_errors])
    html = Markup(notes.render(text)) if values["notes"] and not notes_errors else None  # noqa: S704 - safe HTML
    return render_template(
        "releases/new.html",
        form=form,
        # A release stays with its product: where there is nothing to choose, nothing is offered.
        products=[product for product in own if release_id is None or product.id == values["productId"]],
        channels=channels,
        platforms=sorted({*platforms, *values["platforms"]}),
        hints=describe_hints(values, release_id) if tenant_id else {},
        question=question,
        question_address=find_customer_address(question.product_slug) if question else "",
        limits=_LIMITS,
        zones=forms.ZONES,
        preview_html=html,
        sign_in_needed=is_sign_in_needed(),
        # Without them the form offers what it was sent with.
        knows_products=tenant_id is not None,
        asks_nothing=form.is_outage,
        release_id=release_id,
        existing_url=url_for("releases.show_release", release_id=existing_id) if existing_id else None,
        base_url=current_app.extensions["slipway"].settings.base_url,
    )


def describe_creation(creation: Creation) -> tuple[str, str]:
    """Takes what came of a create; gives it in words, and what kind of message that is."""
    version = creation.release.version
    if creation.is_replay and creation.is_published_now:
        return _("This release existed already, just as you sent it. It is published now."), "success"
    if creation.is_replay:
        return _("This release exists already, just as you sent it. Nothing was doubled."), "info"
    if creation.is_published_now:
        return _("Release {version} was created and published.", version=version), "success"
    return _("Release {version} was created.", version=version), "success"
