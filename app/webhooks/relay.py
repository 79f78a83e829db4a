"""The relay: does at its time what nobody asks for.

It rings for what is due and was not heard: lost rings, retries, and what dead workers left behind. It publishes the
releases that are planned for this moment. Beside that it looks after the webhooks, works imports off, sends e-mail, and
clears away what is past its time. Any number of relays may run.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from app.database import refresh_statistics
from app.extensions import db
from app.files.upkeep import clear_away
from app.idempotency.service import forget_old_keys
from app.imports import steps as imports
from app.mail.jobs import send_due
from app.releases.planning import publish_due
from app.replays.service import take_steps
from app.webhooks import due, retention, strays, upkeep

logger = logging.getLogger(__name__)

INTERVAL_SECONDS = 0.5
_UPKEEP_SECONDS = 10.0
_CLEANING_SECONDS = 600.0
# What an e-mail server may still take when the relay is asked to stop. Afterwards its e-mail is sent again.
_MAIL_STOP_SECONDS = 5.0
# An import ends its turn by then. If not, it is ended anywhere, and goes on with what is left.
_IMPORT_STOP_SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class Duty:
    """Something that the relay does every so many seconds, and at once again while it gives something true: more."""

    name: str
    interval_seconds: float
    perform: Callable[[], object]


def run(app: Flask, stopping: threading.Event) -> None:
    """Does its duties until ``stopping`` is set. Outlives outages of database and queue, and a bug in any one duty."""
    # A server that does not answer holds up nothing but other e-mail, and a long import nothing but other imports.
    mailing = threading.Thread(target=_work, args=(app, stopping, list_mail_duties(app)), name="mail", daemon=True)
    importing = threading.Thread(target=_work, args=(app, stopping, list_import_duties()), name="imports", daemon=True)
    mailing.start()
    importing.start()
    _work(app, stopping, list_duties(app))
    mailing.join(_MAIL_STOP_SECONDS)
    importing.join(_IMPORT_STOP_SECONDS)


def list_duties(app: Flask) -> Sequence[Duty]:
    """Gives what is done in turn. Each takes a moment: what takes long is done in steps."""
    return (
        Duty("ring for what is due", 0.0, lambda: ring_for_due(app)),
        Duty("publish what is planned", 0.0, publish_due),
        Duty("take the next steps of replays", 0.0, take_steps),
        Duty("warn of webhooks and switch them off", _UPKEEP_SECONDS, upkeep.warn_and_disable),
        Duty("hold what was overlooked", _UPKEEP_SECONDS, strays.hold_strays),
        Duty("give up what was held too long", _UPKEEP_SECONDS, upkeep.expire_held),
        Duty("mark lost attempts", _UPKEEP_SECONDS, upkeep.LostAttempts().mark),
        Duty("look at what the tables hold", _CLEANING_SECONDS, refresh_statistics),
        Duty("forget old keys", _CLEANING_SECONDS, forget_old_keys),
        Duty("delete what is past its time", _CLEANING_SECONDS, retention.delete_old),
        Duty("clear away files that nobody names", _CLEANING_SECONDS, clear_away),
    )


def list_mail_duties(app: Flask) -> Sequence[Duty]:
    """Gives what is done beside that, however long it takes."""
    return (Duty("send e-mail", _UPKEEP_SECONDS, lambda: send_due(app)),)


def list_import_duties() -> Sequence[Duty]:
    """Gives what is done of imports, which may be long."""
    return (
        Duty("work imports off", 0.0, imports.take_steps),
        Duty("forget old imports", _CLEANING_SECONDS, imports.forget_old),
    )


def ring_for_due(app: Flask) -> bool:
    """Rings if anything is due; gives whether it was."""
    is_due = due.has_due(db.session())
    db.session.remove()
    if is_due:
        app.extensions["slipway"].doorbell.ring()
    return is_due


def _work(app: Flask, stopping: threading.Event, duties: Sequence[Duty]) -> None:
    next_at = dict.fromkeys(duties, 0.0)
    while not stopping.is_set():
        for duty in duties:
            if time.monotonic() >= next_at[duty] and not stopping.is_set():
                has_more = _perform(app, duty)
                next_at[duty] = 0.0 if has_more else time.monotonic() + duty.interval_seconds
        stopping.wait(INTERVAL_SECONDS)


def _perform(app: Flask, duty: Duty) -> bool:
    try:
        with app.app_context():
            return bool(duty.perform())
    except SQLAlchemyError as error:
        reason = str(error).split("\n")[0]
        logger.error("the relay cannot read the database", extra={"duty": duty.name, "error": reason})  # noqa: TRY400
    except Exception:
        # Whatever bug one duty brings to light, the others are to be done.
        logger.exception("a duty of the relay failed by a bug", extra={"duty": duty.name})
    return False
