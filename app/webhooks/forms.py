"""The form of a webhook: from what a browser sends to the members that the schema reads, and back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import zip_longest
from typing import Any, Final
from uuid import uuid4

from werkzeug.datastructures import MultiDict

from app.exceptions import FieldError
from app.times import format_time
from app.webhooks import headers as rules
from app.webhooks.events import RELEASE_CREATED, RELEASE_PUBLISHED
from app.webhooks.field_types import DEFAULT_CONCURRENCY
from app.webhooks.models import Webhook
from app.webhooks.schema import LABELS
from app.webhooks.signing import CRYPTLEX

NO_LIMIT: Final = 0
# What is wrong with a name, and not with the value beside it.
_NAME_CODES = frozenset({"duplicate_name", "invalid_name", "name_too_long", "reserved_name"})
_TEXT_FIELDS = (
    "name",
    "url",
    "token",
    "scheme",
    "maxConcurrency",
    "ratePerSecond",
    "signInEmail",
    "updatedAt",
    "idempotencyKey",
)
# More digits than any limit has: what is longer is no number that anybody means.
_DIGITS_LIMIT = 9


def read_values(form: MultiDict[str, str]) -> dict[str, Any]:
    """Takes the form; gives every value as it was typed, so that the page can show it again.

    ``headers`` is a list of name and value; rows in which nothing was typed are left out.
    """
    values: dict[str, Any] = {name: form.get(name, "") for name in _TEXT_FIELDS}
    values["events"] = form.getlist("events")
    values["active"] = bool(form.get("active", ""))
    values["ping"] = bool(form.get("ping", ""))
    rows = zip_longest(form.getlist("headerName"), form.getlist("headerValue"), fillvalue="")
    values["headers"] = [(name, value) for name, value in rows if name or value]
    return values


def build_new_values() -> dict[str, Any]:
    """Gives the values of a form that nobody has touched. Its key makes a form that is sent twice one webhook."""
    values: dict[str, Any] = dict.fromkeys(_TEXT_FIELDS, "")
    return values | {
        "events": [RELEASE_CREATED, RELEASE_PUBLISHED],
        "scheme": CRYPTLEX,
        "headers": [],
        "maxConcurrency": str(DEFAULT_CONCURRENCY),
        "active": True,
        "ping": True,
        "idempotencyKey": str(uuid4()),
    }


def build_stored_values(webhook: Webhook, headers: Mapping[str, str]) -> dict[str, Any]:
    """Takes a webhook and its own headers, their values masked; gives the values of the form that changes it."""
    return {
        "name": webhook.name,
        "url": webhook.url,
        "token": "",
        "events": webhook.events,
        "scheme": webhook.scheme,
        "headers": list(headers.items()),
        "maxConcurrency": str(webhook.max_concurrency),
        "ratePerSecond": str(webhook.rate_per_second or ""),
        "active": webhook.active,
        # What the form was made from: whoever saves it must not replace what they have not seen.
        "updatedAt": format_time(webhook.updated_at),
    }


def build_raw(values: Mapping[str, Any]) -> dict[str, Any]:
    """Takes the form's values; gives the members of the API's body that they stand for.

    Every field of the form is there, so what is empty is empty and not unchanged; only an empty token says nothing.
    """
    raw: dict[str, Any] = {name: values[name] for name in ("name", "url", "events", "active", "ping")}
    raw["scheme"] = values["scheme"] or None
    raw["token"] = values["token"] or None
    raw["headers"] = {name.strip(): value.strip() for name, value in values["headers"]}
    raw["maxConcurrency"] = read_number(values["maxConcurrency"], DEFAULT_CONCURRENCY)
    raw["ratePerSecond"] = read_number(values["ratePerSecond"], NO_LIMIT)
    return raw


def find_header_errors(headers: Iterable[tuple[str, str]]) -> list[FieldError]:
    """Gives what only the form can tell: that a name stands in two rows, which no JSON object can say."""
    names = [name.strip() for name, _ in headers]
    doubled = sorted({name for name in names if name and names.count(name) > 1})
    label = LABELS["headers"]
    return [
        FieldError("headers", "duplicate_name", f"{label} must not name {rules.quote(it)} twice.") for it in doubled
    ]


@dataclass(frozen=True, slots=True)
class HeaderRow:
    """A row of the form. Which messages are about its name, and which about its value, by their number from 1."""

    name: str
    value: str
    name_errors: tuple[int, ...] = ()
    value_errors: tuple[int, ...] = ()


def build_header_rows(
    headers: Iterable[tuple[str, str]], errors: Iterable[FieldError], spare_count: int
) -> list[HeaderRow]:
    """Takes what was typed and what is wrong; gives the rows with what belongs to each, and empty ones behind them."""
    found = [(number, error) for number, error in enumerate((it for it in errors if it.field == "headers"), 1)]
    rows = [
        HeaderRow(
            name,
            value,
            tuple(number for number, it in found if it.code in _NAME_CODES and _is_about(it, name, value)),
            tuple(number for number, it in found if it.code not in _NAME_CODES and _is_about(it, name, value)),
        )
        for name, value in headers
    ]
    return rows + [HeaderRow("", "")] * spare_count


def _is_about(error: FieldError, name: str, value: str) -> bool:
    if error.code == rules.NOT_KEPT:
        return value.strip() == rules.MASK
    return rules.quote(name.strip()) in error.message


def read_number(text: str, empty: int) -> int | str:
    """Gives the number that was typed, what an emptied field means, or the text for the schema to refuse."""
    text = text.strip()
    if not text:
        return empty
    return int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS_LIMIT else text
