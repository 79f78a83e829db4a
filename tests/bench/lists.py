"""Lists of releases at 10,000 and at 1,000,000: how long each takes through the whole stack, and by which plan."""

from __future__ import annotations

import http.client
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from app import create_app
from tests.bench.list_requests import Query, list_queries
from tests.bench.million import World, fill
from tests.bench.plans import Plan, explain
from tests.services import postgres, valkey
from tests.stack import Stack

SIZES = (10_000, 1_000_000)
REQUESTS = 60
WARM_UP = 5
AIM_MS = 50.0
AIM_GROWTH = 2.0
DESCRIPTION = (
    "One organisation with so many releases of 50 products, beside three others; gunicorn (1 process, 8 threads), "
    f"PostgreSQL with its default settings; {REQUESTS} requests one after the other, to each size in turn, in "
    "milliseconds. What is rare a hundred releases or fewer have, the last ones of the list. The plan is that of the "
    "query that finds the releases, its last step first, with the pages of 8 KiB that it reads."
)


@dataclass(frozen=True)
class Figure:
    """How long a request takes, in milliseconds, and its plan."""

    p50: float
    p95: float
    plan: Plan


def run(sizes: tuple[int, ...] = SIZES) -> dict[int, list[tuple[Query, Figure]]]:
    """Gives the figures of each query, by the number of releases."""
    with postgres() as server, valkey() as queue, tempfile.TemporaryDirectory() as folder, ExitStack() as stacks:
        sides = []
        for size in sizes:
            logs = Path(folder) / str(size)
            logs.mkdir()
            environment = {
                "DATA_DIR": folder,
                "DATABASE_URL": server.create_database().replace("postgresql://", "postgresql+psycopg://"),
                "REDIS_URL": queue.url,
                "SECRET_KEY": "a-secret-key-that-only-the-benchmark-knows-01",
                "RATE_LIMIT": "off",
                "LOG_LEVEL": "WARNING",
            }
            sides.append(Side(fill(environment, size), size, stacks.enter_context(Stack(environment, logs))))
        for side in sides:
            side.start()
        # In turn, so that whatever else the machine does meets both alike.
        rows = [_measure(row) for row in zip(*(side.asked for side in sides), strict=True)]
    return {size: [row[number] for row in rows] for number, size in enumerate(sizes)}


@dataclass
class Side:
    """One of the databases that are compared, and the web server before it."""

    world: World
    size: int
    stack: Stack
    asked: list[Asked] = field(default_factory=list)

    def start(self) -> None:
        """Starts the server, and finds the plan of each query."""
        self.stack.start_web()
        connection = http.client.HTTPConnection("127.0.0.1", self.stack.port, timeout=60)
        app = create_app(self.world.environment)
        for query in list_queries(self.world.product_id, self.size):
            token = self.world.token if query.has_token else None
            self.asked.append(Asked(query, explain(app, query.path, token), connection, token))


@dataclass(frozen=True)
class Asked:
    """A query and its plan, and whom to ask."""

    query: Query
    plan: Plan
    connection: http.client.HTTPConnection
    token: str | None

    def ask(self) -> float:
        """Sends the request; gives how many milliseconds its answer took."""
        try:
            return self._ask()
        except ConnectionError:
            # It was kept open for nothing while the other side took its time.
            self.connection.close()
            return self._ask()

    def _ask(self) -> float:
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        began = time.perf_counter()
        self.connection.request("GET", self.query.path, headers=headers)
        answer = self.connection.getresponse()
        body = answer.read()
        if answer.status not in (200, 204):
            raise RuntimeError(f"{self.query.path}: {answer.status} {body[:300]!r}")
        return (time.perf_counter() - began) * 1000


def _measure(row: Sequence[Asked]) -> list[tuple[Query, Figure]]:
    count = REQUESTS // 10 if row[0].query.is_scanned else REQUESTS
    # The first ones still connect and fill caches.
    rounds = [[asked.ask() for asked in row] for _ in range(count + WARM_UP)][WARM_UP:]
    figures = []
    for asked, own in zip(row, zip(*rounds, strict=True), strict=True):
        took = sorted(own)
        figures.append((asked.query, Figure(statistics.median(took), took[int(len(took) * 0.95)], asked.plan)))
    return figures


def format_report(figures: dict[int, list[tuple[Query, Figure]]]) -> list[str]:
    """Gives the tables, and whether the aims are met."""
    sizes = sorted(figures)
    rows = list(zip(*(figures[size] for size in sizes), strict=True))
    lines = [
        DESCRIPTION,
        "",
        f"| request | {' | '.join(f'{size:,}: p50 | p95' for size in sizes)} | growth | pages | plan |",
        f"| --- | {'---: | ---: | ' * len(sizes)}---: | ---: | --- |",
    ]
    for row in rows:
        cells = " | ".join(f"{figure.p50:.1f} | {figure.p95:.1f}" for _, figure in row)
        (query, least), (_, most) = row[0], row[-1]
        lines.append(
            f"| {query.name} | {cells} | {most.p50 / least.p50:.1f} | {most.plan.buffers:,} | {most.plan.steps} |"
        )
    answered = [row for row in rows if not row[0][0].is_scanned]
    slowest = max(answered, key=lambda row: row[-1][1].p95)
    steepest = max(answered, key=lambda row: row[-1][1].p50 / row[0][1].p50)
    p95, growth = slowest[-1][1].p95, steepest[-1][1].p50 / steepest[0][1].p50
    return [
        *lines,
        "",
        "The last two have no index, by decision (see `docs/decisions/0020`), and no part in what follows.",
        "",
        "| aim | found | met |",
        "| --- | ---: | --- |",
        f"| p95 of each at most {AIM_MS:.0f} ms | {p95:.1f} ms ({slowest[0][0].name}) | {_say(p95 <= AIM_MS)} |",
        f"| growth below {AIM_GROWTH:.0f} | {growth:.1f} ({steepest[0][0].name}) | {_say(growth < AIM_GROWTH)} |",
    ]


def _say(is_met: bool) -> str:
    return "yes" if is_met else "no"


if __name__ == "__main__":
    sys.stdout.write("\n".join(format_report(run())) + "\n")
