"""The command that imports releases from a file, for whoever sits at the server."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import click
from flask.cli import with_appcontext

from app.accounts.actors import Actor
from app.accounts.service import get_owner_actor
from app.commands import Command, report_refusals
from app.exceptions import FieldError
from app.extensions import db
from app.imports import queries, service, steps
from app.imports.judging import CONFLICT, ERROR, STATES
from app.imports.queries import RUNNING, ImportRecord, RowQuery
from app.imports.schema import AUTO, FORMATS, LONG_NOTES, PRERELEASES
from app.imports.words import unpack_errors
from app.releases.schema import DEFAULT_CHANNEL

_TURN_SECONDS = 5.0
_PAUSE_SECONDS = 0.2


@click.command("import", cls=Command)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--tenant", required=True, help="Name of the organisation.")
@click.option("--product", help="Name of the product of releases that name none.")
@click.option("--format", "file_format", default=AUTO, show_default=True, type=click.Choice(FORMATS))
@click.option("--channel", default=DEFAULT_CHANNEL, show_default=True, help="Of releases that name none.")
@click.option("--publish", is_flag=True, help="Publish them, each at its date.")
@click.option("--quiet", is_flag=True, help="Tell no webhook.")
@click.option("--prereleases", default=ERROR, show_default=True, type=click.Choice(PRERELEASES))
@click.option("--long-notes", default=ERROR, show_default=True, type=click.Choice(LONG_NOTES))
@click.option("--tag-prefix", default="", help="Only tags that begin so.")
@click.option("--dry-run", is_flag=True, help="Only say what would come of it.")
@with_appcontext
@report_refusals
def import_releases(file: Path, tenant: str, product: str | None, *, dry_run: bool, **chosen: Any) -> None:
    """Import old releases from FILE; print how many rows came to what.

    Run again, it goes on where it was ended, and creates nothing twice.
    """
    actor = get_owner_actor(tenant)
    raw = {
        "productId": _find_product(actor, product) if product else None,
        "format": chosen["file_format"],
        "fileName": file.name,
        "channel": chosen["channel"],
        "publish": chosen["publish"],
        "quiet": chosen["quiet"],
        "prereleases": chosen["prereleases"],
        "longNotes": chosen["long_notes"],
        "tagPrefix": chosen["tag_prefix"],
    }
    record, _ = service.create_import(actor, file.read_bytes(), service.parse_options(actor, raw))
    if not dry_run:
        record = _run(actor, record.entity.id)
    _report(actor, record)


def _find_product(actor: Actor, name: str) -> str:
    product = queries.load_catalog(actor, [name]).by_name.get(name)
    if product is None:
        raise click.ClickException(f"There is no product {name!r}.")
    return product.id


def _run(actor: Actor, import_id: str) -> ImportRecord:
    record = service.run_import(actor, import_id)
    while record.entity.state == RUNNING:
        if not steps.work_off(actor.tenant_id, import_id, _TURN_SECONDS):
            # It is done, or the relay is at it.
            time.sleep(_PAUSE_SECONDS)
        db.session.rollback()
        record = queries.get_import(actor, import_id)
    return record


def _report(actor: Actor, record: ImportRecord) -> None:
    states = record.counts.states
    wanted = RowQuery(states=(ERROR, CONFLICT), limit=record.entity.total)
    for row in queries.list_rows(actor.tenant_id, record.entity.id, wanted):
        click.echo(f"row {row.number}, line {row.line}, {row.version}: {_join(unpack_errors(row.errors))}", err=True)
    click.echo(", ".join(f"{states[state]} {state}" for state in STATES if states[state]))
    if states[ERROR] or states[CONFLICT]:
        raise click.ClickException("Not all of the file could be imported.")


def _join(errors: tuple[FieldError, ...]) -> str:
    return " ".join(error.message for error in errors)
