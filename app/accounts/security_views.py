"""The pages of what guards one's account: the password, the second factor, and its recovery codes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from flask import flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import account_service, cookies, proofs, qr_code, sessions, totp, two_factor_service
from app.accounts.account_views import blueprint
from app.accounts.redirects import find_own_path
from app.accounts.sessions import session_required, sign_in_required
from app.exceptions import ConflictError, FieldError, SlipwayError, ThrottledError, UnavailableError, ValidationError
from app.forms import FormState, list_errors, list_headers, telling_outages
from app.language import gettext as _
from app.language import ngettext, translate
from app.requests import client_address

Answer = Response | tuple[str, int, dict[str, str]]

# What a form shows again with its fields; all else is the business of the pages of errors.
_Refusal = ValidationError | ThrottledError | UnavailableError


@blueprint.get("/security")
@sign_in_required
def show_security() -> str:
    """Shows what guards the account."""
    return _render_security()


@blueprint.post("/security/password")
@sign_in_required
def change_password() -> Answer | Response:
    """Stores another password; this browser gets a new session, and all others are signed out."""
    current, new = (request.form.get(name, "") for name in ("currentPassword", "newPassword"))
    try:
        with telling_outages():
            user = account_service.change_password(
                current_user, current, new, client_address(), sessions.read_user_agent()
            )
    except (ValidationError, ThrottledError, UnavailableError) as error:
        return _refuse(_render_security, error)
    sessions.begin_session(user)
    flash(_("Your password was changed. All other browsers are signed out."), "success")
    return redirect(url_for(".show_security"), 303)


@blueprint.get("/security/two-factor")
@session_required
def show_two_factor() -> Response | str:
    """Shows what a second factor is, or the key that waits for its first code."""
    if two_factor_service.get_state(current_user).confirmed_at is not None:
        return redirect(url_for(".show_security"), 302)
    return _render_setup({"next": find_own_path(request.args.get("next")) or ""})


@blueprint.post("/security/two-factor/begin")
@session_required
def begin_two_factor() -> Response:
    """Makes the key."""
    try:
        two_factor_service.begin_setup(current_user)
    except ConflictError as error:
        flash(translate(error.message), "info")
        return redirect(url_for(".show_security"), 303)
    return redirect(url_for(".show_two_factor", next=_read_next()), 303)


@blueprint.post("/security/two-factor")
@session_required
def confirm_two_factor() -> Answer | Response:
    """Switches the second factor on, and leads to the recovery codes."""
    form_key = request.form.get("clickKey", "")
    code, password = (request.form.get(name, "") for name in ("code", "password"))
    try:
        with telling_outages():
            two_factor_service.confirm_setup(current_user, code, password, form_key, client_address())
    except ConflictError as error:
        flash(translate(error.message), "info")
        return redirect(url_for(".show_security"), 303)
    except (ValidationError, ThrottledError, UnavailableError) as error:
        values = {"code": code, "clickKey": form_key, "next": _read_next() or ""}
        return _render_setup(values, list_errors(error)), error.status, list_headers(error)
    cookies.remember_codes(form_key)
    flash(_("Two-factor sign-in is on."), "success")
    return redirect(url_for(".show_recovery_codes", next=_read_next()), 303)


@blueprint.post("/security/two-factor/cancel")
@session_required
def cancel_two_factor() -> Response:
    """Forgets a key that was not confirmed."""
    two_factor_service.cancel_setup(current_user)
    return redirect(url_for(".show_security"), 303)


@blueprint.post("/security/two-factor/switch-off")
@sign_in_required
def switch_two_factor_off() -> Answer | Response:
    """Switches the second factor off."""
    try:
        with telling_outages():
            two_factor_service.switch_off(current_user, request.form.get("proof", ""), client_address())
    except (ValidationError, ThrottledError, UnavailableError) as error:
        return _refuse(_render_security, error)
    flash(_("Two-factor sign-in is off, and the recovery codes are worth nothing any more."), "success")
    return redirect(url_for(".show_security"), 303)


@blueprint.post("/security/recovery-codes")
@sign_in_required
def renew_recovery_codes() -> Answer | Response:
    """Replaces the recovery codes, and leads to where they are shown once."""
    form_key = request.form.get("clickKey", "")
    try:
        with telling_outages():
            two_factor_service.renew_codes(current_user, request.form.get("codesProof", ""), form_key, client_address())
    except ConflictError as error:
        flash(translate(error.message), "info")
        return redirect(url_for(".show_security"), 303)
    except (ValidationError, ThrottledError, UnavailableError) as error:
        return _refuse(_render_security, error)
    cookies.remember_codes(form_key)
    return redirect(url_for(".show_recovery_codes"), 303)


@blueprint.get("/security/recovery-codes")
@session_required
def show_recovery_codes() -> Response | str:
    """Shows new recovery codes, once."""
    codes = two_factor_service.list_new_codes(current_user, cookies.take_codes_key())
    if not codes:
        flash(_("Recovery codes are shown once, when they are made. If you do not have them, make new ones."), "info")
        return redirect(url_for(".show_security"), 302)
    target = find_own_path(request.args.get("next"))
    return render_template("account/recovery_codes.html", codes=codes, next_url=target or url_for(".show_security"))


def _read_next() -> str | None:
    return find_own_path(request.form.get("next"))


def _refuse(render: Callable[[Iterable[FieldError]], str], error: SlipwayError) -> Answer:
    return render(list_errors(error)), error.status, list_headers(error)


def _render_security(errors: Iterable[FieldError] = ()) -> str:
    form = FormState.build({}, errors)
    # The page that comes back because the database is away asks that nothing.
    state = None if form.is_outage else two_factor_service.get_state(current_user)
    return render_template(
        "account/security.html",
        form=form,
        state=state,
        codes_left=ngettext("{count} recovery code left", "{count} recovery codes left", state.codes_left)
        if state
        else "",
        has_password=form.is_outage or proofs.has_password(current_user.tenant_id, current_user.id),
        is_fresh=proofs.is_fresh(current_user),
    )


def _render_setup(values: Mapping[str, Any], errors: Iterable[FieldError] = ()) -> str:
    form = FormState.build(values, errors)
    secret = None if form.is_outage else two_factor_service.find_pending_secret(current_user)
    address = totp.build_address(secret, current_user.email, current_user.tenant_name) if secret else ""
    return render_template(
        "account/two_factor.html",
        form=form,
        secret=totp.group_secret(secret) if secret else [],
        address=address,
        picture=qr_code.draw(address) if address else "",
        has_password=form.is_outage or proofs.has_password(current_user.tenant_id, current_user.id),
    )
