"""Replays of missed events: what a webhook was never owed because it was switched off."""

from __future__ import annotations

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import update

from app import times
from app.database import transaction
from app.exceptions import ValidationError
from app.replays import service
from app.replays.models import Replay
from app.webhooks import service as webhooks
from app.webhooks.models import Webhook
from app.webhooks.schema import WebhookChangeSchema
from tests.factories import Caller, Factory, Organisation
from tests.receivers import Receiver
from tests.replaying import (
    DEAF,
    age,
    count_states,
    end_all,
    fill,
    give_up,
    load,
    order,
    preview,
    switch,
    take_all_steps,
)
from tests.working import create_release, deliver_all


def test_events_that_a_switched_off_webhook_was_never_owed_are_sent_if_they_are_asked_for(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    with Receiver() as receiver:
        webhook = age(make.webhook(owner, receiver.url))
        create_release(make, owner, caller, "1.0")
        deliver_all(app)
        switch(owner.actor, webhook, active=False)
        for number in range(1, 15):
            create_release(make, owner, caller, f"1.{number}")
        switch(owner.actor, webhook, active=True)
        assert preview(owner.actor, webhook) == (0, 1, 14)
        with pytest.raises(ValidationError, match="nothing to send again"):
            order(owner.actor, webhook)
        replay = order(owner.actor, webhook, {"includeMissed": True})
        assert replay.total == 14
        assert take_all_steps() == [10, 4]
        deliver_all(app)
        # Everything has been owed by now.
        assert preview(owner.actor, webhook) == (0, 15, 0)
        assert take_all_steps() == []
        with pytest.raises(ValidationError, match="nothing to send again"):
            order(owner.actor, webhook, {"includeMissed": True})
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == len(receiver.requests) == 15
    assert count_states() == {"delivered": 15}
    assert (load(replay).state, load(replay).queued_count) == ("done", 14)


def test_what_was_missed_is_of_its_subscriptions_and_of_its_lifetime(
    make: Factory, owner: Organisation, webhook: Webhook
) -> None:
    fill(webhook, 3, event_type="release.published", is_owed=False)
    fill(make.webhook(owner, DEAF), 2)
    fill(make.webhook(make.organisation(), DEAF), 5, is_owed=False)
    young = make.webhook(owner, DEAF)
    assert preview(owner.actor, webhook) == (0, 0, 2)
    assert preview(owner.actor, young) == (0, 0, 0)
    assert preview(owner.actor, webhook, events=["release.published"]) == (0, 0, 0)


def test_events_of_a_type_that_was_subscribed_to_later_count_as_missed(owner: Organisation, webhook: Webhook) -> None:
    fill(webhook, 3, event_type="release.published", is_owed=False)
    webhooks.update_webhook(owner.actor, webhook.id, WebhookChangeSchema(events=["release.published"]))
    assert preview(owner.actor, webhook) == (0, 0, 3)


def test_a_missed_event_stands_where_it_happened_and_a_later_replay_finds_it_there(
    owner: Organisation, webhook: Webhook
) -> None:
    at = times.now() - timedelta(hours=5)
    fill(webhook, 2, at=at, is_owed=False)
    span = {"since": times.format_time(at), "until": times.format_time(at + timedelta(minutes=1))}
    order(owner.actor, webhook, {**span, "includeMissed": True})
    assert take_all_steps() == [2]
    give_up()
    assert preview(owner.actor, webhook, **span) == (2, 2, 0)


def test_what_is_past_its_keeping_is_not_taken_for_missed_when_a_replay_has_waited(
    app: Flask, owner: Organisation, webhook: Webhook
) -> None:
    days = app.extensions["slipway"].settings.retention_days
    with transaction() as session:
        session.execute(update(Webhook).values(created_at=times.now() - timedelta(days=days * 2)))
    edge = times.now() - timedelta(days=days)
    fill(webhook, 1, at=edge - timedelta(hours=1), is_owed=False)
    fill(webhook, 1, at=edge + timedelta(hours=1), is_owed=False)
    replay = order(
        owner.actor, webhook, {"since": times.format_time(edge + timedelta(minutes=1)), "includeMissed": True}
    )
    with transaction() as session:
        session.execute(update(Replay).values(since_at=edge - timedelta(hours=2), total=2))
    assert take_all_steps() == [1]
    end_all("delivered")
    service.take_steps()
    # It sends less than it was to, and says so.
    assert (load(replay).state, load(replay).total) == ("done", 1)
