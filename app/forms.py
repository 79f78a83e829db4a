"""What an HTML form shows: the values that were typed and what is wrong with them.

The schemas validate; a form only carries their verdict back to the fields, with nothing typed lost.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from app.exceptions import FieldError, SlipwayError, ThrottledError, ValidationError


def list_errors(error: SlipwayError) -> tuple[FieldError, ...]:
    """Gives what a form shows of a refusal: broken rules at their fields, or one sentence that is about no field."""
    return error.errors if isinstance(error, ValidationError) else (FieldError("", error.code, error.message),)


def list_headers(error: SlipwayError) -> dict[str, str]:
    """Gives the headers of a page that shows a refusal."""
    return {"Retry-After": str(error.retry_after_seconds)} if isinstance(error, ThrottledError) else {}


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
