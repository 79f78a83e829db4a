"""The people's door to releases: the list, the form and the page. Its twin for machines is ``api``."""

from __future__ import annotations

from functools import partial

from flask import Blueprint, Response, flash, make_response, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from app import notes
from app.accounts.sessions import admit_form, sign_in_required
from app.answers import answer_json
from app.exceptions import (
    DuplicateReleaseError,
    FieldError,
    NotFoundError,
    SlipwayError,
)
from app.extensions import csrf
from app.forms import create_once, list_errors, list_headers, telling_outages
from app.json_body import read_json_object
from app.language import gettext as _
from app.language import translate
from app.releases import (
    changes,
    confirmation,
    forms,
    last_product,
    list_pages,
    queries,
    schema,
    service,
)
from app.releases.editor import describe_creation, render_form
from app.releases.page import render_page
from app.releases.serializers import serialize_release

Answer = BaseResponse | tuple[str, int] | tuple[str, int, dict[str, str]]

blueprint = Blueprint("releases", __name__, url_prefix="/releases")


@blueprint.get("")
@sign_in_required
def list_releases() -> str | BaseResponse:
    """Shows the releases of the tenant that the address asks for."""
    return list_pages.show_list(request.args)


@blueprint.get("/new")
@sign_in_required
def new_release() -> Response:
    """Shows the empty form."""
    product_id = request.args.get("product", "") or last_product.find_product_id(current_user.actor)
    answer = make_response(render_form(forms.build_new_values(product_id)))
    # Not "no-store": who goes back to this page must find what they had typed, and the same key.
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


@blueprint.post("")
def create_release() -> Answer:
    """Creates a release, and publishes it if that is the button.

    Whatever stands in the way, what was typed comes back.
    """
    values = forms.read_values(request.form)
    action, confirmed = (request.form.get(name, "") for name in ("action", "confirmed"))
    publishes = action == confirmation.PUBLISH or "confirmed" in request.form
    try:
        with telling_outages():
            admit_form()
            if action == "preview":
                return render_form(values, preview=True), 200
            draft = service.parse_release(current_user.actor, forms.build_raw(values))
            if publishes and (question := confirmation.find_question(current_user.actor, draft, confirmed)):
                return render_form(values, question=question), 200
            create = partial(service.create_release, current_user.actor, draft, publishes=publishes)
            creation = create_once(create, values)
    except DuplicateReleaseError as error:
        return render_form(values, [FieldError("version", error.code, error.message)], error.release_id), error.status
    except SlipwayError as error:
        return render_form(values, list_errors(error)), error.status, list_headers(error)
    flash(*describe_creation(creation))
    return redirect(url_for(".show_release", release_id=creation.release.id), 303)


# ``admit_form`` checks the token.
csrf.exempt(create_release)


@blueprint.post("/preview")
@sign_in_required
def preview_notes() -> Response:
    """Renders notes as every reader will see them, with the errors that a release with them would have."""
    text = read_json_object().get("notes")
    value, errors = schema.parse_notes(text if isinstance(text, str) else "")
    html = "" if errors else notes.render(value)
    shown = [{"field": error.field, "code": error.code, "message": translate(error.message)} for error in errors]
    return answer_json({"html": html, "length": len(value), "errors": shown})


@blueprint.get("/<release_id>")
@sign_in_required
def show_release(release_id: str) -> tuple[str, int]:
    """Shows a release with its files, deliveries and history."""
    return render_page(release_id)


@blueprint.get("/<release_id>/edit")
@sign_in_required
def edit_release(release_id: str) -> Response | BaseResponse:
    """Shows the form with what is stored of a draft."""
    current_user.actor.require("release:write")
    release = queries.get_release(current_user.tenant_id, release_id)
    if release.published:
        flash(_("This release is published, and read-only from then on."), "error")
        return redirect(url_for(".show_release", release_id=release_id), 303)
    answer = make_response(render_form(forms.build_stored_values(serialize_release(release)), release_id=release_id))
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


@blueprint.post("/<release_id>/edit")
def update_release(release_id: str) -> Answer:
    """Changes a draft. Whatever stands in the way, what was typed comes back."""
    values = forms.read_values(request.form)
    try:
        with telling_outages():
            admit_form()
            if request.form.get("action") == "preview":
                queries.get_release(current_user.tenant_id, release_id)
                return render_form(values, release_id=release_id, preview=True), 200
            change = changes.parse_change(current_user.actor, release_id, forms.build_raw(values))
            changes.update_release(current_user.actor, release_id, change)
    except NotFoundError:
        raise
    except DuplicateReleaseError as error:
        errors = [FieldError("version", error.code, error.message)]
        return render_form(values, errors, error.release_id, release_id=release_id), error.status
    except SlipwayError as error:
        return render_form(values, list_errors(error), release_id=release_id), error.status, list_headers(error)
    flash(_("The release was saved."), "success")
    return redirect(url_for(".show_release", release_id=release_id), 303)


# ``admit_form`` checks the token.
csrf.exempt(update_release)
