"""The migrations on both databases: from nothing to the newest and back, and by many processes at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from flask_migrate import downgrade, upgrade
from sqlalchemy import inspect, text

from app.accounts import service, tokens
from app.accounts.models import Tenant, User
from app.database import transaction
from app.extensions import db
from app.products.models import Product
from app.webhooks.models import Webhook
from tests.factories import PASSWORD, Factory
from tests.services import PostgresServer, postgres
from tests.stack import PROJECT

pytestmark = pytest.mark.once

KINDS = ("sqlite", "postgresql")
# More than there are on either side of any two steps: one that migrates, one that waits for it, and two that come.
_AT_ONCE = 4
# All are loaded and wait for a line, so that they start within a moment.
MIGRATE_ON_SIGNAL = """
import sys
from flask_migrate import upgrade
from wsgi import app
print("ready", flush=True)
sys.stdin.readline()
with app.app_context():
    upgrade()
"""
BOOTSTRAP = ("bootstrap", "--tenant", "Acme", "--email", "a@b.test", "--password", PASSWORD)


@pytest.fixture(scope="module")
def postgres_server() -> Iterator[PostgresServer]:
    """A PostgreSQL for empty databases."""
    with postgres() as server:
        yield server


@pytest.fixture(params=KINDS)
def empty_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """The URL of an empty database of each kind."""
    if request.param == "sqlite":
        yield f"sqlite:///{tmp_path / 'empty.db'}"
        return
    server: PostgresServer = request.getfixturevalue("postgres_server")
    url = server.create_database()
    yield url
    server.drop_database(url)


@pytest.fixture
def empty_app(empty_url: str, build_app: Callable[..., Flask]) -> Iterator[Flask]:
    """An application on it, inside its context."""
    app = build_app(DATABASE_URL=empty_url)
    with app.app_context():
        yield app
        db.session.remove()


def list_tables() -> set[str]:
    """Gives the names of all tables but Alembic's own."""
    return set(inspect(db.engine).get_table_names()) - {"alembic_version"}


def check(app: Flask) -> tuple[int, str]:
    """Runs ``flask db check``; gives its exit status and what it says."""
    result = app.test_cli_runner().invoke(args=["db", "check"])
    return result.exit_code, result.stdout + result.stderr


def test_an_empty_database_comes_to_the_newest_migration_and_nothing_is_left_to_do(empty_app: Flask) -> None:
    upgrade()
    assert list_tables() == set(db.metadata.tables)
    status, said = check(empty_app)
    assert status == 0, said
    upgrade()
    assert list_tables() == set(db.metadata.tables)


def test_a_difference_between_models_and_migrations_is_noticed(empty_app: Flask) -> None:
    upgrade()
    with transaction() as session:
        session.execute(text("DROP TABLE audit_entries"))
    assert check(empty_app)[0] != 0


def test_all_migrations_can_be_taken_back_and_made_again(empty_app: Flask) -> None:
    upgrade()
    user = service.create_organisation("Acme", "a@b.test", PASSWORD)
    tokens.create_token(service.build_actor(user), "ci", ["release:read"])
    db.session.remove()
    downgrade(revision="base")
    assert list_tables() == set()
    upgrade()
    assert check(empty_app)[0] == 0
    assert service.create_organisation("Acme", "a@b.test", PASSWORD).email == "a@b.test"


def test_what_is_stored_outlives_the_newest_migration_taken_back_and_made_again(empty_app: Flask) -> None:
    upgrade()
    make = Factory(empty_app)
    owner = make.organisation()
    product, webhook = make.product(owner), make.webhook(owner, "https://example.com/hook")
    db.session.remove()
    # As it comes from the version before: with rows that refer to each other.
    downgrade(revision="-1")
    upgrade()
    assert check(empty_app)[0] == 0
    assert db.session.get_one(Tenant, owner.tenant_id).name == owner.name
    assert db.session.get_one(User, owner.actor.user_id).email == owner.email
    assert db.session.get_one(Product, product.id).name == product.name
    assert db.session.get_one(Webhook, webhook.id).url == "https://example.com/hook"


def test_before_the_first_migration_commands_say_what_to_do(empty_app: Flask) -> None:
    for arguments in (BOOTSTRAP, ("keys", "rotate"), ("product", "create", "--tenant", "Acme", "--name", "x")):
        result = empty_app.test_cli_runner().invoke(args=list(arguments))
        assert (result.exit_code, result.stdout) == (1, "")
        assert result.stderr.endswith("not at the newest migration. Run: flask --app wsgi db upgrade\n")
        assert result.stderr.count("\n") == 1


def test_processes_that_migrate_at_the_same_instant_all_succeed(
    empty_app: Flask, empty_url: str, environment: dict[str, str]
) -> None:
    # What they run is measured elsewhere; so many times over it would only take its time.
    plain = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", MIGRATE_ON_SIGNAL],
            cwd=PROJECT,
            env={**plain, **environment, "DATABASE_URL": empty_url},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(_AT_ONCE)
    ]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    told = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0] * _AT_ONCE, told
    assert list_tables() == set(db.metadata.tables)
    assert db.session.scalars(text("SELECT count(*) FROM alembic_version")).one() == 1
    assert check(empty_app)[0] == 0
