"""A decoder of JSON (RFC 8259) that takes nothing more than that: for bodies of requests and for files. Pure.

``json.loads`` accepts NaN, keeps the last of two equal keys, and builds integers of any length. Each of these has
turned into a 500 or into data that nobody sent.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from typing import Any, Final, NoReturn

from app.language import Message, say

_MAX_NUMBER_LENGTH: Final = 64


def build_decoder(refuse: Callable[[Message], Exception]) -> json.JSONDecoder:
    """Takes what makes an exception of a sentence; gives a decoder that raises it where the text breaks a rule.

    Where the text is no JSON at all it raises json.JSONDecodeError, and RecursionError where it nests too deeply.
    """

    def build_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        result = dict(pairs)
        if len(result) != len(pairs):
            seen: set[str] = set()
            twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
            raise refuse(say("The member {name} is given more than once.", name=json.dumps(twice[:64])))
        return result

    def refuse_constant(name: str) -> NoReturn:
        raise refuse(say("This is not valid JSON: {name} is no JSON number.", name=name))

    def parse_int(digits: str) -> int:
        if len(digits) > _MAX_NUMBER_LENGTH:
            raise refuse(say("A number has more than {limit} digits.", limit=_MAX_NUMBER_LENGTH))
        return int(digits)

    def parse_float(digits: str) -> float:
        if len(digits) > _MAX_NUMBER_LENGTH or not math.isfinite(value := float(digits)):
            raise refuse(say("A number is too long or too large."))
        return value

    return json.JSONDecoder(
        object_pairs_hook=build_object, parse_constant=refuse_constant, parse_int=parse_int, parse_float=parse_float
    )
