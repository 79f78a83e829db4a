"""Runs many coroutines in one thread: each goes on when its socket is ready, or when its time is over.

A thread for each attempt would cost more than the attempt: most of what a worker did then was to switch between them.
Here everything that is ready goes on in turn, and nothing is switched but what waits. It is a small thing on purpose:
a coroutine waits for one socket at a time, by ``wait``, and that is all there is to wait for.
"""

from __future__ import annotations

import contextlib
import logging
import selectors
import socket
import threading
import time
import types
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Final, Self

READ: Final = selectors.EVENT_READ
WRITE: Final = selectors.EVENT_WRITE

logger = logging.getLogger(__name__)

# How late a coroutine may learn that its time is over. All that wait are looked at so often, which costs nothing beside
# a timer for each that would be thrown away unused nearly always.
_TICK_SECONDS = 0.05

# What is waited for: one of the events at the socket, until a moment of the clock that does not jump.
Wait = tuple[socket.socket, int, float]


@types.coroutine
def wait(source: socket.socket, events: int, until: float) -> Generator[Wait, None, None]:
    """Waits until one of the events has come to the socket. Raises TimeoutError at ``until`` (``time.monotonic``)."""
    yield source, events, until


@dataclass(slots=True, eq=False)
class _Task:
    """A coroutine, and what it waits for. Its socket stays registered between one wait and the next."""

    coroutine: Coroutine[Any, None, None]
    source: socket.socket | None = None
    number: int = -1
    events: int = 0
    until: float = 0.0


class Reactor:
    """A thread that runs coroutines. Leaving the block waits until all of them have ended."""

    def __init__(self, name: str, on_round: Callable[[], None]) -> None:
        """``on_round`` is called in the thread whenever all that was ready has gone on."""
        self._on_round = on_round
        self._selector = selectors.DefaultSelector()
        self._new: deque[Coroutine[Any, None, None]] = deque()
        self._waiting: dict[int, _Task] = {}
        self._is_closing = False
        self._is_resting = True
        self._seen_at = time.monotonic()
        self._bell, self._caller = socket.socketpair()
        for end in (self._bell, self._caller):
            end.setblocking(False)
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)

    def __enter__(self) -> Self:
        self._selector.register(self._bell, READ)
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_closing = True
        self._ring()
        self._thread.join()
        self._selector.close()
        self._bell.close()
        self._caller.close()

    @property
    def idle_seconds(self) -> float:
        """For how long the round has lasted that the thread is in: never long, unless it hangs; 0 while it rests."""
        return 0.0 if self._is_resting else time.monotonic() - self._seen_at

    def start(self, coroutines: Iterable[Coroutine[Any, None, None]]) -> None:
        """Begins to run coroutines, which keep what they come to and raise nothing. Any thread may call this."""
        self._new.extend(coroutines)
        self._ring()

    def _ring(self) -> None:
        # A full bell is one that was rung and not heard yet.
        with contextlib.suppress(BlockingIOError):
            self._caller.send(b"\0")

    def _run(self) -> None:
        next_look = 0.0
        while self._waiting or self._new or not self._is_closing:
            self._is_resting = not self._waiting
            ready = self._selector.select(_TICK_SECONDS if self._waiting else None)
            # In this order: whoever looks in between must not take a long rest for a round that does not end.
            self._seen_at = time.monotonic()
            self._is_resting = False
            for key, _ in ready:
                task: _Task | None = key.data
                if task is None:
                    self._begin()
                else:
                    self._go_on(task)
            if (now := time.monotonic()) >= next_look:
                self._end_late(now)
                next_look = now + _TICK_SECONDS
            self._on_round()

    def _begin(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._bell.recv(4096)
        while self._new:
            self._go_on(_Task(self._new.popleft()))

    def _end_late(self, now: float) -> None:
        for task in [task for task in self._waiting.values() if task.until <= now]:
            self._go_on(task, TimeoutError("the time is over"))

    def _go_on(self, task: _Task, error: Exception | None = None) -> None:
        try:
            self._watch(task, *(task.coroutine.throw(error) if error else task.coroutine.send(None)))
        except StopIteration:
            self._forget(task)
        except Exception:
            # It should have kept this to itself; the others must not suffer from it.
            logger.exception("a coroutine ended by a bug")
            task.coroutine.close()
            self._forget(task)

    def _watch(self, task: _Task, source: socket.socket, events: int, until: float) -> None:
        task.until = until
        if source is task.source:
            if events != task.events:
                self._selector.modify(task.number, events, task)
        else:
            self._forget(task)
            number = source.fileno()
            self._selector.register(number, events, task)
            task.source, task.number = source, number
            self._waiting[number] = task
        task.events = events

    def _forget(self, task: _Task) -> None:
        if task.source is not None:
            # Its socket may be closed by now, and its number another one's outside of this thread: the selector finds
            # that it does not watch that one, and says nothing.
            self._selector.unregister(task.number)
            del self._waiting[task.number]
            task.source = None
