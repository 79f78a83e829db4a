"""Cuts a part out of a list by its place, by keys and not by counting wherever a cursor is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVarTuple

from sqlalchemy import ColumnElement, Select, asc, desc, tuple_

from app.paging import Place

Ts = TypeVarTuple("Ts")


@dataclass(frozen=True, slots=True)
class ListQuery(Place):
    """What to list, and which part of it. ``ignored`` names what was asked for and says nothing."""

    conditions: tuple[ColumnElement[bool], ...] = field(default=())
    ignored: tuple[str, ...] = field(default=())


def cut_list(query: Select[*Ts], key: Sequence[Any], place: Place) -> Select[*Ts]:
    """Takes a query and the columns that it is ordered by, the id the last; gives the query of the part that is wanted.

    A list by cursor costs the same however deep it is, and no row comes twice or is left out because others appear.
    """
    if place.after is not None:
        after = tuple_(*place.after.key, types=[column.type for column in key])
        query = query.where(tuple_(*key) < after if place.is_descending else tuple_(*key) > after)
    elif place.page > 1:
        query = query.offset((place.page - 1) * place.limit)
    direction = desc if place.is_descending else asc
    return query.order_by(*(direction(column) for column in key)).limit(place.limit)
