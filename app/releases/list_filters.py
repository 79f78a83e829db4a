"""What the address of the list of releases asks for: each of its words by itself, so that a bad one spoils no other."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy import ColumnElement

from app.exceptions import FieldError
from app.language import Message, say
from app.paging import Key
from app.releases import listing, queries
from app.releases.filters import has_platform
from app.releases.listing import ReleaseFilter
from app.releases.models import Release
from app.text import find_encoding_error, is_canonical_id

PAGE_SIZE: Final = 50
TEXT_LIMIT: Final = 256
STATES: Final = ("draft", "planned", "published", "private", "archived", "historic")
BY_VERSION: Final = "version"
# In the order in which the page shows them.
FILTERS: Final = ("query", "product_id", "channel", "platform", "state", "since", "until")
PARAMETERS: Final = (*FILTERS, "sort", "cursor", "before")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}\Z")
_MEMBERS: Final[Mapping[str, Callable[[], ColumnElement[bool]]]] = {
    "draft": lambda: Release.published.is_(False),
    "planned": lambda: Release.publish_at.is_not(None) & Release.published.is_(False),
    "published": lambda: Release.published.is_(True),
    "private": lambda: Release.private.is_(True),
    "archived": lambda: Release.archived.is_(True),
    "historic": lambda: Release.is_historic.is_(True),
}


@dataclass(frozen=True, slots=True)
class ListFilters:
    """What is asked for: the filters that are on, by name and as they were written, the order, and the place.

    ``values`` is all that was written, sense or nonsense, as the fields show it; ``errors`` tell what is nonsense.
    """

    values: Mapping[str, str]
    on: Mapping[str, str]
    errors: tuple[FieldError, ...] = ()
    is_by_version: bool = False
    after: Key | None = None
    is_backward: bool = False
    moments: Mapping[str, datetime] = field(default_factory=dict)

    @property
    def address(self) -> dict[str, str]:
        """The parameters of the address of this list's first part."""
        return {**self.on, **({"sort": BY_VERSION} if self.is_by_version else {})}

    def without(self, name: str) -> ListFilters:
        """Gives the same list with one filter off, from its beginning on."""
        on = {key: value for key, value in self.on.items() if key != name}
        return replace(self, on=on, after=None, is_backward=False)

    def build_query(self) -> ReleaseFilter:
        """Gives the query of the part of the list that is asked for."""
        indexed = {"product_id"} if self.is_by_version else {"product_id", "since", "until"}
        if self.is_by_version and "product_id" in self.on:
            indexed.add("channel")
        conditions = {name: self._build_condition(name, value) for name, value in self.on.items()}
        return ReleaseFilter(
            limit=PAGE_SIZE,
            is_descending=True,
            is_by_version=self.is_by_version,
            after=self.after,
            conditions=tuple(conditions.values()),
            bounds=tuple(condition for name, condition in conditions.items() if name in indexed),
        )

    def _build_condition(self, name: str, value: str) -> ColumnElement[bool]:
        if name == "since":
            return Release.created_at >= self.moments[name]
        if name == "until":
            return Release.created_at < self.moments[name]
        conditions: Mapping[str, Callable[[str], ColumnElement[bool]]] = {
            "query": queries.mentions,
            "product_id": queries.is_of_product,
            "channel": lambda channel: Release.channel == channel,
            "platform": has_platform,
            "state": lambda state: _MEMBERS[state](),
        }
        return conditions[name](value)


def read_filters(arguments: Mapping[str, str]) -> ListFilters:
    """Takes the parameters of the address. What makes no sense there filters nothing, and is told."""
    values = {name: arguments.get(name, "") for name in (*FILTERS, "sort")}
    errors: list[FieldError] = []

    def refuse(name: str, message: Message) -> None:
        errors.append(FieldError(name, "invalid_parameter", message))

    for name in FILTERS:
        if values[name] and (message := _find_error(name, values[name])):
            refuse(name, message)
    is_by_version = values["sort"] == BY_VERSION
    if values["sort"] not in ("", BY_VERSION):
        refuse("sort", say("Order must be one of those that are offered; the newest come first here."))
    cursor, before = arguments.get("cursor", ""), arguments.get("before", "")
    after = listing.parse_cursor(before or cursor, is_by_version=is_by_version) if before or cursor else None
    if (before or cursor) and after is None:
        refuse("", say("The address names no place in this list; here is its beginning."))
    moments = {name: moment for name in ("since", "until") if (moment := _read_moment(name, values[name]))}
    if len(moments) == 2 and moments["until"] <= moments["since"]:
        refuse("until", say("Until must not be before since."))
    wrong = {error.field for error in errors}
    # Of two days that contradict each other nobody knows which one is meant.
    if len(moments) == 2 and "until" in wrong:
        wrong.add("since")
    on = {name: values[name] for name in FILTERS if values[name] and name not in wrong}
    return ListFilters(
        values, on, tuple(errors), is_by_version, after, is_backward=bool(before and after), moments=moments
    )


def list_names(filters: Iterable[str]) -> list[str]:
    """Gives the names of filters in the order in which the page shows them."""
    return sorted(filters, key=FILTERS.index)


def _find_error(name: str, value: str) -> Message | None:
    if find_encoding_error(value):
        return say("{label} must not hold characters that no text has.", label=_LABELS[name])
    if len(value) > TEXT_LIMIT:
        return say("{label} must have at most {limit} characters.", label=_LABELS[name], limit=TEXT_LIMIT)
    if name == "product_id" and not is_canonical_id(value):
        return say("Product must be one of those that are offered.")
    if name == "state" and value not in STATES:
        return say("State must be one of those that are offered.")
    if name in ("since", "until") and _read_moment(name, value) is None:
        return say("{label} must be a date such as 2026-01-31.", label=_LABELS[name])
    return None


def _read_moment(name: str, value: str) -> datetime | None:
    """Gives the moment at which a span of days begins or ends, its last day in it whole; None if it is no day."""
    if not _DAY.match(value):
        return None
    try:
        day = datetime.fromisoformat(value).replace(tzinfo=UTC)
        return day + timedelta(days=1) if name == "until" else day
    except (ValueError, OverflowError):
        return None


_LABELS: Final[Mapping[str, Message]] = {
    "query": say("Search"),
    "product_id": say("Product"),
    "channel": say("Channel"),
    "platform": say("Platform"),
    "state": say("State"),
    "since": say("Since"),
    "until": say("Until"),
}
