"""What notes can begin with, at the form of a release: answers for its script, and buttons that do without one."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, request
from flask_login import current_user

from app.accounts.sessions import admit_form, sign_in_required
from app.answers import answer_json
from app.exceptions import FieldError, NotFoundError, SlipwayError, ValidationError
from app.extensions import csrf
from app.forms import list_errors, list_headers, telling_outages
from app.language import say
from app.note_templates import queries as templates
from app.releases import forms, queries
from app.releases.beginnings import find_previous_release
from app.releases.editor import render_form

Answer = tuple[str, int] | tuple[str, int, dict[str, str]]

blueprint = Blueprint("release_notes", __name__, url_prefix="/releases")


@blueprint.get("/previous-notes")
@sign_in_required
def show_previous_notes() -> Response:
    """Gives the version and the notes of the release that comes before the one in the form, or null."""
    wanted = [request.args.get(name, "") for name in ("productId", "channel", "version", "releaseId")]
    found = find_previous_release(current_user.tenant_id, *wanted)
    return answer_json({"previous": found and {"version": found.version, "notes": found.notes}})


@blueprint.post("/notes")
def begin_notes() -> Answer:
    """Gives the form of a new release back, its notes begun as the button says."""
    return _begin(None)


@blueprint.post("/<release_id>/notes")
def begin_notes_of_draft(release_id: str) -> Answer:
    """Gives the form of a draft back, its notes begun as the button says."""
    return _begin(release_id)


# ``admit_form`` checks the token.
csrf.exempt(begin_notes)
csrf.exempt(begin_notes_of_draft)


def _begin(release_id: str | None) -> Answer:
    values = forms.read_values(request.form)
    try:
        with telling_outages():
            admit_form()
            if release_id is not None:
                queries.get_release(current_user.tenant_id, release_id)
            current_user.actor.require("release:write")
            values["notes"] = _find_beginning(values, release_id)
    except NotFoundError:
        raise
    except SlipwayError as error:
        return render_form(values, list_errors(error), release_id=release_id), error.status, list_headers(error)
    return render_form(values, release_id=release_id), 200


def _find_beginning(values: dict[str, Any], release_id: str | None) -> str:
    """Gives the text to begin with. Raises ValidationError if there is none, or if something stands there already."""
    if values["notes"].strip():
        raise _refuse("not_empty", say("Notes hold text already, and nothing was put in its place. Empty them first."))
    if request.form.get("beginWith") == "template":
        wanted = request.form.get("noteTemplate", "")
        for template in templates.list_templates(current_user.tenant_id, values["productId"]):
            if template.id == wanted:
                return template.notes
        raise _refuse("unknown_template", say("Notes cannot begin with this template: the product does not have it."))
    place = (values["productId"], values["channel"], values["version"], release_id)
    previous = find_previous_release(current_user.tenant_id, *place)
    if previous is None:
        raise _refuse("no_previous", say("Notes cannot begin with those of another release: this channel has none."))
    if not previous.notes:
        raise _refuse(
            "no_previous", say("Release {version} comes before this one, and has no notes.", version=previous.version)
        )
    return previous.notes


def _refuse(code: str, message: str) -> ValidationError:
    return ValidationError([FieldError("notes", code, message)])
