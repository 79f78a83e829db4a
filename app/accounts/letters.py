"""What users are told of their account by e-mail, in their language. It joins a transaction, and never commits."""

from __future__ import annotations

from collections.abc import Sequence

from flask import current_app
from sqlalchemy.orm import Session

from app.accounts.models import Tenant, User
from app.language import Message, say, speaking, translate
from app.languages import DEFAULT_LOCALE, LOCALES, load_catalog
from app.mail import outbox


def can_send() -> bool:
    """Whether e-mail is sent at all."""
    return current_app.extensions["slipway"].settings.smtp_url is not None


def tell_reset(session: Session, user: User, tenant: Tenant, url: str, locale: str = "") -> None:
    """Owes the link by which a user chooses another password."""
    asked = say(
        "Somebody, probably you, asked for a new password for {email} at {organisation}.",
        email=user.email,
        organisation=tenant.name,
    )
    paragraphs = (
        asked,
        say("Choose one here within the next hour:"),
        url,
        say("If it was not you, there is nothing to do: without this link nothing changes."),
    )
    _owe(session, user, user.email, say("Choose a new password for Slipway"), paragraphs, locale)


def tell_new_address(session: Session, user: User, email: str, tenant: Tenant, url: str) -> None:
    """Owes to a new address the link that shows that it can be read there."""
    wanted = say(
        "{old} at {organisation} wants to have this e-mail address: {email}.",
        old=user.email,
        organisation=tenant.name,
        email=email,
    )
    paragraphs = (
        wanted,
        say("If that is you, confirm it here within the next hour:"),
        url,
        say("If it is not, there is nothing to do."),
    )
    _owe(session, user, email, say("Confirm your e-mail address for Slipway"), paragraphs)


def tell_address_changed(session: Session, user: User, former: str, tenant: Tenant) -> None:
    """Owes to the former address that there is another one."""
    what = say(
        "The e-mail address of your account at {organisation} was changed from {former} to {email}.",
        organisation=tenant.name,
        former=former,
        email=user.email,
    )
    _warn(session, user, former, say("Your e-mail address was changed"), what, tenant)


def tell_password_changed(session: Session, user: User, tenant: Tenant) -> None:
    """Owes that the password is another one."""
    what = say(
        "The password of {email} at {organisation} was changed. All other browsers were signed out.",
        email=user.email,
        organisation=tenant.name,
    )
    _warn(session, user, user.email, say("Your password was changed"), what, tenant)


def tell_two_factor(session: Session, user: User, tenant: Tenant, *, is_on: bool) -> None:
    """Owes that two-factor sign-in was switched on or off."""
    names = {"email": user.email, "organisation": tenant.name}
    if is_on:
        what = say("Two-factor sign-in was switched on for {email} at {organisation}.", **names)
        subject = say("Two-factor sign-in was switched on")
    else:
        what = say("Two-factor sign-in was switched off for {email} at {organisation}.", **names)
        subject = say("Two-factor sign-in was switched off")
    _warn(session, user, user.email, subject, what, tenant)


def _warn(session: Session, user: User, recipient: str, subject: Message, what: Message, tenant: Tenant) -> None:
    advice = say(
        "If this was not you, change your password at once, and tell an administrator of {organisation}.",
        organisation=tenant.name,
    )
    _owe(session, user, recipient, subject, (what, advice))


def _owe(
    session: Session, user: User, recipient: str, subject: Message, paragraphs: Sequence[str], locale: str = ""
) -> None:
    chosen = user.locale or locale
    with speaking(load_catalog(chosen if chosen in LOCALES else DEFAULT_LOCALE)):
        body = "\n\n".join(translate(paragraph) for paragraph in paragraphs)
        outbox.owe(session, user.tenant_id, [recipient], translate(subject), f"{body}\n")
