"""What can be asked of the audit log: the filters of the page and of the export. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from app.audit.words import ACTION_WORDS, GROUP_WORDS
from app.exceptions import FieldError, ValidationError
from app.language import Message, say
from app.text import find_encoding_error
from app.times import parse_time

FIELDS = ("action", "actor", "entity", "since", "until")
# Slipway itself has no address.
SYSTEM = "slipway"
_LABELS = {"actor": say("Who"), "entity": say("About"), "since": say("From"), "until": say("Until")}
# What a browser sends for a date and time; it is meant as UTC, which is what all pages show.
_LOCAL_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2})(?:T([0-9]{2}:[0-9]{2})(:[0-9]{2}(?:\.[0-9]{1,3})?)?)?\Z")
_POSITION = re.compile(r"[0-9]{1,18}\Z")


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries: by one action or a group of them, who acted, what it was about, and when."""

    action: str = ""
    group: str = ""
    actor: str = ""
    is_system: bool = False
    entity: str = ""
    since: datetime | None = None
    until: datetime | None = None


def parse_filter(values: Mapping[str, str]) -> AuditFilter:
    """Takes the text of each of FIELDS; gives the filter. An empty text filters nothing.

    Raises ValidationError with every broken rule.
    """
    errors = [
        FieldError(name, error[0], say("{label} {rule}", label=_LABELS[name], rule=error[1]))
        for name in ("actor", "entity")
        if (error := find_encoding_error(values[name]))
    ]
    action, group = values["action"], ""
    if action in GROUP_WORDS:
        action, group = "", action
    elif action and action not in ACTION_WORDS:
        errors.append(FieldError("action", "unknown_action", say("What happened must be one of those in the list.")))
    times = {name: _read_time(name, values[name], errors) for name in ("since", "until")}
    since, until = times["since"], times["until"]
    if since and until and since >= until:
        errors.append(FieldError("until", "out_of_range", say("Until must be later than from.")))
    if errors:
        raise ValidationError(errors)
    actor = values["actor"]
    is_system = actor.lower() == SYSTEM
    return AuditFilter(action, group, "" if is_system else actor, is_system, values["entity"], since, until)


def parse_position(text: str) -> int | None:
    """Takes what an address says of where to go on; gives the id of the entry before, None if it is none."""
    return int(text) if _POSITION.match(text) else None


def _read_time(name: str, text: str, errors: list[FieldError]) -> datetime | None:
    if not text:
        return None
    match = _LOCAL_TIME.match(text)
    moment = parse_time(f"{match[1]}T{match[2] or '00:00'}{match[3] or ':00'}Z" if match else text)
    if moment is None:
        rule: Message = say("{label} must be a date and time, such as 2031-05-28T14:15.", label=_LABELS[name])
        errors.append(FieldError(name, "invalid_format", rule))
    return moment
