"""Keeps sentences in the database so that a page can still say them in its reader's language. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from app.exceptions import FieldError
from app.language import Message


def pack(text: str) -> Any:
    """Takes a sentence; gives it as JSON can hold it: a message as its template and its values."""
    if not isinstance(text, Message):
        return str(text)
    values = {name: pack(value) if isinstance(value, str) else value for name, value in text.values.items()}
    return {"template": text.template, "values": values}


def unpack(kept: Any) -> str:
    """Takes what ``pack`` gave; gives the sentence, which knows how to be said in other languages if it did before."""
    if isinstance(kept, str):
        return kept
    values = {name: _unpack_value(value) for name, value in kept["values"].items()}
    return Message(kept["template"], values)


def pack_errors(errors: Iterable[FieldError]) -> list[Any]:
    """Takes errors, or warnings of the same form; gives them as JSON can hold them."""
    return [{"field": error.field, "code": error.code, "message": pack(error.message)} for error in errors]


def unpack_errors(kept: Iterable[Mapping[str, Any]]) -> tuple[FieldError, ...]:
    """Takes what ``pack_errors`` gave; gives the errors."""
    return tuple(FieldError(item["field"], item["code"], unpack(item["message"])) for item in kept)


def _unpack_value(value: Any) -> Any:
    return unpack(value) if isinstance(value, str | dict) else value
