"""The texts that a draft holds: the one that was saved last, and those that it came before. Pure.

Two windows may type into the same form. The newest text is the draft; what another window had typed, and this one had
not seen, is put aside and can still be had.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.drafts.schema import SentDraft

ASIDE_LIMIT = 3
_ASIDE = "aside"

Text = Mapping[str, Any]


def build_text(sent: SentDraft, saved_at: str) -> dict[str, Any]:
    """Takes what was sent and when; gives it as it is stored and answered."""
    return {
        "window": sent.window,
        "mark": sent.mark,
        "key": sent.key,
        "base": sent.base,
        "savedAt": saved_at,
        "fields": dict(sent.fields),
    }


def list_texts(content: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Takes what a draft holds; gives its texts, the newest first."""
    return [{name: value for name, value in content.items() if name != _ASIDE}, *content.get(_ASIDE, ())]


def build_content(texts: list[dict[str, Any]]) -> dict[str, Any]:
    """Takes texts, the newest first, at least one; gives what a draft holds."""
    return {**texts[0], _ASIDE: texts[1 : 1 + ASIDE_LIMIT]}


def find_unseen(texts: list[dict[str, Any]], sent: SentDraft) -> dict[str, Any] | None:
    """Takes the texts of a draft; gives the newest if another window saved it and this one knows nothing of it."""
    newest = texts[0]
    is_known = newest["window"] == sent.window or newest["mark"] in sent.known
    return None if is_known or newest["fields"] == sent.fields else newest


def add_text(texts: list[dict[str, Any]], sent: SentDraft, saved_at: str) -> list[dict[str, Any]]:
    """Takes the texts of a draft and what comes before them; gives the texts that there are then."""
    unseen = find_unseen(texts, sent)
    # A window has one text: what it typed before is part of what it has typed since.
    aside = [text for text in texts[1:] if text["window"] not in (sent.window, texts[0]["window"])]
    return [build_text(sent, saved_at), *([unseen] if unseen else []), *aside]
