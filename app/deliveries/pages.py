"""What the pages show of deliveries: from rows to what a template needs."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from werkzeug.datastructures import MultiDict

from app.deliveries import queries
from app.deliveries.attempt_pages import build_attempt
from app.deliveries.queries import COUNT_LIMIT, DeliveryRecord
from app.deliveries.schema import DeliveryFilter, parse_filter
from app.deliveries.serializers import find_url
from app.deliveries.wording import count_allowed, count_round, describe_state, find_reason
from app.exceptions import FieldError, ValidationError
from app.language import format_number
from app.language import gettext as _
from app.paging import Place
from app.webhooks import states
from app.webhooks.models import Attempt
from app.webhooks.pages import shorten_url

PAGE_SIZE = 50
_FILTERS = ("release", "event", "state", "webhook", "since", "until")
_TIMES = ("since", "until")
# What a browser sends for a date and time; it is meant as UTC, which is what all pages show.
_LOCAL_TIME = re.compile(r"([0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2})(:[0-9]{2}(?:\.[0-9]{1,3})?)?\Z")


@dataclass(frozen=True, slots=True)
class ListFilters:
    """The filters of the list: as the page shows them, as the query knows them, and what is wrong with them."""

    values: Mapping[str, str]
    filters: DeliveryFilter = field(default=DeliveryFilter())
    place: Place = field(default=Place(limit=PAGE_SIZE, is_descending=True))
    errors: tuple[FieldError, ...] = field(default=())

    @property
    def address(self) -> dict[str, Any]:
        """The parameters of an address that leads here."""
        return {name: value for name, value in self.values.items() if value}


def read_filters(arguments: MultiDict[str, str]) -> ListFilters:
    """Takes the URL's arguments; gives the filters, the newest deliveries first. An empty field filters nothing."""
    values = {name: arguments.get(name, "").strip() for name in _FILTERS}
    parameters = [(name, _complete(name, value)) for name, value in values.items() if value]
    # One more row than is shown tells whether there is a next page.
    parameters += [("limit", str(PAGE_SIZE + 1)), ("sort", "-createdAt")]
    if cursor := arguments.get("cursor"):
        parameters.append(("cursor", cursor))
    try:
        filters, place = parse_filter(parameters)
    except ValidationError as error:
        return ListFilters(values, errors=tuple(_speak(it) for it in error.errors))
    shown = {name: _show_time(moment) for name in _TIMES if (moment := getattr(filters, name))}
    return ListFilters({**values, **shown}, filters, place)


def _complete(name: str, value: str) -> str:
    match = _LOCAL_TIME.match(value) if name in _TIMES else None
    return f"{match[1]}{match[2] or ':00'}Z" if match else value


def _show_time(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%dT%H:%M:%S}"


def _speak(error: FieldError) -> FieldError:
    """Gives the error as a sentence for people, who never see what a parameter is called."""
    labels = {"cursor": "The page that you asked for", **{name: name.capitalize() for name in _FILTERS}}
    label, rest = labels.get(error.field, error.field), error.message.removeprefix(error.field)
    return FieldError(error.field if error.field in _FILTERS else "", error.code, f"{label}{rest}")


def list_of_webhook(tenant_id: str, webhook_id: str, limit: int) -> list[SimpleNamespace]:
    """Gives the newest deliveries of a webhook."""
    place = Place(limit=limit, is_descending=True)
    return build_rows(tenant_id, queries.list_deliveries(tenant_id, DeliveryFilter(webhook=webhook_id), place))


def build_rows(tenant_id: str, records: Sequence[DeliveryRecord]) -> list[SimpleNamespace]:
    """Takes deliveries of one tenant; gives what a list shows of them."""
    last = queries.find_last_attempts(tenant_id, [record.delivery for record in records])
    return [_build_row(record, last.get(record.delivery.id)) for record in records]


def _build_row(record: DeliveryRecord, last: Attempt | None) -> SimpleNamespace:
    shown = _describe(record)
    if last is not None:
        shown["url"] = find_url(last, record.webhook)
    is_failing = last is not None and record.delivery.state != states.DELIVERED
    last_error = last.error_message if last and is_failing else None
    return SimpleNamespace(**shown, reason=find_reason(record.delivery), last_error=last_error)


def build_page(record: DeliveryRecord) -> SimpleNamespace:
    """Takes a delivery with its body and attempts; gives what its own page shows of it."""
    delivery = record.delivery
    return SimpleNamespace(
        **_describe(record),
        request_id=record.request_id,
        is_webhook_deleted=record.webhook.deleted_at is not None,
        round_count=count_round(delivery),
        allowed_count=count_allowed(delivery),
        next_attempt_at=delivery.next_attempt_at,
        delivered_at=delivery.delivered_at,
        held_at=delivery.held_at,
        body=format_body(record.body),
        body_length=len(record.body),
        # The newest first: whoever looks, looks for what went wrong last.
        attempts=[build_attempt(attempt, delivery, record.webhook) for attempt in reversed(record.attempts)],
    )


def _describe(record: DeliveryRecord) -> dict[str, object]:
    state, words = describe_state(record.delivery)
    is_deleted = record.webhook.deleted_at is not None
    return {
        "id": record.delivery.id,
        "webhook_id": None if is_deleted else record.webhook.id,
        "webhook_name": record.webhook.name,
        "url": record.webhook.url,
        "webhook_address": shorten_url(record.webhook.url),
        "event": record.event_type,
        "release_id": record.entity_id if record.release_version else None,
        "release_name": record.release_name,
        "release_version": record.release_version,
        "state": state,
        "state_words": words,
        "is_test": record.delivery.is_test,
        "can_be_resent": not is_deleted and (record.webhook.active or record.delivery.is_test),
        "created_at": record.delivery.created_at,
        "attempt_count": record.delivery.attempt_count,
    }


def describe_letters(rows: Sequence[SimpleNamespace]) -> str:
    """Takes the dead letters that a list shows; gives what can be done about them."""
    stuck = [row for row in rows if not row.can_be_resent]
    if not stuck:
        return _("What was given up. Each of them can be sent again.")
    if len(stuck) == len(rows) and all(row.webhook_id is None for row in rows):
        return _("What was given up. It was for a webhook that is deleted, so it cannot be sent again.")
    return _("What was given up. It can be sent again while its webhook is there and switched on.")


def format_body(body: bytes) -> str:
    """Takes the body as it is sent; gives it with line breaks, for people to read."""
    return json.dumps(json.loads(body), ensure_ascii=False, indent=2)


def format_count(count: int) -> str:
    """Gives a count in words, which was not taken to its end beyond ``COUNT_LIMIT``."""
    return format_number(count) if count <= COUNT_LIMIT else f"{format_number(COUNT_LIMIT)}+"
