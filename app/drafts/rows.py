"""Finds and writes the rows of drafts, inside a transaction that a service commits."""

from __future__ import annotations

from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from app import times
from app.accounts.actors import Actor
from app.drafts import texts
from app.drafts.models import Draft
from app.drafts.schema import NEW_RELEASE, name_change


def lock_draft(session: Session, actor: Actor, subject: str) -> Draft | None:
    """Gives the actor's draft as it is now, which nobody else changes before this transaction is over."""
    query = (
        select(Draft)
        .where(Draft.tenant_id == actor.tenant_id, Draft.user_id == actor.user_id, Draft.subject == subject)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return session.scalar(query)


def write_texts(session: Session, draft: Draft, kept: list[dict[str, Any]]) -> None:
    """Writes which texts a draft holds from now on, the newest first. Without any there is no draft."""
    if not kept:
        session.delete(draft)
        return
    draft.content = texts.build_content(kept)
    draft.window = kept[0]["window"]
    draft.revision += 1
    draft.updated_at = times.now()


def remove_sent(session: Session, actor: Actor, key: str | None) -> None:
    """Takes the idempotency key that a form was sent under: what was typed under it is no draft any more.

    Part of the transaction of what was made of it, so that there is either the draft or the release.
    """
    if not key or actor.kind != "user":
        return
    draft = lock_draft(session, actor, NEW_RELEASE)
    if draft is None:
        return
    kept = [text for text in texts.list_texts(draft.content) if text["key"] != key]
    if len(kept) < len(texts.list_texts(draft.content)):
        write_texts(session, draft, kept)


def remove_changed(session: Session, actor: Actor, release_id: str) -> None:
    """Takes a release that its form has just changed: what was typed into that is no draft any more."""
    draft = lock_draft(session, actor, name_change(release_id)) if actor.kind == "user" else None
    if draft is not None:
        session.delete(draft)
