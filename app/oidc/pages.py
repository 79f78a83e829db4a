"""What the pages of the provider have in common: which one there is, and how it is said that something went wrong."""

from __future__ import annotations

import logging
from typing import Any

from flask import current_app, flash, redirect, render_template, url_for
from werkzeug.wrappers import Response

from app.exceptions import NotFoundError, SlipwayError
from app.forms import list_headers
from app.language import gettext as _
from app.language import say, translate
from app.members.service import InvitationClosedError
from app.oidc.client import Provider
from app.oidc.schema import ProviderError
from app.oidc.service import NoAccountError
from app.oidc.states import CONNECT, JOIN, SIGN_IN, Journey
from app.requests import client_address

logger = logging.getLogger(__name__)

Answer = Response | str | tuple[str, int] | tuple[str, int, dict[str, str]]

_RETRY_SECONDS = 10


def get_provider() -> Provider:
    """Gives the provider. Raises NotFoundError if there is none: then there are no such pages either."""
    provider = find_provider()
    if provider is None:
        raise NotFoundError(say("There is nothing here."))
    return provider


def find_provider() -> Provider | None:
    """Gives the provider of this installation, None if there is none."""
    provider: Provider | None = current_app.extensions["slipway"].provider
    return provider


def name_provider() -> str:
    """Gives what people know the provider by; the empty string if there is none."""
    provider = find_provider()
    return provider.name if provider else ""


def lead_away(journey: Journey, *, is_another: bool = False) -> Answer:
    """Takes a journey that has begun; gives the way to the provider, or the page that says why there is none.

    ``is_another``: somebody wants another account there than the one that the provider would take by itself.
    """
    try:
        url = get_provider().begin(journey.proof, is_another=is_another)
    except ProviderError as error:
        return tell_provider_error(error, journey)
    if journey.purpose != CONNECT:
        return redirect(url, 303)
    # It answers a form, and a form of ours must not lead to another site: browsers hold redirects, too, to form-action
    # of our policy. So the page leads there by itself.
    return render_template("oidc/leaving.html", url=url, provider=name_provider())


def find_page_before(journey: Journey | None) -> str:
    """Gives the address of the page of ours that a journey began on; without one, where one signs in."""
    if journey is not None and journey.purpose == CONNECT:
        return url_for("account.show_security")
    if journey is not None and journey.purpose == JOIN:
        return url_for("invitations.show_invitation", link=journey.bound_to)
    return url_for("accounts.sign_in", next=(journey.next_path if journey else "") or None)


def tell_lost() -> Answer:
    """Gives the page for an answer of the provider that belongs to nothing, or to something that is over."""
    message = _(
        "It was begun too long ago or in another browser, or was used already. Nothing has changed; begin again."
    )
    return _render(_("This sign-in is over"), message, 400, None)


def tell_denial(problem: str, journey: Journey) -> Answer:
    """Takes the word for why the provider sent somebody back without having signed them in."""
    # It may be anybody's text: it goes into the log and onto no page.
    logger.info("the provider sent somebody back", extra={"error": problem[:100], "address": client_address()})
    provider = name_provider()
    if problem == "access_denied":
        flash(_("You did not sign in at {provider}.", provider=provider), "info")
        return redirect(find_page_before(journey), 303)
    message = _("{provider} did not sign you in. If it happens again, ask whoever runs Slipway.", provider=provider)
    return _render(_("You are not signed in"), message, 502, journey)


def tell_provider_error(error: ProviderError, journey: Journey) -> Answer:
    """Takes what the provider did wrong: the log gets the reason, the page says what it means."""
    logger.warning("sign-in by the provider failed", extra={"reason": str(error), "address": client_address()})
    provider = name_provider()
    if error.is_outage:
        message = _("It cannot be reached or is slow at the moment. Nothing has changed; try again.")
        page, status = _render(_("{provider} does not answer", provider=provider), message, 503, journey)
        return page, status, {"Retry-After": str(_RETRY_SECONDS)}
    message = _("{provider} gave an answer that cannot be trusted. Ask whoever runs Slipway.", provider=provider)
    return _render(_("You are not signed in"), message, 502, journey)


def tell_refusal(error: SlipwayError, journey: Journey | None) -> Answer:
    """Takes why somebody whom the provider vouches for is not let in."""
    message = translate(error.message)
    if isinstance(error, InvitationClosedError):
        # Perhaps it was used in another tab: then an ordinary sign-in is all that is left to do.
        return _render(_("This invitation is not open"), message, error.status, None)
    title = _("You are not signed in")
    if isinstance(error, NoAccountError):
        title, message = _("There is no account for you here"), _describe_unknown()
    page, status = _render(title, message, error.status, journey, asks_for_another=True)
    return page, status, list_headers(error)


def _describe_unknown() -> str:
    return _(
        "Your account at {provider} signs nobody in here. If you have a password here, sign in with it and connect the "
        "account in your settings. Else ask for an invitation.",
        provider=name_provider(),
    )


def _render(
    title: str, message: str, status: int, journey: Journey | None, *, asks_for_another: bool = False
) -> tuple[str, int]:
    purpose = journey.purpose if journey else SIGN_IN
    again: dict[str, Any] = {"next": (journey.next_path if journey else "") or None}
    if journey and purpose == JOIN:
        again = {"invitation": journey.bound_to}
    if asks_for_another:
        again["another"] = "1"
    page = render_template(
        "oidc/refused.html",
        title=title,
        message=message,
        provider=name_provider(),
        purpose=purpose,
        asks_for_another=asks_for_another,
        again_url=url_for("identities.connect") if purpose == CONNECT else url_for("oidc.begin", **again),
        before_url=find_page_before(journey),
    )
    return page, status
