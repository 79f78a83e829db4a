"""What an HTML form shows: the values that were typed and what is wrong with them.

The schemas validate; a form only carries their verdict back to the fields, with nothing typed lost.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from app.exceptions import FieldError, IdempotencyMismatchError, SlipwayError, ThrottledError, ValidationError
from app.text import is_idempotency_key

T = TypeVar("T")


def list_errors(error: SlipwayError) -> tuple[FieldError, ...]:
    """Gives what a form shows of a refusal: broken rules at their fields, or one sentence that is about no field."""
    return error.errors if isinstance(error, ValidationError) else (FieldError("", error.code, error.message),)


def list_headers(error: SlipwayError) -> dict[str, str]:
    """Gives the headers of a page that shows a refusal."""
    return {"Retry-After": str(error.retry_after_seconds)} if isinstance(error, ThrottledError) else {}


def create_once(create: Callable[[str | None], T], key: str) -> T:
    """Takes what creates something under an idempotency key, and the one of the form; gives what it creates.

    A form that is sent twice makes one. Who went back and typed something else means another one, and need not know
    of keys.
    """
    try:
        return create(key if is_idempotency_key(key) else None)
    except IdempotencyMismatchError:
        return create(None)


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
    def errors(self) -> dict[str, list[str]]:
        """The messages of each field that has any."""
        messages: dict[str, list[str]] = {}
        for error in self.summary:
            messages.setdefault(error.field, []).append(error.message)
        return messages
