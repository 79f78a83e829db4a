"""Reads the JSON body of a request strictly, before any schema sees it.

What is no JSON, what JSON leaves open (see ``strict_json``) and what nests deeper than anybody needs is a clear 400.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from flask import request

from app.exceptions import MalformedBodyError, UnsupportedMediaTypeError
from app.strict_json import build_decoder

MAX_DEPTH = 32
# Possessive, and content with a string that never ends: no body makes it look at a byte twice.
_STRINGS = re.compile(rb'"(?:[^"\\]|\\.?)*+"?', re.DOTALL)


def read_json_object() -> dict[str, Any]:
    """Gives the JSON object (RFC 8259) in the current request's body.

    Raises UnsupportedMediaTypeError unless the body is declared as plain UTF-8 ``application/json``, and
    MalformedBodyError if it is not exactly one JSON object.
    """
    require_json()
    return parse_json_object(request.get_data(cache=False))


def read_optional_json_object() -> dict[str, Any]:
    """Gives the JSON object in the current request's body, an empty one if there is no body at all. Raises as above."""
    return read_json_object() if request.get_data() else {}


def require_json() -> None:
    """Raises UnsupportedMediaTypeError unless the current request declares plain UTF-8 ``application/json``.

    Only this type is read: a browser sends the others across sites without asking first.
    """
    _check_encoding(request.headers.get("Content-Encoding", ""))
    _check_type(request.mimetype, request.mimetype_params)


def _check_encoding(encoding: str) -> None:
    if encoding.strip().lower() not in ("", "identity"):
        raise UnsupportedMediaTypeError("Content-Encoding must be identity: compressed bodies are not read.")


def _check_type(mimetype: str, params: Mapping[str, str]) -> None:
    if mimetype != "application/json":
        raise UnsupportedMediaTypeError("Content-Type must be application/json.")
    if params.get("charset", "utf-8").lower() not in ("utf-8", "utf8"):
        raise UnsupportedMediaTypeError("The charset of application/json must be utf-8.")


def parse_json_object(raw: bytes) -> dict[str, Any]:
    """Takes a body; gives its JSON object. Raises MalformedBodyError."""
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise MalformedBodyError("The body is not valid UTF-8.") from None
    _check_depth(raw)
    try:
        value = _DECODER.decode(text)
    except json.JSONDecodeError as error:
        raise MalformedBodyError(
            f"The body is not valid JSON: {error.msg} at line {error.lineno}, column {error.colno}."
        ) from None
    if not isinstance(value, dict):
        raise MalformedBodyError("The body must be a JSON object.")
    return value


def _check_depth(raw: bytes) -> None:
    # Counted before parsing, in linear time: the parser recurses, and gives up with a RecursionError.
    if raw.count(b"[") + raw.count(b"{") <= MAX_DEPTH:
        return
    depth = 0
    for byte in re.findall(rb"[\[\]{}]", _STRINGS.sub(b"", raw)):
        if byte in b"[{":
            depth += 1
            if depth > MAX_DEPTH:
                raise MalformedBodyError(f"The body nests deeper than {MAX_DEPTH} levels.")
        else:
            depth -= 1


_DECODER = build_decoder(MalformedBodyError)
