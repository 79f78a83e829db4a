"""How webhooks come to be. Commits once or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.exc import IntegrityError

from app import times
from app.accounts.actors import Actor
from app.audit import service as audit
from app.database import generate_id, transaction
from app.exceptions import NotFoundError
from app.idempotency import rows as keys
from app.webhooks import queries, samples, sealing, service, signing
from app.webhooks.fingerprints import build_fingerprints
from app.webhooks.models import Webhook
from app.webhooks.schema import WebhookSchema


@dataclass(frozen=True, slots=True)
class Creation:
    """What came of a create: the webhook, and whether it was there before (``is_replay``)."""

    webhook: Webhook
    is_replay: bool


def create_webhook(actor: Actor, sent: WebhookSchema, idempotency_key: str | None = None) -> Creation:
    """Commits a webhook that ``parse_webhook`` gave, with a test if a ping was asked for.

    Whoever sends the same twice with one key gets the first one back, as it is now. Raises IdempotencyMismatchError if
    the key came with something else, PermissionDeniedError.
    """
    actor.require("webhook:write")
    fingerprints = build_fingerprints(sent) if idempotency_key else []
    if replay := _find_replay(actor, idempotency_key, fingerprints):
        return replay
    webhook = _build_webhook(actor, sent)
    try:
        with transaction() as session:
            session.add(webhook)
            session.flush()
            if idempotency_key:
                keys.insert_key(session, actor, idempotency_key, fingerprints[0], webhook_id=webhook.id)
            audit.record(session, actor, "webhook.created", webhook.id, {"url": sent.url})
            if sent.ping:
                samples.owe_test(session, actor, webhook)
            session.expunge(webhook)
    except IntegrityError:
        if idempotency_key is None:
            raise
        # Another request with this key was quicker, and what it sent decides; or what it made has gone meanwhile.
        return create_webhook(actor, sent, idempotency_key)
    return Creation(webhook, is_replay=False)


def _find_replay(actor: Actor, key: str | None, fingerprints: Sequence[bytes]) -> Creation | None:
    used = keys.find_used(actor, key, fingerprints)
    if used is None or used.webhook_id is None:
        return None
    try:
        return Creation(queries.get_webhook(actor.tenant_id, used.webhook_id), is_replay=True)
    except NotFoundError:
        # It was deleted at this very moment, and its keys with it.
        return None


def _build_webhook(actor: Actor, sent: WebhookSchema) -> Webhook:
    moment = times.now()
    webhook = Webhook(
        id=generate_id(),
        tenant_id=actor.tenant_id,
        name=sent.name,
        url=sent.url,
        token=sealing.seal_token(sent.token or signing.generate_token(sent.scheme)),
        scheme=sent.scheme,
        headers=sealing.seal_headers(sent.headers or {}),
        active=sent.active,
        max_concurrency=sent.max_concurrency,
        rate_per_second=sent.rate_per_second or None,
        created_at=moment,
        updated_at=moment,
    )
    webhook.subscriptions = service.build_subscriptions(actor, sent.events)
    return webhook
