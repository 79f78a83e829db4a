"""The form of a product: from what a browser sends to the members that the schema reads, and back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any
from uuid import uuid4

from werkzeug.datastructures import MultiDict

from app.products import metadata
from app.products.models import Product
from app.times import format_time

TEXT_FIELDS = ("name", "displayName", "description", "seenAt", "idempotencyKey", "signInEmail")
# What a form sends for an entry that customers see, and for one that they do not.
VISIBLE, HIDDEN = "yes", "no"
# What the buttons of the form that do not save it are called.
ADD, REMOVE = "add-entry", "remove-entry-"

# Key, value, and whether customers see it.
Typed = tuple[str, str, bool]


def read_values(form: MultiDict[str, str]) -> dict[str, Any]:
    """Takes the form; gives every value as it was typed, so that the page can show it again.

    ``metadata`` is a list of entries; rows in which nothing was typed are left out.
    """
    values: dict[str, Any] = {name: form.get(name, "") for name in TEXT_FIELDS}
    columns = [form.getlist(name) for name in ("metadataKey", "metadataValue", "metadataVisible")]
    rows = list(zip_longest(*columns, fillvalue=""))
    removed = form.get("action", "").removeprefix(REMOVE) if form.get("action", "").startswith(REMOVE) else ""
    values["metadata"] = [
        (key, value.replace("\r\n", "\n"), visible == VISIBLE)
        for place, (key, value, visible) in enumerate(rows)
        if (key or value) and str(place) != removed
    ]
    return values


def count_wanted_rows(form: MultiDict[str, str]) -> int | None:
    """Gives how many empty rows are wanted, if the form was sent for a row more or less; None if it is to be saved."""
    action = form.get("action", "")
    if action == ADD:
        return 1
    return 0 if action.startswith(REMOVE) else None


def build_new_values() -> dict[str, Any]:
    """Gives the values of an empty form. Its key makes one product of it, however often it is sent."""
    return {**dict.fromkeys(TEXT_FIELDS, ""), "metadata": [], "idempotencyKey": str(uuid4())}


def build_stored_values(product: Product) -> dict[str, Any]:
    """Gives the values of the form of a product. A display name is one only if it differs."""
    return {
        **dict.fromkeys(TEXT_FIELDS, ""),
        "name": product.name,
        "displayName": "" if product.display_name == product.name else product.display_name,
        "description": product.description,
        "metadata": [(entry["key"], entry["value"], entry["visible"]) for entry in product.entries],
        "seenAt": format_time(product.updated_at),
    }


def build_raw(values: Mapping[str, Any]) -> dict[str, Any]:
    """Takes the form's values; gives the members of the API's body that they stand for."""
    return {
        **{name: values[name] for name in ("name", "displayName", "description")},
        "metadata": list_entries(values["metadata"]),
    }


def list_entries(typed: Iterable[Typed]) -> list[dict[str, Any]]:
    """Gives the rows of the form as the API has them. Spaces around a key are never meant."""
    return [{"key": key.strip(), "value": value, "visible": visible} for key, value, visible in typed]


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A row of the form. Which messages about the metadata are about its key, and which about its value, from 1."""

    key: str = ""
    value: str = ""
    visible: bool = False
    key_errors: tuple[int, ...] = ()
    value_errors: tuple[int, ...] = ()


def build_entry_rows(typed: Sequence[Typed], spare_count: int, *, tells_errors: bool) -> list[EntryRow]:
    """Takes what was typed, and whether its errors are shown; gives the rows with them, and empty ones behind."""
    broken = metadata.find_broken(list_entries(typed)) if tells_errors else []

    def find(place: int, member: str) -> tuple[int, ...]:
        return tuple(number for number, it in enumerate(broken, 1) if (it.place, it.member) == (place, member))

    rows = [
        EntryRow(key, value, visible, find(place, "key"), find(place, "value"))
        for place, (key, value, visible) in enumerate(typed)
    ]
    return rows + [EntryRow()] * spare_count
