"""When the doorbell rings: at once where it is quiet, and together where calls come thick and fast."""

from __future__ import annotations

import os
from queue import Queue
from unittest.mock import patch

import pytest

from app import randomness
from app.webhooks import queue as doorbells
from app.webhooks.queue import Doorbell

pytestmark = pytest.mark.once


def test_calls_that_follow_each_other_are_rung_for_once_and_after_the_last(monkeypatch: pytest.MonkeyPatch) -> None:
    rung: Queue[int] = Queue()
    calls = 0
    monkeypatch.setattr(doorbells, "_QUIET_SECONDS", 60.0)
    with patch.object(Doorbell, "ring", lambda _: rung.put(calls)):
        bell = Doorbell("unix:///nowhere")
        for calls in range(1, 4):  # noqa: B007 - it is what a ring tells
            bell.ring_soon()
        # Nobody had called for long before the first.
        assert rung.get_nowait() == 1
        assert rung.get(timeout=10) == 3
        bell.ring_soon()
        assert rung.get(timeout=10) == 3
        assert rung.empty()


def test_a_quiet_process_rings_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doorbells, "_QUIET_SECONDS", 0.0)
    with patch.object(Doorbell, "ring") as ring:
        bell = Doorbell("unix:///nowhere")
        for _ in range(3):
            bell.ring_soon()
    assert ring.call_count == 3


def test_two_processes_never_draw_the_same() -> None:
    reader, writer = os.pipe()
    randomness.draw_bytes(1)
    if (child := os.fork()) == 0:
        os.write(writer, b"".join(randomness.draw_bytes(16) for _ in range(300)))
        os._exit(0)
    os.waitpid(child, 0)
    theirs = os.read(reader, 65536)
    ours = b"".join(randomness.draw_bytes(16) for _ in range(300))
    pieces = {drawn[at : at + 16] for drawn in (theirs, ours) for at in range(0, 4800, 16)}
    assert (len(theirs), len(pieces)) == (4800, 600)
