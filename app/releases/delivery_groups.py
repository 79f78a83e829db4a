"""What the page of a release shows of its deliveries: by event, the newest first, with a row for each receiver."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from types import SimpleNamespace
from typing import Final

from app.deliveries import queries
from app.deliveries.pages import build_rows
from app.deliveries.queries import DeliveryRecord
from app.deliveries.schema import DEAD, DELIVERED, DELIVERING, HELD, QUEUED, RETRYING
from app.deliveries.wording import count_allowed, count_round, find_reason

SHOWN: Final = 100
# So many events are open by themselves; of the others one sees how they went, and opens what one wants to see.
_OPEN_GROUPS = 2
_UNDER_WAY: Final = (QUEUED, DELIVERING, RETRYING)


@dataclass(frozen=True, slots=True)
class Group:
    """An event with its deliveries, and how many of them are in which state."""

    id: str
    event: str
    happened_at: datetime
    rows: Sequence[SimpleNamespace]
    is_open: bool

    @property
    def delivered(self) -> int:
        """How many have arrived."""
        return self._count(DELIVERED)

    @property
    def dead(self) -> int:
        """How many were given up."""
        return self._count(DEAD)

    @property
    def held(self) -> int:
        """How many wait for their webhook."""
        return self._count(HELD)

    @property
    def under_way(self) -> int:
        """How many are sent, or will be."""
        return self._count(*_UNDER_WAY)

    def _count(self, *states: str) -> int:
        return sum(1 for row in self.rows if row.state in states)


@dataclass(frozen=True, slots=True)
class Deliveries:
    """The newest deliveries of a release. ``pace`` says how soon to look again: "fast", "slow" or not at all."""

    groups: Sequence[Group]
    pace: str
    is_cut: bool


def build_deliveries(tenant_id: str, release_id: str) -> Deliveries:
    """Gives what the page of a release shows."""
    records = queries.list_of_entity(tenant_id, release_id, SHOWN)
    rows = [_complete(row, record) for row, record in zip(build_rows(tenant_id, records), records, strict=True)]
    by_event: dict[str, list[SimpleNamespace]] = {}
    for row in rows:
        by_event.setdefault(row.event_id, []).append(row)
    groups = [_build_group(event_id, found, number) for number, (event_id, found) in enumerate(by_event.items())]
    return Deliveries(groups, _find_pace(rows), is_cut=len(records) == SHOWN)


def _complete(row: SimpleNamespace, record: DeliveryRecord) -> SimpleNamespace:
    delivery = record.delivery
    row.event_id = delivery.event_id
    row.delivered_at = delivery.delivered_at
    row.next_attempt_at = delivery.next_attempt_at
    row.round_count, row.allowed_count = count_round(delivery), count_allowed(delivery)
    row.reason = find_reason(delivery)
    return row


def _build_group(event_id: str, rows: Sequence[SimpleNamespace], number: int) -> Group:
    # By name, so that a row stays where it is while its state changes.
    rows = sorted(rows, key=lambda row: (row.webhook_name.casefold(), row.id))
    is_done = all(row.state == DELIVERED for row in rows)
    return Group(event_id, rows[0].event, rows[0].created_at, rows, is_open=number < _OPEN_GROUPS or not is_done)


def _find_pace(rows: Sequence[SimpleNamespace]) -> str:
    states = {row.state for row in rows}
    if states & {QUEUED, DELIVERING}:
        return "fast"
    return "slow" if RETRYING in states else ""
