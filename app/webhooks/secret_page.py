"""What the page of a webhook shows of its secret: the secret itself, and what of its rotation is under way."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Final

from flask import current_app, url_for

from app.accounts.actors import Actor
from app.crypto import DecryptionError
from app.language import say, translate
from app.webhooks import rotation, service
from app.webhooks.models import Webhook
from app.webhooks.signing import ASYMMETRIC, CRYPTLEX, STANDARD

# How long the former secret may stay good, in hours.
OVERLAPS: Final = {
    1: say("1 hour"),
    24: say("24 hours"),
    72: say("72 hours"),
    168: say("168 hours, which is 7 days"),
    0: say("Not at all, because it leaked"),
}
_OVERLAP_WORDS = {
    CRYPTLEX: say(
        "Meanwhile the former secret alone signs, for this scheme has room for one signature: "
        "teach the receiver the new one before the time is over."
    ),
    STANDARD: say("Meanwhile each request carries a signature by either secret."),
    ASYMMETRIC: say("Meanwhile each request carries a signature by either key, and the key set has both."),
}
_OVERLAP_WORDS_OF_SEVERAL = {
    CRYPTLEX: say(
        "Meanwhile the oldest of them alone signs, for this scheme has room for one signature: "
        "teach the receiver the new one before the time is over."
    ),
    STANDARD: say("Meanwhile each request carries a signature by each of them, and one by the new secret."),
    ASYMMETRIC: say(
        "Meanwhile each request carries a signature by each of them and by the new key: the key set has all."
    ),
}


def build_secret(actor: Actor, webhook: Webhook) -> SimpleNamespace:
    """Gives the secret as the actor may see it, the public key in its place where there is one.

    ``token`` is None if it cannot be read with this SECRET_KEY. Raises PermissionDeniedError.
    """
    path = url_for("webhook_keys_api.show_key_set", webhook_id=webhook.id)
    former = rotation.list_former(webhook.tenant_id, webhook.id)
    return SimpleNamespace(
        token=read_token(actor, webhook),
        is_public=is_public(webhook),
        jwks_url=f"{current_app.extensions['slipway'].settings.base_url}{path}",
        former=[
            SimpleNamespace(
                replaced_at=it.created_at,
                expires_at=it.expires_at,
                signs_alone=webhook.scheme == CRYPTLEX and it is former[-1],
            )
            for it in former
        ],
        overlaps={hours: translate(words) for hours, words in OVERLAPS.items()},
        overlap_words=translate((_OVERLAP_WORDS_OF_SEVERAL if len(former) > 1 else _OVERLAP_WORDS)[webhook.scheme]),
    )


def is_public(webhook: Webhook) -> bool:
    """Whether what its receiver verifies signatures with is no secret, but the public one of two keys."""
    return webhook.scheme == ASYMMETRIC


def read_token(actor: Actor, webhook: Webhook) -> str | None:
    """Gives what the actor may see of the secret, None if it cannot be read. Raises PermissionDeniedError."""
    try:
        return service.show_token(actor, webhook)
    except DecryptionError:
        return None


def list_headers(actor: Actor, webhook: Webhook) -> dict[str, str]:
    """Gives the names of the webhook's own headers, each with the mask; none if they cannot be read.

    Raises PermissionDeniedError.
    """
    try:
        return service.list_header_names(actor, webhook)
    except DecryptionError:
        return {}
