"""The pages on which a user connects an account at the provider, and lets one go."""

from __future__ import annotations

from collections.abc import Sequence

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import proofs
from app.accounts.sessions import admit_form, is_sign_in_needed, sign_in_required
from app.exceptions import ConflictError, ThrottledError, UnavailableError, ValidationError
from app.extensions import csrf
from app.forms import FormState, list_errors, list_headers, telling_outages
from app.language import gettext as _
from app.language import translate
from app.oidc import queries, service, states
from app.oidc.models import Identity
from app.oidc.pages import Answer, find_provider, get_provider, lead_away, name_provider
from app.requests import client_address

blueprint = Blueprint("identities", __name__, url_prefix="/settings/security")


@blueprint.app_template_global("own_identities")
def list_own() -> Sequence[Identity]:
    """Gives the accounts that sign the current user in, for templates; none where it is not known who that is."""
    if not current_user.is_authenticated:
        return ()
    return queries.list_identities(current_user.tenant_id, current_user.id)


@blueprint.get("/connect")
@sign_in_required
def connect() -> Answer:
    """Shows the form that leads to the provider to connect an account there."""
    get_provider()
    return _render(FormState.build({}))


@blueprint.post("/connect")
def submit_connect() -> Answer:
    """Leads to the provider, once it is sure that the user themselves sits there."""
    try:
        with telling_outages():
            is_known = current_user.is_authenticated
            admit_form()
            # Who has just signed in within this form has typed the password already.
            if is_known:
                service.confirm(current_user, request.form.get("password", ""), client_address())
            session_id = current_user.session_id
    except (ValidationError, ThrottledError, UnavailableError) as error:
        if find_provider() is None:
            raise
        shown = {"signInEmail": request.form.get("signInEmail", "")}
        return _render(FormState.build(shown, list_errors(error))), error.status, list_headers(error)
    return lead_away(states.begin_journey(states.CONNECT, bound_to=session_id))


# ``admit_form`` checks the token.
csrf.exempt(submit_connect)


@blueprint.get("/signed-in")
@sign_in_required
def tell_signed_in() -> str:
    """Ends a sign-in that was begun in a tab of its own, for a form in another one."""
    return render_template("oidc/signed_in.html")


@blueprint.post("/identities/<identity_id>/disconnect")
@sign_in_required
def disconnect(identity_id: str) -> Response:
    """Lets an account go: it signs the user in no more."""
    try:
        service.disconnect(current_user, identity_id)
    except ConflictError as error:
        flash(translate(error.message), "error")
    else:
        flash(_("The account is disconnected. What it had signed in elsewhere is signed out."), "success")
    return redirect(url_for("account.show_security"), 303)


def _render(form: FormState) -> str:
    # Who is asked to sign in again is asked for the password by that; and in an outage there is nobody to ask.
    is_gone = is_sign_in_needed()
    is_asked = form.is_outage or (not is_gone and proofs.has_password(current_user.tenant_id, current_user.id))
    return render_template(
        "oidc/connect.html",
        form=form,
        provider=name_provider(),
        asks_password=is_asked,
        sign_in_needed=is_gone,
        asks_nothing=form.is_outage,
    )
