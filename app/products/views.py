"""The pages of products."""

from __future__ import annotations

from types import SimpleNamespace

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.sessions import admit_form, sign_in_required
from app.exceptions import ThrottledError, ValidationError
from app.extensions import csrf
from app.forms import FormState, list_errors, list_headers
from app.products import queries, schema, service

blueprint = Blueprint("products", __name__, url_prefix="/products")

_FIELDS = ("name", "displayName", "description")


@blueprint.get("")
@sign_in_required
def list_products() -> str:
    """Shows the products and the form for a new one."""
    return _render(FormState.build(dict.fromkeys(_FIELDS, "")))


@blueprint.post("")
def create_product() -> Response | tuple[str, int, dict[str, str]]:
    """Creates a product. Whatever stands in the way, what was typed comes back."""
    values = {name: request.form.get(name, "") for name in _FIELDS}
    try:
        admit_form()
        product = service.create_product(current_user.actor, schema.parse_product(values))
    except (ValidationError, ThrottledError) as error:
        shown = {**values, "signInEmail": request.form.get("signInEmail", "")}
        return _render(FormState.build(shown, list_errors(error))), error.status, list_headers(error)
    flash(f"Product {product.name} was created.", "success")
    return redirect(url_for(".list_products"), 303)


# ``admit_form`` checks the token.
csrf.exempt(create_product)


def _render(form: FormState) -> str:
    if not current_user.is_authenticated:
        return render_template("products/list.html", products=[], form=form, sign_in_needed=True)
    counts = queries.count_releases(current_user.tenant_id)
    rows = [
        SimpleNamespace(
            id=product.id,
            name=product.name,
            slug=product.slug,
            display_name=product.display_name,
            total_releases=counts.get(product.id, 0),
            customer_url=url_for("customer.show_product", tenant=current_user.tenant_slug, product=product.slug),
            created_at=product.created_at,
        )
        for product in queries.list_products(current_user.tenant_id)
    ]
    return render_template("products/list.html", products=rows, form=form)
