"""What would come of the rows of a file: created, there already, in conflict. Reads, and never commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.exceptions import FieldError
from app.imports.reading import Reading
from app.language import say
from app.releases import backfill
from app.releases.backfill import Slot
from app.releases.models import Release
from app.releases.schema import ReleaseDraft

CREATE, CREATED, SAME, CONFLICT, ERROR, SKIP = "create", "created", "same", "conflict", "error", "skip"
STATES: Final = (CREATE, CREATED, SAME, CONFLICT, ERROR, SKIP)


@dataclass(frozen=True, slots=True)
class Verdict:
    """The state of a row, with the release that has its place, and whether the run has to look at it."""

    state: str
    is_open: bool = False
    release_id: str | None = None
    errors: tuple[FieldError, ...] = ()
    warnings: tuple[FieldError, ...] = ()


def judge_all(tenant_id: str, readings: Sequence[Reading]) -> list[Verdict]:
    """Takes what was made of a file, in its order; gives what would come of each row now."""
    holders = backfill.find_holders(tenant_id, [reading.draft for reading in readings if reading.draft])
    seen: dict[Slot, int] = {}
    verdicts = []
    for number, reading in enumerate(readings, 1):
        if reading.is_skipped:
            verdicts.append(Verdict(SKIP))
        elif reading.draft is None:
            verdicts.append(Verdict(ERROR))
        else:
            verdicts.append(_judge_within(reading.draft, readings, seen) or _judge_row(reading, holders))
            for slot in backfill.list_slots(reading.draft):
                seen.setdefault(slot, number)
    return verdicts


def judge(draft: ReleaseDraft, holders: Mapping[Slot, Release], *, publishes: bool, is_day: bool) -> Verdict:
    """Takes a draft and who has its place; gives what would come of it."""
    found = {holder.id: holder for slot in backfill.list_slots(draft) if (holder := holders.get(slot))}
    if not found:
        return Verdict(CREATE, is_open=True)
    holder = next(iter(found.values()))
    differences = backfill.list_differences(holder, draft, is_day=is_day)
    if not differences and len(found) == 1:
        is_left = publishes and not holder.published
        return Verdict(SAME, is_open=True, release_id=holder.id, warnings=(_STAYS_DRAFT,) if is_left else ())
    message = say(
        "Version {version} exists already on channel {channel}, with other content: {members}.",
        version=holder.version,
        channel=holder.channel,
        members=", ".join(differences or ["platforms"]),
    )
    error = FieldError("version", "duplicate_release", message)
    return Verdict(CONFLICT, is_open=True, release_id=holder.id, errors=(error,))


_STAYS_DRAFT: Final = FieldError("publish", "stays_draft", say("It is here as a draft, and stays one."))


def _judge_row(reading: Reading, holders: Mapping[Slot, Release]) -> Verdict:
    assert reading.draft is not None  # noqa: S101 - the caller has looked
    return judge(reading.draft, holders, publishes=reading.publishes, is_day=reading.is_day)


def _judge_within(draft: ReleaseDraft, readings: Sequence[Reading], seen: Mapping[Slot, int]) -> Verdict | None:
    """Gives what comes of a row whose place another row of the file has, which comes before it."""
    number = next((seen[slot] for slot in backfill.list_slots(draft) if slot in seen), None)
    if number is None:
        return None
    if readings[number - 1].draft == draft:
        warning = FieldError(
            "version", "twice_in_file", say("It is the same as row {number} of the file.", number=number)
        )
        return Verdict(SAME, warnings=(warning,))
    message = say("Version is also in row {number} of the file, with other content.", number=number)
    return Verdict(CONFLICT, errors=(FieldError("version", "duplicate_release", message),))
