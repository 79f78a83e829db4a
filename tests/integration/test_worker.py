"""The worker's beginning and end, inside the test's process."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import Any

import pytest
from flask import Flask

from app.webhooks import queue, worker


def test_a_worker_that_is_told_to_stop_while_it_starts_does_not_wait_for_jobs(
    app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    stopping = threading.Event()
    handler = signal.getsignal(signal.SIGTERM)

    def connect_and_be_told(*arguments: Any, **options: Any) -> Any:
        stopping.set()
        return queue.connect(*arguments, **options)

    monkeypatch.setattr(worker, "connect", connect_and_be_told)
    # If it does wait, this ends it, so that the test fails and does not hang.
    rescue = threading.Timer(10, os.kill, (os.getpid(), signal.SIGTERM))
    rescue.start()
    started_at = time.monotonic()
    worker.run(app, stopping)
    rescue.cancel()
    assert time.monotonic() - started_at < 5
    assert signal.getsignal(signal.SIGTERM) is handler
