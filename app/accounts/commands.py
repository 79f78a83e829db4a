"""The commands for accounts. Each prints its result alone on the last line."""

from __future__ import annotations

import click
from flask import current_app
from flask.cli import with_appcontext

from app import times
from app.accounts import keys as signing_keys
from app.accounts import queries, resets, service, tokens, two_factor_service
from app.accounts.schema import DEFAULT_EXPIRY_DAYS, MAX_EXPIRY_DAYS
from app.accounts.setup import setup_code
from app.commands import Command, Group, report_refusals

_TENANT = click.option("--tenant", help="Name of the organisation, if the address belongs to several.")


@click.command(cls=Command)
@click.option("--tenant", required=True, help="Name of the organisation.")
@click.option("--email", required=True, help="E-mail address of its owner.")
@click.option("--password", required=True, help="Password of a new owner; an existing one keeps theirs.")
@with_appcontext
@report_refusals
def bootstrap(tenant: str, email: str, password: str) -> None:
    """Make sure that an organisation with this owner exists; print its id."""
    click.echo(service.bootstrap_organisation(tenant, email, password))


@click.group(cls=Group)
def token() -> None:
    """Manage access tokens."""


@token.command("create")
@click.option("--email", required=True, help="E-mail address of the user whose token it is.")
@click.option("--name", required=True, help="What the token is for.")
@click.option("--scope", "scopes", required=True, multiple=True, help="What it may do; give it once per scope.")
@click.option(
    "--expires-in",
    default=DEFAULT_EXPIRY_DAYS,
    show_default=True,
    metavar="DAYS",
    help=f"Days until it expires, 1 to {MAX_EXPIRY_DAYS}.",
)
@_TENANT
@with_appcontext
@report_refusals
def create_token(email: str, name: str, scopes: tuple[str, ...], expires_in: int, tenant: str | None) -> None:
    """Create an access token and print it. It cannot be shown again."""
    actor = service.get_user_actor(email, tenant)
    _, jwt = tokens.create_token(actor, name, scopes, expires_in)
    click.echo(jwt)


@token.command("list")
@click.option("--tenant", required=True, help="Name of the organisation.")
@with_appcontext
@report_refusals
def list_tokens(tenant: str) -> None:
    """List the access tokens of an organisation: id, state, expiry, owner, scopes, name."""
    moment = times.now()
    for found, email in tokens.list_tokens(queries.get_tenant_named(tenant).id):
        state = "revoked" if found.revoked_at else "expired" if found.expires_at <= moment else "active"
        expiry = times.format_time(found.expires_at)
        click.echo("\t".join((found.id, state, expiry, email, ",".join(found.scopes), found.name)))


@token.command("revoke")
@click.argument("token_id")
@with_appcontext
@report_refusals
def revoke_token(token_id: str) -> None:
    """Revoke an access token by its id; print the id."""
    tokens.revoke_token(tokens.get_token_actor(token_id), token_id)
    click.echo(token_id)


@click.group(cls=Group)
def user() -> None:
    """Help users back in."""


@user.command("reset-password")
@click.option("--email", required=True, help="E-mail address of the user.")
@_TENANT
@with_appcontext
@report_refusals
def reset_password(email: str, tenant: str | None) -> None:
    """Print a link by which a user chooses another password. It works once, and for an hour."""
    click.echo(resets.make_link(service.get_user_actor(email, tenant)))


@user.command("reset-two-factor")
@click.option("--email", required=True, help="E-mail address of the user.")
@_TENANT
@with_appcontext
@report_refusals
def reset_two_factor(email: str, tenant: str | None) -> None:
    """Switch a user's two-factor sign-in off, who has lost phone and recovery codes; print the user's id."""
    actor = service.get_user_actor(email, tenant)
    two_factor_service.reset_two_factor(actor)
    click.echo(actor.user_id)


@click.group(cls=Group)
def keys() -> None:
    """Manage the keys that sign access tokens."""


@keys.command("rotate")
@with_appcontext
@report_refusals
def rotate_keys() -> None:
    """Sign new tokens with a new key from now on; print its id. Earlier tokens stay good."""
    click.echo(signing_keys.rotate_keys())


# The id of a key may begin with a hyphen, and is no option then.
@keys.command("retire", context_settings={"ignore_unknown_options": True})
@click.argument("kid")
@with_appcontext
@report_refusals
def retire_key(kid: str) -> None:
    """Refuse every token that this key signed, from now on; print its id."""
    signing_keys.retire_key(kid)
    click.echo(kid)


@click.command("setup-code", cls=Command)
@with_appcontext
@report_refusals
def show_setup_code() -> None:
    """Print the code that the first visit asks for."""
    click.echo(setup_code(current_app.extensions["slipway"].settings))


ACCOUNT_COMMANDS = (bootstrap, token, user, keys, show_setup_code)
