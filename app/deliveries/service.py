"""What can be done with deliveries. Each function checks permission, and commits once or not at all."""

from __future__ import annotations

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from app.accounts.actors import Actor
from app.audit import service as audit
from app.database import clock, transaction
from app.deliveries import queries
from app.exceptions import ConflictError, NotFoundError
from app.webhooks import rounds, states
from app.webhooks.models import Delivery, Webhook
from app.webhooks.pausing import PAUSED


def resend(actor: Actor, delivery_id: str, webhook_id: str | None = None) -> Delivery:
    """Sends a delivery again, whatever became of it: the same bytes with the same ``webhook-id``, in a new round.

    If its webhook is paused, it waits with what is held. An attempt that is under way is written down and changes
    nothing more. Raises NotFoundError, PermissionDeniedError, and ConflictError if nothing can be sent there.
    """
    actor.require("webhook:write")
    queries.get_delivery(actor.tenant_id, delivery_id, webhook_id)
    with transaction() as session:
        delivery, webhook = _lock(session, actor.tenant_id, delivery_id)
        if webhook.deleted_at is not None:
            raise ConflictError("The webhook was deleted: nothing is sent there any more.")
        # A test is for this very moment, and goes out whatever the webhook's switches say.
        if not webhook.active and not delivery.is_test:
            raise ConflictError("The webhook is switched off. Switch it on, then send this again.")
        if webhook.paused_at is not None and not delivery.is_test:
            _hold(session, delivery)
        else:
            is_meant = Delivery.tenant_id == actor.tenant_id, Delivery.id == delivery_id
            rounds.begin_round(session, *is_meant, priority=rounds.FIRST, replay_id=None)
        details = {"webhookId": webhook.id, "state": delivery.state}
        audit.record(session, actor, "delivery.resent", delivery_id, details)
        session.refresh(delivery)
        session.expunge(delivery)
    return delivery


def _lock(session: Session, tenant_id: str, delivery_id: str) -> tuple[Delivery, Webhook]:
    """Gives the delivery and its webhook; nobody switches either of them before the transaction ends.

    In this order, because who records an outcome takes them in this order.
    """
    delivery = session.scalar(
        select(Delivery).where(Delivery.tenant_id == tenant_id, Delivery.id == delivery_id).with_for_update()
    )
    if delivery is None:
        raise NotFoundError("There is no such delivery.")
    webhook = select(Webhook).where(Webhook.tenant_id == tenant_id, Webhook.id == delivery.webhook_id)
    return delivery, session.scalars(webhook.with_for_update(read=True)).one()


def _hold(session: Session, delivery: Delivery) -> None:
    session.execute(
        update(Delivery)
        .where(Delivery.tenant_id == delivery.tenant_id, Delivery.id == delivery.id)
        .values(
            state=states.HELD,
            attempts_before=Delivery.attempt_count,
            lost_count=0,
            is_claimed=False,
            next_attempt_at=None,
            reason=PAUSED,
            held_at=clock(),
            delivered_at=None,
            replay_id=None,
            updated_at=clock(),
        )
        .execution_options(synchronize_session=False)
    )
