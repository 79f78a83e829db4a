"""The pages of members and of invitations, for those who manage them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from typing import Any
from uuid import uuid4

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts.actors import Actor
from app.accounts.scope_words import ROLE_WORDS, build_role_table
from app.accounts.sessions import admit_form, is_sign_in_needed, sign_in_required
from app.exceptions import (
    ConflictError,
    FieldError,
    PermissionDeniedError,
    SlipwayError,
    ThrottledError,
    UnavailableError,
    ValidationError,
)
from app.extensions import csrf
from app.forms import FormState, create_once, list_errors, list_headers, telling_outages
from app.idempotency.clicks import build_key
from app.language import gettext as _
from app.language import say, translate
from app.members import invitations, membership, pages, queries, schema

blueprint = Blueprint("members", __name__, url_prefix="/settings/members")

Answer = Response | str | tuple[str, int] | tuple[str, int, dict[str, str]]
_INVITATION_FIELDS = ("email", "role", "idempotencyKey", "signInEmail")


@blueprint.get("")
@sign_in_required
def list_members() -> str:
    """Shows the members that fit the filters, who is invited, and what each role may do."""
    actor = current_user.actor
    actor.require("user:read")
    wanted = pages.read_query(request.args)
    found = queries.list_members(actor.tenant_id, wanted.filters, pages.PAGE_SIZE + 1, wanted.after)
    shown = found[: pages.PAGE_SIZE]
    next_url = None
    if len(found) > len(shown):
        next_url = url_for(".list_members", **wanted.address, after=shown[-1][0].email)
    return render_template(
        "members/list.html",
        members=pages.build_rows(shown, actor.user_id),
        filters=wanted.values,
        is_filtered=bool(wanted.address),
        member_count=queries.count_members(actor.tenant_id),
        invitations=pages.build_invitations(queries.list_open_invitations(actor.tenant_id)),
        roles=ROLE_WORDS,
        role_table=build_role_table(),
        next_url=next_url,
        first_url=url_for(".list_members", **wanted.address) if wanted.after else None,
    )


@blueprint.get("/invite")
@sign_in_required
def new_invitation() -> Response:
    """Shows the form of an invitation."""
    current_user.actor.require("user:write")
    answer = make_response(_render_invitation_form({"email": "", "role": "editor", "idempotencyKey": str(uuid4())}))
    # Not "no-store": who goes back to this page must find what they had typed, and the same key.
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


@blueprint.post("/invite")
def invite() -> Answer:
    """Invites somebody, and shows the link once. Whatever stands in the way, what was typed comes back."""
    values = {name: request.form.get(name, "") for name in _INVITATION_FIELDS}
    try:
        with telling_outages():
            admit_form()
            draft = schema.parse_invitation(values["email"], values["role"])
            invited = create_once(partial(invitations.invite, current_user.actor, draft), values)
    except PermissionDeniedError:
        raise
    except SlipwayError as error:
        return _render_invitation_form(values, list_errors(error)), error.status, list_headers(error)
    return _render_link(invited)


# ``admit_form`` checks the token.
csrf.exempt(invite)


@blueprint.post("/invitations/<invitation_id>/renew")
@sign_in_required
def renew_invitation(invitation_id: str) -> Answer:
    """Makes a new link for an invitation, and shows it once."""
    key = build_key(request.form.get("clickKey", ""), "invitation.renewed", invitation_id)
    try:
        invited = invitations.renew_invitation(current_user.actor, invitation_id, key)
    except ConflictError as error:
        flash(translate(error.message), "error")
        return redirect(url_for(".list_members"), 303)
    return _render_link(invited)


@blueprint.post("/invitations/<invitation_id>/revoke")
@sign_in_required
def revoke_invitation(invitation_id: str) -> Response:
    """Withdraws an invitation."""
    try:
        invitation = invitations.revoke_invitation(current_user.actor, invitation_id)
    except ConflictError as error:
        flash(translate(error.message), "error")
    else:
        flash(
            _("The invitation of {email} is withdrawn: its link is worth nothing.", email=invitation.email), "success"
        )
    return redirect(url_for(".list_members"), 303)


@blueprint.get("/<member_id>")
@sign_in_required
def show_member(member_id: str) -> str:
    """Shows a member, and what can be done with them."""
    return _render_member(member_id, {})


@blueprint.post("/<member_id>/role")
def change_role(member_id: str) -> Answer:
    """Gives a member another role. Whatever stands in the way, what was chosen comes back."""
    values = {name: request.form.get(name, "") for name in ("role", "signInEmail")}
    try:
        with telling_outages():
            admit_form()
            user = membership.change_role(current_user.actor, member_id, schema.parse_role(values["role"]))
    except (ValidationError, ThrottledError, UnavailableError) as error:
        return _render_member(member_id, values, list_errors(error)), error.status, list_headers(error)
    flash(_("{email} is {role} now.", email=user.email, role=ROLE_WORDS[user.role]), "success")
    # Whoever has stepped down may not see the members any more.
    may_stay = user.id != current_user.id or user.role in ("owner", "admin")
    return redirect(url_for(".show_member", member_id=member_id) if may_stay else url_for("pages.show_front"), 303)


# ``admit_form`` checks the token.
csrf.exempt(change_role)


@blueprint.post("/<member_id>/deactivate")
@sign_in_required
def deactivate_member(member_id: str) -> Response:
    """Switches a member off."""
    return _switch(membership.deactivate_member, member_id, say("{email} is deactivated, and signed out everywhere."))


@blueprint.post("/<member_id>/reactivate")
@sign_in_required
def reactivate_member(member_id: str) -> Response:
    """Lets a member in again."""
    return _switch(membership.reactivate_member, member_id, say("{email} may sign in again."))


def _switch(step: Callable[[Actor, str], Any], member_id: str, words: str) -> Response:
    try:
        user = step(current_user.actor, member_id)
        flash(translate(words).format(email=user.email), "success")
    except ConflictError as error:
        flash(translate(error.message), "error")
    return redirect(url_for(".show_member", member_id=member_id), 303)


def _render_member(member_id: str, typed: Mapping[str, Any], errors: Iterable[FieldError] = ()) -> str:
    form = FormState.build(typed, errors)
    if form.is_outage or not current_user.is_authenticated:
        return render_template(
            "members/show.html",
            member_id=member_id,
            form=form,
            roles=pages.list_role_choices(None),
            sign_in_needed=is_sign_in_needed(),
            asks_nothing=form.is_outage,
        )
    actor = current_user.actor
    # A refused form shows the page, too.
    actor.require("user:read")
    member = pages.build_member(queries.get_member(actor.tenant_id, member_id), actor.user_id)
    access = queries.count_access(actor.tenant_id, member_id)
    return render_template(
        "members/show.html",
        member_id=member_id,
        member=member,
        form=FormState.build({"role": member.role, **typed}, errors),
        roles=pages.list_role_choices(actor, member.role),
        session_count=access[0],
        token_count=access[1],
        deactivation=pages.describe_deactivation(*access),
        can_manage=pages.can_manage(actor, member.role),
    )


def _render_invitation_form(values: Mapping[str, Any], errors: Iterable[FieldError] = ()) -> str:
    form = FormState.build(values, errors)
    return render_template(
        "members/invite.html",
        form=form,
        roles=pages.list_role_choices(current_user.actor if current_user.is_authenticated else None),
        days=schema.INVITATION_DAYS,
        sign_in_needed=is_sign_in_needed(),
        asks_nothing=form.is_outage,
    )


def _render_link(invited: invitations.Invited) -> str:
    return render_template(
        "members/link.html",
        invitation=pages.build_invitations([invited.invitation])[0],
        link=invited.link,
        is_mailed=invited.is_mailed,
    )
