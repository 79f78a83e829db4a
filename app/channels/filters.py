"""The query of a list of channels or platforms: filters, order and place, from the URL's parameters to conditions."""

from __future__ import annotations

from app import paging
from app.channels.kinds import Kind
from app.channels.models import Name
from app.comparisons import ConditionReader, compare_id, compare_order, compare_text
from app.listing import ListQuery
from app.parameters import PLACE, Parameters, read_parameters, read_time


def parse_list_query(kind: Kind, parameters: Parameters) -> ListQuery:
    """Takes the URL's parameters in order; gives what to list, and names those that say nothing.

    Raises ValidationError with every parameter that breaks a rule.
    """
    fields = {
        "id": compare_id(kind.model.id),
        "name": compare_text(kind.model.name),
        "createdAt": compare_order(kind.model.created_at, read_time),
        "updatedAt": compare_order(kind.model.updated_at, read_time),
        "query": lambda _operator, value: kind.model.name.icontains(value, autoescape=True),
    }
    filters = ConditionReader(fields)
    place = read_parameters(parameters, PLACE, filters.read)
    return ListQuery(conditions=tuple(filters.conditions), ignored=tuple(filters.ignored), **place)


def build_cursor(row: Name) -> str:
    """Gives the cursor that a list goes on from after this one."""
    return paging.build_cursor(row.created_at, row.id)
