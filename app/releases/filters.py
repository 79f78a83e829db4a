"""The query of a list of releases: filters, order and place, from the URL's parameters to conditions."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement, and_, exists, not_

from app.comparisons import Compare, build_condition, compare_id, compare_order, compare_text
from app.exceptions import FieldError, ValidationError
from app.language import say
from app.parameters import PLACE, BadValueError, Parameters, Reader, read_boolean, read_parameters, read_time
from app.releases import versions
from app.releases.listing import ReleaseFilter, parse_cursor
from app.releases.models import Release, ReleaseSlot
from app.releases.queries import mentions

# The orders: whether by version, and whether the newest or the highest comes first.
SORTS: Mapping[str, tuple[bool, bool]] = {
    "createdAt": (False, False),
    "-createdAt": (False, True),
    "version": (True, False),
    "-version": (True, True),
}


def parse_list_query(parameters: Parameters) -> ReleaseFilter:
    """Takes the URL's parameters in order; gives what to list. Parameters that are not known say nothing.

    Raises ValidationError with every parameter that breaks a rule.
    """
    conditions: list[ColumnElement[bool]] = []

    def read_filter(name: str, value: str) -> None:
        if (condition := build_condition(_FIELDS, name, value)) is not None:
            conditions.append(condition)

    place = read_parameters(parameters, _PLACE, read_filter)
    is_by_version, place["is_descending"] = place.pop("order", SORTS["createdAt"])
    if "after" in place:
        place["after"] = parse_cursor(place["after"], is_by_version=is_by_version)
        if place["after"] is None:
            raise ValidationError([FieldError("cursor", "invalid_parameter", "cursor is not a cursor of this list.")])
    return ReleaseFilter(conditions=tuple(conditions), is_by_version=is_by_version, **place)


def _read_sort(value: str) -> tuple[bool, bool]:
    if value not in SORTS:
        raise BadValueError(say("must be createdAt, -createdAt, version or -version."))
    return SORTS[value]


def _compare_version(operator: str, value: str) -> ColumnElement[bool]:
    if operator in ("gt", "gte", "lt", "lte"):
        if versions.find_version_error(value):
            raise BadValueError(say("must be a version such as 1.4.0."))
        return compare_order(Release.version_key, versions.build_version_key)(operator, value)
    return compare_text(Release.version)(operator, value)


def has_platform(name: str) -> ColumnElement[bool]:
    """The condition that a release names the platform."""
    return _compare_platform("eq", name)


def _compare_platform(operator: str, value: str) -> ColumnElement[bool]:
    is_negative = operator in ("ne", "nc", "nin")
    positive = {"ne": "eq", "nc": "cn", "nin": "in"}.get(operator, operator)
    has_platform = exists().where(
        and_(
            ReleaseSlot.release_id == Release.id,
            ReleaseSlot.tenant_id == Release.tenant_id,
            compare_text(ReleaseSlot.platform)(positive, value),
        )
    )
    return not_(has_platform) if is_negative else has_platform


# A cursor means something only in the order that it was given for, and that may be named after it.
_PLACE: Mapping[str, Reader] = {**PLACE, "sort": ("order", _read_sort), "cursor": ("after", str)}
_FIELDS: Mapping[str, Compare] = {
    "productId": compare_id(Release.product_id),
    "name": compare_text(Release.name),
    "channel": compare_text(Release.channel),
    "version": _compare_version,
    "platform": _compare_platform,
    "published": compare_order(Release.published, read_boolean),
    "private": compare_order(Release.private, read_boolean),
    "archived": compare_order(Release.archived, read_boolean),
    "createdAt": compare_order(Release.created_at, read_time),
    "updatedAt": compare_order(Release.updated_at, read_time),
    "query": lambda _operator, value: mentions(value),
}
