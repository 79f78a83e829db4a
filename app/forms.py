"""What an HTML form shows: the values that were typed and what is wrong with them.

The schemas validate; a form only carries their verdict back to the fields, with nothing typed lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from app.errors import RETRY_AFTER_OUTAGE_SECONDS, find_outage
from app.exceptions import (
    FieldError,
    IdempotencyMismatchError,
    OutcomeUnknownError,
    SlipwayError,
    ThrottledError,
    UnavailableError,
    ValidationError,
)
from app.idempotency.clicks import build_key
from app.language import ngettext, say
from app.text import is_idempotency_key

T = TypeVar("T")

# What stands above the summary where there is nothing to fix.
_OUTAGE_HEADINGS = {
    UnavailableError.code: say("This was not saved"),
    OutcomeUnknownError.code: say("Perhaps this was not saved"),
}


def list_errors(error: SlipwayError) -> tuple[FieldError, ...]:
    """Gives what a form shows of a refusal: broken rules at their fields, or one sentence that is about no field."""
    return error.errors if isinstance(error, ValidationError) else (FieldError("", error.code, error.message),)


def list_headers(error: SlipwayError) -> dict[str, str]:
    """Gives the headers of a page that shows a refusal."""
    if isinstance(error, ThrottledError):
        return {"Retry-After": str(error.retry_after_seconds)}
    return {"Retry-After": str(RETRY_AFTER_OUTAGE_SECONDS)} if isinstance(error, UnavailableError) else {}


@contextmanager
def telling_outages() -> Iterator[None]:
    """Around what serves a form: an outage of the database is a refusal like others, so that nothing typed is lost.

    Raises UnavailableError in its place, or OutcomeUnknownError.
    """
    try:
        yield
    except (DBAPIError, PoolTimeoutError) as error:
        outage = find_outage(error)
        if outage is None:
            raise
        raise outage from error


def create_once(create: Callable[[str | None], T], values: Mapping[str, Any]) -> T:
    """Takes what creates something under an idempotency key, and the values of the form; gives what it creates.

    A form that is sent twice makes one. Who went back and typed something else means another one, and need not know
    of keys: sent twice, that makes one, too.
    """
    key = values["idempotencyKey"]
    try:
        return create(key if is_idempotency_key(key) else None)
    except IdempotencyMismatchError:
        return create(build_key(key, values))


@dataclass(frozen=True, slots=True)
class FormState:
    """The values of a form by field name, and its errors in the order in which they were found."""

    values: Mapping[str, Any]
    summary: tuple[FieldError, ...] = field(default=())

    @classmethod
    def build(cls, values: Mapping[str, Any], errors: Iterable[FieldError] = ()) -> FormState:
        """Takes what was typed and what is wrong with it; gives what a template shows."""
        return cls(dict(values), tuple(errors))

    @property
    def heading(self) -> str:
        """What stands above the summary."""
        for error in self.summary:
            if error.code in _OUTAGE_HEADINGS:
                return _OUTAGE_HEADINGS[error.code]
        return ngettext("One thing to fix", "{count} things to fix", len(self.summary))

    @property
    def is_outage(self) -> bool:
        """Whether it comes back because the database is away: the page that shows it asks that nothing."""
        return any(error.code in _OUTAGE_HEADINGS for error in self.summary)

    @property
    def errors(self) -> dict[str, list[str]]:
        """The messages of each field that has any."""
        messages: dict[str, list[str]] = {}
        for error in self.summary:
            messages.setdefault(error.field, []).append(error.message)
        return messages
