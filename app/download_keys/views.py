"""The page of who may have a product's releases: everybody, or those with a token or a download key."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.sessions import admit_form, is_sign_in_needed, sign_in_required
from app.download_keys import pages, schema, service
from app.exceptions import FieldError, NotFoundError, SlipwayError
from app.extensions import csrf
from app.forms import FormState, create_once, list_errors, list_headers, telling_outages
from app.language import gettext as _
from app.products import queries as products

blueprint = Blueprint("download_keys", __name__, url_prefix="/products/<product_id>/access")

Answer = Response | str | tuple[str, int] | tuple[str, int, dict[str, str]]


@blueprint.get("")
@sign_in_required
def show_access(product_id: str) -> Response:
    """Shows whether a product is restricted, and its download keys."""
    products.get_product(current_user.tenant_id, product_id)
    answer = make_response(_render(product_id, pages.build_new_values()))
    # Not "no-store": who goes back to this page must find what they had typed, and the same key.
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


@blueprint.post("")
@sign_in_required
def restrict_product(product_id: str) -> Response:
    """Restricts a product, or opens it to everybody."""
    is_restricted = request.form.get("restricted") == "true"
    service.restrict_product(current_user.actor, product_id, is_restricted=is_restricted)
    if is_restricted:
        flash(_("The product is restricted from now on."), "success")
    else:
        flash(_("The product is open to everybody from now on."), "success")
    return redirect(url_for(".show_access", product_id=product_id), 303)


@blueprint.post("/keys")
def create_key(product_id: str) -> Answer:
    """Makes a download key, and shows it once. Whatever stands in the way, what was typed comes back."""
    values = pages.read_values()
    try:
        with telling_outages():
            admit_form()
            products.get_product(current_user.tenant_id, product_id)
            current_user.actor.require("product:write")
            sent = schema.parse_download_key({"name": values["name"].strip()})
            issued = create_once(partial(service.create_key, current_user.actor, product_id, sent), values)
    except NotFoundError:
        raise
    except SlipwayError as error:
        return _render(product_id, values, list_errors(error)), error.status, list_headers(error)
    # What is shown here is nowhere else. Nothing may keep it (the default is "no-store").
    return render_template(
        "download_keys/shown.html",
        product=products.get_product(current_user.tenant_id, product_id),
        row=issued.row,
        key=issued.key,
        example=pages.build_example(product_id),
    )


# ``admit_form`` checks the token.
csrf.exempt(create_key)


@blueprint.post("/keys/<download_key_id>/revoke")
@sign_in_required
def revoke_key(product_id: str, download_key_id: str) -> Response:
    """Revokes a download key."""
    row = service.revoke_key(current_user.actor, product_id, download_key_id)
    flash(_("The download key {name} is revoked: it is refused from now on.", name=row.name), "success")
    return redirect(url_for(".show_access", product_id=product_id), 303)


def _render(product_id: str, values: Mapping[str, Any], errors: Iterable[FieldError] = ()) -> str:
    form = FormState.build(values, errors)
    # During an outage of the database the page shows what was sent, and no more.
    is_known = current_user.is_authenticated and not form.is_outage
    return render_template(
        "download_keys/show.html",
        form=form,
        product_id=product_id,
        product=products.get_product(current_user.tenant_id, product_id) if is_known else None,
        keys=pages.build_list(current_user.tenant_id, product_id, request.args) if is_known else None,
        can_write=not is_known or current_user.actor.has_scope("product:write"),
        sign_in_needed=is_sign_in_needed(),
        asks_nothing=form.is_outage,
    )
