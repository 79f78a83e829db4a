"""Reads JSON of files as strictly as bodies are read: nothing is guessed, and no text stops the parser. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import islice
from typing import Any

from app.language import Message, say
from app.strict_json import build_decoder


class JsonFileError(Exception):
    """A text is not JSON by these rules; the message is a sentence, and ``line`` counts within the text from 1."""

    def __init__(self, message: Message, line: int = 1) -> None:
        super().__init__(message)
        self.message = message
        self.line = line


def iterate_values(text: str) -> Iterator[Any]:
    """Takes JSON values one after another, as some tools write the pages of a list; gives them in order.

    Raises JsonFileError where it comes upon something else.
    """
    at = _skip_blanks(text, 0)
    while at < len(text):
        try:
            value, at = _DECODER.raw_decode(text, at)
        except json.JSONDecodeError as error:
            raise JsonFileError(_describe(error), error.lineno) from None
        except RecursionError:
            raise JsonFileError(say("This is nested too deeply.")) from None
        yield value
        at = _skip_blanks(text, at)


def parse_object(text: str) -> dict[str, Any]:
    """Takes one line; gives its JSON object. Raises JsonFileError."""
    # A second one is one too many, however many follow.
    values = list(islice(iterate_values(text), 2))
    if len(values) != 1 or not isinstance(values[0], dict):
        raise JsonFileError(say("Each line must be one JSON object."))
    return values[0]


def _skip_blanks(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _describe(error: json.JSONDecodeError) -> Message:
    return say("This is not valid JSON: {reason} at column {column}.", reason=error.msg, column=error.colno)


_DECODER = build_decoder(JsonFileError)
