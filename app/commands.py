"""What all commands share: one line on what is wrong, whatever it is."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, ParamSpec, TypeVar

import click
from sqlalchemy.exc import SQLAlchemyError

from app.exceptions import SlipwayError

P = ParamSpec("P")
R = TypeVar("R")

# A table or a column that is not there, in PostgreSQL's words (appendix A of its manual) and in SQLite's.
_MISSING_SQLSTATES = ("42P01", "42703")
_MISSING_PHRASES = ("no such table", "no such column")


class Command(click.Command):
    """A command that says what is wrong with its options, and gives no lesson on how it is used: there is --help."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Reads the options. Raises ClickException."""
        with _shorten_usage_errors():
            return super().parse_args(ctx, args)


class Group(click.Group):
    """A group of such commands."""

    command_class = Command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Finds the command that is meant. Raises ClickException."""
        with _shorten_usage_errors():
            return super().resolve_command(ctx, args)


@contextmanager
def _shorten_usage_errors() -> Iterator[None]:
    try:
        yield
    except click.UsageError as error:
        raise click.ClickException(error.format_message()) from None


def report_refusals(command: Callable[P, R]) -> Callable[P, R]:
    """Decorates a command: what is refused becomes one line on standard error and a non-zero exit."""

    @functools.wraps(command)
    def run(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return command(*args, **kwargs)
        except SlipwayError as error:
            raise click.ClickException(error.message) from None
        except SQLAlchemyError as error:
            raise click.ClickException(_describe_database_error(error)) from None

    return run


def _describe_database_error(error: SQLAlchemyError) -> str:
    """Gives the one line that an operator needs: what the database said, or what to do about it."""
    original: Any = getattr(error, "orig", None) or error
    reason = str(original).strip().split("\n")[0]
    if getattr(original, "sqlstate", None) in _MISSING_SQLSTATES or reason.startswith(_MISSING_PHRASES):
        return "The database is not at the newest migration. Run: flask --app wsgi db upgrade"
    return f"The database cannot do this: {reason}"
