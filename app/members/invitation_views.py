"""The door for whoever was invited: they belong to no organisation yet, and have nothing but the link."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from flask import Blueprint, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import service as accounts
from app.accounts import sessions
from app.accounts.passwords import MIN_LENGTH
from app.accounts.scope_words import ROLE_EFFECTS, ROLE_WORDS
from app.exceptions import FieldError, SlipwayError, ThrottledError, UnavailableError, ValidationError
from app.extensions import csrf
from app.forms import FormState, list_errors, list_headers, telling_outages
from app.members import service
from app.members.service import AlreadyMemberError, InvitationClosedError, OpenInvitation
from app.requests import client_address

blueprint = Blueprint("invitations", __name__, url_prefix="/invitations")

Answer = Response | str | tuple[str, int] | tuple[str, int, dict[str, str]]


@blueprint.get("/<link>")
def show_invitation(link: str) -> Answer:
    """Shows what a link invites to, and the form that accepts."""
    try:
        invitation = service.find_invitation(link)
    except (AlreadyMemberError, InvitationClosedError) as error:
        return _render_closed(error)
    return _render(link, invitation, {"name": ""})


@blueprint.post("/<link>")
def accept(link: str) -> Answer:
    """Accepts an invitation, and signs in who did. Whoever was signed in in this browser is no longer."""
    values = {"name": request.form.get("name", "")}
    invitation = None
    try:
        with telling_outages():
            # The page that comes back says who is signed in, and can ask the database no more if that is away.
            signed_in = current_user if current_user.is_authenticated else None
            invitation = _find(link)
            sessions.admit_visitor()
            user = service.join(
                link,
                values["name"],
                request.form.get("password", ""),
                client_address(),
                sessions.read_user_agent(),
            )
            if signed_in is not None:
                accounts.sign_out(signed_in)
    except (AlreadyMemberError, InvitationClosedError) as error:
        return _render_closed(error)
    except (ValidationError, ThrottledError, UnavailableError) as error:
        return _render(link, invitation, values, list_errors(error)), error.status, list_headers(error)
    sessions.begin_session(user)
    return redirect(url_for("releases.list_releases"), 303)


# ``admit_visitor`` checks the token.
csrf.exempt(accept)


def _find(link: str) -> OpenInvitation | None:
    """Gives what the form is about, None if it was accepted: perhaps by the first of two clicks."""
    try:
        return service.find_invitation(link)
    except (AlreadyMemberError, InvitationClosedError):
        return None


def _render(
    link: str, invitation: OpenInvitation | None, values: Mapping[str, str], errors: Iterable[FieldError] = ()
) -> str:
    form = FormState.build(values, errors)
    return render_template(
        "members/accept.html",
        link=link,
        invitation=invitation,
        role_word=ROLE_WORDS[invitation.role] if invitation else "",
        role_effect=ROLE_EFFECTS[invitation.role] if invitation else "",
        form=form,
        min_length=MIN_LENGTH,
        asks_nothing=form.is_outage,
    )


def _render_closed(error: SlipwayError) -> tuple[str, int]:
    is_member = isinstance(error, AlreadyMemberError)
    return render_template("members/closed.html", message=error.message, is_member=is_member), error.status
