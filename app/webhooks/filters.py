"""The query of the API's list of webhooks: filters, order and place, from the URL's parameters to conditions.

A parameter that the list does not know is refused: whoever deletes what a filter finds must not delete everything
because it was misspelt.
"""

from __future__ import annotations

from collections.abc import Mapping

from app import paging
from app.comparisons import Compare, Condition, build_condition, compare_order, compare_text, mention
from app.listing import ListQuery
from app.parameters import PLACE, Parameters, build_refusal, read_boolean, read_parameters, read_time
from app.webhooks.models import Webhook

_FIELDS: Mapping[str, Compare] = {
    "name": compare_text(Webhook.name),
    "url": compare_text(Webhook.url),
    "active": compare_order(Webhook.active, read_boolean),
    "scheme": compare_text(Webhook.scheme),
    "createdAt": compare_order(Webhook.created_at, read_time),
    "updatedAt": compare_order(Webhook.updated_at, read_time),
    "query": lambda _operator, value: mention((Webhook.name, Webhook.url), value),
}


def parse_list_query(parameters: Parameters) -> ListQuery:
    """Takes the URL's parameters in order; gives what to list.

    Raises ValidationError with every parameter that breaks a rule, or that the list does not know.
    """
    conditions: list[Condition] = []

    def read_filter(name: str, value: str) -> None:
        condition = build_condition(_FIELDS, name, value)
        if condition is None:
            raise build_refusal([*_FIELDS, *PLACE])
        conditions.append(condition)

    place = read_parameters(parameters, PLACE, read_filter)
    return ListQuery(conditions=tuple(conditions), **place)


def build_cursor(webhook: Webhook) -> str:
    """Gives the cursor that a list goes on from after this webhook."""
    return paging.build_cursor(webhook.created_at, webhook.id)
