"""The owner's own headers: what may be one, how they are shown, and how they join those of a delivery. Pure."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

from app.language import say
from app.webhooks.header_names import fold_name, is_reserved

COUNT_LIMIT: Final = 50
NAME_LIMIT: Final = 64
VALUE_LIMIT: Final = 4096
TOTAL_LIMIT: Final = 16 * 1024
# What stands for a value wherever headers are shown, and, sent back, for the value that is stored.
MASK: Final = "••••••"

# Why the mask cannot stand for the values that are stored: the URL leads to somebody who was not given them.
NOT_KEPT: Final = "not_kept"

Rule = tuple[str, str]

# A token by RFC 9110, section 5.6.2; and visible ASCII with spaces inside, which is all that every server reads alike.
_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+\Z")
_VALUE = re.compile(r"[!-~](?:[ -~]*[!-~])?\Z")
_LISTED_ERRORS = 20


def find_errors(headers: Any, *, may_keep: bool) -> list[Rule]:
    """Takes what was sent as headers, whatever it is; gives each broken rule, as a machine word and a sentence's end.

    ``may_keep`` says whether the mask may stand for a value that is stored already.
    """
    if not isinstance(headers, dict):
        return [("wrong_type", say("must be an object of names and values."))]
    if len(headers) > COUNT_LIMIT:
        return [("too_many", say("must be at most {limit}; there are {count}.", limit=COUNT_LIMIT, count=len(headers)))]
    errors = [rule for name, value in headers.items() if (rule := _find_error(name, value, may_keep=may_keep))]
    errors += _find_doubles(headers)
    if not errors and (total := sum(len(name) + len(value) for name, value in headers.items())) > TOTAL_LIMIT:
        errors.append(
            (
                "too_long",
                say(
                    "must have at most {limit} characters together; they have {total}.", limit=TOTAL_LIMIT, total=total
                ),
            )
        )
    return errors[:_LISTED_ERRORS]


def _find_error(name: str, value: Any, *, may_keep: bool) -> Rule | None:
    return _find_name_error(name) or (None if may_keep and value == MASK else _find_value_error(name, value))


def _find_name_error(name: str) -> Rule | None:
    shown = quote(name)
    if len(name) > NAME_LIMIT:
        return "name_too_long", say(
            "must have names of at most {limit} characters; {shown} has {count}.",
            limit=NAME_LIMIT,
            shown=shown,
            count=len(name),
        )
    if not _NAME.match(name):
        return "invalid_name", say(
            "must have names of letters, digits and !#$%&'*+-.^_`|~ alone; {shown} is none.", shown=shown
        )
    if is_reserved(name):
        return "reserved_name", say(
            "must not name {shown}: it means something to servers, to proxies or to Slipway.", shown=shown
        )
    return None


def _find_value_error(name: str, value: Any) -> Rule | None:
    shown = quote(name)
    if not isinstance(value, str):
        return "wrong_type", say("must have strings as values; that of {shown} is none.", shown=shown)
    if len(value) > VALUE_LIMIT:
        return "value_too_long", say(
            "must have values of at most {limit} characters; {shown} has {count}.",
            limit=VALUE_LIMIT,
            shown=shown,
            count=len(value),
        )
    if not _VALUE.match(value):
        return "invalid_value", say(
            "must have values of visible ASCII and spaces inside; that of {shown} is none.", shown=shown
        )
    return None


def _find_doubles(names: Iterable[str]) -> Iterator[Rule]:
    seen: dict[str, str] = {}
    for name in filter(_NAME.match, names):
        if (first := seen.setdefault(fold_name(name), name)) != name:
            yield (
                "duplicate_name",
                say(
                    "must not name both {name} and {other}: receivers take them for one.",
                    name=quote(first),
                    other=quote(name),
                ),
            )


def quote(name: str) -> str:
    """Gives a name as messages spell it, by which a form finds the row that one is about."""
    return json.dumps(name[:NAME_LIMIT])


def mask(headers: Iterable[str]) -> dict[str, str]:
    """Gives the headers with their values masked: what may be shown and written down."""
    return dict.fromkeys(headers, MASK)


def merge(ours: Mapping[str, str], custom: Mapping[str, str]) -> dict[str, str]:
    """Gives the headers of an attempt: ours, and those of the owner's that replace none of them.

    What was stored is judged again: a name may have been reserved since, and a line break would be another header.
    """
    taken = {fold_name(name) for name in ours}
    return {**ours, **{name: value for name, value in custom.items() if _may_join(name, value, taken)}}


def _may_join(name: str, value: str, taken: set[str]) -> bool:
    return fold_name(name) not in taken and _find_error(name, value, may_keep=False) is None
