"""Receivers in a process of their own: they answer 200, and keep when what arrived."""

from __future__ import annotations

import multiprocessing
import re
import selectors
import socket
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from types import TracebackType
from typing import Any, Self

_ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
_CLOSE = re.compile(rb"\r\nconnection: close\r\n", re.IGNORECASE)
_RECEIVE_BYTES = 65536
_BACKLOG = 1024

# When it had arrived, by the clock that does not jump, and the whole request.
Arrival = tuple[float, bytes]


class Receivers:
    """So many HTTP servers on loopback ports. Their process is gone at the end of the block."""

    def __init__(self, count: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._counter: Any = context.Value("L", 0, lock=False)
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(count, theirs, self._counter), daemon=True)

    def __enter__(self) -> Self:
        self._process.start()
        self.urls: list[str] = [f"http://127.0.0.1:{port}/hook" for port in self._pipe.recv()]
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        self._process.join()

    @property
    def count(self) -> int:
        """How many requests have arrived since the last ``take``. Reading it costs the receivers nothing."""
        return int(self._counter.value)

    def take(self) -> list[Arrival]:
        """Gives what has arrived since the last time, in order, and counts from nought again."""
        self._pipe.send(None)
        arrivals: list[Arrival] = self._pipe.recv()
        return arrivals


@dataclass(slots=True)
class _Inbox:
    """What the process has received."""

    counter: Any
    arrivals: list[Arrival] = field(default_factory=list)

    def add(self, request: bytes) -> None:
        self.arrivals.append((time.monotonic(), request))
        self.counter.value = len(self.arrivals)

    def empty(self) -> list[Arrival]:
        taken, self.arrivals = self.arrivals, []
        self.counter.value = 0
        return taken


def _serve(count: int, pipe: Connection, counter: Any) -> None:
    selector, inbox = selectors.DefaultSelector(), _Inbox(counter)
    listeners = [socket.create_server(("127.0.0.1", 0), backlog=_BACKLOG) for _ in range(count)]
    for listener in listeners:
        listener.setblocking(False)
        selector.register(listener, selectors.EVENT_READ)
    selector.register(pipe, selectors.EVENT_READ)
    pipe.send([listener.getsockname()[1] for listener in listeners])
    while True:
        for key, _ in selector.select():
            if isinstance(key.data, bytearray):
                _read(selector, key.fileobj, key.data, inbox)
            elif isinstance(key.fileobj, socket.socket):
                _accept(selector, key.fileobj)
            else:
                pipe.recv()
                pipe.send(inbox.empty())


def _accept(selector: selectors.BaseSelector, listener: socket.socket) -> None:
    try:
        while True:
            connection, _ = listener.accept()
            connection.setblocking(False)
            selector.register(connection, selectors.EVENT_READ, bytearray())
    except BlockingIOError:
        pass


def _read(selector: selectors.BaseSelector, connection: Any, buffer: bytearray, inbox: _Inbox) -> None:
    try:
        received = connection.recv(_RECEIVE_BYTES)
    except ConnectionError:
        received = b""
    buffer += received
    if received and (size := _measure_request(buffer)):
        request = bytes(buffer[:size])
        del buffer[:size]
        inbox.add(request)
        connection.send(_ANSWER)
        if _CLOSE.search(request):
            received = b""
    if not received:
        selector.unregister(connection)
        connection.close()


def _measure_request(buffer: bytearray) -> int | None:
    """Gives the length of the first request, head and body, None as long as it is not whole."""
    end = buffer.find(b"\r\n\r\n")
    if end < 0:
        return None
    length = buffer[:end].lower().partition(b"content-length:")[2].partition(b"\r\n")[0]
    size = end + 4 + int(length)
    return size if len(buffer) >= size else None
