"""The rules of a product's metadata: entries of a key, a value, and whether customers see them. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from typing_extensions import TypedDict

from app.language import Message, say
from app.text import find_encoding_error, find_line_error

ENTRY_LIMIT: Final = 50
KEY_LIMIT: Final = 256
VALUE_LIMIT: Final = 4096
MEMBERS: Final = frozenset({"key", "value", "visible"})


class Entry(TypedDict):
    """One entry, as the API has it."""

    key: str
    value: str
    visible: bool


@dataclass(frozen=True, slots=True)
class Broken:
    """A broken rule: of which entry, counted from 0, and of which of its members; of the whole without either."""

    code: str
    message: Message
    place: int | None = None
    member: Literal["", "key", "value", "visible"] = ""


def find_broken(sent: object) -> list[Broken]:
    """Takes what was sent as metadata; gives every rule that it breaks, in the order of the entries."""
    if not isinstance(sent, list):
        return [Broken("wrong_type", say("Metadata must be an array of objects with key, value and visible."))]
    if len(sent) > ENTRY_LIMIT:
        message = say("Metadata must have at most {limit} entries; it has {count}.", limit=ENTRY_LIMIT, count=len(sent))
        return [Broken("too_many", message)]
    found: list[Broken] = []
    places: dict[str, int] = {}
    for place, entry in enumerate(sent):
        if not isinstance(entry, Mapping):
            message = say("Metadata entry {number} must be an object with key, value and visible.", number=place + 1)
            found.append(Broken("wrong_type", message, place))
            continue
        found += _find_broken_members(entry, place)
        key = entry.get("key")
        if isinstance(key, str) and key and places.setdefault(key, place) != place:
            message = say(
                "Metadata entry {number}: key is that of entry {other}, and each key stands once.",
                number=place + 1,
                other=places[key] + 1,
            )
            found.append(Broken("duplicate_key", message, place, "key"))
    return found


def normalize(sent: list[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Takes metadata that breaks no rule; gives it as it is stored. What is not given is empty, and not visible."""
    return [
        {
            "key": entry["key"],
            "value": (entry.get("value") or "").replace("\r\n", "\n"),
            "visible": entry.get("visible") or False,
        }
        for entry in sent
    ]


def find_unknown(sent: object) -> list[str]:
    """Gives the members of entries that say nothing, by their paths."""
    return [
        f"metadata[{place}].{name}"
        for place, entry in enumerate(sent if isinstance(sent, list) else ())
        if isinstance(entry, Mapping)
        for name, value in entry.items()
        if name not in MEMBERS and value is not None
    ]


def _find_broken_members(entry: Mapping[str, Any], place: int) -> list[Broken]:
    number = place + 1
    found = [_find_broken_key(entry.get("key"), place), _find_broken_value(entry.get("value"), place)]
    if entry.get("visible") is not None and not isinstance(entry["visible"], bool):
        message = say("Metadata entry {number}: visible must be true or false.", number=number)
        found.append(Broken("wrong_type", message, place, "visible"))
    return [it for it in found if it]


def _find_broken_key(key: Any, place: int) -> Broken | None:
    number = place + 1
    if key is None or key == "":
        return Broken("required", say("Metadata entry {number}: key is required.", number=number), place, "key")
    if not isinstance(key, str):
        message = say("Metadata entry {number}: key must be a string.", number=number)
        return Broken("wrong_type", message, place, "key")
    if len(key) > KEY_LIMIT:
        message = say(
            "Metadata entry {number}: key must have at most {limit} characters; it has {count}.",
            number=number,
            limit=KEY_LIMIT,
            count=len(key),
        )
        return Broken("too_long", message, place, "key")
    if error := find_line_error(key):
        message = say("Metadata entry {number}: key {rule}", number=number, rule=error[1])
        return Broken(error[0], message, place, "key")
    return None


def _find_broken_value(value: Any, place: int) -> Broken | None:
    number = place + 1
    if value is None:
        return None
    if not isinstance(value, str):
        message = say("Metadata entry {number}: value must be a string.", number=number)
        return Broken("wrong_type", message, place, "value")
    length = len(value.replace("\r\n", "\n"))
    if length > VALUE_LIMIT:
        message = say(
            "Metadata entry {number}: value must have at most {limit} characters; it has {count}.",
            number=number,
            limit=VALUE_LIMIT,
            count=length,
        )
        return Broken("too_long", message, place, "value")
    if error := find_encoding_error(value):
        message = say("Metadata entry {number}: value {rule}", number=number, rule=error[1])
        return Broken(error[0], message, place, "value")
    return None
