"""Makes runs, in waves of several that are open at once, and sums up their verdicts."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from random import Random

from tests.chaos.faults import Fault
from tests.chaos.trial import Trial, Verdict, find_unknown
from tests.chaos.world import World

# Beyond the lease: until then all must be delivered, with nobody doing anything.
_RECOVERY_SECONDS = 60.0
_LOOK_SECONDS = 0.05


@dataclass
class Report:
    """All verdicts, and what can only be said of the runs together."""

    verdicts: list[Verdict] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)

    @property
    def is_clean(self) -> bool:
        """Whether nothing was lost and everything held."""
        return not (self.problems or any(verdict.lost or verdict.problems for verdict in self.verdicts))

    def list_problems(self) -> list[str]:
        """Gives a line for everything that did not hold."""
        found = [f"{verdict.fault.name}: {problem}" for verdict in self.verdicts for problem in verdict.problems]
        return found + self.problems

    def list_rows(self) -> list[tuple[str, ...]]:
        """Gives a row for each fault, and one for all: runs, lost, duplicates, parked, slowest recovery."""
        names = dict.fromkeys(verdict.fault.name for verdict in self.verdicts)
        rows = [(name, [it for it in self.verdicts if it.fault.name == name]) for name in sorted(names)]
        return [_sum_up(*row) for row in (*rows, ("all", self.verdicts))]


def _sum_up(name: str, verdicts: Sequence[Verdict]) -> tuple[str, ...]:
    totals = (
        len(verdicts),
        sum(verdict.lost for verdict in verdicts),
        sum(verdict.extras for verdict in verdicts),
        sum(verdict.parked for verdict in verdicts),
    )
    slowest = max((verdict.seconds for verdict in verdicts), default=0.0)
    return (name, *map(str, totals), f"{slowest:.1f} s")


def run_trials(
    world: World,
    faults: Iterable[Fault],
    random: Random,
    lease_seconds: float,
    wave_seconds: float,
    tell: Callable[[Report], None] = lambda _: None,
) -> Report:
    """Makes one run of each fault, and waits for what it owes.

    Runs overlap: what a dead worker had under way is sent again when its lease has run out, and the next faults need
    not wait for that. But they stop after ``wave_seconds`` until all is delivered. With fewer than the lease no
    delivery is hit twice, where three times would be its end. ``tell`` is called after each verdict.
    """
    report, open_trials = Report(), list[Trial]()
    patience, wave_until = lease_seconds + _RECOVERY_SECONDS, math.inf
    with ThreadPoolExecutor(8) as pool:
        for number, fault in enumerate(faults, 1):
            if not open_trials or time.monotonic() > wave_until:
                _collect(world, open_trials, report, patience, tell)
                wave_until = time.monotonic() + wave_seconds
            world.revive()
            open_trials.append(Trial(world, fault, number, random))
            open_trials[-1].inject(pool)
        _collect(world, open_trials, report, patience, tell)
    report.problems += [f"not genuine: {request}" for request in world.inbox.forged]
    report.problems += [f"sent, and never committed: {webhook_id}" for webhook_id in find_unknown(world.inbox.ids)]
    return report


def _collect(
    world: World, trials: list[Trial], report: Report, patience: float, tell: Callable[[Report], None]
) -> None:
    """Waits until all trials are over, and judges them."""
    while trials:
        world.revive()
        world.inbox.read()
        for trial in list(trials):
            if trial.has_arrived() or trial.seconds > patience:
                trials.remove(trial)
                report.verdicts.append(trial.judge())
                tell(report)
        time.sleep(_LOOK_SECONDS)
