"""What can go wrong inside a job, and must not take anything else with it."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, text, update
from sqlalchemy.exc import DataError, OperationalError
from sqlalchemy.orm import Session

from app.database import clock, is_sqlite, transaction
from app.extensions import db
from app.webhooks import attempts, claims, due, jobs, outcomes, queue
from app.webhooks.claims import Claim
from app.webhooks.delivery import DEADLINE_SECONDS, Outcome, send
from app.webhooks.models import Attempt, Delivery, Webhook
from app.webhooks.worker import build_worker
from tests.factories import Caller, Factory, Organisation
from tests.receivers import Peer, RawReceiver, Receiver
from tests.stack import wait_until
from tests.working import claim, create_release, deliver_all, first_come, list_attempts, make_due, work_off

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def find_deliveries() -> dict[str, tuple[str, int]]:
    """Gives state and count of attempts of the delivery of each webhook, by the webhook's id."""
    db.session.rollback()
    query = select(Delivery.webhook_id, Delivery.state, Delivery.attempt_count)
    return {webhook_id: (state, count) for webhook_id, state, count in db.session.execute(query)}


def find_errors() -> dict[str, str | None]:
    """Gives the error of the one attempt of each webhook, by the webhook's id."""
    db.session.rollback()
    query = select(Delivery.webhook_id, Attempt.error).join(Attempt, Attempt.delivery_id == Delivery.id)
    return {row.webhook_id: row.error for row in db.session.execute(query)}


def postpone(webhook: Webhook, seconds: float) -> None:
    """Lets the webhook's delivery become due so many seconds from now."""
    with transaction() as session:
        session.execute(
            update(Delivery).where(Delivery.webhook_id == webhook.id).values(next_attempt_at=clock(seconds))
        )


def test_a_secret_that_cannot_be_read_fails_its_own_deliveries_alone(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    with Receiver() as receiver:
        broken, sound = make.webhook(owner, receiver.url), make.webhook(owner, receiver.url)
        with transaction() as session:
            session.execute(update(Webhook).where(Webhook.id == broken.id).values(token=b"damaged"))
        create_release(make, owner, caller)
        deliver_all(app)
    assert find_deliveries() == {broken.id: ("pending", 1), sound.id: ("delivered", 1)}
    assert find_errors() == {broken.id: "secret_unreadable", sound.id: None}
    assert len(receiver.requests) == 1


def test_a_bug_in_an_attempt_is_the_outcome_of_that_attempt_alone(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def send_or_break(url: str, *arguments: Any, **options: Any) -> Outcome:
        if url.endswith("/broken"):
            raise ZeroDivisionError
        return await send(url, *arguments, **options)

    monkeypatch.setattr(attempts, "send", send_or_break)
    with Receiver() as receiver:
        broken, sound = make.webhook(owner, f"{receiver.url}/broken"), make.webhook(owner, receiver.url)
        create_release(make, owner, caller)
        deliver_all(app)
    assert find_deliveries() == {broken.id: ("pending", 1), sound.id: ("delivered", 1)}
    assert find_errors() == {broken.id: "internal_error", sound.id: None}


def test_an_outcome_that_cannot_be_stored_does_not_take_the_others_with_it(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    record = outcomes.record_outcomes
    with Receiver() as receiver:
        webhooks = [make.webhook(owner, receiver.url) for _ in range(4)]

        def record_or_fail(session: Session, recorded: Sequence[tuple[Claim, Outcome]]) -> list[str]:
            if any(claim.webhook_id == webhooks[1].id for claim, _ in recorded):
                raise DataError("UPDATE attempts", {}, Exception("cannot be stored"))
            return record(session, recorded)

        monkeypatch.setattr(outcomes, "record_outcomes", record_or_fail)
        create_release(make, owner, caller)
        work_off(app)
    states = find_deliveries()
    # Its lease runs out by itself, and then it counts as lost.
    assert states.pop(webhooks[1].id) == ("pending", 1)
    assert set(states.values()) == {("delivered", 1)}


def test_an_outcome_waits_for_a_database_that_is_away_for_a_moment(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    record, failures = outcomes.record_outcomes, iter(range(3))

    def record_in_the_end(session: Session, recorded: Sequence[tuple[Claim, Outcome]]) -> list[str]:
        if next(failures, None) is not None:
            raise OperationalError("UPDATE attempts", {}, Exception("the server is gone"))
        return record(session, recorded)

    monkeypatch.setattr(outcomes, "record_outcomes", record_in_the_end)
    monkeypatch.setattr("app.webhooks.recorder._PAUSE_SECONDS", 0)
    with Receiver() as receiver:
        make.webhook(owner, receiver.url)
        create_release(make, owner, caller)
        work_off(app)
    assert [state for state, _ in find_deliveries().values()] == ["delivered"]
    assert len(receiver.requests) == 1


def test_a_database_that_goes_away_for_a_moment_costs_no_attempt_that_is_under_way(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_due = due.has_due
    failures: list[str] = []
    with Receiver() as receiver, ExitStack() as held:
        held.enter_context(receiver.holding())

        def ask_once(session: Session) -> bool:
            if not receiver.requests:
                return has_due(session)
            failures.append("failed")
            held.close()
            raise OperationalError("SELECT", {}, Exception("the server is gone"))

        monkeypatch.setattr(due, "has_due", ask_once)
        make.webhook(owner, receiver.url)
        create_release(make, owner, caller)
        work_off(app)
    assert failures == ["failed"]
    assert [attempt.outcome for attempt in list_attempts()] == ["success"]


def test_what_becomes_due_while_a_slow_receiver_is_waited_for_is_sent_meanwhile(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    with Receiver() as quick:

        def wait_for_the_other(peer: Peer) -> None:
            peer.read_request()
            wait_until(lambda: quick.requests, 10, "the other receiver was called")
            peer.send(OK)

        with RawReceiver(wait_for_the_other) as slow:
            first, second = make.webhook(owner, slow.url), make.webhook(owner, quick.url)
            create_release(make, owner, caller)
            postpone(second, 0.3)
            work_off(app)
    assert find_deliveries() == {first.id: ("delivered", 1), second.id: ("delivered", 1)}


def test_a_job_whose_worker_is_asked_to_stop_ends_what_it_began_and_begins_nothing(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    worker = build_worker(app, threading.Event())
    with Receiver() as other:

        def ask_to_stop(peer: Peer) -> None:
            peer.read_request()
            worker.stopping.set()
            # From now on it is due; the job looks several times before it gets its answer.
            with app.app_context():
                postpone(second, -1)
            peer.wait(0.6)
            peer.send(OK)

        with RawReceiver(ask_to_stop) as slow:
            first, second = make.webhook(owner, slow.url), make.webhook(owner, other.url)
            create_release(make, owner, caller)
            postpone(second, 3600)
            worker.work(burst=True, logging_level="WARNING")
    assert find_deliveries() == {first.id: ("delivered", 1), second.id: ("pending", 0)}


def test_what_happens_while_a_slow_receiver_is_waited_for_is_sent_meanwhile(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    has_due = due.has_due
    has_looked = threading.Event()

    def look(session: Session) -> bool:
        is_due = has_due(session)
        if not is_due:
            has_looked.set()
        return is_due

    monkeypatch.setattr(due, "has_due", look)
    with Receiver() as quick:

        def publish_and_wait_for_the_other(peer: Peer) -> None:
            peer.read_request()
            # Only once the job has seen that there is nothing.
            assert has_looked.wait(10)
            assert caller.post(f"/v3/releases/{release['id']}/publish").status_code == 200
            wait_until(lambda: quick.requests, 10, "the other receiver was called")
            peer.send(OK)

        with RawReceiver(publish_and_wait_for_the_other) as slow:
            make.webhook(owner, slow.url)
            make.webhook(owner, quick.url, events=["release.published"])
            release = create_release(make, owner, caller)
            work_off(app)
    assert {state for state, _ in find_deliveries().values()} == {"delivered"}


def test_a_job_has_time_to_end_what_it_claimed_last() -> None:
    assert jobs._CLAIMING_SECONDS + DEADLINE_SECONDS + 10 <= queue.JOB_TIMEOUT_SECONDS


@pytest.mark.parametrize("ways", [(), ("hashjoin", "mergejoin", "hashagg", "sort", "material")])
def test_a_claim_takes_no_more_than_its_limit_however_the_database_goes_about_it(
    make: Factory, owner: Organisation, caller: Caller, ways: tuple[str, ...]
) -> None:
    make.webhook(owner, "http://127.0.0.1:9/")
    for number in range(6):
        create_release(make, owner, caller, f"1.{number}")
    with transaction() as session:
        for way in ways if not is_sqlite() else ():
            session.execute(text(f"SET LOCAL enable_{way} = off"))
        assert len(claims.claim_due(session, first_come(2))) == 2


def test_410_holds_what_else_the_webhook_is_owed(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    with Receiver(statuses=[500, 410]) as receiver:
        make.webhook(owner, receiver.url)
        create_release(make, owner, caller, "1.0")
        deliver_all(app)
        create_release(make, owner, caller, "1.1")
        deliver_all(app)
        make_due()
        deliver_all(app)
    db.session.rollback()
    assert db.session.scalars(select(Delivery.state).order_by(Delivery.created_at)).all() == ["held", "dead"]
    assert len(receiver.requests) == 2


def test_only_attempts_that_are_lost_one_after_the_other_make_a_delivery_dead(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    with Receiver(statuses=[500]) as receiver:
        make.webhook(owner, receiver.url)
        create_release(make, owner, caller)
        for _ in range(2):
            claim(1)
            make_due()
        deliver_all(app)
        for _ in range(3):
            make_due()
            claim(1)
        make_due()
        deliver_all(app)
    outcomes = [attempt.outcome for attempt in list_attempts()]
    assert outcomes == ["lost", "lost", "failed", "lost", "lost", "lost"]
    assert [state for state, _ in find_deliveries().values()] == ["dead"]
