"""The query of a list of download keys, from the URL's parameters to conditions."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement

from app.comparisons import Compare, ConditionReader, compare_order, compare_text
from app.download_keys.models import DownloadKey
from app.listing import ListQuery
from app.parameters import PLACE, Parameters, read_boolean, read_parameters

_FIELDS: Mapping[str, Compare] = {
    "name": compare_text(DownloadKey.name),
    "revoked": compare_order(DownloadKey.revoked_at.is_not(None), read_boolean),
}


def parse_list_query(parameters: Parameters) -> ListQuery:
    """Takes the URL's parameters in order; gives what to list. Raises ValidationError with every one that is wrong."""
    filters = ConditionReader(_FIELDS)
    place = read_parameters(parameters, PLACE, filters.read)
    return ListQuery(conditions=tuple(filters.conditions), ignored=tuple(filters.ignored), **place)


def is_in_force() -> ColumnElement[bool]:
    """The condition that a key is not revoked."""
    return DownloadKey.revoked_at.is_(None)


def is_revoked() -> ColumnElement[bool]:
    """The condition that a key is revoked."""
    return DownloadKey.revoked_at.is_not(None)
