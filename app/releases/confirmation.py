"""What is asked once before a release is created and published in one go: who will see it, and who will be told."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass

from app.accounts.actors import Actor
from app.releases import hint_queries, service
from app.releases.schema import ReleaseDraft
from app.webhooks import queries as webhooks
from app.webhooks.events import RELEASE_CREATED, RELEASE_PUBLISHED

# What the button of the form sends. That of the question sends ``confirmed`` instead, with what it says yes to.
PUBLISH = "publish"
_MOST_WEBHOOKS = 1000


@dataclass(frozen=True, slots=True)
class Told:
    """An event type, and the names of the webhooks that it goes to. Those that are paused hear of it later."""

    event_type: str
    names: tuple[str, ...]
    paused_names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Question:
    """What somebody says yes to. ``is_existing``: the draft was there before, just as it was sent."""

    version: str
    product_name: str
    product_slug: str
    product_id: str
    is_private: bool
    is_existing: bool
    told: tuple[Told, ...]

    @property
    def answer(self) -> str:
        """What the button sends that says yes to this question, and to no other."""
        said = [self.product_id, self.version, self.is_private, self.is_existing]
        heard = [[told.event_type, *told.names, *told.paused_names] for told in self.told]
        return hashlib.sha256(json.dumps([*said, heard]).encode()).hexdigest()[:32]


def find_question(actor: Actor, draft: ReleaseDraft, confirmed: str = "") -> Question | None:
    """Takes what is to be created and published, and what was said yes to; gives what must be asked first.

    Nothing, if that is just this, or if nothing is left to do. Raises DuplicateReleaseError if another
    release has the place, PermissionDeniedError.
    """
    existing = service.look_up(actor, draft)
    if existing and existing.release.published:
        return None
    product = hint_queries.find_product(actor.tenant_id, draft.product_id)
    types = (RELEASE_PUBLISHED,) if existing else (RELEASE_CREATED, RELEASE_PUBLISHED)
    question = Question(
        version=draft.version,
        product_name=product.display_name if product else "",
        product_slug=product.slug if product else "",
        product_id=draft.product_id,
        is_private=draft.private,
        is_existing=existing is not None,
        told=tuple(_list_told(actor.tenant_id, types)),
    )
    return None if confirmed == question.answer else question


def _list_told(tenant_id: str, event_types: Iterable[str]) -> Iterable[Told]:
    active = [webhook for webhook in webhooks.list_webhooks(tenant_id, _MOST_WEBHOOKS) if webhook.active]
    for event_type in event_types:
        told = [webhook for webhook in active if event_type in webhook.events]
        names = tuple(webhook.name for webhook in told if webhook.paused_at is None)
        paused_names = tuple(webhook.name for webhook in told if webhook.paused_at is not None)
        if told:
            yield Told(event_type, names, paused_names)
