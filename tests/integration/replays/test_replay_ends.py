"""How replays end, and how many may run: what is still open, taken back or sent again otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update

from app import times
from app.database import clock, transaction
from app.deliveries import service as deliveries
from app.exceptions import ConflictError, ValidationError
from app.extensions import db
from app.paging import Place
from app.replays import queries, service
from app.webhooks import outcomes, pausing
from app.webhooks import service as webhooks
from app.webhooks.claims import Claim
from app.webhooks.delivery import Outcome
from app.webhooks.models import Delivery, Webhook
from tests.factories import Factory, Organisation
from tests.receivers import Receiver
from tests.replaying import (
    DEAF,
    count_states,
    end_all,
    fill,
    give_up,
    load,
    order,
    take_all_steps,
)
from tests.working import claim, deliver_all, make_due


def test_a_cancelled_replay_takes_back_what_was_not_tried_and_the_rest_goes_on(
    app: Flask, make: Factory, owner: Organisation
) -> None:
    with Receiver() as receiver:
        webhook = make.webhook(owner, receiver.url)
        fill(webhook, 30, dead=30)
        replay = order(owner.actor, webhook)
        service.take_steps()
        claims = claim(3)
        assert service.cancel_replay(owner.actor, webhook.id, replay.id).state == "cancelled"
        assert service.take_steps() == 0
        record = queries.get_replay(owner.tenant_id, webhook.id, replay.id)
        assert record.progress == queries.Progress(dead=7, pending=3, taken_back=7)
        make_due()
        deliver_all(app)
    assert {request.headers["webhook-id"] for request in receiver.requests} == {it.delivery_id for it in claims}
    assert count_states() == {"delivered": 3, "dead": 27}
    reasons = select(Delivery.reason).where(Delivery.replay_id == replay.id, Delivery.state == "dead").distinct()
    assert list(db.session.scalars(reasons)) == ["The replay was cancelled."]
    with pytest.raises(ConflictError, match="it is cancelled"):
        service.cancel_replay(owner.actor, webhook.id, replay.id)
    # What was taken back is there for the next one.
    assert order(owner.actor, webhook).total == 27
    assert sum(take_all_steps()) == 27


def test_what_a_pause_holds_is_taken_back_too(owner: Organisation, webhook: Webhook) -> None:
    fill(webhook, 12, dead=12)
    replay = order(owner.actor, webhook)
    service.take_steps()
    pausing.pause_webhook(owner.actor, webhook.id)
    assert count_states() == {"held": 10, "dead": 2}
    service.cancel_replay(owner.actor, webhook.id, replay.id)
    assert count_states() == {"dead": 12}
    pausing.resume_webhook(owner.actor, webhook.id)
    assert count_states() == {"dead": 12}


def test_a_replay_ends_once_nothing_of_it_is_open_even_while_its_webhook_is_paused(
    owner: Organisation, webhook: Webhook
) -> None:
    fill(webhook, 2, dead=2)
    replay = order(owner.actor, webhook)
    take_all_steps()
    service.take_steps()
    assert (load(replay).state, load(replay).finished_at) == ("running", None)
    end_all("delivered")
    pausing.pause_webhook(owner.actor, webhook.id)
    service.take_steps()
    assert load(replay).state == "done"
    assert load(replay).finished_at is not None


@pytest.mark.parametrize("is_paused", [True, False], ids=["paused", "on"])
def test_what_its_owner_sends_again_is_none_of_a_replay_any_more(
    owner: Organisation, webhook: Webhook, is_paused: bool
) -> None:
    fill(webhook, 3, dead=3)
    replay = order(owner.actor, webhook)
    ids = list(db.session.scalars(select(Delivery.id).order_by(Delivery.created_at)))
    # The one that was not queued yet is not missed, and neither is the one that was.
    deliveries.resend(owner.actor, ids[2])
    assert take_all_steps() == [2]
    assert load(replay).total == 2
    end_all("delivered")
    if is_paused:
        pausing.pause_webhook(owner.actor, webhook.id)
    deliveries.resend(owner.actor, ids[0])
    service.take_steps()
    assert load(replay).state == "done"
    assert count_states()["held" if is_paused else "pending"] == 1


def test_a_replay_may_not_overlap_one_that_runs(make: Factory, owner: Organisation, webhook: Webhook) -> None:
    fill(webhook, 4, dead=4)
    at = times.now() - timedelta(hours=5)
    fill(webhook, 4, dead=4, at=at)
    fill(webhook, 4, dead=4, at=at, event_type="release.published")
    edge = times.format_time(at + timedelta(minutes=1))
    first = order(owner.actor, webhook, {"until": edge, "events": ["release.created"]})
    for raw in ({}, {"until": edge}, {"events": ["release.created", "release.deleted"]}):
        with pytest.raises(
            ConflictError, match=f"The replay {first.id}, .* Wait until it has sent everything once, or cancel it."
        ):
            order(owner.actor, webhook, raw)
    order(owner.actor, webhook, {"since": edge})
    order(owner.actor, webhook, {"until": edge, "events": ["release.published"]})
    other = make.webhook(owner, DEAF)
    fill(other, 1, dead=1)
    order(owner.actor, other)
    take_all_steps()
    give_up()
    service.take_steps()
    order(owner.actor, webhook)


def test_a_replay_that_has_sent_everything_once_is_in_no_others_way(owner: Organisation, webhook: Webhook) -> None:
    """What failed is tried again for days, and whoever has repaired the receiver wants the rest of it now."""
    fill(webhook, 12, dead=12)
    first = order(owner.actor, webhook)
    for count in (10, 2):
        assert service.take_steps() == count
        with pytest.raises(ConflictError, match="Wait until it has sent everything once"):
            order(owner.actor, webhook)
        retry(claim(8))
    service.take_steps()
    assert load(first).state == "running"
    # Nothing is dead by now: what is tried again is on its way, and is not sent twice.
    with pytest.raises(ValidationError, match="There is nothing to send again"):
        order(owner.actor, webhook)
    fill(webhook, 3, dead=3)
    died = db.session.scalars(select(Delivery.id).where(Delivery.replay_id == first.id).limit(1)).one()
    kill(died)
    second = order(owner.actor, webhook)
    assert second.total == 4
    assert take_all_steps() == [4]
    figures = {it.replay.id: it.progress for it in queries.list_replays(owner.tenant_id, webhook.id, Place())}
    assert figures == {first.id: queries.Progress(pending=11, retrying=11), second.id: queries.Progress(pending=4)}
    end_all("delivered")
    service.take_steps()
    assert (load(first).state, load(second).state) == ("done", "done")


def retry(claims: Sequence[Claim]) -> None:
    """Lets attempts fail, so that their deliveries wait for the next one."""
    with transaction() as session:
        outcomes.record_outcomes(session, [(it, Outcome(status_code=500, error="http_status")) for it in claims])


def kill(delivery_id: str) -> None:
    """Lets a delivery die."""
    with transaction() as session:
        session.execute(
            update(Delivery)
            .where(Delivery.id == delivery_id)
            .values(state="dead", next_attempt_at=None, updated_at=clock())
        )


def test_the_replay_of_a_webhook_that_was_deleted_is_cancelled(owner: Organisation, webhook: Webhook) -> None:
    fill(webhook, 12, dead=12)
    replay = order(owner.actor, webhook)
    webhooks.delete_webhook(owner.actor, webhook.id)
    assert service.take_steps() == 0
    assert load(replay).state == "cancelled"
    assert count_states() == {"dead": 12}


def test_no_more_than_three_replays_of_a_webhook_run(make: Factory, owner: Organisation, webhook: Webhook) -> None:
    start = times.now() - timedelta(hours=5)
    fill(webhook, 4, dead=4, at=start)
    spans = [
        {
            name: times.format_time(start + timedelta(milliseconds=number + plus))
            for name, plus in (("since", 0), ("until", 1))
        }
        for number in range(4)
    ]
    for span in spans[:3]:
        order(owner.actor, webhook, span)
    with pytest.raises(ConflictError, match="3 replays of this webhook are running"):
        order(owner.actor, webhook, spans[3])
    other = make.webhook(owner, DEAF)
    fill(other, 1, dead=1)
    order(owner.actor, other)
    take_all_steps()
    give_up()
    service.take_steps()
    order(owner.actor, webhook, spans[3])
