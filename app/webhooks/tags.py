"""The entity tag of a webhook, and when its former secrets end, which is the part of it that no row of it holds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import func, select

from app import etags
from app.database import clock
from app.etags import Precondition
from app.extensions import db
from app.webhooks.models import FormerSecret, Webhook
from app.webhooks.serializers import serialize_webhook


def find_former_ends(tenant_id: str, webhook_ids: Sequence[str]) -> Mapping[str, datetime]:
    """Gives of each webhook that has former secrets which are still good the time at which the last one ends."""
    query = (
        select(FormerSecret.webhook_id, func.max(FormerSecret.expires_at))
        .where(
            FormerSecret.tenant_id == tenant_id,
            FormerSecret.webhook_id.in_(webhook_ids),
            FormerSecret.expires_at > clock(),
        )
        .group_by(FormerSecret.webhook_id)
    )
    return dict(db.session.execute(query).all())


def build_tag(webhook: Webhook) -> str:
    """Gives the tag of a webhook as it is now.

    Secrets stand in it as they are stored, encrypted: a tag ends in logs, where nobody must be able to try guesses.
    """
    ends = find_former_ends(webhook.tenant_id, [webhook.id])
    sealed = {"sealed": webhook.headers.hex()} if webhook.headers else {}
    return etags.build_tag(serialize_webhook(webhook, webhook.token.hex(), sealed, ends.get(webhook.id)))


def is_met(webhook: Webhook, expected: Precondition) -> bool:
    """Takes a webhook that is locked; gives whether it is as its caller expects."""
    return expected == etags.NONE or expected.is_met(build_tag(webhook))


def check(webhook: Webhook, expected: Precondition) -> None:
    """Takes a webhook that is locked. Raises PreconditionFailedError unless it is as its caller expects."""
    if expected != etags.NONE:
        expected.check(build_tag(webhook))
