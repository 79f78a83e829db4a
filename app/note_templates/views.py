"""The pages of templates of notes, and what the form of a release asks of them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from flask import Blueprint, Response, flash, redirect, render_template, request, url_for
from flask_login import current_user
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from app import notes, times
from app.accounts.sessions import admit_form, is_sign_in_needed, sign_in_required
from app.answers import answer_json
from app.exceptions import ConflictError, FieldError, NotFoundError, SlipwayError
from app.extensions import csrf
from app.forms import FormState, list_errors, list_headers, telling_outages
from app.language import gettext as _
from app.note_templates import queries, schema, service
from app.products import queries as products
from app.releases.schema import NOTES_LIMIT, parse_notes

Answer = BaseResponse | tuple[str, int] | tuple[str, int, dict[str, str]]

blueprint = Blueprint("note_templates", __name__, url_prefix="/products/<product_id>/templates")

_FIELDS = ("name", "notes", "seenAt", "signInEmail")


@blueprint.app_template_global("list_note_templates")
def list_for_form(product_id: str) -> Sequence[Any]:
    """Gives the templates that the form of a release offers to whoever is signed in, for a product."""
    return queries.list_templates(current_user.tenant_id, product_id)


@blueprint.get("")
@sign_in_required
def list_templates(product_id: str) -> str:
    """Shows the templates of a product, each as its notes would be read."""
    product = products.get_product(current_user.tenant_id, product_id)
    rows = [
        {"id": template.id, "name": template.name, "html": Markup(notes.render(template.notes))}  # noqa: S704 - safe
        for template in queries.list_templates(current_user.tenant_id, product_id)
    ]
    can_write = current_user.actor.has_scope("product:write")
    return render_template("note_templates/list.html", product=product, templates=rows, can_write=can_write)


@blueprint.get("/choices")
@sign_in_required
def list_choices(product_id: str) -> Response:
    """Gives the templates of a product to the form of a release."""
    products.get_product(current_user.tenant_id, product_id)
    found = queries.list_templates(current_user.tenant_id, product_id)
    return answer_json([{"id": template.id, "name": template.name, "notes": template.notes} for template in found])


@blueprint.get("/new")
@sign_in_required
def new_template(product_id: str) -> str:
    """Shows the empty form."""
    current_user.actor.require("product:write")
    return _render_form(product_id, None, dict.fromkeys(_FIELDS, ""))


@blueprint.post("")
def create_template(product_id: str) -> Answer:
    """Creates a template. Whatever stands in the way, what was typed comes back."""
    return _save(product_id, None)


@blueprint.get("/<template_id>/edit")
@sign_in_required
def edit_template(product_id: str, template_id: str) -> str:
    """Shows the form with what is stored."""
    current_user.actor.require("product:write")
    template = queries.get_template(current_user.tenant_id, product_id, template_id)
    seen_at = times.format_time(template.updated_at)
    return _render_form(product_id, template_id, {"name": template.name, "notes": template.notes, "seenAt": seen_at})


@blueprint.post("/<template_id>/edit")
def update_template(product_id: str, template_id: str) -> Answer:
    """Changes a template. Whatever stands in the way, what was typed comes back."""
    return _save(product_id, template_id)


# ``admit_form`` checks the token.
csrf.exempt(create_template)
csrf.exempt(update_template)


@blueprint.post("/<template_id>/delete")
@sign_in_required
def delete_template(product_id: str, template_id: str) -> BaseResponse:
    """Deletes a template. Releases that began with it keep their notes."""
    template = service.delete_template(current_user.actor, product_id, template_id)
    flash(_("Template {name} was deleted.", name=template.name), "success")
    return redirect(url_for(".list_templates", product_id=product_id), 303)


def _save(product_id: str, template_id: str | None) -> Answer:
    values = {name: request.form.get(name, "") for name in _FIELDS}
    try:
        with telling_outages():
            admit_form()
            _find_place(product_id, template_id)
            if request.form.get("action") == "preview":
                return _render_form(product_id, template_id, values, parse_notes(values["notes"])[1]), 200
            current_user.actor.require("product:write")
            _store(product_id, template_id, values)
    except NotFoundError:
        raise
    except ConflictError as error:
        # Whoever was told of the change, and sends it again, means it.
        template = queries.get_template(current_user.tenant_id, product_id, template_id or "")
        values["seenAt"] = times.format_time(template.updated_at)
        return _render_form(product_id, template_id, values, list_errors(error)), error.status
    except SlipwayError as error:
        return _render_form(product_id, template_id, values, list_errors(error)), error.status, list_headers(error)
    flash(_("Template {name} was saved.", name=values["name"]), "success")
    return redirect(url_for(".list_templates", product_id=product_id), 303)


def _find_place(product_id: str, template_id: str | None) -> None:
    """Raises NotFoundError before anything is said of what was typed."""
    products.get_product(current_user.tenant_id, product_id)
    if template_id is not None:
        queries.get_template(current_user.tenant_id, product_id, template_id)


def _store(product_id: str, template_id: str | None, values: Mapping[str, str]) -> None:
    sent = schema.parse_note_template(values)
    if template_id is None:
        service.create_template(current_user.actor, product_id, sent)
    else:
        service.update_template(current_user.actor, product_id, template_id, sent, values["seenAt"])


def _render_form(
    product_id: str, template_id: str | None, values: Mapping[str, str], errors: Iterable[FieldError] = ()
) -> str:
    form = FormState.build(values, errors)
    product = None
    # During an outage of the database the page shows what was sent, and no more.
    if current_user.is_authenticated and not form.is_outage:
        product = products.get_product(current_user.tenant_id, product_id)
    text, notes_errors = parse_notes(values["notes"])
    is_shown = values["notes"] and not notes_errors
    return render_template(
        "note_templates/form.html",
        form=form,
        product=product,
        product_id=product_id,
        template_id=template_id,
        limits={"notes": NOTES_LIMIT},
        preview_html=Markup(notes.render(text)) if is_shown else None,  # noqa: S704 - notes.render gives safe HTML
        sign_in_needed=is_sign_in_needed(),
        asks_nothing=form.is_outage,
    )
