"""What was owed at the very moment of a pause, and what arrives in spite of one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app.database import clock, transaction
from app.webhooks import outcomes, pausing, strays
from app.webhooks.claims import Claim
from app.webhooks.delivery import Outcome
from app.webhooks.models import Webhook
from app.webhooks.pausing import PAUSED, SWITCHED_OFF
from app.webhooks.queries import get_webhook
from app.webhooks.samples import send_test
from tests.factories import Caller, Factory, Organisation
from tests.receivers import Receiver
from tests.working import claim, create_release, deliver_all, get_delivery, make_due

SUCCESS = Outcome(is_success=True, status_code=200)
FAILURE = Outcome(status_code=500, error="http_status", error_message="The receiver answered 500.")


def close(webhook: Webhook, **values: Any) -> None:
    """Closes a webhook as somebody does who sees nothing of what is owed at this moment."""
    with transaction() as session:
        session.execute(update(Webhook).where(Webhook.id == webhook.id).values(**values))


def record(*recorded: tuple[Claim, Outcome]) -> Sequence[str]:
    """Records outcomes; gives the states."""
    with transaction() as session:
        return outcomes.record_outcomes(session, recorded)


@pytest.mark.parametrize(
    ("values", "state", "reason"),
    [
        ({"paused_at": clock()}, "held", PAUSED),
        ({"active": False}, "held", SWITCHED_OFF),
        ({"deleted_at": clock(), "active": False}, "dead", "The webhook was deleted."),
    ],
    ids=["paused", "off", "deleted"],
)
def test_what_was_overlooked_is_not_sent_and_comes_to_stand_where_it_belongs(
    make: Factory, owner: Organisation, caller: Caller, values: dict[str, Any], state: str, reason: str
) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/")
    create_release(make, owner, caller)
    assert not strays.hold_strays()
    assert get_delivery().state == "pending"
    close(webhook, **values)
    assert claim(5) == []
    strays.hold_strays()
    delivery = get_delivery()
    assert (delivery.state, delivery.reason, delivery.next_attempt_at) == (state, reason, None)


def test_a_test_goes_out_to_a_webhook_that_is_paused_and_is_not_held(
    app: Flask, make: Factory, owner: Organisation
) -> None:
    with Receiver() as receiver:
        webhook = make.webhook(owner, receiver.url)
        close(webhook, paused_at=clock())
        send_test(owner.actor, webhook.id)
        strays.hold_strays()
        deliver_all(app)
    assert len(receiver.requests) == 1


def test_what_arrived_while_its_webhook_was_being_paused_is_delivered_and_not_sent_again(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/")
    create_release(make, owner, caller)
    (under_way,) = claim(1)
    pausing.pause_webhook(owner.actor, webhook.id)
    assert get_delivery().state == "held"
    assert record((under_way, FAILURE)) == ["superseded"]
    assert get_delivery().state == "held"
    assert record((under_way, SUCCESS)) == ["delivered"]
    pausing.resume_webhook(owner.actor, webhook.id)
    assert (get_delivery().state, get_delivery().held_at) == ("delivered", None)


def test_a_success_ends_a_failure_that_came_while_it_was_under_way(
    make: Factory, owner: Organisation, caller: Caller
) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/")
    create_release(make, owner, caller, "1.0")
    (slow,) = claim(1)
    create_release(make, owner, caller, "1.1")
    (quick,) = claim(1)
    record((quick, FAILURE))
    assert get_webhook(owner.tenant_id, webhook.id).failure_count == 1
    record((slow, SUCCESS))
    found = get_webhook(owner.tenant_id, webhook.id)
    assert (found.failure_count, found.failing_since) == (0, None)


def test_failures_after_a_success_in_one_batch_count_from_there(
    make: Factory, owner: Organisation, caller: Caller
) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/")
    for number in range(3):
        create_release(make, owner, caller, f"1.{number}")
    first, second, third = claim(3)
    record((first, FAILURE))
    record((second, SUCCESS), (third, FAILURE))
    found = get_webhook(owner.tenant_id, webhook.id)
    assert found.failure_count == 1
    assert found.failing_since is not None
    make_due()
    (again, _) = claim(2)
    record((again, FAILURE))
    assert get_webhook(owner.tenant_id, webhook.id).failure_count == 2
