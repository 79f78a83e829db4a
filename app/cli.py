"""The commands: ``flask --app wsgi …``. Each prints its result alone on the last line, or one line on what is wrong."""

from __future__ import annotations

import copy
import signal
import threading
from collections.abc import Callable
from typing import Any, cast

import click
from flask import Flask, current_app
from flask.cli import with_appcontext

from app.accounts.commands import ACCOUNT_COMMANDS
from app.commands import Command, Group, report_refusals
from app.imports.commands import import_releases
from app.products.commands import product
from app.rekeying import renew_secrets
from app.webhooks import relay, worker


def init_app(app: Flask) -> None:
    """Takes the application and adds the commands."""
    for command in (*ACCOUNT_COMMANDS, product, import_releases, secrets, run_worker, run_relay):
        app.cli.add_command(command)
    app.cli.add_command(_teach_manners(cast(click.Group, app.cli.commands["db"])))


def _teach_manners(group: click.Group) -> click.Group:
    """Takes Flask-Migrate's commands; gives copies that report a failing database as all others do."""
    group = copy.copy(group)
    group.commands = {name: copy.copy(command) for name, command in group.commands.items()}
    for command in group.commands.values():
        if command.callback:
            command.callback = report_refusals(command.callback)
    return group


def _run(part: Callable[[Flask, threading.Event], None]) -> None:
    stopping = threading.Event()

    def stop(*_: Any) -> None:
        stopping.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    part(current_app._get_current_object(), stopping)  # type: ignore[attr-defined]  # noqa: SLF001 - Flask's documented way


@click.command("worker", cls=Command)
@with_appcontext
@report_refusals
def run_worker() -> None:
    """Deliver webhooks until stopped."""
    _run(worker.run)


@click.command("relay", cls=Command)
@with_appcontext
@report_refusals
def run_relay() -> None:
    """Ring for deliveries that are due until stopped."""
    _run(relay.run)


@click.group(cls=Group)
def secrets() -> None:
    """Manage the secrets that are stored encrypted."""


@secrets.command("rotate")
@with_appcontext
@report_refusals
def rotate_secrets() -> None:
    """Encrypt every stored secret with the current SECRET_KEY; print how many were not so yet.

    Run it once all processes know the new key. After it SECRET_KEY_FALLBACKS can be dropped.
    """
    result = renew_secrets()
    click.echo(result.renewed)
    if result.unreadable:
        raise click.ClickException(
            f"{result.unreadable} stored secrets cannot be decrypted with any known key. The log names them."
        )
