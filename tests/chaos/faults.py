"""The faults: what is done to Slipway, at which point, and in which order a run does it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from random import Random
from typing import Final

# The points at which a process can be hit, as ``hooks`` knows them.
POINTS: Final = {
    "web/before-commit": "web: before the commit",
    "web/before-ring": "web: after the commit, before the ring",
    "web/after-ring": "web: after the ring, before the answer",
    "web/commit-unanswered": "web: commit sent, its answer lost",
    "worker/before-connect": "worker: after the claim, before the connection",
    "worker/after-send": "worker: after the request, before the answer",
    "worker/before-record": "worker: after the 2xx, before it is stored",
    "worker/after-record": "worker: after the 2xx is stored",
    "relay/before-ring": "relay: before the ring",
    "relay/before-step": "relay: before a replay's step is committed",
    "relay/after-step": "relay: after a replay's step is committed",
}
# What can be done at a point: SIGKILL of the process itself, the end of all database connections of its kind, or of
# its own one alone.
KILL: Final = "kill"
TERMINATE: Final = "terminate"
CUT: Final = "cut"
_WORDS: Final = {KILL: "SIGKILL", TERMINATE: "its database connections end", CUT: "its database connection is cut"}
# What is done from outside, at a random moment, and whether it needs a PostgreSQL server.
STRIKES: Final = {
    "web one": ("web: one process, at any moment, SIGKILL", False),
    "web all": ("web: all processes, at any moment, SIGKILL", False),
    "worker": ("worker: at any moment, SIGKILL", False),
    "queue kill": ("Valkey: at any moment, SIGKILL", False),
    "queue flush": ("Valkey: at any moment, FLUSHALL", False),
    "database crash": ("PostgreSQL: at any moment, immediate shutdown", True),
}


@dataclass(frozen=True, slots=True)
class Fault:
    """One kind of fault: what happens (``action``) at which ``point``, or which ``strike`` comes from outside.

    For the relay's points there must be a replay, or something due that workers, held up, leave to it.
    """

    name: str
    point: str = ""
    action: str = ""
    strike: str = ""

    @property
    def has_replay(self) -> bool:
        """Whether it needs a replay."""
        return self.point.endswith("-step")

    @property
    def holds_workers(self) -> bool:
        """Whether it needs workers that do nothing."""
        return self.point == "relay/before-ring"


def list_faults(*, is_postgresql: bool, can_crash: bool) -> list[Fault]:
    """Gives all faults that this database can have; ``can_crash`` is whether its server may be crashed."""
    actions = (KILL, TERMINATE) if is_postgresql else (KILL,)
    faults = [_build_fault(point, action) for action in actions for point in POINTS if point != "web/commit-unanswered"]
    if is_postgresql:
        faults.append(_build_fault("web/commit-unanswered", CUT))
    strikes = ((key, name) for key, (name, is_crash) in STRIKES.items() if can_crash or not is_crash)
    return faults + [Fault(name, strike=key) for key, name in strikes]


def _build_fault(point: str, action: str) -> Fault:
    return Fault(f"{POINTS[point]}, {_WORDS[action]}", point, action)


def plan_runs(faults: list[Fault], count: int, random: Random) -> list[Fault]:
    """Gives so many faults: each as often as any other, in an order that changes from round to round."""

    def repeat() -> Iterator[Fault]:
        while True:
            yield from random.sample(faults, len(faults))

    return list(islice(repeat(), count))
