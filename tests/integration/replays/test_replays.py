"""Replays: what was given up is sent again, step by step, each delivery once, whatever happens in between."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select
from sqlalchemy.exc import OperationalError
from sqlalchemy.orm import Session

from app import times
from app.extensions import db
from app.replays import queries, service, steps
from app.replays.models import Replay
from app.webhooks import pausing, rounds, samples
from app.webhooks.models import Delivery, Webhook
from tests.counting import watching_statements
from tests.factories import Caller, Factory, Organisation
from tests.receivers import Receiver
from tests.replaying import (
    DEAF,
    count_states,
    fill,
    give_up,
    load,
    order,
    preview,
    switch,
    take_all_steps,
)
from tests.working import create_release, deliver_all


def test_what_was_given_up_is_sent_again_with_the_same_ids_and_bytes(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    with Receiver(statuses=[500] * 3) as receiver:
        webhook = make.webhook(owner, receiver.url)
        for number in range(3):
            create_release(make, owner, caller, f"1.{number}")
        deliver_all(app)
        give_up()
        replay = order(owner.actor, webhook)
        assert take_all_steps() == [3]
        assert load(replay).state == "running"
        deliver_all(app)
        service.take_steps()
    requests = [(request.headers["webhook-id"], request.body) for request in receiver.requests]
    assert len(requests) == 6
    assert sorted(requests[:3]) == sorted(requests[3:])
    assert count_states() == {"delivered": 3}
    record = queries.get_replay(owner.tenant_id, webhook.id, replay.id)
    assert (record.replay.state, record.replay.total, record.replay.queued_count) == ("done", 3, 3)
    assert record.progress == queries.Progress(delivered=3)
    assert record.replay.finished_at is not None


def test_a_preview_tells_270_of_7000(owner: Organisation, webhook: Webhook, make: Factory) -> None:
    fill(webhook, 7000, dead=270)
    fill(make.webhook(owner, DEAF), 5, dead=5, event_type="release.published")
    fill(webhook, 5, dead=5, at=times.now() - timedelta(days=2))
    assert preview(owner.actor, webhook) == (270, 7000, 0)
    assert order(owner.actor, webhook).total == 270


def test_a_span_holds_its_beginning_and_not_its_end(owner: Organisation, webhook: Webhook) -> None:
    at = times.now() - timedelta(hours=3)
    fill(webhook, 10, dead=10, at=at)
    since, until = (times.format_time(at + timedelta(milliseconds=number)) for number in (2, 5))
    assert preview(owner.actor, webhook, since=since, until=until) == (3, 3, 0)


def test_only_the_wanted_types_are_sent_again(owner: Organisation, webhook: Webhook) -> None:
    fill(webhook, 4, dead=4)
    fill(webhook, 3, dead=3, event_type="release.published")
    assert preview(owner.actor, webhook, events=["release.published"]) == (3, 7, 0)
    order(owner.actor, webhook, {"events": ["release.published"]})
    take_all_steps()
    assert count_states() == {"pending": 3, "dead": 4}


def test_a_test_that_failed_is_not_sent_again(owner: Organisation, webhook: Webhook) -> None:
    samples.send_test(owner.actor, webhook.id)
    give_up()
    assert preview(owner.actor, webhook) == (0, 0, 0)


def test_the_oldest_go_first_and_behind_what_is_new(owner: Organisation, webhook: Webhook) -> None:
    fill(webhook, 11, dead=11)
    order(owner.actor, webhook)
    service.take_steps()
    query = select(Delivery.state, Delivery.priority).order_by(Delivery.created_at)
    assert [tuple(row) for row in db.session.execute(query)] == [("pending", rounds.BACKLOG)] * 10 + [("dead", 0)]


def test_a_replay_that_was_killed_in_the_middle_goes_on_in_another_process_and_doubles_nothing(
    app: Flask, make: Factory, owner: Organisation, build_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Receiver() as receiver:
        webhook = make.webhook(owner, receiver.url)
        fill(webhook, 35, dead=35)
        replay = order(owner.actor, webhook)
        assert service.take_steps() == 10
        begin_round = rounds.begin_round

        def die(*args: Any, **kwargs: Any) -> int:
            begin_round(*args, **kwargs)
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(rounds, "begin_round", die)
            with pytest.raises(KeyboardInterrupt):
                service.take_steps()
        assert count_states() == {"pending": 10, "dead": 25}
        with build_app().app_context():
            assert take_all_steps() == [10, 10, 5]
        deliver_all(app)
    assert len({request.headers["webhook-id"] for request in receiver.requests}) == len(receiver.requests) == 35
    service.take_steps()
    assert (load(replay).state, load(replay).queued_count) == ("done", 35)


def test_two_relays_at_once_take_each_delivery_once(app: Flask, owner: Organisation, webhook: Webhook) -> None:
    fill(webhook, 150, dead=150)
    replay = order(owner.actor, webhook)
    barrier = threading.Barrier(2)
    taken: list[int] = []

    def run() -> None:
        with app.app_context():
            barrier.wait()
            taken.append(sum(take_all_steps()))

    threads = [threading.Thread(target=run) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    take_all_steps()
    assert sum(taken) == 150
    assert load(replay).queued_count == 150
    assert count_states() == {"pending": 150}


def test_what_dies_again_is_not_taken_again(owner: Organisation, webhook: Webhook) -> None:
    fill(webhook, 24, dead=24)
    replay = order(owner.actor, webhook)
    taken = 0
    for _ in range(5):
        taken += service.take_steps()
        give_up()
    assert taken == 24
    assert load(replay).state == "done"


@pytest.mark.parametrize("state", ["paused", "switched off"])
def test_a_replay_waits_while_its_webhook_is_held_back(owner: Organisation, webhook: Webhook, state: str) -> None:
    fill(webhook, 12, dead=12)
    replay = order(owner.actor, webhook)
    if state == "paused":
        pausing.pause_webhook(owner.actor, webhook.id)
    else:
        switch(owner.actor, webhook, active=False)
    assert service.take_steps() == 0
    assert load(replay).state == "running"
    if state == "paused":
        pausing.resume_webhook(owner.actor, webhook.id)
    else:
        switch(owner.actor, webhook, active=True)
    assert sum(take_all_steps()) == 12
    assert load(replay).queued_count == 12


def test_a_replay_touches_no_other_webhook_and_no_other_tenant(
    make: Factory, owner: Organisation, webhook: Webhook
) -> None:
    others = [make.webhook(owner, DEAF), make.webhook(make.organisation(), DEAF)]
    for it in (webhook, *others):
        fill(it, 2, dead=2)
    order(owner.actor, webhook)
    assert take_all_steps() == [2]
    query = select(Delivery.webhook_id).where(Delivery.state == "dead")
    assert sorted(db.session.scalars(query)) == sorted([others[0].id] * 2 + [others[1].id] * 2)


def test_a_replay_that_cannot_go_on_does_not_keep_the_others_from_it(
    make: Factory,
    owner: Organisation,
    webhook: Webhook,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    other = make.webhook(owner, DEAF)
    for it in (webhook, other):
        fill(it, 2, dead=2)
        order(owner.actor, it)
    take_step = steps.take_step

    def fail_for_one(session: Session, replay: Replay) -> int:
        if replay.webhook_id == webhook.id:
            raise OperationalError("UPDATE", None, TimeoutError("canceling statement due to lock timeout"))
        return take_step(session, replay)

    with monkeypatch.context() as patch:
        patch.setattr(steps, "take_step", fail_for_one)
        assert service.take_steps() == 2
    assert "a replay cannot go on" in caplog.text
    assert service.take_steps() == 2


def test_where_nothing_runs_one_question_is_all_that_is_asked(owner: Organisation, webhook: Webhook) -> None:
    fill(webhook, 2, dead=2)
    order(owner.actor, webhook)
    pausing.pause_webhook(owner.actor, webhook.id)
    db.session.rollback()
    with watching_statements() as statements:
        assert service.take_steps() == 0
    # "BEGIN IMMEDIATE" would be the beginning of a transaction that writes.
    (question,) = statements
    assert question.startswith("SELECT")
