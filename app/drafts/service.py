"""How drafts are kept and let go. Each function checks permission, and commits once or not at all.

The audit log does not hear of drafts: nothing has happened yet.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import times
from app.accounts.actors import Actor
from app.database import generate_id, transaction
from app.drafts import queries, rows, schema, texts
from app.drafts.models import Draft
from app.drafts.schema import SentDraft
from app.releases import queries as releases
from app.releases.models import Release

# Who has not come back to a text for so long does not miss it.
LIFETIME_DAYS = 30
_SCOPE = "release:write"


@dataclass(frozen=True, slots=True)
class Kept:
    """What is kept of a form: its texts, the newest first.

    ``made`` is the release that the key in question has made already, ``unseen`` what another window had saved when
    this one came, ``changed_at`` when the release that the form changes was changed last.
    """

    texts: list[dict[str, Any]] = field(default_factory=list)
    made: Release | None = None
    unseen: dict[str, Any] | None = None
    changed_at: datetime | None = None


def show_draft(actor: Actor, subject: str, key: str = "") -> Kept:
    """Gives what is kept of a form; and what came of the key, if one is asked for. Raises NotFoundError.

    What was sent is no draft, wherever it came from.
    """
    actor.require(_SCOPE)
    changed_at = _find_changed_at(actor, subject)
    draft = queries.find_draft(actor, subject)
    kept = texts.list_texts(draft.content) if draft else []
    made = queries.find_made(actor, [key, *_list_keys(kept)])
    return Kept([text for text in kept if text["key"] not in made], made.get(key), changed_at=changed_at)


def save_draft(actor: Actor, subject: str, sent: SentDraft) -> Kept:
    """Commits the text of a form in one window. Newest wins: what it did not know of is put aside, and told.

    A text that was sent under its key meanwhile is not kept again; that is told, too. Raises NotFoundError,
    PermissionDeniedError.
    """
    actor.require(_SCOPE)
    changed_at = _find_changed_at(actor, subject)
    try:
        with transaction() as session:
            draft = rows.lock_draft(session, actor, subject)
            # Looked at behind the lock: whoever has just made something of this text has let go of it.
            if made := queries.find_made(actor, [sent.key]).get(sent.key):
                session.expunge(made)
                return Kept(made=made, changed_at=changed_at)
            kept = texts.list_texts(draft.content) if draft else []
            unseen = texts.find_unseen(kept, sent) if kept else None
            saved = _write(session, actor, subject, draft, sent)
    except IntegrityError:
        # Another window was the first at the same moment; now there is something to come before.
        return save_draft(actor, subject, sent)
    return Kept(saved, unseen=unseen, changed_at=changed_at)


def discard_draft(actor: Actor, subject: str, known: Iterable[str]) -> None:
    """Commits that the texts with these marks are no draft any more; what its owner did not see stays.

    Raises NotFoundError, PermissionDeniedError.
    """
    actor.require(_SCOPE)
    schema.find_release_id(subject)
    marks = set(known)
    with transaction() as session:
        draft = rows.lock_draft(session, actor, subject)
        if draft is not None:
            kept = [text for text in texts.list_texts(draft.content) if text["mark"] not in marks]
            rows.write_texts(session, draft, kept)


def find_outcome(actor: Actor, key: str) -> Release | None:
    """Gives the release that the actor has made under an idempotency key, None if there is none yet."""
    actor.require(_SCOPE)
    return queries.find_made(actor, [key]).get(key)


def _find_changed_at(actor: Actor, subject: str) -> datetime | None:
    release_id = schema.find_release_id(subject)
    return releases.get_release(actor.tenant_id, release_id).updated_at if release_id else None


def _list_keys(kept: Iterable[dict[str, Any]]) -> list[str]:
    return [text["key"] for text in kept if text["key"]]


def _write(session: Session, actor: Actor, subject: str, draft: Draft | None, sent: SentDraft) -> list[dict[str, Any]]:
    moment = times.now()
    saved_at = times.format_time(moment)
    if draft is not None:
        kept = texts.add_text(texts.list_texts(draft.content), sent, saved_at)
        rows.write_texts(session, draft, kept)
        return kept
    kept = [texts.build_text(sent, saved_at)]
    session.add(
        Draft(
            id=generate_id(),
            tenant_id=actor.tenant_id,
            user_id=actor.user_id,
            subject=subject,
            content=texts.build_content(kept),
            revision=1,
            window=sent.window,
            created_at=moment,
            updated_at=moment,
        )
    )
    return kept
