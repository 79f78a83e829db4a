"""The one form of a replay in JSON."""

from __future__ import annotations

from typing import Any

from app.replays.queries import Preview, ReplayRecord, explain_wait
from app.times import format_time
from app.webhooks.models import Webhook


def serialize_replay(record: ReplayRecord, webhook: Webhook) -> dict[str, Any]:
    """Takes a replay and its webhook; gives its members.

    ``total`` is what it will send. ``pending`` are those queued whose end is not known yet, ``retrying`` those of them
    that were tried and failed, ``takenBack`` those of ``dead`` that were not tried before it was cancelled. ``waiting``
    says why it cannot go on, or is null.
    """
    replay, progress = record.replay, record.progress
    return {
        "id": replay.id,
        "createdAt": format_time(replay.created_at),
        "updatedAt": format_time(replay.updated_at),
        "webhookId": replay.webhook_id,
        "since": format_time(replay.since_at),
        "until": format_time(replay.until_at),
        "events": replay.event_types,
        "includeMissed": replay.includes_missed,
        "state": replay.state,
        "waiting": explain_wait(replay, webhook),
        "total": replay.total,
        "queued": replay.queued_count,
        "delivered": progress.delivered,
        "dead": progress.dead,
        "pending": progress.pending,
        "retrying": progress.retrying,
        "takenBack": progress.taken_back,
        "createdBy": replay.created_by,
        "finishedAt": format_time(replay.finished_at) if replay.finished_at else None,
    }


def serialize_preview(preview: Preview) -> dict[str, int | str]:
    """Gives the members of a preview. Who orders a replay with this ``until`` gets what was previewed, and no more."""
    return {
        "matching": preview.matching,
        "total": preview.total,
        "missed": preview.missed,
        "until": format_time(preview.until_at),
    }
