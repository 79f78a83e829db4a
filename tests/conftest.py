"""What all tests share: an application on a real database and a real queue, and no network but loopback.

``SLIPWAY_TEST_DATABASE`` is ``postgresql`` (the default) or ``sqlite``. Servers are started once per run, from
wheels; every test finds an empty database and an empty queue.
"""

from __future__ import annotations

import gc
import ipaddress
import os
import socket
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import Context
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from flask_migrate import upgrade
from hypothesis import HealthCheck, settings
from jinja2.bccache import Bucket, BytecodeCache
from sqlalchemy import text
from sqlalchemy.exc import IntegrityError, OperationalError
from werkzeug.test import TestResponse

from app import create_app
from app.accounts import passwords
from app.embedded import ValkeyServer
from app.extensions import db
from app.webhooks.queue import connect
from tests.factories import PASSWORD, PASSWORD_HASH, Caller, Factory, Organisation
from tests.services import postgres_url, valkey

_TRIES = 5
_MANY_ROWS = 200
# Keys are slow to make and hold no data of a test.
_KEPT_TABLES = frozenset({"signing_keys"})
# How long an example takes depends on what else the machine does.
settings.register_profile("slipway", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("slipway")
# Hundreds of processes load the same code: where the machine keeps none of it compiled, it is kept all the same.
sys.dont_write_bytecode = False
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
# Until all tests are loaded, nothing is garbage.
gc.disable()
SECRET_KEY = "a-secret-key-that-only-tests-know-0123456789"


def pytest_collection_finish() -> None:
    """Spares the collector of garbage what is there for good: the code of tests and application."""
    gc.freeze()
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def _loopback_only() -> Iterator[None]:
    """Shuts the network: a test that would reach beyond this machine fails, and says where it wanted to go."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: Any) -> None:
        if self.family in (socket.AF_INET, socket.AF_INET6) and not ipaddress.ip_address(address[0]).is_loopback:
            raise AssertionError(f"a test tried to reach {address}")
        connect(self, address)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", guarded)
        yield


@pytest.fixture(scope="session", autouse=True)
def _check_once() -> Iterator[None]:
    """Knows the password of the tests' users by sight, and so what is not theirs: to check it is slow on purpose."""
    is_password = passwords.is_password

    def check_quickly(password_hash: str, password: str) -> bool:
        return password == PASSWORD if password_hash == PASSWORD_HASH else is_password(password_hash, password)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(passwords, "is_password", check_quickly)
        yield


@pytest.fixture(scope="session")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that stands for DATA_DIR."""
    return tmp_path_factory.mktemp("data")


@pytest.fixture(scope="session")
def database_url(data_dir: Path) -> Iterator[str]:
    """An empty database of the kind that this run is for."""
    if os.environ.get("SLIPWAY_TEST_DATABASE", "postgresql") == "sqlite":
        yield f"sqlite:///{data_dir / 'slipway.db'}"
    else:
        with postgres_url() as url:
            yield url


@pytest.fixture(scope="session")
def queue_server() -> Iterator[ValkeyServer]:
    """A Valkey of this run's own."""
    with valkey() as server:
        yield server


@pytest.fixture(scope="session")
def environment(data_dir: Path, database_url: str, queue_server: ValkeyServer) -> dict[str, str]:
    """The environment of every application and process that the tests start."""
    return {
        "DATA_DIR": str(data_dir),
        "DATABASE_URL": database_url,
        "REDIS_URL": queue_server.url,
        "SECRET_KEY": SECRET_KEY,
        "BASE_URL": "http://localhost:8000",
        "WEBHOOK_ALLOWED_NETWORKS": "127.0.0.0/8",
        "RATE_LIMIT": "off",
        "LOG_LEVEL": "WARNING",
        "WORKER_CONCURRENCY": "8",
    }


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Says loudly what was left out, and why."""
    for reason in sorted({str(report.longrepr[2]) for report in terminalreporter.stats.get("skipped", ())}):
        terminalreporter.section("LEFT OUT", red=True, bold=True)
        terminalreporter.write_line(reason, red=True, bold=True)


class ServedClient(FlaskClient):
    """A browser whose requests start from nothing, as a server's do.

    The tests run inside the context of an application; without this all requests would share its ``g``, and with it
    who is signed in.
    """

    def open(self, *args: Any, **kwargs: Any) -> TestResponse:
        """Sends a request."""
        return Context().run(super().open, *args, **kwargs)


class KeptTemplates(BytecodeCache):
    """Templates that one application has compiled, for the others."""

    def __init__(self) -> None:
        self._compiled: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Takes what stands for a template; puts in what there is of it."""
        if compiled := self._compiled.get(bucket.key):
            bucket.bytecode_from_string(compiled)

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keeps a template."""
        self._compiled[bucket.key] = bucket.bytecode_to_string()


TEMPLATES = KeptTemplates()


def build_test_app(environment: Mapping[str, str]) -> Flask:
    """Gives an application that answers a bug as in production: with a 500, and no exception."""
    app = create_app(environment)
    app.jinja_env.bytecode_cache = TEMPLATES
    app.testing = True
    app.config["PROPAGATE_EXCEPTIONS"] = False
    app.test_client_class = ServedClient
    return app


@pytest.fixture(scope="session")
def shared_app(environment: dict[str, str]) -> Iterator[Flask]:
    """One application for the run, its database at the newest migration."""
    app = build_test_app(environment)
    with app.app_context():
        upgrade()
        yield app
        # A transaction that was left open may have been ended by the server long ago: nothing is said to it any more.
        db.session().invalidate()
        db.session.remove()
        db.engine.dispose()


@pytest.fixture
def app(shared_app: Flask, queue_server: ValkeyServer) -> Iterator[Flask]:
    """The application, inside its context, with nothing in database and queue."""
    with serve_empty(shared_app, queue_server):
        yield shared_app


@pytest.fixture(scope="module")
def module_app(shared_app: Flask, queue_server: ValkeyServer) -> Iterator[Flask]:
    """The same for tests that look at what their module has made once. None of them may ask for ``app``."""
    with serve_empty(shared_app, queue_server):
        yield shared_app


@contextmanager
def serve_empty(app: Flask, queue_server: ValkeyServer) -> Iterator[None]:
    """Empties database and queue; the block is inside the application's context."""
    queue_server.start()
    connect(queue_server.url).flushall()
    # Tests that share what they made use the outer context; a transaction left open there would lock the tables.
    db.session.remove()
    with app.app_context():
        empty_database()
        yield
        db.session.remove()


def empty_database() -> None:
    """Deletes all rows, also while a request is still served that a browser or a test before has given up."""
    for _ in range(_TRIES - 1):
        try:
            _delete_rows()
        except (OperationalError, IntegrityError):
            # Of two that wait for each other, PostgreSQL ends one; or the request has added a row meanwhile.
            db.session.rollback()
        else:
            return
    _delete_rows()


def _delete_rows() -> None:
    # Most tables are empty after most tests: to ask is quicker than to truncate them all, unless there are many rows.
    names = [table.name for table in reversed(db.metadata.sorted_tables) if table.name not in _KEPT_TABLES]
    counting = " UNION ALL ".join(
        f"SELECT '{name}', count(*) FROM (SELECT 1 FROM {name} LIMIT {_MANY_ROWS}) AS found" for name in names
    )
    counts = {name: count for name, count in db.session.execute(text(counting)) if count}
    if max(counts.values(), default=0) == _MANY_ROWS and db.engine.dialect.name == "postgresql":
        db.session.execute(text(f"TRUNCATE {', '.join(names)} RESTART IDENTITY CASCADE"))
    else:
        for name in names:
            if name in counts:
                db.session.execute(text(f"DELETE FROM {name}"))
    db.session.commit()


@pytest.fixture
def build_app(environment: dict[str, str]) -> Iterator[Callable[..., Flask]]:
    """Builds further applications, as other processes would be, each with its changes of the environment."""
    built: list[Flask] = []

    def build(**changes: str) -> Flask:
        built.append(build_test_app({**environment, **changes}))
        return built[-1]

    yield build
    for app in built:
        with app.app_context():
            db.engine.dispose()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser without cookies."""
    return app.test_client()


@pytest.fixture
def make(app: Flask) -> Factory:
    """Makes tenants, users, tokens, products, releases and webhooks."""
    return Factory(app)


@pytest.fixture
def owner(make: Factory) -> Organisation:
    """An organisation."""
    return make.organisation()


@pytest.fixture
def caller(make: Factory, owner: Organisation) -> Caller:
    """A client that may do everything in it."""
    return make.caller(owner)


@pytest.fixture
def body(make: Factory, owner: Organisation) -> dict[str, Any]:
    """The document's example with values that mean something."""
    return {
        "name": "My App 1.2",
        "version": "1.2.0",
        "channel": "stable",
        "platforms": ["linux", "windows"],
        "private": False,
        "notes": "# hi",
        "productId": make.product(owner).id,
        "createdAt": "2019-08-24T14:15:22Z",
    }
