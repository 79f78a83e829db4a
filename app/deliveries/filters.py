"""The filters of the API's lists of deliveries and of attempts, by the same names: from parameters to conditions.

A parameter that a list does not know is refused: a filter that said nothing would let everything through.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import false, not_, or_, select

from app.comparisons import Compare, Condition, build_condition, compare_id, compare_order, compare_text
from app.deliveries import queries
from app.deliveries.schema import KNOWN_EVENT_TYPES, STATES, DeliveryFilter, check_span, read_release
from app.language import say
from app.listing import ListQuery
from app.parameters import (
    PLACE,
    BadValueError,
    Parameters,
    build_number_reader,
    build_refusal,
    read_parameters,
    read_time,
)
from app.text import is_canonical_id
from app.webhooks import states
from app.webhooks.models import Attempt, Delivery, Event

OUTCOMES = (states.STARTED, states.SUCCESS, states.FAILED, states.LOST)
_WHOLE_WORDS = ("eq", "ne", "in", "nin")


@dataclass(frozen=True, slots=True)
class _Subject:
    """What a list is of: its column of delivery ids, when its rows are from, and how a delivery's condition is put."""

    delivery_id: Any
    created_at: Any
    reach: Callable[[Condition], Condition]


def read_delivery_query(tenant_id: str, parameters: Parameters) -> ListQuery:
    """Takes the URL's parameters in order; gives which of the tenant's deliveries to list.

    Raises ValidationError with every parameter that breaks a rule, or that the list does not know.
    """
    return _read_query(parameters, _build_fields(tenant_id, _DELIVERIES))


def read_attempt_query(tenant_id: str, parameters: Parameters) -> ListQuery:
    """Takes the URL's parameters in order; gives which of the tenant's attempts to list.

    Raises ValidationError with every parameter that breaks a rule, or that the list does not know.
    """
    fields = {
        **_build_fields(tenant_id, _ATTEMPTS),
        "webhookId": _compare_strict_id(Attempt.webhook_id),
        "deliveryId": _compare_strict_id(Attempt.delivery_id),
        "statusCode": compare_order(Attempt.status_code, build_number_reader(100, 599)),
        "outcome": _compare_outcome,
    }
    return _read_query(parameters, fields)


def _read_query(parameters: Parameters, fields: Mapping[str, Compare]) -> ListQuery:
    conditions: dict[str, Condition] = {}
    given: dict[str, str] = {}

    def read_filter(name: str, value: str) -> None:
        if name in conditions:
            raise BadValueError(say("must be given once."))
        condition = build_condition(fields, name, value)
        if condition is None:
            raise build_refusal([*fields, *PLACE])
        conditions[name], given[name] = condition, value

    place = read_parameters(parameters, PLACE, read_filter)
    check_span(*(read_time(given[name]) if name in given else None for name in ("since", "until")))
    return ListQuery(conditions=tuple(conditions.values()), **place)


def _build_fields(tenant_id: str, subject: _Subject) -> dict[str, Compare]:
    return {
        "event": functools.partial(_compare_event, tenant_id, subject),
        "releaseId": functools.partial(_compare_release_id, tenant_id, subject),
        "release": functools.partial(_compare_release, tenant_id, subject),
        "state": functools.partial(_compare_state, tenant_id, subject),
        "createdAt": compare_order(subject.created_at, read_time),
        "since": _compare_equal(lambda value: subject.created_at >= read_time(value)),
        "until": _compare_equal(lambda value: subject.created_at < read_time(value)),
    }


def _compare_event(tenant_id: str, subject: _Subject, operator: str, value: str) -> Condition:
    is_it = compare_text(Event.event_type)(operator, value)
    _check_words(operator, value, KNOWN_EVENT_TYPES)
    if operator == "eq":
        return _is_of_events(tenant_id, subject, DeliveryFilter(event_type=value))
    return subject.reach(_is_of_event(is_it))


def _compare_release_id(tenant_id: str, subject: _Subject, operator: str, value: str) -> Condition:
    is_it = _compare_strict_id(Event.entity_id)(operator, value)
    if operator == "eq" and is_canonical_id(value):
        return _is_of_events(tenant_id, subject, DeliveryFilter(release=value))
    return subject.reach(_is_of_event(is_it))


def _compare_release(tenant_id: str, subject: _Subject, operator: str, value: str) -> Condition:
    return _compare_equal(lambda text: _is_of_events(tenant_id, subject, DeliveryFilter(release=read_release(text))))(
        operator, value
    )


def _is_of_events(tenant_id: str, subject: _Subject, filters: DeliveryFilter) -> Condition:
    """Gives the condition that the event fits: by id if it is about a few deliveries, else by looking at each one's."""
    few = queries.find_few_deliveries(tenant_id, filters)
    if few is not None:
        return _is_one_of(subject, few)
    return subject.reach(queries.build_event_condition(tenant_id, filters))


def _compare_state(tenant_id: str, subject: _Subject, operator: str, value: str) -> Condition:
    if operator not in _WHOLE_WORDS:
        raise BadValueError(say("knows the operators {names}.", names=", ".join(_WHOLE_WORDS)))
    _check_words(operator, value, STATES)
    if operator == "eq" and (few := queries.find_few_in_state(tenant_id, value)) is not None:
        return _is_one_of(subject, few)
    wanted = [value] if operator in ("eq", "ne") else value.split(",")
    is_in_one = subject.reach(or_(*(queries.build_state_condition(state) for state in wanted)))
    return not_(is_in_one) if operator in ("ne", "nin") else is_in_one


def _compare_outcome(operator: str, value: str) -> Condition:
    if operator not in _WHOLE_WORDS:
        raise BadValueError(say("knows the operators {names}.", names=", ".join(_WHOLE_WORDS)))
    _check_words(operator, value, OUTCOMES)
    return compare_text(Attempt.outcome)(operator, value)


def _check_words(operator: str, value: str, known: tuple[str, ...]) -> None:
    """Raises BadValueError if one of the words that are compared as a whole is none of those that are known."""
    words = {"eq": [value], "ne": [value]}.get(operator, value.split(",") if operator in _WHOLE_WORDS else [])
    if unknown := set(words) - set(known):
        raise BadValueError(say("must be one of {names}; {value} is none.", names=", ".join(known), value=min(unknown)))


def _compare_strict_id(column: Any) -> Compare:
    def compare(operator: str, value: str) -> Condition:
        condition = compare_id(column)(operator, value)
        if not all(map(is_canonical_id, value.split(","))):
            raise BadValueError(say("must be an id, a UUID in lower case."))
        return condition

    return compare


def _compare_equal(build: Callable[[str], Condition]) -> Compare:
    def compare(operator: str, value: str) -> Condition:
        if operator != "eq":
            raise BadValueError(say("knows no operators."))
        return build(value)

    return compare


def _is_one_of(subject: _Subject, delivery_ids: Sequence[str]) -> Condition:
    # Of an empty list of ids a database looks at every row to find none.
    condition: Condition = subject.delivery_id.in_(delivery_ids) if delivery_ids else false()
    return condition


def _is_of_event(condition: Condition) -> Condition:
    is_its_own = (Event.id == Delivery.event_id) & (Event.tenant_id == Delivery.tenant_id)
    return select(Event.id).where(is_its_own, condition).exists()


def _is_of_delivery(condition: Condition) -> Condition:
    is_its_own = (Delivery.id == Attempt.delivery_id) & (Delivery.tenant_id == Attempt.tenant_id)
    return select(Delivery.id).where(is_its_own, condition).exists()


_DELIVERIES = _Subject(Delivery.id, Delivery.created_at, lambda condition: condition)
_ATTEMPTS = _Subject(Attempt.delivery_id, Attempt.started_at, _is_of_delivery)
