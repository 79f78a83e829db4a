"""Drafts that are to be published at a time of their own.

Until then such a release is a draft like others: nobody outside sees it, and it can be changed. The relay publishes it
when its time has come, in the name of whoever planned it; so one that was down publishes late, and once.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session

from app import etags, times
from app.accounts import queries as accounts
from app.accounts.actors import Actor, build_system_actor
from app.audit import service as audit
from app.database import clock, transaction
from app.etags import Precondition
from app.exceptions import ConflictError
from app.extensions import db
from app.language import say
from app.publishers import credentials
from app.releases import queries, rows, step_schema
from app.releases.models import Release
from app.releases.serializers import serialize_release
from app.times import format_time

logger = logging.getLogger(__name__)

PLANNED: Final = "release.planned"
UNPLANNED: Final = "release.unplanned"
NOT_PUBLISHED: Final = "release.not_published"
# So many are published in one go; the relay has more to do.
_BATCH = 50


def parse_publication(actor: Actor, release_id: str, raw: Mapping[str, Any]) -> datetime | None:
    """Takes what was sent; gives when to publish a release, None for at once.

    Raises ValidationError with everything that is wrong, NotFoundError, PermissionDeniedError.
    """
    actor.require("release:write")
    queries.get_reachable_release(actor, release_id)
    return step_schema.parse_publication(raw, times.now())


def plan_publication(actor: Actor, release_id: str, moment: datetime, expected: Precondition = etags.NONE) -> Release:
    """Commits that a draft is published at a time, or at another time than it was planned for.

    Nobody is told before it is: what GET answers stays the same. Planned again for the same time, it stays as it is.
    Raises ConflictError if it is published already or archived, PreconditionFailedError if it is not as expected,
    NotFoundError, PermissionDeniedError.
    """
    actor.require("release:write")
    with transaction() as session:
        release = rows.lock_release(session, actor, release_id)
        if release.published:
            raise ConflictError(say("This release is published already."))
        if release.archived:
            raise ConflictError(say("This release is archived: unarchive it before you plan to publish it."))
        expected.check(etags.build_tag(serialize_release(release)))
        before = release.publish_at
        if before != moment:
            release.publish_at, release.publish_by = moment, actor.user_id
            details = {
                "version": release.version,
                "before": {"publishAt": format_time(before) if before else None},
                "after": {"publishAt": format_time(moment)},
            }
            audit.record(session, actor, PLANNED, release.id, details)
        session.flush()
        session.expunge(release)
    return release


def cancel_publication(actor: Actor, release_id: str, expected: Precondition = etags.NONE) -> Release:
    """Commits that a draft is not published by itself any more, or that somebody has seen that it was not.

    Raises ConflictError if nothing is planned for it, PreconditionFailedError if it is not as expected, NotFoundError,
    PermissionDeniedError.
    """
    actor.require("release:write")
    with transaction() as session:
        release = rows.lock_release(session, actor, release_id)
        if release.publish_at is None and release.publish_by is None:
            raise ConflictError(say("This release is not planned to be published."))
        expected.check(etags.build_tag(serialize_release(release)))
        if cancelled := rows.clear_plan(release):
            audit.record(session, actor, UNPLANNED, release.id, {"version": release.version, **cancelled})
        session.flush()
        session.expunge(release)
    return release


def publish_due() -> bool:
    """Publishes what is due, of all tenants, each release in a transaction of its own; gives whether there may be more.

    Called by the relay, again and again. What one fails with is logged, and the next call tries again; only a database
    that cannot be asked at all raises SQLAlchemyError.
    """
    query = (
        select(Release.tenant_id, Release.id)
        .where(Release.publish_at.is_not(None), Release.publish_at <= clock())
        .order_by(Release.publish_at)
        .limit(_BATCH)
    )
    found = db.session.execute(query).all()
    db.session.remove()
    for tenant_id, release_id in found:
        try:
            _publish(tenant_id, release_id)
        except SQLAlchemyError:
            # One that cannot be published, because of a lock or a time limit, must not keep the others from it.
            logger.exception("a planned release cannot be published", extra={"release": release_id})
    return len(found) == _BATCH


def _publish(tenant_id: str, release_id: str) -> None:
    with transaction() as session:
        release = session.scalar(
            select(Release)
            .where(Release.tenant_id == tenant_id, Release.id == release_id, Release.publish_at <= clock())
            # Whoever has the row changes it, or is another relay: the next round sees what came of that.
            .with_for_update(key_share=True, of=Release, skip_locked=True)
            .execution_options(populate_existing=True)
        )
        if release is None or release.publish_at is None or release.publish_by is None:
            return
        if release.published or release.archived:
            # By a process of a version that knew nothing of plans, while this one was started beside it.
            rows.clear_plan(release)
            return
        planned_for = format_time(release.publish_at)
        planner = accounts.find_actor(tenant_id, release.publish_by)
        planner = planner or credentials.find_actor(tenant_id, release.publish_by)
        if planner is None or not planner.has_scope("release:write"):
            _give_up(session, release, planned_for)
        else:
            rows.publish(session, planner, release, {"version": release.version, "plannedFor": planned_for})


def _give_up(session: Session, release: Release, planned_for: str) -> None:
    """Leaves a release a draft whose planner may not publish any more. That it was planned stays to be seen."""
    planner = accounts.find_email(release.tenant_id, release.publish_by) if release.publish_by else None
    # Whoever planned it stays in the row: by that the page knows that there is something to tell.
    release.publish_at = None
    session.flush()
    details = {"version": release.version, "plannedFor": planned_for, "plannedBy": planner or ""}
    audit.record(session, build_system_actor(release.tenant_id), NOT_PUBLISHED, release.id, details)
    logger.warning("a planned release was not published", extra={"release": release.id, "tenant": release.tenant_id})
