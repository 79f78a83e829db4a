"""Finds deliveries that are pending although their webhook takes none: owed at the very moment of a pause or deletion.

Whoever creates a release does not wait for whoever pauses a webhook, so the one may not see the other. Nothing of it
is sent (``due``); here it comes to stand where it belongs.
"""

from __future__ import annotations

from typing import Any

from sqlalchemy import ColumnElement, Integer, and_, literal_column, or_, select

from app.database import transaction
from app.extensions import db
from app.webhooks import claims
from app.webhooks.models import Delivery, Webhook
from app.webhooks.pausing import PAUSED, SWITCHED_OFF, hold_pending
from app.webhooks.rounds import BACKLOG, FIRST, RETRY
from app.webhooks.states import DEAD, HELD, PENDING

_WEBHOOKS_LIMIT = 100


class _OpenedMeanwhileError(Exception):
    """The webhook takes deliveries again; rolls its transaction back."""


def hold_strays() -> bool:
    """Holds what is pending at webhooks that are paused or off, gives up what is so at deleted ones; for all tenants.

    Gives whether there may be more.
    """
    is_closed = or_(Webhook.active.is_(False), Webhook.paused_at.is_not(None))
    query = (
        select(Webhook.tenant_id, Webhook.id, Webhook.deleted_at)
        .where(
            or_(
                and_(Webhook.deleted_at.is_not(None), _has_pending()),
                and_(is_closed, _has_pending(Delivery.is_test.is_(False))),
            )
        )
        .limit(_WEBHOOKS_LIMIT)
    )
    found = db.session.execute(query).all()
    db.session.remove()
    for tenant_id, webhook_id, deleted_at in found:
        if deleted_at is not None:
            _give_up(tenant_id, webhook_id)
        else:
            _hold(tenant_id, webhook_id)
    return len(found) == _WEBHOOKS_LIMIT


def _has_pending(*criteria: ColumnElement[bool]) -> ColumnElement[bool]:
    priorities = [literal_column(str(priority), Integer) for priority in (FIRST, RETRY, BACKLOG)]
    return (
        select(Delivery.id)
        .where(
            Delivery.webhook_id == Webhook.id,
            # As constants, and with the priority, so that the index of what is pending fits.
            Delivery.state == literal_column(f"'{PENDING}'"),
            Delivery.priority.in_(priorities),
            *criteria,
        )
        .exists()
    )


def _give_up(tenant_id: str, webhook_id: str) -> None:
    values: dict[str, Any] = {"state": DEAD, "next_attempt_at": None, "reason": "The webhook was deleted."}
    with transaction() as session:
        claims.change_open(session, tenant_id, webhook_id, (PENDING, HELD), values)


def _hold(tenant_id: str, webhook_id: str) -> None:
    try:
        with transaction() as session:
            mine = select(Webhook).where(Webhook.tenant_id == tenant_id, Webhook.id == webhook_id)
            paused_at = session.scalars(mine).one().paused_at
            # Deliveries are locked before the webhook, as by everybody; so its state is asked for again afterwards.
            hold_pending(session, tenant_id, webhook_id, PAUSED if paused_at else SWITCHED_OFF)
            webhook = session.scalars(mine.with_for_update().execution_options(populate_existing=True)).one()
            if webhook.active and webhook.paused_at is None:
                raise _OpenedMeanwhileError
    except _OpenedMeanwhileError:
        pass
