"""The pages of signing in through the provider: away to it, back from it, and what comes between."""

from __future__ import annotations

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user

from app.accounts import service as accounts
from app.accounts import sessions
from app.accounts.actors import SignedInUser
from app.accounts.attempts import Attempt
from app.accounts.redirects import find_own_path
from app.exceptions import FieldError, SlipwayError
from app.forms import FormState
from app.language import gettext as _
from app.language import say
from app.oidc import service, states
from app.oidc.pages import (
    Answer,
    find_page_before,
    get_provider,
    lead_away,
    name_provider,
    tell_denial,
    tell_lost,
    tell_provider_error,
    tell_refusal,
)
from app.oidc.schema import Account, ProviderError
from app.oidc.service import ChoiceNeededError, Origin
from app.oidc.states import CONNECT, JOIN, SIGN_IN, Journey
from app.requests import client_address, is_cross_site

blueprint = Blueprint("oidc", __name__)
blueprint.add_app_template_global(name_provider, "provider_name")

_NOT_CHOSEN = FieldError("organisation", "required", say("Organisation is required: choose one."))


@blueprint.get("/sign-in/oidc")
def begin() -> Answer:
    """Leads to the provider. With ``invitation``, the link of one, that is to be accepted on the way back."""
    get_provider()
    next_path, link = find_own_path(request.args.get("next")) or "", request.args.get("invitation", "")
    # Another site could make a browser begin again and again; whoever comes from one has a button to press first.
    if is_cross_site():
        return redirect(url_for("accounts.sign_in", next=next_path or None), 303)
    is_join = bool(link) and len(link) <= states.LONGEST_TEXT and link.isascii()
    journey = states.begin_journey(JOIN, bound_to=link) if is_join else states.begin_journey(SIGN_IN, next_path)
    return lead_away(journey, is_another="another" in request.args)


@blueprint.get("/sign-in/oidc/callback")
def come_back() -> Answer:
    """Ends a journey: signs in, joins or connects, or says in words why not."""
    provider = get_provider()
    journey = states.end_journey(_read("state") or "")
    if journey is None:
        return tell_lost()
    problem, code = _read("error"), _read("code")
    if problem or not code:
        return tell_denial(problem or "no code", journey)
    try:
        attempt = service.admit(journey.state, client_address())
        account = provider.finish(journey.proof, code, _read("iss"))
        return _arrive(journey, account, attempt)
    except ProviderError as error:
        return tell_provider_error(error, journey)
    except SlipwayError as error:
        return tell_refusal(error, journey)


@blueprint.get("/sign-in/oidc/organisation")
def choose() -> Answer:
    """Asks for which organisation somebody signs in for whom the provider has vouched."""
    get_provider()
    return _render_choice()


@blueprint.post("/sign-in/oidc/organisation")
def submit_choice() -> Answer:
    """Signs in to the organisation that was chosen."""
    get_provider()
    choice, wanted = states.find_choice(), request.form.get("organisation", "")
    if choice is None or wanted not in dict(service.list_choices(choice.account)):
        return _render_choice(_NOT_CHOSEN)
    try:
        attempt = service.admit(f"{choice.state} chosen", client_address())
        user = service.sign_in(choice.account, attempt, _find_origin(), wanted)
    except SlipwayError as error:
        states.forget_choice()
        return tell_refusal(error, None)
    return _enter(user, choice.next_path)


def _arrive(journey: Journey, account: Account, attempt: Attempt) -> Answer:
    if journey.purpose == CONNECT:
        return _connect(journey, account, attempt)
    try:
        if journey.purpose == JOIN:
            user = service.join(account, journey.bound_to, attempt, _find_origin())
        else:
            user = service.sign_in(account, attempt, _find_origin())
    except ChoiceNeededError:
        states.ask(journey, account)
        return redirect(url_for(".choose"), 303)
    return _enter(user, journey.next_path)


def _connect(journey: Journey, account: Account, attempt: Attempt) -> Answer:
    # The session that began it, and no other: not who has signed in here since.
    if not current_user.is_authenticated or current_user.session_id != journey.bound_to:
        return tell_lost()
    service.connect(current_user, account, attempt)
    flash(_("Your account at {provider} is connected: you can sign in with it.", provider=name_provider()), "success")
    return redirect(find_page_before(journey), 303)


def _enter(user: SignedInUser, next_path: str) -> Answer:
    if current_user.is_authenticated:
        accounts.sign_out(current_user)
    sessions.begin_session(user)
    return redirect(find_own_path(next_path) or url_for("releases.list_releases"), 303)


def _render_choice(error: FieldError | None = None) -> Answer:
    choice = states.find_choice()
    options = service.list_choices(choice.account) if choice else []
    if choice is None or not options:
        return tell_lost()
    form = FormState.build({}, [error] if error else ())
    page = render_template("oidc/choose.html", form=form, options=options, email=choice.email, provider=name_provider())
    return (page, 400) if error else page


def _read(name: str) -> str | None:
    """Gives a parameter that was sent once. One that comes twice is as good as none: who is to say which counts?"""
    values = request.args.getlist(name)
    return values[0] if len(values) == 1 else None


def _find_origin() -> Origin:
    return Origin(client_address(), sessions.read_user_agent())
