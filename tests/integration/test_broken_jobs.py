"""What is left when a job is broken off, when the sending thread hangs, or when Slipway is short of something."""

from __future__ import annotations

import errno
import socket
import time
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.webhooks import attempts, jobs
from app.webhooks.models import Webhook
from app.webhooks.reactor import READ, Reactor, wait
from tests.factories import Caller, Factory, Organisation
from tests.receivers import Receiver
from tests.stack import wait_until
from tests.working import create_release, deliver_all, get_delivery, list_attempts


class BrokenOffError(Exception):
    """Stands for what RQ raises in the middle of a job."""


class HangingError(Exception):
    """Stands for the end of the process."""


def test_what_came_to_an_end_is_recorded_when_a_job_is_broken_off(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def break_off(*_: Any) -> Any:
        raise BrokenOffError

    monkeypatch.setattr(attempts.Attempts, "collect", break_off)
    with Receiver() as receiver:
        make.webhook(owner, receiver.url)
        create_release(make, owner, caller)
        with pytest.raises(BrokenOffError):
            jobs.deliver_due()
    assert len(receiver.requests) == 1
    assert get_delivery().state == "delivered"


def test_a_worker_whose_sending_thread_hangs_ends_to_be_started_anew(
    app: Flask,
    make: Factory,
    owner: Organisation,
    caller: Caller,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    codes: list[int] = []

    def end(code: int) -> None:
        codes.append(code)
        raise HangingError

    monkeypatch.setattr(jobs, "_HANGING_SECONDS", -1.0)
    monkeypatch.setattr("os._exit", end)
    # What hangs is not waited for.
    monkeypatch.setattr(attempts.Attempts, "__exit__", lambda *_: None)
    with Receiver() as receiver:
        make.webhook(owner, receiver.url)
        create_release(make, owner, caller)
        with receiver.holding(), pytest.raises(HangingError):
            jobs.deliver_due()
    assert codes == [1]
    assert "the thread that sends hangs; this worker ends, to be started anew" in caplog.messages


def test_a_reactor_is_seen_at_work_while_anything_waits() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs, Reactor("test", lambda: None) as reactor:
        ours.setblocking(False)

        async def read() -> None:
            await wait(ours, READ, float("inf"))

        reactor.start([read()])
        seen = reactor.idle_seconds
        until = time.monotonic() + 5
        # It makes a round now and then, though nothing happens.
        while reactor.idle_seconds >= seen and time.monotonic() < until:
            seen = max(seen, reactor.idle_seconds)
        assert time.monotonic() < until
        theirs.send(b"x")


def test_a_reactor_that_has_nothing_to_do_does_not_hang_however_long_that_lasts() -> None:
    with Reactor("test", lambda: None) as reactor:

        async def end() -> None:
            return

        reactor.start([end()])
        # As if nobody had come to collect what ended a while ago: the database was away meanwhile.
        reactor._seen_at -= 100
        wait_until(lambda: reactor.idle_seconds == 0, 5, "it is at rest")
        reactor._seen_at -= 100
        assert reactor.idle_seconds == 0
        reactor.start([end()])
        wait_until(lambda: reactor.idle_seconds == 0, 5, "it is at rest again")


def test_what_slipway_is_short_of_does_not_count_against_a_webhook(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def fail(*_: Any, **__: Any) -> Any:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("app.webhooks.delivery.connect", fail)
    make.webhook(owner, "http://127.0.0.1:9/")
    create_release(make, owner, caller)
    deliver_all(app)
    [attempt] = list_attempts()
    assert (attempt.outcome, attempt.error) == ("failed", "internal_error")
    assert get_delivery().state == "pending"
    assert db.session.scalars(select(Webhook.failure_count)).one() == 0
