"""The job that RQ runs: makes every attempt that is due, many at once, and records what became of each.

It is told nothing and asks the rows. It claims in short transactions, sends without holding a lock or a connection
of the database, and records in short transactions again.
"""

from __future__ import annotations

import logging
import os
import threading
import time
from contextlib import ExitStack

from flask import current_app, g
from sqlalchemy.exc import SQLAlchemyError

from app.database import transaction
from app.extensions import db
from app.webhooks import claims, due
from app.webhooks.attempts import Attempts
from app.webhooks.claims import Claim
from app.webhooks.pacing import Pacer
from app.webhooks.queue import JOB_TIMEOUT_SECONDS
from app.webhooks.recorder import Recorder

logger = logging.getLogger(__name__)

# A job claims for so long, and then leaves the rest to the next one. Between the two, nothing new is sent while the
# last attempts of the one are waited for, so this is as long as RQ lets a job run, less what those may take.
_CLAIMING_SECONDS = JOB_TIMEOUT_SECONDS - 60.0
# The thread that sends makes a round twenty times a second, whatever happens. If it makes none for so long, it hangs,
# and what is claimed meanwhile would be lost, again and again.
_HANGING_SECONDS = 20.0
# While attempts are under way, new deliveries become due; this is how long one may wait to be seen.
_LOOK_AGAIN_SECONDS = 0.1
# Attempts that end within this time are recorded, and their slots filled, together: a transaction costs as much as
# several attempts.
_GATHER_SECONDS = 0.01


def deliver_due() -> None:
    """Makes all attempts that are due, and those that become due meanwhile. Runs in a worker, in its context."""
    slipway = current_app.extensions["slipway"]
    pacer = g.get("pacer") or Pacer(slipway.settings.worker_concurrency)
    pacer.clear()
    slipway.doorbell.hush()
    claiming = _Claiming(pacer, g.get("stopping"))
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - Flask's way to pass it on
    with ExitStack() as stack:
        recorder = stack.enter_context(Recorder(app, claiming.stopping))
        # Whatever ends the job, what has come to an end is recorded, or it would be sent again.
        stack.callback(lambda: recorder.put(attempts.collect_rest()))
        attempts = stack.enter_context(Attempts(slipway.settings, slipway.cipher))
        _work(claiming, pacer, attempts, recorder)
    # What is due and may not be sent yet, by its webhook's limits or for want of a database, is left to the relay,
    # which rings at its own pace. Only a job whose time is over leaves something that can be sent now.
    if claiming.is_over and not claiming.has_failed and _is_anything_due():
        slipway.doorbell.ring()
    db.session.remove()


def _work(claiming: _Claiming, pacer: Pacer, attempts: Attempts, recorder: Recorder) -> None:
    """Claims, sends and records until nothing is left that may be sent now."""
    while True:
        # Asked before the claim: what is recorded after it may have been all that a webhook could have under way.
        is_settled = recorder.is_idle
        claimed = claiming.claim()
        for claim in claimed:
            pacer.begin(claim.webhook_id, claim.tenant_id)
        attempts.begin(claimed)
        if not attempts.under_way:
            if is_settled:
                break
            recorder.wait()
            continue
        finished = attempts.collect(_LOOK_AGAIN_SECONDS, _GATHER_SECONDS)
        if attempts.idle_seconds > _HANGING_SECONDS:
            _end_worker()
        for it in finished:
            pacer.end(it.claim.webhook_id, it.claim.tenant_id, it.seconds)
        recorder.put(finished)


def _end_worker() -> None:
    """Ends this process at once: a thread that hangs cannot be waited for. Whoever started it starts it anew."""
    logger.critical("the thread that sends hangs; this worker ends, to be started anew")
    os._exit(1)


def _is_anything_due() -> bool:
    session = db.session()
    try:
        return due.has_due(session)
    finally:
        # What was read must not be looked at again next time: an open transaction sees nothing new on SQLite.
        session.rollback()


class _Claiming:
    """Claims until the job's time is over, its worker is asked to stop, or the database fails."""

    def __init__(self, pacer: Pacer, stopping: threading.Event | None) -> None:
        self._pacer = pacer
        self.stopping = stopping or threading.Event()
        self._until = time.monotonic() + _CLAIMING_SECONDS
        self.has_failed = False
        self._has_found = False

    @property
    def is_over(self) -> bool:
        return self.stopping.is_set() or time.monotonic() > self._until

    def claim(self) -> list[Claim]:
        if self._pacer.free <= 0 or self.is_over:
            return []
        try:
            # Asked first, and outside: without anything due nobody should wait for whoever claims. Where something was
            # found there is most likely more.
            if not self._has_found and not _is_anything_due():
                return []
            with transaction() as session:
                claimed = claims.claim_due(session, self._pacer.share_out)
        except SQLAlchemyError:
            # What is under way is still to be recorded; the relay rings once the database is back.
            logger.exception("the deliveries that are due cannot be claimed")
            self._until, self.has_failed = 0.0, True
            return []
        self._has_found = bool(claimed)
        return claimed
