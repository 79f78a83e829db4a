"""What the pages show of replays: the form's values and the members that they stand for, and progress in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from werkzeug.datastructures import MultiDict

from app import times
from app.language import gettext as _
from app.language import ngettext
from app.replays.models import Replay
from app.replays.queries import CANCELLED, DONE, RUNNING, Preview, ReplayRecord, explain_wait
from app.webhooks.models import Webhook

# What a field for date and time sends: without a zone, and without seconds if they are zero.
_LOCAL_TIME = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}(:[0-9]{2}(?:\.[0-9]{1,3})?)?\Z")
_TONES = {DONE: "is-good", CANCELLED: ""}


def read_values(form: MultiDict[str, str]) -> dict[str, Any]:
    """Takes the form, or the parameters of a link to it; gives every value as it was sent."""
    return {
        "since": form.get("since", ""),
        "until": form.get("until", ""),
        "events": form.getlist("events"),
        "includeMissed": bool(form.get("includeMissed")),
        "signInEmail": form.get("signInEmail", ""),
    }


def build_new_values(since: datetime) -> dict[str, Any]:
    """Takes where the span shall begin; gives the values of a form that nobody has touched."""
    return read_values(MultiDict({"since": times.format_time(since.replace(second=0, microsecond=0))}))


def show_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Takes the form's values; gives them as its fields show them: times by RFC 3339 in UTC, to the second."""
    return {**values, "since": _show_time(values["since"]), "until": _show_time(values["until"])}


def build_raw(values: Mapping[str, Any]) -> dict[str, Any]:
    """Takes the form's values; gives the members of the API's body that they stand for."""
    return {
        "since": _build_time(values["since"]),
        "until": _build_time(values["until"]),
        "events": values["events"] or None,
        "includeMissed": values["includeMissed"],
    }


def _show_time(text: str) -> str:
    moment = times.parse_time(text)
    return text if moment is None else moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S").removesuffix(":00")


def _build_time(text: str) -> str | None:
    match = _LOCAL_TIME.match(text)
    if match is None:
        return text or None
    return f"{text}{'' if match[1] else ':00'}Z"


def describe_preview(preview: Preview, *, includes_missed: bool) -> SimpleNamespace:
    """Takes what a replay would find; gives it in words, with the number that the button shows."""
    count = preview.matching + (preview.missed if includes_missed else 0)
    found = {"matching": preview.matching, "total": preview.total}
    words = _("Would send {matching:,} of {total:,}.", **found)
    if includes_missed and preview.missed:
        words = ngettext(
            "Would send {matching:,} of {total:,}, and {count:,} that was missed.",
            "Would send {matching:,} of {total:,}, and {count:,} that were missed.",
            preview.missed,
            **found,
        )
    hint = ""
    if preview.missed and not includes_missed:
        hint = ngettext(
            'One event was missed: the webhook was never owed it. Tick "Missed events, too" to send it.',
            '{count:,} events were missed: the webhook was never owed them. Tick "Missed events, too" to send them.',
            preview.missed,
        )
    return SimpleNamespace(
        count=count,
        words=words,
        hint=hint,
        until=times.format_time(preview.until_at),
        button=ngettext("Send {count:,} delivery again", "Send {count:,} deliveries again", count),
    )


def build_row(record: ReplayRecord, webhook: Webhook) -> SimpleNamespace:
    """Takes a replay and its webhook; gives what a page shows of it."""
    replay, progress = record.replay, record.progress
    state_words = _describe_state(replay, webhook)
    is_running = replay.state == RUNNING
    left = replay.total - replay.queued_count if is_running else 0
    waiting = progress.pending - progress.retrying
    return SimpleNamespace(
        id=replay.id,
        created_at=replay.created_at,
        created_by=replay.created_by,
        finished_at=replay.finished_at,
        since_at=replay.since_at,
        until_at=replay.until_at,
        events=replay.event_types,
        includes_missed=replay.includes_missed,
        is_running=is_running,
        is_cancelled=replay.state == CANCELLED,
        state_words=state_words,
        tone=_TONES.get(replay.state, "is-warning" if explain_wait(replay, webhook) else "is-accent"),
        total=replay.total,
        queued=replay.queued_count,
        delivered=progress.delivered,
        failing=progress.retrying + progress.dead - progress.taken_back,
        taken_back=progress.taken_back,
        waiting=waiting,
        pending=progress.pending,
        left=left,
        # From here on it is in no other one's way.
        was_sent_once=is_running and not left and not waiting,
    )


def _describe_state(replay: Replay, webhook: Webhook) -> str:
    if reason := explain_wait(replay, webhook):
        because = reason[0].lower() + reason[1:].removesuffix(".")
        return _("Waiting: {reason}", reason=because)
    words = {RUNNING: _("Running"), DONE: _("Done"), CANCELLED: _("Cancelled")}
    return words[replay.state]
