"""The page of one's own account: how one is called, what one sees, and the e-mail address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app import languages
from app.accounts import account_service, letters, proofs
from app.accounts.schema import ProfileDraft, parse_profile
from app.accounts.sessions import admit_form, sign_in_required
from app.exceptions import FieldError, SlipwayError, ValidationError
from app.extensions import csrf
from app.forms import FormState, list_errors, list_headers, telling_outages
from app.language import gettext as _
from app.language import translate
from app.requests import client_address

blueprint = Blueprint("account", __name__, url_prefix="/settings")

Answer = Response | tuple[str, int, dict[str, str]]

_PROFILE = ("name", "locale", "theme")
_COOKIE_SECONDS = 365 * 24 * 3600


@blueprint.get("/account")
@sign_in_required
def show_account() -> str:
    """Shows the account."""
    return _render({})


@blueprint.post("/account")
def change_profile() -> Answer:
    """Stores name, language and appearance. Whatever stands in the way, what was typed comes back."""
    values = {name: request.form.get(name, "") for name in _PROFILE}
    try:
        with telling_outages():
            admit_form()
            draft = parse_profile(values, languages.LOCALES, languages.THEMES)
            account_service.change_profile(current_user, draft)
    except SlipwayError as error:
        return _refuse(values, error)
    answer = redirect(url_for(".show_account"), 303)
    _set_cookies(answer, draft)
    languages.remember_reader(draft)
    flash(_("Your account was saved."), "success")
    return answer


@blueprint.post("/account/email")
def change_email() -> Answer:
    """Stores another e-mail address, or sends the link by which it is confirmed."""
    values = {"email": request.form.get("email", "")}
    try:
        with telling_outages():
            admit_form()
            password = request.form.get("password", "")
            is_done = account_service.change_email(current_user, values["email"], password, client_address())
    except SlipwayError as error:
        return _refuse(values, error)
    if is_done:
        flash(_("Your e-mail address was changed."), "success")
    else:
        flash(
            _("A link is on its way to {email}. The address counts once you open it.", email=values["email"].strip()),
            "info",
        )
    return redirect(url_for(".show_account"), 303)


# ``admit_form`` checks the tokens.
csrf.exempt(change_profile)
csrf.exempt(change_email)


@blueprint.get("/account/email/<token>")
@sign_in_required
def show_new_email(token: str) -> str:
    """Asks whoever opens the link in an e-mail to confirm: some mail programs open links by themselves."""
    email = account_service.find_new_email(current_user, token)
    return render_template("account/email.html", email=email, token=token)


@blueprint.post("/account/email/<token>")
@sign_in_required
def confirm_email(token: str) -> Response:
    """Lets a new e-mail address count."""
    try:
        email = account_service.confirm_email(current_user, token)
    except ValidationError as error:
        flash(translate(error.errors[0].message), "error")
    else:
        flash(_("Your e-mail address is {email} now.", email=email), "success")
    return redirect(url_for(".show_account"), 303)


def _refuse(values: Mapping[str, str], error: SlipwayError) -> Answer:
    shown = {**values, "signInEmail": request.form.get("signInEmail", "")}
    return _render(shown, list_errors(error)), error.status, list_headers(error)


def _render(values: Mapping[str, Any], errors: Iterable[FieldError] = ()) -> str:
    form = FormState.build(values, errors)
    if form.is_outage or not current_user.is_authenticated:
        stored = {"name": "", "locale": "", "theme": "", "email": ""}
        is_known = False
    else:
        row = account_service.get_user(current_user)
        stored = {"name": row.name, "locale": row.locale, "theme": row.theme, "email": row.email}
        is_known = True
    return render_template(
        "account/account.html",
        form=FormState.build({**stored, **values}, form.summary),
        sent=frozenset(values),
        is_known=is_known,
        sign_in_needed=not current_user.is_authenticated,
        has_password=is_known and proofs.has_password(current_user.tenant_id, current_user.id),
        sends_links=letters.can_send(),
        locales=languages.LOCALES,
    )


def _set_cookies(answer: Response, draft: ProfileDraft) -> None:
    """Lets the pages before the sign-in look like those after it, in this browser."""
    is_https = current_app.extensions["slipway"].settings.is_https
    for name, value in ((languages.LOCALE_COOKIE, draft.locale), (languages.THEME_COOKIE, draft.theme)):
        if value:
            answer.set_cookie(
                name, value, max_age=_COOKIE_SECONDS, secure=is_https, httponly=True, samesite="Lax", path="/"
            )
        else:
            answer.delete_cookie(name, path="/", secure=is_https, httponly=True, samesite="Lax")
