"""Creates per second and their latency, beside floors and beside twins of the same job, in the same run."""

from __future__ import annotations

import json
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

import psycopg
from flask_migrate import upgrade

from app import create_app
from tests.bench import floor_wsgi, twins
from tests.bench.load import Measurement, build_post, measure
from tests.factories import Factory
from tests.services import postgres_url, valkey
from tests.stack import Stack

NOTES = "## Changes\n\n" + "\n".join(f"- Change number {number} that somebody made" for number in range(20))
_ROUNDS, _SECONDS, _WARM_UP_SECONDS = 3, 4.0, 1.5
_OURS, _BARE, _ROWS = "POST /v3/releases", "bare psycopg insert", "bare psycopg insert of the same rows"
_TEXTBOOK, _FASTAPI = "Flask, Flask-SQLAlchemy and RQ", "FastAPI"
_INTRODUCTION = (
    "gunicorn (2 processes, 8 threads each), FastAPI on uvicorn (2 processes), PostgreSQL (with fsync), Valkey; 16",
    f"connections for {_SECONDS:g} seconds each, {_ROUNDS} times in turn; the median. Each has one webhook, and no",
    "worker runs. All tables are analysed after a first load, as PostgreSQL does by itself within a minute.",
    "",
    "The bare inserts write with psycopg and do nothing else: one row into a table of its own, and in one statement",
    "the five rows of a create into Slipway's tables, with their indexes and foreign keys. The twins do the same job",
    "as their textbooks have it: verify the token's signature, look up token and product, validate, store release,",
    "event, delivery and audit entry, commit, enqueue. They have tables of their own with fewer indexes, neither slots",
    "for platforms nor idempotency keys, strict JSON, entity tags or a look at what notes would become as HTML",
    "(`tests/bench/twins.py`).",
)

_numbers = count(1)


@dataclass(frozen=True, slots=True)
class Runner:
    """Something that is measured: where it listens, and the requests that it gets."""

    name: str
    port: int
    build: Callable[[int], bytes]

    def run(self, seconds: float) -> Measurement:
        """Loads it for some seconds."""
        return measure(self.port, lambda _: self.build(next(_numbers)), 201, seconds=seconds)


def run() -> list[tuple[str, Measurement]]:
    """Gives the median of each measurement by name; the floors come first."""
    with ExitStack() as stack:
        url, queue = stack.enter_context(postgres_url()), stack.enter_context(valkey())
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        environment = {
            "DATA_DIR": folder,
            "DATABASE_URL": url,
            "BARE_DATABASE_URL": url.replace("postgresql+psycopg", "postgresql"),
            "REDIS_URL": queue.url,
            "SECRET_KEY": "a-secret-key-that-only-the-benchmark-knows-01",
            "RATE_LIMIT": "off",
            "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
            "LOG_LEVEL": "WARNING",
            "PYTHONPATH": str(Path.cwd()),
        }
        runners = list(_start(stack, environment, folder))
        for runner in runners:
            runner.run(_WARM_UP_SECONDS)
        with psycopg.connect(environment["BARE_DATABASE_URL"], autocommit=True) as connection:
            connection.execute("ANALYZE")
        rounds = [[runner.run(_SECONDS) for runner in runners] for _ in range(_ROUNDS)]
        return [(runner.name, _find_median(found)) for runner, *found in zip(runners, *rounds, strict=True)]


def _find_median(found: Sequence[Measurement]) -> Measurement:
    columns = ([getattr(it, name) for it in found] for name in ("per_second", "p50_ms", "p99_ms"))
    return Measurement(*(statistics.median(column) for column in columns))


def _start(stack: ExitStack, environment: dict[str, str], folder: str) -> Iterator[Runner]:
    """Starts everything that is measured. Whoever is not asked takes no time."""
    token, product_id, ours = _prepare(environment)
    theirs, place = twins.prepare(environment["DATABASE_URL"])
    environment |= ours | theirs
    floor = stack.enter_context(_serve(environment, folder, "tests.bench.floor_wsgi:app")).port
    yield Runner("static answer", floor, _build("/static", {}, ""))
    yield Runner(_BARE, floor, _build("/insert", {}, ""))
    yield Runner(_ROWS, floor, _build("/rows", {}, ""))
    slipway = stack.enter_context(_serve(environment, folder, "wsgi:app")).port
    yield Runner(_OURS, slipway, _build("/v3/releases", _authorize(token), product_id))
    headers = _authorize(place.token)
    flask = stack.enter_context(_serve(environment, folder, "tests.bench.flask_twin:app")).port
    yield Runner(_TEXTBOOK, flask, _build("/v3/releases", headers, place.product_id))
    fastapi = stack.enter_context(_serve_fastapi(environment, folder)).port
    yield Runner(f"{_FASTAPI}, in threads", fastapi, _build("/v3/releases", headers, place.product_id))
    yield Runner(f"{_FASTAPI}, asynchronous", fastapi, _build("/async/releases", headers, place.product_id))


def _prepare(environment: dict[str, str]) -> tuple[str, str, dict[str, str]]:
    with psycopg.connect(environment["BARE_DATABASE_URL"], autocommit=True) as connection:
        connection.execute(floor_wsgi.TABLE)
    app = create_app(environment)
    with app.app_context():
        upgrade()
        make = Factory(app)
        owner, bare = make.organisation(), make.organisation()
        for organisation in (owner, bare):
            make.webhook(organisation, "http://127.0.0.1:9/hook")
        bare_ids = {"BARE_TENANT_ID": bare.tenant_id, "BARE_PRODUCT_ID": make.product(bare).id}
        return make.caller(owner, "release:write").token, make.product(owner).id, bare_ids


def _authorize(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


def _build(path: str, headers: dict[str, str], product_id: str) -> Callable[[int], bytes]:
    def build(number: int) -> bytes:
        body = {
            "name": "App",
            "version": f"1.{number}.0",
            "platforms": ["linux"],
            "notes": f"{NOTES}\n- Build {number}",
            "productId": product_id,
        }
        return build_post(path, json.dumps(body).encode(), headers)

    return build


@contextmanager
def _serve(environment: dict[str, str], folder: str, module: str) -> Iterator[Stack]:
    with Stack(environment, _make_folder(folder, module)) as stack:
        options = ("--workers", "2", "--threads", "8", "--worker-class", "gthread", "--no-control-socket")
        stack.start_server("-m", "gunicorn", module, "--bind", f"127.0.0.1:{stack.port}", *options)
        yield stack


@contextmanager
def _serve_fastapi(environment: dict[str, str], folder: str) -> Iterator[Stack]:
    module = "tests.bench.fastapi_twin:app"
    with Stack(environment, _make_folder(folder, module)) as stack:
        options = ("--workers", "2", "--log-level", "warning", "--no-access-log", "--port", str(stack.port))
        stack.start_server("-m", "uvicorn", module, *options)
        yield stack


def _make_folder(folder: str, module: str) -> Path:
    logs = Path(folder) / module.partition(":")[0]
    logs.mkdir(exist_ok=True)
    return logs


def format_report(found: Sequence[tuple[str, Measurement]]) -> list[str]:
    """Gives the tables in Markdown, and what was aimed at."""
    rates = {name: row.per_second for name, row in found}
    ours = rates[_OURS]
    lines = [
        *_INTRODUCTION,
        "",
        "| what | requests/s | of the bare insert | Slipway's, times that | p50 ms | p99 ms |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {name} | {row.per_second:,.0f} | {row.per_second / rates[_BARE]:.2f} | {ours / row.per_second:.2f} "
        f"| {row.p50_ms:.1f} | {row.p99_ms:.1f} |"
        for name, row in found
    ]
    fastapi = max(rate for name, rate in rates.items() if name.startswith(_FASTAPI))
    aims = (
        ("at least 0.6 of a bare insert of one row", ours / rates[_BARE], 0.6),
        ("at least 0.6 of a bare insert of the same rows", ours / rates[_ROWS], 0.6),
        ("at least 3 times the textbook's Flask", ours / rates[_TEXTBOOK], 3.0),
        ("at least 2.5 times FastAPI, the better of the two", ours / fastapi, 2.5),
    )
    lines += ["", "| aim | found | met |", "| --- | ---: | --- |"]
    return lines + [f"| {aim} | {ratio:.2f} | {'yes' if ratio >= least else '**no**'} |" for aim, ratio, least in aims]


if __name__ == "__main__":
    sys.stdout.write("\n".join(format_report(run())) + "\n")
