"""A replay sends at a ramp, by the database's clock."""

from __future__ import annotations

from datetime import timedelta

from sqlalchemy import update

from app.database import transaction
from app.replays import service
from app.replays.models import Replay
from tests.factories import Factory, Organisation
from tests.replaying import age, fill, order, take_all_steps


def test_a_replay_sends_at_the_ramp_from_its_beginning(make: Factory, owner: Organisation) -> None:
    webhook = age(make.webhook(owner, "http://127.0.0.1:9/hook"))
    fill(webhook, 130, dead=130)
    replay = order(owner.actor, webhook)
    assert [service.take_steps() for _ in range(2)] == [1, 0]
    # In twenty seconds 60 become due, and what was not sent in time is made up for little by little.
    with transaction() as session:
        session.execute(update(Replay).values(created_at=replay.created_at - timedelta(seconds=20)))
    taken = take_all_steps()
    assert taken[:12] == [1] * 9 + [3] * 3
    assert max(taken) == 3
    assert 59 <= sum(taken) < 80
