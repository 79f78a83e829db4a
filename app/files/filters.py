"""The query of a list of files: filters, order and place, from the URL's parameters to conditions."""

from __future__ import annotations

from collections.abc import Mapping

from app import paging
from app.comparisons import Compare, ConditionReader, compare_id, compare_text
from app.files.models import FileRecord, ReleaseFile
from app.listing import ListQuery
from app.parameters import PLACE, Parameters, read_parameters

_FIELDS: Mapping[str, Compare] = {
    "releaseId": compare_id(ReleaseFile.release_id),
    "name": compare_text(ReleaseFile.name),
}


def parse_list_query(parameters: Parameters) -> ListQuery:
    """Takes the URL's parameters in order; gives what to list, and names those that say nothing.

    Raises ValidationError with every parameter that breaks a rule.
    """
    filters = ConditionReader(_FIELDS)
    place = read_parameters(parameters, PLACE, filters.read)
    return ListQuery(conditions=tuple(filters.conditions), ignored=tuple(filters.ignored), **place)


def build_cursor(record: FileRecord) -> str:
    """Gives the cursor that a list goes on from after this file."""
    return paging.build_cursor(record.file.created_at, record.file.id)
