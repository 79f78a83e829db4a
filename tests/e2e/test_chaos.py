"""The fault run in short: every point once, with a shorter lease, so that nobody waits for thirty seconds."""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from random import Random

import pytest
from flask import Flask

from app.database import is_sqlite
from app.embedded import ValkeyServer
from tests.chaos.faults import TERMINATE, list_faults, plan_runs
from tests.chaos.run import run_trials
from tests.chaos.world import World
from tests.factories import Factory
from tests.receivers import Receiver

_LEASE_SECONDS = 8.0


@pytest.fixture
def world(
    app: Flask, make: Factory, queue_server: ValkeyServer, environment: dict[str, str], tmp_path: Path
) -> Iterator[World]:
    """A Slipway of which nothing is started yet."""
    with Receiver() as receiver, World(make, receiver, queue_server, environment, tmp_path, _LEASE_SECONDS) as world:
        yield world


def test_whatever_dies_at_whichever_point_nothing_is_lost(world: World) -> None:
    random = Random()
    faults = [
        fault for fault in list_faults(is_postgresql=not is_sqlite(), can_crash=False) if fault.action != TERMINATE
    ]
    report = run_trials(world, plan_runs(faults, len(faults), random), random, _LEASE_SECONDS, math.inf)
    assert report.list_problems() == []
    assert report.is_clean
    # Something did happen: attempts were lost with their workers, and made again.
    assert len(report.verdicts) == len(faults)
    assert sum(verdict.extras for verdict in report.verdicts) > 0
