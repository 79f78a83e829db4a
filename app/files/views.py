"""The people's door to files of releases. Its twin for machines is ``api``."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.sessions import admit_form, sign_in_required
from app.exceptions import FieldError, NotFoundError, ReadOnlyError, SlipwayError
from app.extensions import csrf
from app.files import forms, queries, service
from app.forms import FormState, list_errors, list_headers
from app.language import gettext as _
from app.language import translate
from app.releases import queries as releases

blueprint = Blueprint("files", __name__, url_prefix="/releases/<release_id>/files")

Answer = Response | tuple[str, int, dict[str, str]]


@blueprint.get("/new")
@sign_in_required
def new_file(release_id: str) -> str:
    """Shows the empty form."""
    current_user.actor.require("release:write")
    releases.get_release(current_user.tenant_id, release_id)
    return _render(release_id, forms.read_values({}))


@blueprint.post("")
def create_file(release_id: str) -> Answer:
    """Adds a file to a draft. Whatever stands in the way, what was typed comes back."""
    values = forms.read_values(request.form)
    try:
        admit_form()
        releases.get_release(current_user.tenant_id, release_id)
        draft = service.parse_file(current_user.actor, forms.build_raw(values, release_id))
        record = service.create_file(current_user.actor, draft).record
    except NotFoundError:
        raise
    except SlipwayError as error:
        return _render(release_id, values, list_errors(error)), error.status, list_headers(error)
    flash(_("File {name} was added.", name=record.file.name), "success")
    return redirect(url_for("releases.show_release", release_id=release_id), 303)


# ``admit_form`` checks the token.
csrf.exempt(create_file)


@blueprint.post("/<file_id>/delete")
@sign_in_required
def delete_file(release_id: str, file_id: str) -> Response:
    """Takes a file off a draft."""
    record = queries.get_file(current_user.actor, file_id)
    if record.file.release_id != release_id:
        raise NotFoundError("There is no such file.")
    name = record.file.name
    try:
        service.delete_file(current_user.actor, file_id)
        flash(_("File {name} was removed.", name=name), "success")
    except ReadOnlyError as error:
        flash(translate(error.message), "error")
    return redirect(url_for("releases.show_release", release_id=release_id), 303)


def _render(release_id: str, values: Mapping[str, Any], errors: Iterable[FieldError] = ()) -> str:
    return render_template(
        "files/new.html",
        release_id=release_id,
        form=FormState.build(values, errors),
        sign_in_needed=not current_user.is_authenticated,
    )
