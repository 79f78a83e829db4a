"""Drafts in JSON, for the scripts of the forms."""

from __future__ import annotations

from typing import Any

from flask import url_for

from app.drafts.service import Kept
from app.releases.models import Release
from app.times import format_time


def serialize_kept(kept: Kept) -> dict[str, Any]:
    """Takes what is kept of a form; gives the members of the answer."""
    return {
        "draft": kept.texts[0] if kept.texts else None,
        "others": kept.texts[1:],
        "unseen": kept.unseen,
        "made": serialize_made(kept.made),
        "changedAt": format_time(kept.changed_at) if kept.changed_at else None,
    }


def serialize_made(release: Release | None) -> dict[str, Any] | None:
    """Takes the release that was made of a form, or None; gives what is told of it."""
    if release is None:
        return None
    return {
        "id": release.id,
        "url": url_for("releases.show_release", release_id=release.id),
        "version": release.version,
        "published": release.published,
    }
