"""The commands for products."""

from __future__ import annotations

import click
from flask.cli import with_appcontext

from app.accounts.service import get_owner_actor
from app.commands import Group, report_refusals
from app.products import schema, service


@click.group(cls=Group)
def product() -> None:
    """Manage products."""


@product.command("create")
@click.option("--tenant", required=True, help="Name of the organisation.")
@click.option("--name", required=True, help="Name of the product.")
@with_appcontext
@report_refusals
def create(tenant: str, name: str) -> None:
    """Create a product and print its id."""
    actor = get_owner_actor(tenant)
    click.echo(service.create_product(actor, schema.parse_product({"name": name})).product.id)
