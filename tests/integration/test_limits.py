"""What a webhook may have under way at once, whatever becomes of its deliveries meanwhile."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import update

from app.accounts.actors import Actor
from app.database import clock, transaction
from app.deliveries import service as deliveries
from app.webhooks import outcomes, pausing
from app.webhooks import service as webhooks
from app.webhooks.claims import Claim
from app.webhooks.delivery import Outcome
from app.webhooks.due import LEASE_SECONDS
from app.webhooks.models import Attempt, Delivery
from tests.factories import Caller, Factory, Organisation
from tests.working import claim, create_release, get_delivery, list_attempts, make_due

SUCCESS = Outcome(is_success=True, status_code=200)
FAILURE = Outcome(status_code=500, error="http_status", error_message="The receiver answered 500.")

Act = Callable[[Actor, Claim], None]


def resend(actor: Actor, under_way: Claim) -> None:
    """Sends the delivery again."""
    deliveries.resend(actor, under_way.delivery_id)


def pause_and_resume(actor: Actor, under_way: Claim) -> None:
    """Pauses the delivery's webhook for a moment."""
    pausing.pause_webhook(actor, under_way.webhook_id)
    pausing.resume_webhook(actor, under_way.webhook_id)


def resend_while_paused(actor: Actor, under_way: Claim) -> None:
    """Sends the delivery again, which waits for the end of a pause."""
    pausing.pause_webhook(actor, under_way.webhook_id)
    deliveries.resend(actor, under_way.delivery_id)
    pausing.resume_webhook(actor, under_way.webhook_id)


def switch_off_and_on(actor: Actor, under_way: Claim) -> None:
    """Switches the delivery's webhook off for a moment."""
    for is_active in (False, True):
        change = webhooks.parse_webhook_change(actor, {"active": is_active})
        webhooks.update_webhook(actor, under_way.webhook_id, change)


def let_leases_end() -> None:
    """Lets the time go by that a worker has for an attempt."""
    with transaction() as session:
        session.execute(update(Attempt).values(started_at=clock(-LEASE_SECONDS - 1)))
        session.execute(update(Delivery).where(Delivery.is_claimed).values(leased_until=clock(-1)))


def record(claimed: Claim, outcome: Outcome) -> list[str]:
    """Records an outcome."""
    with transaction() as session:
        return outcomes.record_outcomes(session, [(claimed, outcome)])


@pytest.mark.parametrize("act", [resend, pause_and_resume, resend_while_paused, switch_off_and_on])
@pytest.mark.parametrize("outcome", [SUCCESS, FAILURE], ids=["success", "failure"])
def test_an_attempt_under_way_counts_until_it_ends_whatever_its_owner_does(
    make: Factory, owner: Organisation, caller: Caller, act: Act, outcome: Outcome
) -> None:
    make.webhook(owner, "http://127.0.0.1:9/", maxConcurrency=1)
    create_release(make, owner, caller)
    (early,) = claim(5)
    act(owner.actor, early)
    make_due()
    create_release(make, owner, caller, "1.1")
    assert claim(5) == []
    record(early, outcome)
    make_due()
    assert len(claim(5)) == 1


@pytest.mark.parametrize("act", [resend, pause_and_resume])
def test_an_attempt_whose_worker_died_counts_until_its_lease_ends(
    make: Factory, owner: Organisation, caller: Caller, act: Act
) -> None:
    make.webhook(owner, "http://127.0.0.1:9/", maxConcurrency=1)
    create_release(make, owner, caller)
    (early,) = claim(5)
    act(owner.actor, early)
    make_due()
    assert claim(5) == []
    let_leases_end()
    (again,) = claim(5)
    assert (again.delivery_id, again.number, again.body) == (early.delivery_id, 2, early.body)
    assert record(early, SUCCESS) == ["superseded"]
    assert record(again, SUCCESS) == ["delivered"]
    assert [attempt.outcome for attempt in list_attempts()] == ["success", "success"]


def test_what_is_sent_again_beside_its_first_attempt_takes_one_of_several_places(
    make: Factory, owner: Organisation, caller: Caller
) -> None:
    make.webhook(owner, "http://127.0.0.1:9/", maxConcurrency=3)
    for number in range(4):
        create_release(make, owner, caller, f"1.{number}")
    first, second = claim(2)
    for under_way in (first, second):
        deliveries.resend(owner.actor, under_way.delivery_id)
    # Two are under way, of deliveries that are due again; so one more may begin.
    assert len(claim(9)) == 1
    assert claim(9) == []
    record(first, SUCCESS)
    assert len(claim(9)) == 1


def test_nothing_is_claimed_twice_while_its_lease_lasts(make: Factory, owner: Organisation, caller: Caller) -> None:
    make.webhook(owner, "http://127.0.0.1:9/")
    create_release(make, owner, caller)
    (early,) = claim(5)
    assert get_delivery().is_claimed
    assert claim(5) == []
    let_leases_end()
    (again,) = claim(5)
    assert (again.delivery_id, again.number) == (early.delivery_id, 2)
    assert [attempt.outcome for attempt in list_attempts()] == ["lost", "started"]
