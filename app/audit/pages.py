"""What the page of the audit log shows: from entries to what a template needs."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

from flask import current_app, url_for
from werkzeug.datastructures import MultiDict

from app.audit import queries, words
from app.audit.models import AuditEntry
from app.audit.schema import FIELDS, AuditFilter, parse_filter, parse_position
from app.exceptions import FieldError, ValidationError
from app.language import gettext as _
from app.language import translate

PAGE_SIZE = 50
_TEXT_LIMIT = 2000
# Where what an action was about is shown, and what its id is called there.
_PAGES = {
    "release": ("releases.show_release", "release_id"),
    "product": ("products.show_product", "product_id"),
    "webhook": ("webhooks.show_webhook", "webhook_id"),
    "user": ("members.show_member", "member_id"),
}


@dataclass(frozen=True, slots=True)
class AuditQuery:
    """What is asked for: as the page shows it, as the query knows it, and what is wrong with it."""

    values: Mapping[str, str]
    filters: AuditFilter = field(default=AuditFilter())
    before: int | None = None
    errors: tuple[FieldError, ...] = ()

    @property
    def address(self) -> dict[str, Any]:
        """The parameters of an address that leads here."""
        return {name: value for name, value in self.values.items() if value}


def read_query(arguments: MultiDict[str, str]) -> AuditQuery:
    """Takes the URL's arguments; gives what to list."""
    values = {name: arguments.get(name, "").strip() for name in FIELDS}
    try:
        filters = parse_filter(values)
    except ValidationError as error:
        return AuditQuery(values, errors=error.errors)
    return AuditQuery(values, filters, parse_position(arguments.get("before", "")))


def list_action_choices() -> list[SimpleNamespace]:
    """Gives the actions that can be chosen, in their groups."""
    return [
        SimpleNamespace(
            value=group,
            label=translate(label),
            actions=[(it, translate(said)) for it, said in words.ACTION_WORDS.items() if words.find_group(it) == group],
        )
        for group, label in words.GROUP_WORDS.items()
    ]


def build_rows(tenant_id: str, entries: Sequence[AuditEntry]) -> list[SimpleNamespace]:
    """Takes entries of one tenant; gives what the list shows of them, with links to what there still is."""
    ids: dict[str, set[str]] = {}
    for entry in entries:
        ids.setdefault(words.find_group(entry.action), set()).add(entry.entity_id)
    names = queries.find_names(tenant_id, ids)
    return [_build_row(entry, names.get(entry.entity_id)) for entry in entries]


def _build_row(entry: AuditEntry, name: str | None) -> SimpleNamespace:
    return SimpleNamespace(
        id=entry.id,
        occurred_at=entry.occurred_at,
        actor=_("Slipway") if entry.actor_kind == "system" else entry.actor_email,
        is_token=entry.actor_kind == "token",
        is_job=entry.actor_kind == "publisher",
        action=entry.action,
        words=words.describe_action(entry.action),
        entity_id=entry.entity_id,
        entity_name=name or _name_by_details(entry.details),
        entity_url=_find_url(entry) if name else None,
        lines=describe_details(entry.details),
        request_id=entry.request_id,
    )


def _name_by_details(details: Mapping[str, Any]) -> str:
    """Gives what is left of the name of something that has gone, or that has no page of its own."""
    for source in (details, details.get("before")):
        if isinstance(source, dict):
            found = [source.get(key) for key in ("name", "version", "email")]
            if texts := [text for text in found if isinstance(text, str) and text]:
                return " ".join(texts[:2])
    return ""


def _find_url(entry: AuditEntry) -> str | None:
    endpoint, argument = _PAGES.get(words.find_group(entry.action), ("", ""))
    if endpoint not in current_app.view_functions:
        return None
    values: dict[str, Any] = {argument: entry.entity_id}
    return url_for(endpoint, **values)


def describe_details(details: Mapping[str, Any]) -> list[SimpleNamespace]:
    """Takes the details of an entry; gives a line for each: its label with a value, or what it was and what it is."""
    before, after = details.get("before"), details.get("after")
    lines, rest = [], details
    if isinstance(before, dict) and isinstance(after, dict):
        # What is new comes with nothing before it, and the other way round.
        lines = [_build_pair(name, before.get(name), after.get(name)) for name in dict.fromkeys((*before, *after))]
        rest = {name: value for name, value in details.items() if name not in ("before", "after")}
    # Which run of a job of CI it was, line by line.
    run = rest.get("run")
    if isinstance(run, dict):
        rest = {**{name: value for name, value in rest.items() if name != "run"}, **run}
    for name, value in rest.items():
        lines.append(SimpleNamespace(label=words.describe_detail(name), value=_show(value), is_pair=False))
    return lines


def _build_pair(name: str, before: Any, after: Any) -> SimpleNamespace:
    label = words.describe_detail(name)
    return SimpleNamespace(label=label, before=_show(before), after=_show(after), is_pair=True)


def _show(value: Any) -> str:
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if value is None or value in ("", [], {}):
        return _("none")
    if isinstance(value, list) and all(isinstance(item, str) for item in value):
        text = ", ".join(value)
    else:
        text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= _TEXT_LIMIT else f"{text[:_TEXT_LIMIT]}…"
