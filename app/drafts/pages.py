"""What the page of a form says to its script: whose draft it is, and where it is kept."""

from __future__ import annotations

from typing import Any

from flask import url_for
from flask_login import current_user

from app.drafts.schema import NEW_RELEASE, name_change
from app.releases import queries as releases
from app.times import format_time


def describe_draft(release_id: str | None, *, asks_nothing: bool) -> dict[str, Any] | None:
    """Takes the release that a form changes, None for a new one; gives attributes of the form by name.

    None if nobody is signed in: then it is nobody's draft. With ``asks_nothing`` it is not said when the release was
    changed last.
    """
    if not current_user.is_authenticated:
        return None
    subject = name_change(release_id) if release_id else NEW_RELEASE
    return {
        "owner": f"{current_user.tenant_id}/{current_user.id}",
        "subject": subject,
        "base": "" if asks_nothing else find_base(release_id),
        "draft-url": url_for("drafts.show_draft", subject=subject),
        "sender-url": url_for("drafts.show_sender"),
        "outcome-url": url_for("drafts.show_outcome"),
        "sign-in-url": url_for("accounts.submit_sign_in"),
    }


def find_base(release_id: str | None) -> str:
    """Gives when a release was changed last, the empty string if there is none."""
    release = releases.find_release(current_user.tenant_id, release_id) if release_id else None
    return format_time(release.updated_at) if release else ""
