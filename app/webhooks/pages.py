"""What the pages show of webhooks: from rows to what a template needs, states in words."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from types import SimpleNamespace
from typing import Any, Final
from urllib.parse import urlsplit

from app.deliveries.wording import describe_state
from app.language import gettext as _
from app.language import say, translate
from app.times import now
from app.webhooks import events as types
from app.webhooks import troubles
from app.webhooks.health import Health, build_standing
from app.webhooks.health_words import format_moment
from app.webhooks.models import Delivery, Webhook
from app.webhooks.signing import ASYMMETRIC, CRYPTLEX, STANDARD

# When each type fires, for whoever chooses among them.
EVENT_SENTENCES: Final = {
    types.RELEASE_CREATED: say("A release was created, on the form or by the API, or came back after it was deleted."),
    types.RELEASE_UPDATED: say("A release was changed: a name, notes, files, or it left the archive."),
    types.RELEASE_PUBLISHED: say("A release was published. Unless it is private, customers see it."),
    types.RELEASE_ARCHIVED: say("A release was archived: it stays, and customers see it no more."),
    types.RELEASE_DELETED: say("A draft was deleted."),
    types.RELEASE_FILE_CREATED: say("A file was added to a release."),
}
SCHEMES: Final = {
    CRYPTLEX: (
        say("Signature over the body"),
        say("Base64 of HMAC-SHA256 over the raw body, with the token as the key."),
    ),
    STANDARD: (
        "Standard Webhooks",
        say("HMAC-SHA256 over id, time and body, so that nothing can be replayed. Public libraries verify it."),
    ),
    ASYMMETRIC: (
        say("Public key (ed25519)"),
        say("As Standard Webhooks, by a key pair that Slipway makes: the receiver holds no secret."),
    ),
}
_STATES: Final = {
    "healthy": (say("Healthy"), "is-good"),
    "failing": (say("Failing"), "is-bad"),
    "disabled": (say("Switched off"), "is-bad"),
    "paused": (say("Paused"), "is-warning"),
    "inactive": (say("Switched off"), ""),
    "new": (say("New"), "is-accent"),
}
_SHOWN_EVENTS = 2


def build_rows(
    webhooks: Sequence[Webhook], health: Mapping[str, Health], newest: Mapping[str, Delivery]
) -> list[SimpleNamespace]:
    """Takes webhooks, and by id how each does and its newest delivery; gives what a list shows of them."""
    return [_build_row(webhook, health[webhook.id], newest.get(webhook.id)) for webhook in webhooks]


def _build_row(webhook: Webhook, health: Health, newest: Delivery | None) -> SimpleNamespace:
    shown = webhook.events[:_SHOWN_EVENTS]
    state, words = describe_state(newest) if newest else ("", "")
    return SimpleNamespace(
        id=webhook.id,
        name=webhook.name,
        url=webhook.url,
        address=shorten_url(webhook.url),
        shown_events=shown,
        more_events=len(webhook.events) - len(shown),
        newest=SimpleNamespace(id=newest.id, state=state, words=words, created_at=newest.created_at)
        if newest
        else None,
        attempt_count=health.attempt_count,
        success_rate=_format_rate(health.success_rate),
        **_describe_standing(webhook, health),
    )


def shorten_url(url: str) -> str:
    """Gives host and path: what tells receivers apart, without a query that may hold a secret."""
    parts = urlsplit(url)
    return parts.netloc + parts.path.rstrip("/")


def _describe_standing(webhook: Webhook, health: Health) -> dict[str, Any]:
    """Gives the state in a word with its tone, and since when or why it is so."""
    word, tone = _STATES[health.state]
    since = {"failing": health.failing_since, "paused": webhook.paused_at}.get(health.state)
    detail = _("Since {time}", time=format_moment(since)) if since else ""
    if health.state == "disabled":
        detail = health.disabled_reason
    return {"state_word": translate(word), "tone": tone, "state_detail": detail}


def build_troubles(webhooks: Sequence[Webhook]) -> list[SimpleNamespace]:
    """Takes webhooks that need their owner; gives what a notice says of them."""
    return [
        SimpleNamespace(
            id=webhook.id,
            name=webhook.name,
            disabled_at=webhook.disabled_at,
            disabled_reason=webhook.disabled_reason,
            failing_since=webhook.failing_since,
            disables_at=build_standing(webhook).find_disabling(now()),
        )
        for webhook in webhooks
    ]


def build_page(webhook: Webhook, health: Health) -> SimpleNamespace:
    """Takes a webhook and how it does; gives what its page shows of it, its secrets left out."""
    return SimpleNamespace(
        id=webhook.id,
        name=webhook.name,
        url=webhook.url,
        events=webhook.events,
        scheme=webhook.scheme,
        scheme_label=translate(SCHEMES[webhook.scheme][0]),
        active=webhook.active,
        is_dismissed=troubles.find_dismissal(webhook) is not None,
        paused_at=webhook.paused_at,
        max_concurrency=webhook.max_concurrency,
        rate_per_second=webhook.rate_per_second,
        created_at=webhook.created_at,
        **_describe_standing(webhook, health),
    )


def build_figures(health: Health) -> SimpleNamespace:
    """Gives the figures of a webhook's health as text, None for what is not known yet."""
    return SimpleNamespace(
        success_rate=_format_rate(health.success_rate),
        p50=_format_milliseconds(health.p50_ms),
        p95=_format_milliseconds(health.p95_ms),
    )


def _format_rate(rate: float | None) -> str | None:
    # Cut off and not rounded: only what is all is 100 %.
    return None if rate is None else f"{math.floor(rate * 100)} %"


def _format_milliseconds(value: int | None) -> str | None:
    if value is None:
        return None
    return f"{value} ms" if value < 1000 else f"{value / 1000:.1f} s"
