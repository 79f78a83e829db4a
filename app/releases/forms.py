"""The release form: from what a browser sends to the members that the schema reads, and back. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Protocol
from urllib.parse import parse_qsl
from uuid import uuid4

from app.exceptions import FieldError
from app.forms import FormState

DEFAULT_ZONE = "+00:00"
# Every distance from UTC that is in use somewhere (IANA time zone database).
ZONES: tuple[str, ...] = (
    "-12:00", "-11:00", "-10:00", "-09:30", "-09:00", "-08:00", "-07:00", "-06:00", "-05:00", "-04:00", "-03:30",
    "-03:00", "-02:30", "-02:00", "-01:00", "+00:00", "+01:00", "+02:00", "+03:00", "+03:30", "+04:00", "+04:30",
    "+05:00", "+05:30", "+05:45", "+06:00", "+06:30", "+07:00", "+08:00", "+08:45", "+09:00", "+09:30", "+10:00",
    "+10:30", "+11:00", "+12:00", "+12:45", "+13:00", "+13:45", "+14:00",
)  # fmt: skip
# Where an error of the API's field shows in the form.
_SHOWN_AT = {"createdAt": "oldDate"}
_TEXT_FIELDS = (
    "name", "version", "channel", "notes", "productId", "platformsOther", "oldDate", "oldZone", "signInEmail",
)  # fmt: skip


class FormData(Protocol):
    """What a framework gives of a form that was sent."""

    def get(self, key: str, default: str) -> str:
        """The first value of a field."""
        ...

    def getlist(self, key: str) -> list[str]:
        """All values of a field."""
        ...


def read_values(form: FormData) -> dict[str, Any]:
    """Takes the form; gives every value as it was typed, so that the page can show it again."""
    values: dict[str, Any] = {name: form.get(name, "") for name in _TEXT_FIELDS}
    values["platforms"] = form.getlist("platforms")
    values["private"] = bool(form.get("private", ""))
    values["isOld"] = bool(form.get("isOld", ""))
    values["idempotencyKey"] = form.get("idempotencyKey", "")
    return values


def build_new_values(product_id: str = "", channel: str = "stable") -> dict[str, Any]:
    """Gives the values of a form that nobody has touched. Its key makes a form that is sent twice one release."""
    values: dict[str, Any] = dict.fromkeys(_TEXT_FIELDS, "")
    return values | {
        "productId": product_id,
        "channel": channel,
        "platforms": [],
        "private": False,
        "isOld": False,
        "oldZone": DEFAULT_ZONE,
        "idempotencyKey": str(uuid4()),
    }


def build_stored_values(stored: Mapping[str, Any]) -> dict[str, Any]:
    """Takes a release as the API answers it; gives the values of the form that changes it."""
    values: dict[str, Any] = dict.fromkeys(_TEXT_FIELDS, "")
    kept = ("name", "version", "channel", "platforms", "private", "notes", "productId")
    return values | {name: stored[name] for name in kept} | {"isOld": False, "idempotencyKey": ""}


def build_raw(values: Mapping[str, Any]) -> dict[str, Any]:
    """Takes the form's values; gives the members of the API's body that they stand for."""
    raw = {name: values[name] for name in ("name", "version", "channel", "notes", "productId")}
    raw["platforms"] = [*values["platforms"], *split_platforms(values["platformsOther"])]
    raw["private"] = values["private"]
    # Who types a date means it, ticked or not: what was typed must not be dropped.
    if values["isOld"] or values["oldDate"]:
        raw["createdAt"] = _build_time(values["oldDate"], values["oldZone"])
    return raw


def split_platforms(text: str) -> list[str]:
    """Takes the field of other platforms; gives the names in it."""
    return [name for part in text.split(",") if (name := part.strip())]


def refill(values: Mapping[str, Any], suggestion: str) -> dict[str, Any]:
    """Takes the form's values and a suggestion that was taken, as its button says it; gives the values with it.

    A suggestion is the query of an address: ``field`` and ``value``, and for a platform what was ``typed`` in its
    place. One that says nothing changes nothing.
    """
    said = dict(parse_qsl(suggestion))
    field, value = said.get("field"), said.get("value", "")
    if field in ("version", "channel") and value:
        return {**values, field: value}
    if field == "platforms" and value:
        others = [name for name in split_platforms(values["platformsOther"]) if name != said.get("typed")]
        platforms = list(dict.fromkeys([*values["platforms"], value]))
        return {**values, "platforms": platforms, "platformsOther": ", ".join(others)}
    return dict(values)


def _build_time(date: str, zone: str) -> str:
    # Browsers leave out the seconds of a datetime-local if they are zero.
    seconds = ":00" if len(date) == len("2019-08-24T14:15") else ""
    return f"{date}{seconds}{zone or DEFAULT_ZONE}"


def build_state(values: Mapping[str, Any], errors: Iterable[FieldError]) -> FormState:
    """Takes the values and the schema's verdict; gives what the page shows, each error at its field."""
    shown: Sequence[FieldError] = [
        FieldError(_SHOWN_AT.get(error.field, error.field), error.code, error.message) for error in errors
    ]
    return FormState.build(values, shown)
