"""The filter by webhook on the page: what it offers, and which webhooks are meant by what somebody has typed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from app.language import gettext as _
from app.text import find_encoding_error
from app.webhooks import queries
from app.webhooks.models import Webhook
from app.webhooks.pages import shorten_url

OFFERED: Final = 200
_NAMED = 3
# Of a longer name or address its beginning and its end are named: below the field there is not room for all of it.
_NAMED_LENGTH = 40


@dataclass(frozen=True, slots=True)
class WebhookChoice:
    """What stands in the field, whom that means in words, and what is offered: values with their labels."""

    shown: str
    hint: str
    offered: Sequence[tuple[str, str]]


def build_choice(tenant_id: str, text: str) -> WebhookChoice:
    """Takes the filter as it came; gives what its field shows.

    An id, which nobody can read, is shown as the webhook's name wherever that means the same webhook.
    """
    offered = _list_offered(queries.list_webhooks(tenant_id, OFFERED, is_descending=True))
    if not text or find_encoding_error(text):
        return WebhookChoice(text, "", offered)
    meant = queries.list_meant(tenant_id, text, _NAMED + 1)
    shown = text
    if len(meant) == 1 and meant[0].id == text and _is_unique(tenant_id, meant[0]):
        shown = meant[0].name
    return WebhookChoice(shown, _describe(meant), offered)


def _is_unique(tenant_id: str, webhook: Webhook) -> bool:
    return [it.id for it in queries.list_meant(tenant_id, webhook.name, 2)] == [webhook.id]


def _describe(meant: Sequence[Webhook]) -> str:
    if not meant:
        return _("No webhook has this as its id, or in its name or URL.")
    if len(meant) == 1:
        return f"{_name(meant[0])}, {_locate(meant[0])}"
    count = Counter(webhook.name for webhook in meant)
    named = [
        _name(webhook)
        if count[webhook.name] == 1
        else _("{name} at {address}", name=_name(webhook), address=_locate(webhook))
        for webhook in meant[:_NAMED]
    ]
    names = ", ".join(named)
    return _("{names} and others", names=names) if len(meant) > _NAMED else names


def _name(webhook: Webhook) -> str:
    name = _cut(webhook.name)
    return _("{name} (deleted)", name=name) if webhook.deleted_at else name


def _locate(webhook: Webhook) -> str:
    return _cut(shorten_url(webhook.url))


def _cut(text: str) -> str:
    half = _NAMED_LENGTH // 2
    return text if len(text) <= _NAMED_LENGTH else f"{text[:half]}…{text[-half:]}"


def _list_offered(webhooks: Sequence[Webhook]) -> list[tuple[str, str]]:
    """Gives names with the addresses behind them; where a name stands for several webhooks, their ids instead."""
    names = Counter(webhook.name for webhook in webhooks)
    return sorted(
        ((it.name, shorten_url(it.url)) if names[it.name] == 1 else (it.id, f"{it.name}, {shorten_url(it.url)}"))
        for it in webhooks
    )
