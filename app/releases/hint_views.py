"""What the form of a release is told while it is filled in: answers for its script, and buttons that do without one."""

from __future__ import annotations

from flask import Blueprint, Response, get_template_attribute, request
from flask_login import current_user

from app.accounts.sessions import admit_form, sign_in_required
from app.answers import answer_json
from app.exceptions import AuthenticationError, SlipwayError
from app.extensions import csrf
from app.forms import list_errors, list_headers, telling_outages
from app.language import say
from app.releases import forms, queries, service
from app.releases.confirmation import find_question
from app.releases.editor import render_form
from app.releases.hint_pages import describe_hints, find_customer_address

Answer = tuple[str, int] | tuple[str, int, dict[str, str]]

blueprint = Blueprint("release_hints", __name__, url_prefix="/releases")


@blueprint.get("/hints")
@sign_in_required
def show_hints() -> Response:
    """Gives what is known of the fields in the address, which are those of the form: HTML by the id of its place."""
    values = forms.read_values(request.args)
    return answer_json(describe_hints(values, request.args.get("releaseId") or None))


@blueprint.post("/hints")
def take_hint() -> Answer:
    """Gives the form of a new release back with a suggestion in its field."""
    return _refill(None)


@blueprint.post("/<release_id>/hints")
def take_hint_for_draft(release_id: str) -> Answer:
    """Gives the form of a draft back with a suggestion in its field."""
    return _refill(release_id)


@blueprint.post("/confirmation")
def ask_to_publish() -> Response:
    """Gives what is to be confirmed before the form is sent to create and publish; null if nothing is.

    A script asks. Whatever stands in the way, it sends the form instead, which then comes back with what is wrong.
    """
    if not current_user.is_authenticated:
        raise AuthenticationError(say("Your session has ended. Sign in again."), code="authentication_required")
    draft = service.parse_release(current_user.actor, forms.build_raw(forms.read_values(request.form)))
    question = find_question(current_user.actor, draft)
    if question is None:
        return answer_json({"html": None})
    ask = get_template_attribute("releases/form/confirm.html", "ask_in_dialog")
    return answer_json({"html": ask(question, find_customer_address(question.product_slug))})


def _refill(release_id: str | None) -> Answer:
    values = forms.read_values(request.form)
    try:
        with telling_outages():
            admit_form()
            if release_id is not None:
                queries.get_release(current_user.tenant_id, release_id)
            values = forms.refill(values, request.form.get("take", ""))
            return render_form(values, release_id=release_id), 200
    except SlipwayError as error:
        if error.status == 404:
            raise
        return render_form(values, list_errors(error), release_id=release_id), error.status, list_headers(error)


# ``admit_form`` checks the token.
csrf.exempt(take_hint)
csrf.exempt(take_hint_for_draft)
