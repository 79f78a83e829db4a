"""The query of a list of releases: filters, order and place, from the URL's parameters to conditions."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement, and_, exists, not_

from app import paging
from app.comparisons import Compare, build_condition, compare_id, compare_order, compare_text
from app.parameters import PLACE, BadValueError, Parameters, read_boolean, read_parameters, read_time
from app.releases import versions
from app.releases.models import Release, ReleaseSlot
from app.releases.queries import ReleaseFilter, mentions


def parse_list_query(parameters: Parameters) -> ReleaseFilter:
    """Takes the URL's parameters in order; gives what to list. Parameters that are not known say nothing.

    Raises ValidationError with every parameter that breaks a rule.
    """
    conditions: list[ColumnElement[bool]] = []

    def read_filter(name: str, value: str) -> None:
        if (condition := build_condition(_FIELDS, name, value)) is not None:
            conditions.append(condition)

    place = read_parameters(parameters, PLACE, read_filter)
    return ReleaseFilter(conditions=tuple(conditions), **place)


def build_cursor(release: Release) -> str:
    """Gives the cursor that a list goes on from after this release."""
    return paging.build_cursor(release.created_at, release.id)


def _compare_version(operator: str, value: str) -> ColumnElement[bool]:
    if operator in ("gt", "gte", "lt", "lte"):
        if versions.find_version_error(value):
            raise BadValueError("must be a version such as 1.4.0.")
        return compare_order(Release.version_key, versions.build_version_key)(operator, value)
    return compare_text(Release.version)(operator, value)


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
