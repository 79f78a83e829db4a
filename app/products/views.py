"""The pages of products."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, flash, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.sessions import admit_form, sign_in_required
from app.exceptions import ConflictError, DuplicateError, FieldError, NotFoundError, SlipwayError, ValidationError
from app.extensions import csrf
from app.forms import create_once, list_errors, list_headers, telling_outages
from app.language import gettext as _
from app.language import translate
from app.products import forms, pages, queries, schema, service
from app.times import format_time

Answer = Response | str | tuple[str, int, dict[str, str]]

blueprint = Blueprint("products", __name__, url_prefix="/products")


@blueprint.get("")
@sign_in_required
def list_products() -> Answer:
    """Shows the products by name, or those whose names hold what is searched for."""
    query, after = request.args.get("query"), request.args.get("after")
    if "" in (query, after):
        # A form sends its empty field, too. What somebody passes on should say only what it means.
        return redirect(url_for(".list_products", query=query or None, after=after or None), 302)
    return pages.render_list(query or "", after or "")


@blueprint.get("/new")
@sign_in_required
def new_product() -> str:
    """Shows the empty form."""
    current_user.actor.require("product:write")
    return pages.render_form(forms.build_new_values())


@blueprint.post("")
def create_product() -> Answer:
    """Creates a product. Whatever stands in the way, what was typed comes back."""
    values = forms.read_values(request.form)
    try:
        with telling_outages():
            admit_form()
            if (spare_count := forms.count_wanted_rows(request.form)) is not None:
                return pages.render_form(values, spare_count=spare_count)
            sent = schema.parse_product(forms.build_raw(values))
            product = create_once(partial(service.create_product, current_user.actor, sent), values).product
    except SlipwayError as error:
        refusal = _name_field(error)
        return pages.render_form(values, list_errors(refusal)), refusal.status, list_headers(refusal)
    flash(_("Product {name} was created.", name=product.name), "success")
    return redirect(url_for(".show_product", product_id=product.id), 303)


@blueprint.get("/<product_id>")
@sign_in_required
def show_product(product_id: str) -> str:
    """Shows a product with what is newest on each of its channels."""
    return pages.render_page(queries.get_product(current_user.tenant_id, product_id))


@blueprint.get("/<product_id>/edit")
@sign_in_required
def edit_product(product_id: str) -> str:
    """Shows the form with what is stored."""
    current_user.actor.require("product:write")
    product = queries.get_product(current_user.tenant_id, product_id)
    return pages.render_form(forms.build_stored_values(product), product_id=product_id)


@blueprint.post("/<product_id>/edit")
def update_product(product_id: str) -> Answer:
    """Changes a product. Whatever stands in the way, what was typed comes back."""
    values = forms.read_values(request.form)
    try:
        with telling_outages():
            admit_form()
            queries.get_product(current_user.tenant_id, product_id)
            if (spare_count := forms.count_wanted_rows(request.form)) is not None:
                return pages.render_form(values, product_id=product_id, spare_count=spare_count)
            sent = schema.parse_product(forms.build_raw(values))
            service.update_product(current_user.actor, product_id, sent, values["seenAt"])
    except NotFoundError:
        raise
    except SlipwayError as error:
        refusal = _name_field(error)
        if isinstance(refusal, ConflictError):
            # Whoever was told of the change, and sends it again, means it.
            values["seenAt"] = format_time(queries.get_product(current_user.tenant_id, product_id).updated_at)
        return pages.render_form(values, list_errors(refusal), product_id), refusal.status, list_headers(refusal)
    flash(_("The product was saved."), "success")
    return redirect(url_for(".show_product", product_id=product_id), 303)


def _name_field(error: SlipwayError) -> SlipwayError:
    """Gives the refusal as a form shows it: what another product has stands at its field."""
    if isinstance(error, DuplicateError):
        return ValidationError([FieldError("name", "taken", error.message)])
    return error


# ``admit_form`` checks the token.
csrf.exempt(create_product)
csrf.exempt(update_product)


@blueprint.post("/<product_id>/delete")
@sign_in_required
def delete_product(product_id: str) -> Response:
    """Deletes a product that has no releases."""
    try:
        product = service.delete_product(current_user.actor, product_id)
    except ConflictError as error:
        flash(translate(error.message), "error")
        return redirect(url_for(".show_product", product_id=product_id), 303)
    flash(_("Product {name} was deleted.", name=product.name), "success")
    return redirect(url_for(".list_products"), 303)
