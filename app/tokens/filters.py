"""The query of the API's list of access tokens: filters, order and place, from the URL's parameters to conditions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from app import paging
from app.accounts.models import AccessToken
from app.comparisons import Compare, ConditionReader, compare_id, compare_order, compare_text
from app.language import say
from app.listing import ListQuery
from app.parameters import PLACE, BadValueError, Parameters, Reader, read_boolean, read_parameters, read_time

_OWNERS: Mapping[str, bool] = {"me": False, "all": True}
_FIELDS: Mapping[str, Compare] = {
    "id": compare_id(AccessToken.id),
    "userId": compare_id(AccessToken.user_id),
    "name": compare_text(AccessToken.name),
    "revoked": compare_order(AccessToken.revoked_at.is_not(None), read_boolean),
    "expiresAt": compare_order(AccessToken.expires_at, read_time),
    "createdAt": compare_order(AccessToken.created_at, read_time),
    "updatedAt": compare_order(AccessToken.updated_at, read_time),
}


@dataclass(frozen=True, slots=True)
class TokenListQuery(ListQuery):
    """Which tokens to list: those of whoever asks, or everybody's."""

    is_everybodys: bool = False


def parse_list_query(parameters: Parameters) -> TokenListQuery:
    """Takes the URL's parameters in order; gives what to list, and names those that say nothing.

    Raises ValidationError with every parameter that breaks a rule.
    """
    filters = ConditionReader(_FIELDS)
    place = read_parameters(parameters, _PLACE, filters.read)
    return TokenListQuery(conditions=tuple(filters.conditions), ignored=tuple(filters.ignored), **place)


def build_cursor(token: AccessToken) -> str:
    """Gives the cursor that a list goes on from after this token."""
    return paging.build_cursor(token.created_at, token.id)


def _read_owner(value: str) -> bool:
    if value not in _OWNERS:
        raise BadValueError(say("must be me or all."))
    return _OWNERS[value]


_PLACE: Mapping[str, Reader] = {**PLACE, "owner": ("is_everybodys", _read_owner)}
