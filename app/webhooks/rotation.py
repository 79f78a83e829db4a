"""Replaces the secrets of webhooks: with an overlap in which the former one stays good, or at once after a leak."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Select, delete, func, select
from sqlalchemy.orm import Session

from app import etags, times
from app.accounts.actors import Actor
from app.audit import service as audit
from app.crypto import DecryptionError
from app.database import clock, transaction
from app.etags import Precondition
from app.exceptions import ConflictError, FieldError, NotFoundError, ValidationError
from app.extensions import db
from app.idempotency import clicks
from app.language import say
from app.schemas import complete_rule
from app.text import is_canonical_id
from app.webhooks import sealing, signing, tags
from app.webhooks.field_types import OVERLAP_LIMIT_HOURS, find_token_rule
from app.webhooks.models import FormerSecret, Webhook
from app.webhooks.rows import lock_webhook
from app.webhooks.schema import LABELS

FORMER_LIMIT: Final = 5
_HOUR_SECONDS = 3600


@dataclass(frozen=True, slots=True)
class SecretChoice:
    """Which scheme a webhook is to have, and whether by a new secret: ``token``, or else one that is made."""

    scheme: str
    is_new: bool
    token: str | None = None


def rotate_secret(
    actor: Actor,
    webhook_id: str,
    overlap_hours: int,
    token: str | None = None,
    form_key: str = "",
    expected: Precondition = etags.NONE,
) -> Webhook:
    """Commits a new secret, made here unless one is given, and gives the webhook.

    For 1 to 168 hours of overlap the secret that it replaces stays good, as do those before it until their own time
    is over; with 0 hours none does. Asked for twice by one form, whose key that is, it happens once. Raises
    ValidationError if the token does not fit, ConflictError if there are already as many former secrets as a signature
    may hold, PreconditionFailedError if the webhook is not as expected, NotFoundError, PermissionDeniedError.
    """
    actor.require("webhook:write")
    if not 0 <= overlap_hours <= OVERLAP_LIMIT_HOURS:
        raise ValueError(f"an overlap has 0 to {OVERLAP_LIMIT_HOURS} hours")
    key = clicks.build_key(form_key, "rotate", webhook_id, overlap_hours)
    with transaction() as session:
        webhook = lock_webhook(session, actor.tenant_id, webhook_id)
        tags.check(webhook, expected)
        if clicks.find_click(actor, key) is None:
            _replace_secret(session, webhook, overlap_hours, token)
            audit.record(session, actor, "webhook.secret_rotated", webhook.id, {"overlapHours": overlap_hours})
            clicks.remember_click(session, actor, key, webhook_id)
        session.expunge(webhook)
    return webhook


def _replace_secret(session: Session, webhook: Webhook, overlap_hours: int, token: str | None) -> None:
    check_token(webhook.scheme, token)
    if token is not None and token == _open_if_readable(webhook):
        raise _refuse_token("unchanged", say("must differ from the one that it replaces."))
    _make_former(session, webhook, overlap_hours)
    webhook.token = sealing.seal_token(token or signing.generate_token(webhook.scheme))
    webhook.updated_at = times.now()
    session.flush()


def cut_over(actor: Actor, webhook_id: str, expected: Precondition = etags.NONE) -> Webhook:
    """Ends the overlap now: only the newest secret is good from here on. Without an overlap nothing changes.

    Raises PreconditionFailedError if the webhook is not as expected, NotFoundError, PermissionDeniedError.
    """
    actor.require("webhook:write")
    with transaction() as session:
        webhook = lock_webhook(session, actor.tenant_id, webhook_id)
        tags.check(webhook, expected)
        if count := drop_former(session, webhook):
            webhook.updated_at = times.now()
            session.flush()
            audit.record(session, actor, "webhook.secret_cut_over", webhook.id, {"dropped": count})
        session.expunge(webhook)
    return webhook


def change_secret(session: Session, webhook: Webhook, scheme: str | None, token: str | None) -> bool:
    """Takes a locked webhook, and the scheme and the token that were sent for it; gives whether its secret is new.

    A token is an immediate rotation: nothing that it replaces stays good. What the owner is shown, sent back, is no
    new token. A new scheme keeps the secrets that it can sign with, so that ``cryptlex`` and ``standard`` share one
    that is spelt with ``whsec_``; where it cannot sign with the newest one, a new one is made and all others go. So
    it is always to and from ``asymmetric``. Raises ValidationError if the token does not fit the scheme.
    """
    if token is None and scheme in (None, webhook.scheme):
        return False
    chosen = choose_secret(webhook, scheme, token)
    webhook.scheme = chosen.scheme
    if not chosen.is_new:
        _drop_unusable(session, webhook)
        return False
    webhook.token = sealing.seal_token(chosen.token or signing.generate_token(chosen.scheme))
    drop_former(session, webhook)
    return True


def choose_secret(webhook: Webhook, scheme: str | None, token: str | None) -> SecretChoice:
    """Takes a webhook, and the scheme and the token that were sent for it; gives what these ask for, see above.

    Raises ValidationError if the token does not fit the scheme.
    """
    if token is None and scheme in (None, webhook.scheme):
        return SecretChoice(webhook.scheme, is_new=False)
    stored = _open_if_readable(webhook)
    if stored is not None and token == signing.show_token(stored):
        token = None
    scheme = scheme or webhook.scheme
    check_token(scheme, token)
    is_kept = token is None and stored is not None and signing.can_sign(scheme, stored)
    return SecretChoice(scheme, is_new=not is_kept, token=token)


def check_token(scheme: str, token: str | None) -> None:
    """Raises ValidationError if a token was given that the scheme cannot sign with."""
    if token is not None and (rule := find_token_rule(scheme, token)):
        raise _refuse_token(*rule)


def list_former(tenant_id: str, webhook_id: str) -> Sequence[FormerSecret]:
    """Gives the former secrets of a webhook that are still good, the newest first."""
    return db.session.scalars(_select_former(tenant_id, webhook_id)).all()


def drop_former(session: Session, webhook: Webhook) -> int:
    """Deletes all former secrets of a locked webhook; gives how many were still good."""
    count = len(session.scalars(_select_former(webhook.tenant_id, webhook.id)).all())
    _delete_former(session, webhook)
    return count


def build_public_keys(webhook_id: str) -> dict[str, list[dict[str, str]]]:
    """Gives the public keys that verify a webhook's deliveries as a JWK set (RFC 7517, section 5), the newest first.

    They are public, so it asks without a tenant. Raises NotFoundError unless there is a webhook of the asymmetric
    scheme.
    """
    query = select(Webhook).where(
        Webhook.id == webhook_id, Webhook.scheme == signing.ASYMMETRIC, Webhook.deleted_at.is_(None)
    )
    webhook = db.session.scalar(query) if is_canonical_id(webhook_id) else None
    if webhook is None:
        raise NotFoundError("There are no such keys.")
    former = list_former(webhook.tenant_id, webhook.id)
    stored = [webhook.token, *(secret.token for secret in former)]
    return {"keys": [signing.build_jwk(sealing.open_token(token)) for token in stored]}


def _open_if_readable(webhook: Webhook) -> str | None:
    # What was stored with a SECRET_KEY that is lost can be replaced, though not read.
    try:
        return sealing.open_token(webhook.token)
    except DecryptionError:
        return None


def _make_former(session: Session, webhook: Webhook, overlap_hours: int) -> None:
    if not overlap_hours:
        _delete_former(session, webhook)
        return
    _delete_former(session, webhook, FormerSecret.expires_at <= clock())
    count = session.scalar(
        select(func.count()).where(FormerSecret.tenant_id == webhook.tenant_id, FormerSecret.webhook_id == webhook.id)
    )
    if (count or 0) >= FORMER_LIMIT:
        raise ConflictError(
            f"{FORMER_LIMIT} former secrets are still good. Cut over to the newest one first, or rotate at once."
        )
    session.add(
        FormerSecret(
            tenant_id=webhook.tenant_id,
            webhook_id=webhook.id,
            token=webhook.token,
            created_at=times.now(),
            expires_at=clock(overlap_hours * _HOUR_SECONDS),
        )
    )


def _drop_unusable(session: Session, webhook: Webhook) -> None:
    for former in session.scalars(_select_former(webhook.tenant_id, webhook.id)):
        if not signing.can_sign(webhook.scheme, sealing.open_token(former.token)):
            session.delete(former)


def _delete_former(session: Session, webhook: Webhook, *criteria: Any) -> None:
    session.execute(
        delete(FormerSecret)
        .where(FormerSecret.tenant_id == webhook.tenant_id, FormerSecret.webhook_id == webhook.id, *criteria)
        .execution_options(synchronize_session=False)
    )


def _select_former(tenant_id: str, webhook_id: str) -> Select[FormerSecret]:
    return (
        select(FormerSecret)
        .where(
            FormerSecret.tenant_id == tenant_id,
            FormerSecret.webhook_id == webhook_id,
            FormerSecret.expires_at > clock(),
        )
        .order_by(FormerSecret.id.desc())
    )


def _refuse_token(code: str, rule: str) -> ValidationError:
    return ValidationError([FieldError("token", code, complete_rule(LABELS["token"], rule))])
