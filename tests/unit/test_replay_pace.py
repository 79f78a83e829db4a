"""How quickly a replay sends."""

from __future__ import annotations

import pytest

from app.replays import pace


@pytest.mark.parametrize(
    ("elapsed_seconds", "expected"),
    [(-1, 1), (0, 1), (0.9, 1), (1, 2), (9, 10), (10.1, 10), (10.25, 11), (20, 60), (30, 110), (30.5, 120), (90, 1310)],
)
def test_what_is_due_follows_the_ramp(elapsed_seconds: float, expected: int) -> None:
    assert pace.count_due(elapsed_seconds) == expected


@pytest.mark.parametrize(("seconds", "expected"), [(10, 10), (30, 105), (60, 690)])
def test_two_steps_a_second_keep_to_the_ramp(seconds: int, expected: int) -> None:
    queued = 0
    for step in range(seconds * 2):
        size = pace.size_step(queued, step / 2)
        assert size <= pace.LARGEST_STEP
        queued += size
    assert queued == pytest.approx(expected, rel=0.05)


def test_a_replay_that_had_to_wait_begins_slowly_all_the_same() -> None:
    an_hour = 3600.0
    assert [pace.size_step(queued, an_hour) for queued in (0, 9, 10, 109, 110, 5000)] == [1, 1, 3, 3, 10, 10]
