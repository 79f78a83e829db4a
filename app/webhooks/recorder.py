"""Records outcomes beside the job that claims and sends, which does not wait for what that costs the database."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Sequence
from queue import SimpleQueue
from types import TracebackType
from typing import Self

from flask import Flask, current_app
from sqlalchemy.exc import InterfaceError, OperationalError, SQLAlchemyError

from app.database import transaction
from app.extensions import db
from app.webhooks import outcomes
from app.webhooks.attempts import Finished
from app.webhooks.measures import Measurement
from app.webhooks.states import FAILED, SUCCESS

logger = logging.getLogger(__name__)

# While the database is away nobody can claim, either; so it pays to wait for it. Whoever is to stop has less time.
_PATIENCE_SECONDS = 120.0
_STOPPING_SECONDS = 5.0
_PAUSE_SECONDS = 0.2


class Recorder:
    """A thread with a session of its own. Leaving the block waits until everything is recorded."""

    def __init__(self, app: Flask, stopping: threading.Event) -> None:
        """Takes the application, and what is set once its worker is asked to stop."""
        self._app = app
        self._stopping = stopping
        self._batches: SimpleQueue[Sequence[Finished] | None] = SimpleQueue()
        self._waiting = 0
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name="recorder", daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._batches.put(None)
        self._thread.join()

    def put(self, finished: Sequence[Finished]) -> None:
        """Takes attempts that are over. Waits while the ones before the last are not recorded: no pile grows here."""
        if not finished:
            return
        with self._changed:
            self._changed.wait_for(lambda: self._waiting < 2)
            self._waiting += 1
        self._batches.put(finished)

    @property
    def is_idle(self) -> bool:
        """Whether everything that was given is recorded."""
        return not self._waiting

    def wait(self) -> None:
        """Waits until everything that was given is recorded."""
        with self._changed:
            self._changed.wait_for(lambda: not self._waiting)

    def _work(self) -> None:
        with self._app.app_context():
            while (finished := self._batches.get()) is not None:
                try:
                    _record_all(finished, self._stopping)
                except Exception:
                    # What is not recorded is tried again when its lease is over; the others are to be recorded.
                    logger.exception("outcomes cannot be recorded by a bug")
                with self._changed:
                    self._waiting -= 1
                    self._changed.notify_all()
            db.session.remove()


def _record_all(finished: Sequence[Finished], stopping: threading.Event) -> None:
    """Records a batch. While the database is away for a while it tries again: what is not recorded is sent twice."""
    begun_at = time.monotonic()
    while True:
        try:
            _record(finished)
        except (OperationalError, InterfaceError):
            patience = _STOPPING_SECONDS if stopping.is_set() else _PATIENCE_SECONDS
            if time.monotonic() - begun_at > patience:
                break
            time.sleep(_PAUSE_SECONDS)
        except SQLAlchemyError:
            break
        else:
            return
    # Together they are quick. If one cannot be stored, each is stored for itself.
    for it in finished:
        try:
            _record([it])
        except SQLAlchemyError:
            logger.exception("an outcome cannot be stored", extra={"delivery": it.claim.delivery_id})


def _record(finished: Sequence[Finished]) -> None:
    with transaction() as session:
        states = outcomes.record_outcomes(session, [(it.claim, it.outcome) for it in finished])
    current_app.extensions["slipway"].measures.count(
        Measurement(SUCCESS if it.outcome.is_success else FAILED, it.outcome.error, it.seconds, it.claim.waited_seconds)
        for it in finished
    )
    for it, state in zip(finished, states, strict=True):
        claim, outcome = it.claim, it.outcome
        logger.info(
            "attempt",
            extra={
                "delivery": claim.delivery_id,
                "webhook": claim.webhook_id,
                "tenant": claim.tenant_id,
                "event": claim.event_id,
                "requestId": claim.request_id,
                "number": claim.number,
                "status": outcome.status_code,
                "error": outcome.error,
                "state": state,
                "milliseconds": round(it.seconds * 1000),
            },
        )
