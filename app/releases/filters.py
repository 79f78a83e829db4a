"""The query of a list of releases: filters, order and place, from the URL's parameters to conditions."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement, and_, exists, not_, or_

from app.comparisons import Compare, ConditionReader, compare_boolean, compare_id, compare_order, compare_text
from app.exceptions import FieldError, ValidationError
from app.language import say
from app.parameters import PLACE, BadValueError, Parameters, Reader, read_parameters, read_time
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


def parse_list_query(parameters: Parameters, *, is_descending: bool = False) -> ReleaseFilter:
    """Takes the URL's parameters in order; gives what to list, and names those that say nothing.

    If they name no order it is by time, with ``is_descending`` the newest first. Raises ValidationError with every
    parameter that breaks a rule.
    """
    filters = ConditionReader(_FIELDS)
    place = read_parameters(parameters, _PLACE, filters.read)
    is_by_version, place["is_descending"] = place.pop("order", (False, is_descending))
    if "after" in place:
        place["after"] = parse_cursor(place["after"], is_by_version=is_by_version)
        if place["after"] is None:
            raise ValidationError([FieldError("cursor", "invalid_parameter", "cursor is not a cursor of this list.")])
    return ReleaseFilter(
        conditions=tuple(filters.conditions), ignored=tuple(filters.ignored), is_by_version=is_by_version, **place
    )


def _read_sort(value: str) -> tuple[bool, bool]:
    if value not in SORTS:
        raise BadValueError(say("must be createdAt, -createdAt, version or -version."))
    return SORTS[value]


def _compare_version(operator: str, value: str) -> ColumnElement[bool]:
    if operator in ("gt", "gte", "lt", "lte"):
        if versions.find_version_error(value):
            raise BadValueError(say("must be a version such as 1.4.0."))
        return compare_order(Release.version_key, versions.build_version_key)(operator, value)
    condition = compare_text(Release.version)(operator, value)
    # There is an index by key and none by text, and what is not a version is nobody's.
    if operator in ("eq", "in"):
        wanted = value.split(",") if operator == "in" else [value]
        keys = [versions.build_version_key(it) for it in wanted if versions.find_version_error(it) is None]
        return and_(condition, Release.version_key.in_(keys))
    if operator == "sw" and (spans := versions.list_spans(value)):
        return and_(condition, or_(*(Release.version_key.between(least, greatest) for least, greatest in spans)))
    return condition


def has_platform(name: str) -> ColumnElement[bool]:
    """The condition that a release names the platform."""
    return _compare_platform("eq", name)


def _compare_platform(operator: str, value: str) -> ColumnElement[bool]:
    is_negative = operator in ("ne", "nc", "nin")
    positive = {"ne": "eq", "nc": "cn", "nin": "in"}.get(operator, operator)
    # Nothing else ties the two: whatever is said twice makes the planner take what is common for rare.
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
    "published": compare_boolean(Release.published),
    "private": compare_boolean(Release.private),
    "archived": compare_boolean(Release.archived),
    "createdAt": compare_order(Release.created_at, read_time),
    "updatedAt": compare_order(Release.updated_at, read_time),
    "query": lambda _operator, value: mentions(value),
}
