"""The relay outlives what it depends on, does each of its duties in turn, and clears away what is past its time."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from app import times
from app.database import transaction
from app.extensions import db
from app.idempotency.models import IdempotencyKey
from app.idempotency.service import IDEMPOTENCY_KEY_LIFETIME, forget_old_keys
from app.mail.outbox import owe
from app.webhooks import relay
from app.webhooks.models import Attempt, Delivery, Webhook
from app.webhooks.relay import Duty
from tests.factories import Caller, Factory, Organisation
from tests.history import DAY, add_delivery, let_fail
from tests.mailbox import Mailbox
from tests.stack import wait_until


def test_a_database_that_is_away_for_a_moment_does_not_end_the_relay(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    stopping = threading.Event()
    looks: list[Flask] = []

    def look(application: Flask) -> bool:
        looks.append(application)
        if len(looks) == 1:
            raise OperationalError("SELECT 1", None, ConnectionError("the database is away"))
        stopping.set()
        return False

    monkeypatch.setattr(relay, "ring_for_due", look)
    thread = threading.Thread(target=relay.run, args=(app, stopping))
    thread.start()
    thread.join(10)
    assert not thread.is_alive()
    assert len(looks) == 2
    assert "the relay cannot read the database" in caplog.text


def test_the_relay_forgets_keys_that_are_past_their_time_and_no_others(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    product_id = make.product(owner).id
    for number in range(2):
        body = {"name": "App", "version": f"1.{number}", "productId": product_id}
        answer = caller.post("/v3/releases", json=body, headers={"Idempotency-Key": f"build-{number}"})
        assert answer.status_code == 201
    with transaction() as session:
        old = times.now() - IDEMPOTENCY_KEY_LIFETIME - timedelta(seconds=1)
        session.execute(update(IdempotencyKey).where(IdempotencyKey.key == "build-0").values(created_at=old))

    stopping = threading.Event()

    def forget_and_stop() -> None:
        forget_old_keys()
        stopping.set()

    monkeypatch.setattr(relay, "forget_old_keys", forget_and_stop)
    relay.run(app, stopping)
    db.session.rollback()
    assert db.session.scalars(select(IdempotencyKey.key)).all() == ["build-1"]


def test_a_bug_in_one_duty_keeps_the_relay_from_no_other(
    app: Flask, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(relay, "INTERVAL_SECONDS", 0.0)
    stopping = threading.Event()
    done: list[str] = []

    def fail() -> None:
        done.append("fail")
        raise ZeroDivisionError

    def stop() -> None:
        done.append("stop")
        if len(done) == 4:
            stopping.set()

    relay._work(app, stopping, (Duty("fail", 0.0, fail), Duty("stop", 0.0, stop)))
    assert done == ["fail", "stop", "fail", "stop"]
    assert [vars(record)["duty"] for record in caplog.records] == ["fail", "fail"]
    assert "ZeroDivisionError" in caplog.text


def test_a_duty_waits_for_its_time_unless_there_is_more_to_do(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay, "INTERVAL_SECONDS", 0.0)
    stopping = threading.Event()
    done: list[str] = []

    def delete() -> bool:
        done.append("delete")
        return done.count("delete") < 3

    def ring() -> None:
        done.append("ring")
        if done.count("ring") == 5:
            stopping.set()

    relay._work(app, stopping, (Duty("ring", 0.0, ring), Duty("delete", 3600.0, delete)))
    assert done == ["ring", "delete", "ring", "delete", "ring", "delete", "ring", "ring"]


def test_an_e_mail_server_that_says_nothing_does_not_keep_the_relay_from_ringing(
    app: Flask, build_app: Callable[..., Flask], owner: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "INTERVAL_SECONDS", 0.01)
    monkeypatch.setattr(relay, "_MAIL_STOP_SECONDS", 0.0)
    is_called, stopping = threading.Event(), threading.Event()
    rings: list[bool] = []

    def ring(_app: Flask) -> bool:
        # From when on the server keeps the caller waiting.
        if is_called.is_set():
            rings.append(True)
        if len(rings) == 10:
            stopping.set()
        return False

    monkeypatch.setattr(relay, "ring_for_due", ring)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        mailing = build_app(SMTP_URL=f"smtp://127.0.0.1:{silent.getsockname()[1]}")
        with mailing.app_context(), transaction() as session:
            owe(session, owner.tenant_id, ["a@example.test"], "Hello", "Text")
        thread = threading.Thread(target=relay.run, args=(mailing, stopping))
        thread.start()
        caller, _ = silent.accept()
        is_called.set()
        thread.join(5)
        is_mailing = [it for it in threading.enumerate() if it.name == "mail"]
        caller.close()
    assert not thread.is_alive()
    assert len(rings) == 10
    assert len(is_mailing) == 1
    is_mailing[0].join(5)
    assert not is_mailing[0].is_alive()


def test_two_relays_at_once_do_everything_that_nobody_asks_for_once(
    app: Flask, build_app: Callable[..., Flask], make: Factory, owner: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relay, "INTERVAL_SECONDS", 0.02)
    monkeypatch.setattr(relay, "_UPKEEP_SECONDS", 0.05)
    failing, broken, quiet = (make.webhook(owner, "http://127.0.0.1:9/") for _ in range(3))
    let_fail(failing, days=4.01, count=3)
    let_fail(broken, days=5.01, count=20, warned_days_ago=1.01)
    add_delivery(quiet, "held", seconds_ago=31 * DAY, attempts=[("started", None)])
    add_delivery(quiet, seconds_ago=91 * DAY, attempts=[("success", 1)])
    stopping = threading.Event()

    def is_done() -> bool:
        db.session.rollback()
        states = db.session.execute(select(Delivery.state, Attempt.outcome).join(Attempt)).all()
        return len(mailbox.messages) == 2 and states == [("dead", "lost")]

    with Mailbox() as mailbox:
        mailing = build_app(SMTP_URL=mailbox.url)
        relays = [threading.Thread(target=relay.run, args=(mailing, stopping)) for _ in range(2)]
        for thread in relays:
            thread.start()
        try:
            wait_until(is_done, 20, "all is done")
        finally:
            stopping.set()
            for thread in relays:
                thread.join(20)
    subjects = sorted(message["Subject"] for message in mailbox.messages)
    assert subjects == ["Webhook is failing: Receiver", "Webhook was switched off: Receiver"]
    db.session.rollback()
    assert set(db.session.scalars(select(Webhook.id).where(Webhook.active))) == {failing.id, quiet.id}
