"""Somebody who is signed in and looks after their account; and what is stored of it."""

from __future__ import annotations

import html
import re
from datetime import timedelta
from typing import Any

from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app import times
from app.accounts import second_factor, totp
from app.accounts.models import User
from app.audit.models import AuditEntry
from app.database import transaction
from app.extensions import db
from app.mail.models import Mail
from tests.factories import PASSWORD, Factory, Organisation, find_csrf_token

SECRET = "JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP"
RECOVERY_CODES = [f"aaaa-bbbb-cccc-{number:04}" for number in range(10)]


class Person:
    """A browser in which a user is signed in."""

    def __init__(self, make: Factory, owner: Organisation, browser: FlaskClient | None = None) -> None:
        self.owner = owner
        self.browser = browser or make.browser(owner)

    def get(self, path: str, status: int = 200) -> str:
        """Gives a page as it reads."""
        answer = self.browser.get(path)
        assert answer.status_code == status, (answer.status_code, answer.text)
        return html.unescape(answer.text)

    def post(self, path: str, page: str = "/settings/account", **fields: Any) -> TestResponse:
        """Sends a form with the token of a page."""
        token = find_csrf_token(self.browser.get(page).text)
        return self.browser.post(path, data={"csrf_token": token, **fields})

    def is_signed_in(self) -> bool:
        """Whether the session is in force."""
        return self.browser.get("/releases").status_code == 200


def sign_in(
    app: Flask, owner: Organisation, password: str = PASSWORD, **fields: Any
) -> tuple[FlaskClient, TestResponse]:
    """Types address and password in a new browser; gives it, and the answer."""
    client = app.test_client()
    token = find_csrf_token(client.get("/sign-in").text)
    form = {"csrf_token": token, "email": owner.email, "password": password, **fields}
    return client, client.post("/sign-in", data=form)


def enter_code(client: FlaskClient, **fields: Any) -> TestResponse:
    """Sends the second step."""
    token = find_csrf_token(client.get("/sign-in/second-step").text)
    return client.post("/sign-in/second-step", data={"csrf_token": token, **fields})


def switch_two_factor_on(owner: Organisation, codes: list[str] | None = None) -> None:
    """Gives a user a second factor, as if it had been set up a while ago."""
    moment = times.now()
    with transaction() as session:
        user = session.get_one(User, owner.actor.user_id)
        user.totp_secret, user.totp_confirmed_at, user.totp_last_step = second_factor.seal(SECRET), moment, None
        second_factor.store_codes(session, user, codes or RECOVERY_CODES, moment)


def make_code(steps: int = 0, secret: str = SECRET) -> str:
    """Gives the code that an app shows now, or some time steps later."""
    return totp.generate_code(secret, times.now() + timedelta(seconds=steps * totp.STEP_SECONDS))


def get_user(owner: Organisation) -> User:
    """Gives the row of a user, as it is stored now."""
    db.session.rollback()
    db.session.expire_all()
    return db.session.get_one(User, owner.actor.user_id)


def change_user(owner: Organisation, **values: Any) -> None:
    """Changes a user, as another process would."""
    with transaction() as session:
        session.execute(update(User).where(User.id == owner.actor.user_id).values(**values))


def list_actions(owner: Organisation) -> list[str]:
    """Gives what the audit log has of an organisation, in order."""
    db.session.rollback()
    query = select(AuditEntry.action).where(AuditEntry.tenant_id == owner.tenant_id).order_by(AuditEntry.id)
    return list(db.session.scalars(query))


def get_last_details(owner: Organisation) -> dict[str, Any]:
    """Gives the details of an organisation's newest entry in the audit log."""
    db.session.rollback()
    query = select(AuditEntry.details).where(AuditEntry.tenant_id == owner.tenant_id).order_by(AuditEntry.id.desc())
    return dict(db.session.scalars(query.limit(1)).one())


def list_mails() -> list[Mail]:
    """Gives the e-mails that are owed, in order."""
    db.session.rollback()
    return list(db.session.scalars(select(Mail).order_by(Mail.created_at, Mail.subject)))


def read_errors(page: str) -> list[str]:
    """Gives the fields that the summary links to."""
    return re.findall(r'href="#field-([A-Za-z]+)"', page)
