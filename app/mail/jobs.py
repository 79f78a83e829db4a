"""Sends what is owed by e-mail: claims one under a lease, sends it outside any transaction, records what came of it.

At least once: a relay that dies between the server's answer and its own record sends the same again, with the same
Message-ID.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address

from flask import Flask
from sqlalchemy import literal_column, select, update

from app.config import Settings
from app.config_mail import SmtpServer
from app.database import clock, transaction
from app.mail.models import Mail
from app.mail.smtp import MailError, build_message, send
from app.mail.states import DEAD, PENDING, SENT

logger = logging.getLogger(__name__)

# The seconds before each further attempt.
RETRY_SECONDS = (60, 5 * 60, 30 * 60, 2 * 3600, 12 * 3600)
# Longer than a server can take that answers every step just in time.
_LEASE_SECONDS = 300


@dataclass(frozen=True, slots=True)
class _Claim:
    """One attempt that this relay, and no other, may make now."""

    mail_id: str
    tenant_id: str
    number: int
    recipient: str
    subject: str
    body: str
    created_at: datetime


def send_due(app: Flask) -> bool:
    """Sends one e-mail that is due, if there is one; gives whether there was. Runs in the application's context."""
    settings: Settings = app.extensions["slipway"].settings
    if settings.smtp_url is None or (claim := _claim()) is None:
        return False
    error = _send(settings.smtp_url, settings.mail_from, claim)
    state = _record(claim, error)
    logger.info(
        "e-mail",
        extra={
            "mail": claim.mail_id,
            "tenant": claim.tenant_id,
            "number": claim.number,
            "state": state,
            "error": str(error) if error else None,
        },
    )
    return True


def _claim() -> _Claim | None:
    due = (
        select(Mail.id)
        # As a constant, so that the partial index is seen to fit.
        .where(Mail.state == literal_column(f"'{PENDING}'"), Mail.next_attempt_at <= clock())
        .order_by(Mail.next_attempt_at)
        .limit(1)
        .with_for_update(skip_locked=True)
        .scalar_subquery()
    )
    claim = (
        update(Mail)
        .where(Mail.id == due, Mail.state == PENDING)
        .values(attempt_count=Mail.attempt_count + 1, next_attempt_at=clock(_LEASE_SECONDS))
        .returning(
            Mail.id, Mail.tenant_id, Mail.attempt_count, Mail.recipient, Mail.subject, Mail.body, Mail.created_at
        )
        .execution_options(synchronize_session=False)
    )
    with transaction() as session:
        row = session.execute(claim).one_or_none()
        return None if row is None else _Claim(*row)


def _send(server: SmtpServer, sender: Address, claim: _Claim) -> MailError | None:
    try:
        message = build_message(claim.mail_id, sender, claim.recipient, claim.subject, claim.body, claim.created_at)
        send(server, message, sender.domain)
    except MailError as error:
        return error
    return None


def _record(claim: _Claim, error: MailError | None) -> str:
    """Writes down what came of it, unless another attempt has begun since; gives the state by this one."""
    values: dict[str, object] = {"state": SENT, "sent_at": clock(), "next_attempt_at": None, "error": ""}
    if error is not None:
        is_over = error.is_final or claim.number > len(RETRY_SECONDS)
        values = {
            "state": DEAD if is_over else PENDING,
            "next_attempt_at": None if is_over else clock(RETRY_SECONDS[claim.number - 1]),
            "error": str(error),
        }
    with transaction() as session:
        session.execute(
            update(Mail)
            .where(
                Mail.tenant_id == claim.tenant_id,
                Mail.id == claim.mail_id,
                Mail.attempt_count == claim.number,
                Mail.state == PENDING,
            )
            .values(values)
            .execution_options(synchronize_session=False)
        )
    return str(values["state"])
