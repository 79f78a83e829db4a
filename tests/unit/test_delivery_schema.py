"""What a list of deliveries can be asked for, and the ids of attempts."""

from __future__ import annotations

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.deliveries.schema import DeliveryFilter, build_attempt_id, parse_attempt_id, parse_filter
from app.exceptions import ValidationError
from app.paging import Place, build_cursor, parse_cursor

WEBHOOK_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"


@given(st.uuids(version=4), st.integers(1, 0xFFFF))
def test_an_attempts_id_leads_to_its_delivery_and_its_number(delivery_id: UUID, number: int) -> None:
    attempt_id = build_attempt_id(str(delivery_id), number)
    assert (UUID(attempt_id).version, UUID(attempt_id).variant) == (8, delivery_id.variant)
    key = parse_attempt_id(attempt_id)
    assert key is not None
    assert key.first_delivery_id <= str(delivery_id) <= key.last_delivery_id
    assert key.number == number


@pytest.mark.parametrize("text", ["", "x", WEBHOOK_ID, WEBHOOK_ID.replace("-469f", "-869F"), "8" * 32])
def test_what_is_no_attempts_id_is_none(text: str) -> None:
    assert parse_attempt_id(text) is None


def test_a_filter_is_what_was_asked_for_and_the_rest_says_nothing() -> None:
    since = datetime(2019, 8, 24, 12, 15, 22, tzinfo=UTC)
    cursor = build_cursor(since, WEBHOOK_ID)
    parameters = {
        "event": "webhook.test", "release": "1.2", "webhook": WEBHOOK_ID, "state": "held",
        # A plus sign that nobody encoded has become a space.
        "since": "2019-08-24T14:15:22 02:00", "limit": "5", "sort": "-createdAt", "cursor": cursor, "unknown": "1",
    }  # fmt: skip
    filters, place = parse_filter(parameters.items())
    assert filters == DeliveryFilter(WEBHOOK_ID, "webhook.test", "1.2", "held", since)
    assert place == Place(5, 1, is_descending=True, after=parse_cursor(cursor))


def test_every_broken_rule_is_told_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        parse_filter([("state", ""), ("event", "x"), ("release", ""), ("limit", "0"), ("until", "now")])
    assert [error.field for error in caught.value.errors] == ["state", "event", "release", "limit", "until"]
