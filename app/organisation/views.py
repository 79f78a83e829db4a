"""The page of the organisation's settings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import queries as accounts
from app.accounts.sessions import admit_form, is_sign_in_needed, sign_in_required
from app.answers import build_url
from app.exceptions import FieldError, ThrottledError, UnavailableError, ValidationError
from app.extensions import csrf
from app.forms import FormState, list_errors, list_headers, telling_outages
from app.language import gettext as _
from app.organisation import queries, schema, service
from app.times import format_time, parse_time

blueprint = Blueprint("organisation", __name__, url_prefix="/settings/organisation")

Answer = Response | str | tuple[str, int] | tuple[str, int, dict[str, str]]
_TEXT_FIELDS = ("name", "slug", "description", "updatedAt", "signInEmail")


@blueprint.get("")
@sign_in_required
def show_organisation() -> str:
    """Shows the settings, as a form for those who may change them."""
    current_user.actor.require("account:read")
    tenant = accounts.get_tenant(current_user.tenant_id)
    return _render(
        {
            "name": tenant.name,
            "slug": tenant.slug,
            "description": tenant.description,
            "requiresTwoFactor": tenant.requires_two_factor,
            # What the form was made from: whoever saves it must not replace what they have not seen.
            "updatedAt": format_time(tenant.updated_at),
        }
    )


@blueprint.post("")
def update_organisation() -> Answer:
    """Changes the settings. Whatever stands in the way, what was typed comes back."""
    values: dict[str, Any] = {name: request.form.get(name, "") for name in _TEXT_FIELDS}
    values["requiresTwoFactor"] = bool(request.form.get("requiresTwoFactor", ""))
    try:
        with telling_outages():
            admit_form()
            change = schema.parse_organisation(values)
            changed = service.update_organisation(current_user.actor, change, parse_time(values["updatedAt"]))
    except service.ChangedMeanwhileError as error:
        # Who has been told of it may save again.
        values["updatedAt"] = format_time(error.updated_at)
        return _render(values, list_errors(error)), error.status
    except (ValidationError, ThrottledError, UnavailableError) as error:
        return _render(values, list_errors(error)), error.status, list_headers(error)
    flash(_("The settings were saved.") if changed else _("Nothing was different, so nothing was changed."), "success")
    return redirect(url_for(".show_organisation"), 303)


# ``admit_form`` checks the token.
csrf.exempt(update_organisation)


def _render(values: Mapping[str, Any], errors: Iterable[FieldError] = ()) -> str:
    form = FormState.build(values, errors)
    is_known = current_user.is_authenticated and not form.is_outage
    if is_known:
        # A refused form shows the page, too.
        current_user.actor.require("account:read")
    return render_template(
        "organisation/show.html",
        form=form,
        stored_slug=current_user.tenant_slug if is_known else "",
        base_url=build_url("/"),
        missing_count=queries.count_without_second_factor(current_user.tenant_id) if is_known else 0,
        is_outdated=any(error.code == service.ChangedMeanwhileError.code for error in form.summary),
        description_limit=schema.DESCRIPTION_LIMIT,
        sign_in_needed=is_sign_in_needed(),
        asks_nothing=form.is_outage,
    )
