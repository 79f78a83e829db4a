"""The pages of trusted publishing, below those of its product."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.sessions import admit_form, sign_in_required
from app.exceptions import NotFoundError, SlipwayError
from app.extensions import csrf
from app.forms import list_errors, list_headers, telling_outages
from app.language import gettext as _
from app.products import queries as products
from app.publishers import pages, service
from app.publishers.kinds import list_parts
from app.publishers.schema import parse_publisher

Answer = Response | tuple[str, int, dict[str, str]]

blueprint = Blueprint("publishers", __name__, url_prefix="/products/<product_id>/trusted-publishers")


@blueprint.get("")
@sign_in_required
def list_publishers(product_id: str) -> str:
    """Shows whom a product trusts, each with the lines that its job needs."""
    return pages.render_list(product_id)


@blueprint.get("/new")
@sign_in_required
def new_publisher(product_id: str) -> str:
    """Shows the empty form of a kind."""
    current_user.actor.require("product:write")
    return pages.render_form(product_id, pages.build_new_values(pages.read_kind(request.args)))


@blueprint.post("/new")
def create_publisher(product_id: str) -> Answer:
    """Has the product trust a job. Whatever stands in the way, what was typed comes back."""
    values = pages.read_values(request.form)
    try:
        with telling_outages():
            admit_form()
            products.get_product(current_user.tenant_id, product_id)
            current_user.actor.require("product:write")
            draft = parse_publisher(pages.build_raw(values), pages.list_choices(values["kind"]))
            publisher = service.create_publisher(current_user.actor, product_id, draft).publisher
    except NotFoundError:
        raise
    except SlipwayError as error:
        return pages.render_form(product_id, values, list_errors(error)), error.status, list_headers(error)
    flash(_("{name} is trusted now.", name=list_parts(publisher.kind, publisher.members)[0]), "success")
    return redirect(url_for(".list_publishers", product_id=product_id, _anchor=f"publisher-{publisher.id}"), 303)


# ``admit_form`` checks the token.
csrf.exempt(create_publisher)


@blueprint.post("/<publisher_id>/delete")
@sign_in_required
def delete_publisher(product_id: str, publisher_id: str) -> Response:
    """Ends the trust in a job, and with it all its tokens."""
    publisher = service.delete_publisher(current_user.actor, product_id, publisher_id)
    name = list_parts(publisher.kind, publisher.members)[0]
    flash(_("{name} is not trusted any more. Its tokens are refused from now on.", name=name), "success")
    return redirect(url_for(".list_publishers", product_id=product_id), 303)


@blueprint.post("/<publisher_id>/revoke-tokens")
@sign_in_required
def revoke_tokens(product_id: str, publisher_id: str) -> Response:
    """Revokes the tokens that a job has now."""
    service.revoke_tokens(current_user.actor, product_id, publisher_id)
    flash(_("Its tokens are refused from now on. The next job gets another one."), "success")
    return redirect(url_for(".list_publishers", product_id=product_id), 303)
