"""``make chaos``: a thousand runs with a fault in each. Exits with 1 if anything was lost or did not hold."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from random import Random

from flask_migrate import upgrade

from app import create_app
from tests.chaos.faults import list_faults, plan_runs
from tests.chaos.run import Report, run_trials
from tests.chaos.world import World
from tests.factories import Factory
from tests.receivers import Receiver
from tests.services import postgres, valkey

_HEADER = ("point and fault", "runs", "lost", "duplicates", "given up", "slowest recovery")
# The part of the lease in which faults happen; in the rest what they left comes back.
_WAVE = 0.7


def read_arguments() -> argparse.Namespace:
    """Gives the options."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--runs", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=None, help="the order of the faults, and their moments")
    parser.add_argument("--database", choices=("postgresql", "sqlite"), default="postgresql")
    parser.add_argument("--lease", type=float, default=30.0, help="seconds; 30 is what Slipway has")
    parser.add_argument("--only", default="", help="make runs of the faults whose name holds this text alone")
    return parser.parse_args()


@contextmanager
def build_world(database: str, lease_seconds: float) -> Iterator[World]:
    """Starts the servers and a receiver; gives a world on them, inside the context of its application."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="slipway-chaos-")))
        queue = stack.enter_context(valkey())
        crash: Callable[[], None] | None = None
        url = f"sqlite:///{folder / 'slipway.db'}"
        if database == "postgresql":
            server = stack.enter_context(postgres())
            url, crash = server.create_database(), server.crash
        environment = {
            "DATA_DIR": str(folder),
            "DATABASE_URL": url,
            "REDIS_URL": queue.url,
            "SECRET_KEY": "a-secret-key-that-only-the-fault-run-knows-01",
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "RATE_LIMIT": "off",
            "LOG_LEVEL": "ERROR",
        }
        app = create_app(environment)
        stack.enter_context(app.app_context())
        upgrade()
        receiver = stack.enter_context(Receiver())
        yield stack.enter_context(World(Factory(app), receiver, queue, environment, folder, lease_seconds, crash))


def format_table(rows: list[tuple[str, ...]]) -> str:
    """Gives a Markdown table, aligned: words to the left, numbers to the right."""
    widths = [max(map(len, column)) for column in zip(_HEADER, *rows, strict=True)]
    rule = ("-" * widths[0], *(f"{'-' * (width - 1)}:" for width in widths[1:]))
    lines = []
    for row in (_HEADER, rule, *rows):
        numbers = (text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True))
        lines.append(f"| {' | '.join((row[0].ljust(widths[0]), *numbers))} |\n")
    return "".join(lines)


def main() -> int:
    """Makes the runs, prints the table and what did not hold; gives the exit code."""
    options = read_arguments()
    seed = options.seed if options.seed is not None else Random().randrange(2**32)
    random, started_at = Random(seed), time.monotonic()

    def tell(report: Report) -> None:
        done = len(report.verdicts)
        if done % 25 == 0:
            sys.stderr.write(f"{done} of {options.runs} runs, {time.monotonic() - started_at:.0f} s\n")

    with build_world(options.database, options.lease) as world:
        is_postgresql = options.database == "postgresql"
        faults = list_faults(is_postgresql=is_postgresql, can_crash=is_postgresql)
        chosen = [fault for fault in faults if options.only in fault.name]
        if not chosen:
            sys.exit("No fault has that in its name. All are:\n" + "\n".join(fault.name for fault in faults))
        runs = plan_runs(chosen, options.runs, random)
        report = run_trials(world, runs, random, options.lease, options.lease * _WAVE, tell)
    minutes = (time.monotonic() - started_at) / 60
    sys.stdout.write(format_table(report.list_rows()))
    sys.stdout.write(f"\n{options.database}, seed {seed}, lease {options.lease:g} s, {minutes:.1f} minutes\n")
    sys.stdout.writelines(f"{problem}\n" for problem in report.list_problems())
    return 0 if report.is_clean else 1


if __name__ == "__main__":
    sys.exit(main())
