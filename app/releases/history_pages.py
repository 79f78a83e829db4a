"""What pages tell of the history of a release: who did what, when, and what was before and after it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from markupsafe import Markup

from app import times
from app.audit.models import AuditEntry
from app.language import gettext as _
from app.languages import say_html as _html
from app.pages import format_datetime
from app.releases import history, queries
from app.releases.deletion import RESTORED
from app.releases.planning import NOT_PUBLISHED, PLANNED, UNPLANNED
from app.releases.text_diff import Line, compare
from app.webhooks import events

PAGE_SIZE: Final = 20
SHOWN_ON_PAGE: Final = 5


@dataclass(frozen=True, slots=True)
class Change:
    """A field before and after; of a long text its lines that differ."""

    label: str
    before: str = ""
    after: str = ""
    lines: Sequence[Line] = ()


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that was done, as a page tells it."""

    id: int
    sentence: Markup
    occurred_at: datetime
    changes: tuple[Change, ...] = ()
    # What somebody wrote to it.
    remark: str = ""
    # The release that stands in the place of one that was archived: its id and version, if it is still there.
    replacement: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class History:
    """A part of the history, the newest first, and where the next part begins, if there is one."""

    entries: Sequence[Entry] = field(default=())
    next_before: int | None = None


def build_history(tenant_id: str, release_id: str, limit: int, before: int | None = None) -> History:
    """Gives a part of a release's history."""
    found = history.list_entries(tenant_id, release_id, limit + 1, before)
    shown = found[:limit]
    next_before = shown[-1].id if len(found) > limit else None
    return History([_build_entry(tenant_id, entry) for entry in shown], next_before)


def _build_entry(tenant_id: str, entry: AuditEntry) -> Entry:
    details: Mapping[str, Any] = entry.details
    return Entry(
        id=entry.id,
        sentence=_describe(entry, details),
        occurred_at=entry.occurred_at,
        changes=tuple(_list_changes(details)),
        remark=str(details.get("reason", "")),
        replacement=_find_replacement(tenant_id, details.get("replacementId")),
    )


def _describe(entry: AuditEntry, details: Mapping[str, Any]) -> Markup:
    """Gives the sentence that says who did what."""
    actor = name_actor(entry)
    if entry.action == events.RELEASE_PUBLISHED and "plannedFor" in details:
        return _html("It was published as {actor} had planned.", actor=actor)
    if entry.action == PLANNED and (details.get("before") or {}).get("publishAt"):
        before, after = (_show_time(details[side]["publishAt"]) for side in ("before", "after"))
        return _html("{actor} moved its publication from {before} to {after}.", actor=actor, before=before, after=after)
    if entry.action == events.RELEASE_UPDATED:
        return _describe_update(actor, details)
    if entry.action in _SENTENCES:
        return _SENTENCES[entry.action](actor, details)
    return _html("{actor}: {action}", actor=actor, action=entry.action)


def _describe_update(actor: Markup, details: Mapping[str, Any]) -> Markup:
    before = details.get("before") or {}
    if "file" in before:
        return _html("{actor} removed the file {name}.", actor=actor, name=_strong((before["file"] or {}).get("name")))
    if before.get("archived"):
        return _html("{actor} took it out of the archive.", actor=actor)
    return _html("{actor} changed it.", actor=actor)


def name_actor(entry: AuditEntry) -> Markup:
    """Gives who acted: a person, a token of one, or Slipway itself."""
    if entry.actor_kind == "system":
        return _strong("Slipway")
    if entry.actor_kind == "token":
        return _html("A token of {email}", email=_strong(entry.actor_email))
    return _strong(entry.actor_email)


def _strong(text: Any) -> Markup:
    return Markup("<bdi><strong>{}</strong></bdi>").format(text)


def _show_time(text: Any) -> Markup:
    moment = times.parse_time(text) if isinstance(text, str) else None
    return format_datetime(moment) if moment else Markup("")


_Say = Callable[[Markup, Mapping[str, Any]], Markup]
_SENTENCES: Final[Mapping[str, _Say]] = {
    events.RELEASE_CREATED: lambda actor, details: _html(
        "{actor} created it as version {version}.", actor=actor, version=_strong(details.get("version"))
    ),
    events.RELEASE_PUBLISHED: lambda actor, _details: _html("{actor} published it.", actor=actor),
    events.RELEASE_ARCHIVED: lambda actor, _details: _html("{actor} archived it.", actor=actor),
    events.RELEASE_DELETED: lambda actor, _details: _html("{actor} deleted it.", actor=actor),
    events.RELEASE_FILE_CREATED: lambda actor, details: _html(
        "{actor} added the file {name}.", actor=actor, name=_strong((details.get("file") or {}).get("name"))
    ),
    RESTORED: lambda actor, _details: _html("{actor} brought it back after it was deleted.", actor=actor),
    PLANNED: lambda actor, details: _html(
        "{actor} planned to publish it at {time}.",
        actor=actor,
        time=_show_time((details.get("after") or {}).get("publishAt")),
    ),
    UNPLANNED: lambda actor, details: _html(
        "{actor} cancelled its publication, which was planned for {time}.",
        actor=actor,
        time=_show_time((details.get("before") or {}).get("publishAt")),
    ),
    NOT_PUBLISHED: lambda _actor, details: _html(
        "It was not published at {time} as planned: whoever had planned it may not publish any more.",
        time=_show_time(details.get("plannedFor")),
    ),
}


def _list_changes(details: Mapping[str, Any]) -> list[Change]:
    """Gives the fields that have changed, in the order of the page."""
    before, after = (details.get(side) or {} for side in ("before", "after"))
    labels = {
        "name": _("Name"),
        "version": _("Version"),
        "channel": _("Channel"),
        "platforms": _("Platforms"),
        "private": _("Who sees it"),
        "notes": _("Notes"),
    }
    return [
        _build_change(name, label, before.get(name), after.get(name))
        for name, label in labels.items()
        if name in before or name in after
    ]


def _build_change(name: str, label: str, before: Any, after: Any) -> Change:
    if name == "notes":
        return Change(label, lines=compare(str(before or ""), str(after or "")))
    return Change(label, _show_value(name, before), _show_value(name, after))


def _show_value(name: str, value: Any) -> str:
    if name == "platforms":
        return ", ".join(value or ()) or _("All platforms")
    if name == "private":
        return _("Private") if value else _("Customers, once it is published")
    return str(value or "")


def _find_replacement(tenant_id: str, release_id: Any) -> tuple[str, str] | None:
    release = queries.find_release(tenant_id, release_id) if isinstance(release_id, str) else None
    return (release.id, release.version) if release else None
