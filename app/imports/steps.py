"""Works imports off: a few rows at a time, in one transaction with whatever they create.

Called by the relay, again and again. Whatever ends it, by SIGKILL too, the next call goes on with what is left.
"""

from __future__ import annotations

import logging
import time
from datetime import timedelta
from typing import Final

from flask import current_app
from sqlalchemy import delete
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app import times
from app.accounts import queries as accounts
from app.accounts.actors import Actor, build_system_actor
from app.audit import service as audit
from app.database import transaction
from app.exceptions import NotFoundError
from app.extensions import db
from app.imports import queries, rows
from app.imports.models import Import
from app.imports.queries import DONE, PREVIEW, RUNNING, STOPPED
from app.language import say
from app.publishers import credentials

logger = logging.getLogger(__name__)

# Whoever creates the release of one of them at this moment waits for all.
_ROWS: Final = 20
# So many imports get their turn in one go, each for so long.
_IMPORTS_LIMIT = 50
_TURN_SECONDS = 3.0
PREVIEW_DAYS: Final = 7
_NOT_ALLOWED = say("Whoever started it may not create releases any more.")


def take_steps(turn_seconds: float = _TURN_SECONDS) -> bool:
    """Works on every running import of all tenants for a moment each; gives whether there is more to do.

    What a row fails with is logged, and the next call tries it again; only a database that cannot be asked at all
    raises SQLAlchemyError.
    """
    running = queries.list_running(_IMPORTS_LIMIT)
    db.session.rollback()
    has_more = False
    for tenant_id, import_id in running:
        try:
            has_more |= work_off(tenant_id, import_id, turn_seconds)
        except SQLAlchemyError:
            # One that cannot go on, because of a lock or a time limit, must not keep the others from it.
            logger.exception("an import cannot go on", extra={"import": import_id, "tenant": tenant_id})
    return has_more


def work_off(tenant_id: str, import_id: str, seconds: float) -> bool:
    """Works on one import for so long; gives whether it is running still. Raises SQLAlchemyError."""
    gives_up_at = time.monotonic() + seconds
    while _take_step(tenant_id, import_id):
        if time.monotonic() >= gives_up_at:
            return True
    return False


def _take_step(tenant_id: str, import_id: str) -> bool:
    """Settles the next rows, or ends the import; gives whether to go on."""
    with transaction() as session:
        try:
            record = rows.lock_import(session, tenant_id, import_id, skips_locked=True)
        except NotFoundError:
            # It has gone, or another relay is at it.
            return False
        # It may have been stopped a moment ago.
        if record.state != RUNNING:
            return False
        actor = _find_actor(tenant_id, record.run_by)
        if actor is None or not actor.has_scope("release:write"):
            record.state, record.reason, record.updated_at = STOPPED, str(_NOT_ALLOWED), times.now()
            details = {"name": record.file_name or record.format, "reason": str(_NOT_ALLOWED)}
            audit.record(session, build_system_actor(tenant_id), "import.stopped", record.id, details)
            return False
        found = rows.list_next_rows(session, record, _ROWS)
        if found:
            rows.settle_rows(session, actor, record, found)
            return True
        record.state = DONE
        record.finished_at = record.updated_at = times.now()
        _record_end(session, actor, record)
        return False


def _find_actor(tenant_id: str, actor_id: str | None) -> Actor | None:
    """Gives who has started an import, a user or a job of CI, with what they may do now."""
    if actor_id is None:
        return None
    return accounts.find_actor(tenant_id, actor_id) or credentials.find_actor(tenant_id, actor_id)


def _record_end(session: Session, actor: Actor, record: Import) -> None:
    states = queries.count_rows(record.tenant_id, [record.id])[record.id].states
    counts = {name: count for name, count in states.items() if count}
    audit.record(session, actor, "import.finished", record.id, {"name": record.file_name or record.format, **counts})


def forget_old() -> None:
    """Deletes the imports that are past their time: files that nobody ran, and the results of others."""
    days = current_app.extensions["slipway"].settings.retention_days
    with transaction() as session:
        for states, limit in (((PREVIEW,), PREVIEW_DAYS), ((STOPPED, DONE), days)):
            if limit:
                session.execute(
                    delete(Import)
                    .where(Import.state.in_(states), Import.updated_at < times.now() - timedelta(days=limit))
                    .execution_options(synchronize_session=False)
                )
