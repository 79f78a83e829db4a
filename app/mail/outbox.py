"""What is to be told by e-mail, written in the transaction of what it tells of. Never commits."""

from __future__ import annotations

from collections.abc import Iterable

from flask import current_app
from sqlalchemy.orm import Session

from app.database import clock, generate_id
from app.mail.models import Mail
from app.mail.states import PENDING

_SUBJECT_LIMIT = 256


def owe(session: Session, tenant_id: str, recipients: Iterable[str], subject: str, body: str) -> int:
    """Takes the session of a transaction and a text for each of the addresses; gives how many e-mails are owed now.

    Without SMTP_URL none is: nobody would ever send it. The subject becomes one line and is cut to what is stored.
    """
    if current_app.extensions["slipway"].settings.smtp_url is None:
        return 0
    line = " ".join(subject.split())[:_SUBJECT_LIMIT]
    rows = [
        Mail(
            id=generate_id(),
            tenant_id=tenant_id,
            recipient=recipient,
            subject=line,
            body=body,
            state=PENDING,
            next_attempt_at=clock(),
            created_at=clock(),
        )
        for recipient in dict.fromkeys(recipients)
    ]
    session.add_all(rows)
    return len(rows)
