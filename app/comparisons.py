"""The contract's filters, ``field=value`` and ``field[operator]=value``, as conditions of a query."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, and_, not_, or_

from app.language import say
from app.parameters import BadValueError, read_boolean
from app.text import is_canonical_id

_NAME = re.compile(r"([A-Za-z]+)(?:\[([a-z]+)\])?\Z")

# Of a search: each costs as much as the one before.
_WORDS = 8

Condition = ColumnElement[bool]
# Takes an operator and the text of a value. Raises BadValueError.
Compare = Callable[[str, str], Condition]


class ConditionReader:
    """Reads the parameters of a list that are filters, one by one.

    ``conditions`` are what they ask for. ``ignored`` names the parameters that are about no field, so that whoever has
    mistyped one learns of it.
    """

    def __init__(self, fields: Mapping[str, Compare]) -> None:
        """Takes the comparisons of each field."""
        self._fields = fields
        self.conditions: list[Condition] = []
        self.ignored: list[str] = []

    def read(self, name: str, value: str) -> None:
        """Reads one. Raises BadValueError."""
        condition = build_condition(self._fields, name, value)
        if condition is None:
            self.ignored.append(name)
        else:
            self.conditions.append(condition)


def build_condition(fields: Mapping[str, Compare], name: str, value: str) -> Condition | None:
    """Takes a parameter; gives its condition, None if it is about no field. Raises BadValueError."""
    match = _NAME.match(name)
    compare = fields.get(match[1]) if match else None
    return compare(match[2] or "eq", value) if match and compare else None


def compare_text(column: Any) -> Compare:
    """Gives the comparisons of a column of text, in which case counts."""
    operators: dict[str, Callable[[str], Condition]] = {
        "eq": lambda value: column == value,
        "ne": lambda value: column != value,
        "sw": lambda value: column.startswith(value, autoescape=True),
        "ew": lambda value: column.endswith(value, autoescape=True),
        "cn": lambda value: column.contains(value, autoescape=True),
        "nc": lambda value: not_(column.contains(value, autoescape=True)),
        "in": lambda value: column.in_(value.split(",")),
        "nin": lambda value: column.not_in(value.split(",")),
    }
    return lambda operator, value: _choose(operators, operator)(value)


def mention(columns: Sequence[Any], text: str) -> Condition:
    """Gives the condition that one or another of the columns holds each word of the text, whatever its case."""
    words = text.split()[:_WORDS] or [text]
    return and_(*(or_(*(column.icontains(word, autoescape=True) for column in columns)) for word in words))


def compare_order(column: Any, read: Callable[[str], Any]) -> Compare:
    """Gives the comparisons of a column of numbers or times; ``read`` makes a value of a text."""
    operators: dict[str, Callable[[Any], Condition]] = {
        "eq": lambda value: column == value,
        "ne": lambda value: column != value,
        "gt": lambda value: column > value,
        "gte": lambda value: column >= value,
        "lt": lambda value: column < value,
        "lte": lambda value: column <= value,
    }
    return lambda operator, value: _choose(operators, operator)(read(value))


def compare_boolean(column: Any) -> Compare:
    """Gives the comparisons of a column of truth values."""
    operators: dict[str, Callable[[bool], Condition]] = {
        # Plain, and not compared with a value: so PostgreSQL sees that it may be the condition of an index.
        "eq": lambda value: column if value else not_(column),
        "ne": lambda value: not_(column) if value else column,
    }
    return lambda operator, value: _choose(operators, operator)(read_boolean(value))


def compare_id(column: Any) -> Compare:
    """Gives the comparisons of a column of ids."""
    operators: dict[str, Callable[[list[str]], Condition]] = {
        "eq": column.in_,
        "ne": column.not_in,
        "in": column.in_,
        "nin": column.not_in,
    }

    def compare(operator: str, value: str) -> Condition:
        # What is not an id is nobody's; PostgreSQL would refuse to compare it.
        wanted = [part for part in value.split(",") if is_canonical_id(part)]
        return _choose(operators, operator)(wanted)

    return compare


def _choose(operators: Mapping[str, Callable[[Any], Condition]], operator: str) -> Callable[[Any], Condition]:
    if operator not in operators:
        raise BadValueError(say("knows the operators {names}.", names=", ".join(operators)))
    return operators[operator]
