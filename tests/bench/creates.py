"""Creates per second and their latency, through gunicorn, PostgreSQL and Valkey, beside two floors in the same run."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from flask_migrate import upgrade

from app import create_app
from tests.bench import floor_wsgi
from tests.bench.load import Measurement, build_post, measure
from tests.factories import Factory
from tests.services import postgres_url, valkey
from tests.stack import Stack

NOTES = "## Changes\n\n" + "\n".join(f"- Change number {number} that somebody made" for number in range(20))


def run() -> list[tuple[str, Measurement]]:
    """Gives the measurements by name; the floors come first."""
    with postgres_url() as url, valkey() as queue, tempfile.TemporaryDirectory() as folder:
        bare_url = url.replace("postgresql+psycopg", "postgresql")
        environment = {
            "DATA_DIR": folder,
            "DATABASE_URL": url,
            "BARE_DATABASE_URL": bare_url,
            "REDIS_URL": queue.url,
            "SECRET_KEY": "a-secret-key-that-only-the-benchmark-knows-01",
            "RATE_LIMIT": "off",
            "LOG_LEVEL": "WARNING",
            "PYTHONPATH": str(Path.cwd()),
        }
        with psycopg.connect(bare_url, autocommit=True) as connection:
            connection.execute(floor_wsgi.TABLE)
        token, product_id = _prepare(environment)
        return [
            ("static answer", _measure_floor(environment, folder, "/static")),
            ("bare psycopg insert", _measure_floor(environment, folder, "/insert")),
            ("POST /v3/releases", _measure_creates(environment, folder, token, product_id)),
        ]


def _prepare(environment: dict[str, str]) -> tuple[str, str]:
    app = create_app(environment)
    with app.app_context():
        upgrade()
        make = Factory(app)
        owner = make.organisation()
        return make.caller(owner, "release:write").token, make.product(owner).id


def _build(path: str, headers: dict[str, str], product_id: str) -> Callable[[int], bytes]:
    def build(number: int) -> bytes:
        body = {
            "name": "App",
            "version": f"1.{number}.0",
            "platforms": ["linux"],
            "notes": NOTES,
            "productId": product_id,
        }
        return build_post(path, json.dumps(body).encode(), headers)

    return build


def _measure_floor(environment: dict[str, str], folder: str, path: str) -> Measurement:
    with _serve(environment, folder, "tests.bench.floor_wsgi:app") as stack:
        return measure(stack.port, _build(path, {}, ""), 201)


def _measure_creates(environment: dict[str, str], folder: str, token: str, product_id: str) -> Measurement:
    build = _build("/v3/releases", {"Authorization": f"Bearer {token}"}, product_id)
    with _serve(environment, folder, "wsgi:app") as stack:
        return measure(stack.port, build, 201)


@contextmanager
def _serve(environment: dict[str, str], folder: str, module: str) -> Iterator[Stack]:
    logs = Path(folder) / module.partition(":")[0]
    logs.mkdir(exist_ok=True)
    with Stack(environment, logs) as stack:
        stack.start_web(module, workers=2)
        yield stack
