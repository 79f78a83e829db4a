"""The thread that attempts run in: who waits goes on in time, and nobody suffers from another."""

from __future__ import annotations

import socket
import threading
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest

from app.webhooks.reactor import READ, WRITE, Reactor, wait

pytestmark = pytest.mark.once

NEVER = float("inf")
Pair = tuple[socket.socket, socket.socket]


@pytest.fixture
def pair() -> Iterator[Pair]:
    """Two ends of a connection."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        ours.setblocking(False)
        yield ours, theirs


def run(*coroutines: Coroutine[Any, None, None]) -> int:
    """Runs them until all have ended; gives how many rounds that took."""
    rounds: list[None] = []
    with Reactor("test", lambda: rounds.append(None)) as reactor:
        reactor.start(coroutines)
    return len(rounds)


def test_whoever_waits_goes_on_when_the_socket_is_ready(pair: Pair) -> None:
    ours, theirs = pair
    seen: list[bytes] = []

    async def read() -> None:
        await wait(ours, READ, NEVER)
        seen.append(ours.recv(10))

    async def write() -> None:
        await wait(theirs, WRITE, NEVER)
        theirs.send(b"ready")

    run(read(), write())
    assert seen == [b"ready"]


def test_whoever_waits_too_long_is_told(pair: Pair) -> None:
    seen: list[str] = []

    async def read() -> None:
        try:
            await wait(pair[0], READ, 0.0)
        except TimeoutError as error:
            seen.append(str(error))

    run(read())
    assert seen == ["the time is over"]


def test_a_drip_does_not_put_off_the_end(pair: Pair) -> None:
    ours, theirs = pair
    count = 0

    async def read() -> None:
        nonlocal count
        theirs.send(b"x")
        while True:
            # There is always something to read.
            await wait(ours, READ, 0.0)
            count += 1

    with Reactor("test", lambda: None) as reactor:
        reactor.start([read()])
    assert count < 1000


def test_all_run_in_one_thread_whoever_starts_them(pair: Pair) -> None:
    threads: set[int] = set()

    async def note() -> None:
        threads.add(threading.get_ident())

    with Reactor("test", lambda: None) as reactor:
        for _ in range(3):
            reactor.start([note(), note()])
    assert len(threads) == 1
    assert threading.get_ident() not in threads


def test_a_bug_ends_its_own_coroutine_and_no_other(pair: Pair, caplog: pytest.LogCaptureFixture) -> None:
    seen: list[str] = []

    async def break_down() -> None:
        raise ZeroDivisionError

    async def wait_for_nothing() -> None:
        try:
            await wait(socket.socket(fileno=-1), READ, NEVER)
        finally:
            seen.append("closed")

    async def work() -> None:
        await wait(pair[0], WRITE, NEVER)
        seen.append("worked")

    run(break_down(), wait_for_nothing(), work())
    assert sorted(seen) == ["closed", "worked"]
    assert [record.message for record in caplog.records] == ["a coroutine ended by a bug"] * 2


def test_a_socket_may_take_the_number_of_one_that_was_closed() -> None:
    seen: list[bytes] = []

    async def read_two() -> None:
        numbers = set()
        for word in (b"one", b"two"):
            ours, theirs = socket.socketpair()
            numbers.add(ours.fileno())
            with ours, theirs:
                theirs.send(word)
                await wait(ours, READ, NEVER)
                seen.append(ours.recv(10))
        assert len(numbers) == 1

    run(read_two())
    assert seen == [b"one", b"two"]


def test_what_one_waits_for_may_change(pair: Pair) -> None:
    ours, theirs = pair
    seen: list[bytes] = []

    async def talk() -> None:
        await wait(ours, WRITE, NEVER)
        ours.send(b"question")
        theirs.send(b"answer")
        await wait(ours, READ, NEVER)
        seen.append(ours.recv(10))

    run(talk())
    assert seen == [b"answer"]


def test_leaving_waits_for_those_that_are_under_way(pair: Pair) -> None:
    ours, theirs = pair
    is_over = threading.Event()

    async def read() -> None:
        await wait(ours, READ, NEVER)
        is_over.set()

    with Reactor("test", lambda: None) as reactor:
        reactor.start([read()])
        threading.Timer(0, theirs.send, (b"x",)).start()
    assert is_over.is_set()
