"""Workers as real processes, while the queue comes and goes: they stop when asked, and leave nothing behind."""

from __future__ import annotations

import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
from flask import Flask

from app.embedded import ValkeyServer
from app.webhooks.queue import connect
from tests.factories import Caller, Factory, Organisation
from tests.receivers import Receiver
from tests.stack import Stack, wait_until
from tests.working import create_release, list_attempts

_STOP_SECONDS = 10


class Scene:
    """A worker, a receiver that it delivers to, and a queue between them that can go away."""

    def __init__(self, make: Factory, stack: Stack, receiver: Receiver, queue: ValkeyServer) -> None:
        self._make, self._stack, self._queue = make, stack, queue
        self.receiver = receiver
        self._owner: Organisation = make.organisation()
        self._caller: Caller = make.caller(self._owner)
        make.webhook(self._owner, receiver.url)
        self.worker: subprocess.Popen[bytes] = stack.start_worker()
        self.wait_until_working()

    def wait_until_working(self) -> None:
        """Returns as soon as a worker waits for jobs."""
        redis = connect(self._queue.url)
        wait_until(lambda: redis.info("clients")["blocked_clients"], 15, "the worker waits for jobs")

    def lose_the_queue_during_an_attempt(self) -> None:
        """Stops the queue while the receiver has the request and has not answered; leaves it held."""
        count = len(self.receiver.requests)
        create_release(self._make, self._owner, self._caller, f"1.{count}")
        wait_until(lambda: len(self.receiver.requests) > count, 10, "the request is on its way")
        self._queue.stop()

    def bring_the_queue_back(self) -> None:
        """Starts the queue and waits until the worker has found it."""
        self._queue.start()
        self.wait_until_working()

    def read_logs(self) -> str:
        """Gives all that the worker has written."""
        return self._stack.read_logs()

    def ask_to_stop(self) -> None:
        """Sends the worker the signal that a supervisor sends."""
        self.worker.send_signal(signal.SIGTERM)

    def wait_for_end(self) -> int:
        """Gives the worker's exit code. Raises TimeoutExpired if it does not end in time."""
        return self.worker.wait(_STOP_SECONDS)


@pytest.fixture
def scene(
    app: Flask, make: Factory, environment: dict[str, str], tmp_path: Path, queue_server: ValkeyServer
) -> Iterator[Scene]:
    """A worker that waits for jobs."""
    with Receiver() as receiver, Stack(environment, tmp_path) as stack:
        yield Scene(make, stack, receiver, queue_server)


def test_a_worker_that_waits_for_jobs_stops_at_once(scene: Scene) -> None:
    scene.ask_to_stop()
    assert scene.wait_for_end() == 0
    assert "Traceback" not in scene.read_logs()


def test_a_worker_that_waits_for_the_queue_stops_at_once(scene: Scene) -> None:
    with scene.receiver.holding():
        scene.lose_the_queue_during_an_attempt()
    wait_until(lambda: "waits for the queue" in scene.read_logs(), 10, "the worker has noticed")
    scene.ask_to_stop()
    assert scene.wait_for_end() == 0


def test_a_worker_that_is_asked_to_stop_without_a_queue_records_what_is_under_way(scene: Scene) -> None:
    with scene.receiver.holding():
        scene.lose_the_queue_during_an_attempt()
        scene.ask_to_stop()
    assert scene.wait_for_end() == 0
    assert [attempt.outcome for attempt in list_attempts()] == ["success"]


def test_a_queue_that_comes_and_goes_leaves_no_threads_behind(scene: Scene) -> None:
    process = psutil.Process(scene.worker.pid)
    count = process.num_threads()
    for _ in range(2):
        with scene.receiver.holding():
            scene.lose_the_queue_during_an_attempt()
        scene.bring_the_queue_back()
        wait_until(lambda: process.num_threads() == count, 10, "the threads of the outage have ended")
