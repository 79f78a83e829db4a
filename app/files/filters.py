"""The query of a list of files: filters, order and place, from the URL's parameters to conditions."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy import ColumnElement

from app import paging
from app.comparisons import Compare, build_condition, compare_id, compare_text
from app.files.models import FileRecord, ReleaseFile
from app.listing import ListQuery
from app.parameters import PLACE, Parameters, read_parameters

_FIELDS: Mapping[str, Compare] = {
    "releaseId": compare_id(ReleaseFile.release_id),
    "name": compare_text(ReleaseFile.name),
}


def parse_list_query(parameters: Parameters) -> ListQuery:
    """Takes the URL's parameters in order; gives what to list. Parameters that are not known say nothing.

    Raises ValidationError with every parameter that breaks a rule.
    """
    conditions: list[ColumnElement[bool]] = []

    def read_filter(name: str, value: str) -> None:
        if (condition := build_condition(_FIELDS, name, value)) is not None:
            conditions.append(condition)

    place = read_parameters(parameters, PLACE, read_filter)
    return ListQuery(conditions=tuple(conditions), **place)


def build_cursor(record: FileRecord) -> str:
    """Gives the cursor that a list goes on from after this file."""
    return paging.build_cursor(record.file.created_at, record.file.id)
