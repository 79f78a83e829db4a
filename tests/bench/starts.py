"""How long a start takes once everything is set up: ``python -m app.supervisor`` until its first answer."""

from __future__ import annotations

import statistics
import tempfile
import time
from pathlib import Path

from tests.stack import wait_until
from tests.supervised import START_SECONDS, Supervised, run_supervisor

_STARTS = 5


def run() -> list[tuple[str, str]]:
    """Gives the figures by name."""
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder) / "data"
        with run_supervisor(data_dir):
            pass
        durations = [_measure_start(data_dir) for _ in range(_STARTS)]
    return [
        ("later start, median", f"{statistics.median(durations):.2f} s"),
        ("later start, slowest", f"{max(durations):.2f} s"),
    ]


def _measure_start(data_dir: Path) -> float:
    started_at = time.monotonic()
    supervised = Supervised(data_dir)
    try:
        wait_until(supervised.is_up, START_SECONDS, "it serves")
        return time.monotonic() - started_at
    finally:
        supervised.process.terminate()
        supervised.process.wait(25)
