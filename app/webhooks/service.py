"""What can be done with webhooks. Each function checks permission, and commits once or not at all.

What has a file of its own: ``creation``, ``rotation`` of secrets, ``pausing``, and the tests in ``samples``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import Any, TypeVar

from flask import current_app
from sqlalchemy.orm import Session

from app import etags, times
from app.accounts.actors import Actor
from app.audit import service as audit
from app.database import transaction
from app.etags import Precondition
from app.exceptions import ConflictError, FieldError, ValidationError
from app.idempotency import rows as keys
from app.webhooks import (
    claims,
    guard,
    headers,
    pausing,
    queries,
    rotation,
    schema,
    sealing,
    signing,
    states,
    stored_headers,
    tags,
)
from app.webhooks.models import Webhook, WebhookSubscription
from app.webhooks.rows import lock_webhook
from app.webhooks.schema import WebhookChangeSchema, WebhookSchema

S = TypeVar("S")


class ChangedMeanwhileError(ConflictError):
    """The webhook is not any more what whoever changes it has seen; ``updated_at`` says since when."""

    code = "changed_meanwhile"
    title = "Changed meanwhile"

    def __init__(self, message: str, updated_at: datetime) -> None:
        super().__init__(message)
        self.updated_at = updated_at


def parse_webhook(actor: Actor, raw: Mapping[str, Any], *, is_strict: bool = False) -> WebhookSchema:
    """Takes what was sent; gives a webhook that may be saved.

    Adds to the schema's verdict the one thing that it cannot know: whether the guard lets a delivery out to the URL.
    Raises ValidationError with everything that is wrong, PermissionDeniedError.
    """
    actor.require("webhook:write")
    return _parse(partial(schema.parse_webhook, is_strict=is_strict), raw)


def parse_webhook_change(actor: Actor, raw: Mapping[str, Any], *, is_strict: bool = False) -> WebhookChangeSchema:
    """Takes what was sent; gives the changes, judged like a new webhook. Raises what ``parse_webhook`` does.

    Beside that, the mask may stand for the value of a header: it keeps the one that is stored.
    """
    actor.require("webhook:write")
    return _parse(partial(schema.parse_webhook_change, is_strict=is_strict), raw)


def _parse(parse: Callable[[Mapping[str, Any]], S], raw: Mapping[str, Any]) -> S:
    errors: list[FieldError] = []
    sent = None
    try:
        sent = parse(raw)
    except ValidationError as error:
        errors = list(error.errors)
    url = raw.get("url")
    if isinstance(url, str) and not any(error.field == "url" for error in errors):
        errors += _find_url_errors(url)
    if errors or sent is None:
        # Unknown members come last.
        order = {name: place for place, name in enumerate(schema.LABELS)}
        raise ValidationError(sorted(errors, key=lambda error: order.get(error.field, len(order))))
    return sent


def _find_url_errors(url: str) -> list[FieldError]:
    networks = current_app.extensions["slipway"].settings.webhook_allowed_networks
    try:
        guard.check_webhook_url(url, networks)
    except guard.GuardError as error:
        return [FieldError("url", error.code, error.message)]
    return []


def update_webhook(
    actor: Actor,
    webhook_id: str,
    sent: WebhookChangeSchema,
    seen_at: datetime | None = None,
    expected: Precondition = etags.NONE,
) -> Webhook:
    """Commits changes that ``parse_webhook_change`` gave.

    A new token is an immediate rotation, and ``rotation.change_secret`` says what a new scheme does. Switched off, a
    webhook gets no new events, and what it is still owed waits; switched on, that goes out at a ramp. ``seen_at`` is
    the ``updated_at`` of what the changes were made from, None if nobody looked. Raises ChangedMeanwhileError if the
    webhook has another one and is not what is wanted already, PreconditionFailedError likewise by ``expected``,
    ValidationError for what only the stored webhook can tell, NotFoundError, PermissionDeniedError.
    """
    actor.require("webhook:write")
    queries.get_webhook(actor.tenant_id, webhook_id)
    with transaction() as session:
        if sent.active is False:
            pausing.hold_pending(session, actor.tenant_id, webhook_id, pausing.SWITCHED_OFF)
        elif sent.active is True:
            pausing.lock_held(session, actor.tenant_id, webhook_id)
        webhook = lock_webhook(session, actor.tenant_id, webhook_id)
        if seen_at in (None, webhook.updated_at) and tags.is_met(webhook, expected):
            changed = _apply(session, actor, webhook, sent)
            webhook.updated_at = times.now()
            session.flush()
            audit.record(session, actor, "webhook.updated", webhook.id, {"changed": changed})
        elif not _is_stored(webhook, sent):
            tags.check(webhook, expected)
            raise _build_conflict(webhook, seen_at)
        session.expunge(webhook)
    return webhook


def _is_stored(webhook: Webhook, sent: WebhookChangeSchema) -> bool:
    """Whether the webhook is already as the changes would make it, as after the first of two clicks on one button."""
    chosen = stored_headers.choose_headers(webhook, sent.url, sent.headers)
    stored = {
        "name": webhook.name,
        "url": webhook.url,
        "max_concurrency": webhook.max_concurrency,
        "rate_per_second": webhook.rate_per_second or 0,
        "active": webhook.active,
        "scheme": webhook.scheme,
        "events": webhook.events,
    }
    wanted = {name: value for name in stored if (value := getattr(sent, name)) is not None}
    if "events" in wanted:
        wanted["events"] = sorted(wanted["events"])
    return (
        stored | wanted == stored
        and not rotation.choose_secret(webhook, sent.scheme, sent.token).is_new
        and sealing.open_headers(chosen) == sealing.open_headers(webhook.headers)
    )


def _build_conflict(webhook: Webhook, seen_at: datetime | None) -> ChangedMeanwhileError:
    told = ""
    if seen_at and webhook.disabled_at and webhook.disabled_at > seen_at:
        told = " (Slipway switched it off)"
    elif seen_at and webhook.paused_at and webhook.paused_at > seen_at:
        told = " (it was paused)"
    message = f"The webhook was changed meanwhile{told}. Look at what is stored, and save again to replace it."
    return ChangedMeanwhileError(message, webhook.updated_at)


def _apply(session: Session, actor: Actor, webhook: Webhook, sent: WebhookChangeSchema) -> list[str]:
    """Gives the names of what was sent, with ``token`` among them only if there is a new one."""
    webhook.headers = stored_headers.choose_headers(webhook, sent.url, sent.headers)
    for name in ("name", "url", "max_concurrency"):
        if (value := getattr(sent, name)) is not None:
            setattr(webhook, name, value)
    if sent.rate_per_second is not None:
        webhook.rate_per_second = sent.rate_per_second or None
    has_new_secret = rotation.change_secret(session, webhook, sent.scheme, sent.token)
    if sent.events is not None:
        _subscribe(webhook, actor, sent.events)
    if sent.active is not None:
        pausing.switch(session, webhook, is_active=sent.active)
    changed = sent.model_dump(exclude_none=True, exclude={"token"}, by_alias=True)
    return sorted([*changed, *(["token"] if has_new_secret else [])])


def delete_webhook(actor: Actor, webhook_id: str, expected: Precondition = etags.NONE) -> None:
    """Deletes a webhook; what it is still owed is dead.

    Raises PreconditionFailedError if it is not as expected, NotFoundError, PermissionDeniedError.
    """
    actor.require("webhook:write")
    queries.get_webhook(actor.tenant_id, webhook_id)
    with transaction() as session:
        claims.change_open(
            session,
            actor.tenant_id,
            webhook_id,
            (states.PENDING, states.HELD),
            {"state": states.DEAD, "next_attempt_at": None, "reason": "The webhook was deleted."},
        )
        webhook = lock_webhook(session, actor.tenant_id, webhook_id)
        tags.check(webhook, expected)
        webhook.deleted_at, webhook.active = times.now(), False
        # The row stays for the log of its deliveries, which needs no secrets.
        webhook.headers = None
        rotation.drop_former(session, webhook)
        keys.free_keys(session, actor.tenant_id, webhook_id)
        session.flush()
        audit.record(session, actor, "webhook.deleted", webhook_id, {})


def show_token(actor: Actor, webhook: Webhook) -> str:
    """Gives the webhook's secret in clear; of the asymmetric scheme the public key, for nobody sees the private one.

    Raises PermissionDeniedError unless the actor may read or write webhooks.
    """
    _require_sight(actor)
    return signing.show_token(sealing.open_token(webhook.token))


def list_header_names(actor: Actor, webhook: Webhook) -> dict[str, str]:
    """Gives the names of the webhook's own headers, each with the mask. Raises what ``show_token`` does."""
    _require_sight(actor)
    return headers.mask(sealing.open_headers(webhook.headers))


def _require_sight(actor: Actor) -> None:
    if not actor.has_scope("webhook:write"):
        actor.require("webhook:read")


def build_subscriptions(actor: Actor, event_types: list[str]) -> list[WebhookSubscription]:
    """Gives the rows that say which events a webhook wants."""
    return [WebhookSubscription(event_type=name, tenant_id=actor.tenant_id) for name in event_types]


def _subscribe(webhook: Webhook, actor: Actor, event_types: list[str]) -> None:
    kept = [row for row in webhook.subscriptions if row.event_type in event_types]
    added = [name for name in event_types if name not in webhook.events]
    webhook.subscriptions = kept + build_subscriptions(actor, added)
