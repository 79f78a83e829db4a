"""The page of one's own sessions: in which browsers one is signed in."""

from __future__ import annotations

from types import SimpleNamespace

from flask import flash, redirect, render_template, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app.accounts import session_service
from app.accounts.account_views import blueprint
from app.accounts.sessions import sign_in_required
from app.accounts.user_agents import read_device
from app.language import gettext as _
from app.language import ngettext, pgettext


@blueprint.get("/sessions")
@sign_in_required
def list_sessions() -> str:
    """Shows in which browsers the user is signed in."""
    ways = {
        "password": pgettext("way of signing in", "Password"),
        "oidc": pgettext("way of signing in", "Provider"),
        "invitation": pgettext("way of signing in", "Invitation"),
        "setup": pgettext("way of signing in", "Setup"),
    }
    rows = [
        SimpleNamespace(
            id=row.id,
            title=_describe(row.user_agent),
            user_agent=row.user_agent,
            address=row.address,
            method=ways.get(row.method, row.method),
            created_at=row.created_at,
            last_seen_at=row.last_seen_at,
            is_this=row.id == current_user.session_id,
        )
        for row in session_service.list_sessions(current_user)
    ]
    return render_template("account/sessions.html", sessions=rows)


@blueprint.post("/sessions/<session_id>/revoke")
@sign_in_required
def revoke_session(session_id: str) -> Response:
    """Signs one browser out."""
    session_service.revoke_session(current_user, session_id)
    flash(_("That browser is signed out."), "success")
    return redirect(url_for(".list_sessions"), 303)


@blueprint.post("/sessions/revoke-others")
@sign_in_required
def revoke_other_sessions() -> Response:
    """Signs all other browsers out."""
    count = session_service.revoke_others(current_user)
    flash(
        ngettext("{count} other browser is signed out.", "{count} other browsers are signed out.", count)
        if count
        else _("No other browser was signed in."),
        "success",
    )
    return redirect(url_for(".list_sessions"), 303)


def _describe(user_agent: str) -> str:
    device = read_device(user_agent)
    if device.browser and device.system:
        return _("{browser} on {system}", browser=device.browser, system=device.system)
    if device.system:
        return _("Unknown browser on {system}", system=device.system)
    return device.browser or _("Unknown browser")
