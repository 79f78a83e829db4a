"""A load generator: so many connections, kept alive, each sending one request after the other."""

from __future__ import annotations

import itertools
import socket
import statistics
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

# Gives the bytes of the request with a running number.
BuildRequest = Callable[[int], bytes]


@dataclass(frozen=True, slots=True)
class Measurement:
    """What a run showed: answers per second, and how long an answer took, in milliseconds."""

    per_second: float
    p50_ms: float
    p99_ms: float


def build_post(path: str, body: bytes, headers: dict[str, str]) -> bytes:
    """Gives the bytes of a POST with a JSON body."""
    lines = [
        f"POST {path} HTTP/1.1",
        "Host: 127.0.0.1",
        "Content-Type: application/json",
        f"Content-Length: {len(body)}",
    ]
    lines += [f"{name}: {value}" for name, value in headers.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + body


def measure(
    port: int, build: BuildRequest, expected: int, *, connections: int = 16, seconds: float = 8.0
) -> Measurement:
    """Loads the server on a loopback port; every answer must have the expected status."""
    numbers = itertools.count()
    latencies: list[list[float]] = [[] for _ in range(connections)]
    errors: list[str] = []
    started = time.perf_counter()
    stop_at = started + seconds

    def run(own: list[float]) -> None:
        connection = _Connection(port)
        while time.perf_counter() < stop_at and not errors:
            began = time.perf_counter()
            status, answer = connection.exchange(build(next(numbers)))
            own.append(time.perf_counter() - began)
            if status != expected:
                errors.append(f"{status}: {answer[:300]!r}")

    threads = [threading.Thread(target=run, args=(own,)) for own in latencies]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    elapsed = time.perf_counter() - started
    if errors:
        raise RuntimeError(f"the server answered {errors[0]}")
    every = sorted(latency * 1000 for own in latencies for latency in own)
    return Measurement(len(every) / elapsed, statistics.median(every), every[int(len(every) * 0.99)])


class _Connection:
    def __init__(self, port: int) -> None:
        self._port = port
        self._connect()

    def _connect(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=20)
        self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)

    def exchange(self, request: bytes) -> tuple[int, bytes]:
        """Sends one request; gives status and answer. Opens a new connection if the server asked for it."""
        self._socket.sendall(request)
        data = b""
        while (end := data.find(b"\r\n\r\n")) < 0:
            data += self._receive()
        head = data[:end].lower()
        length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0])
        while len(data) < end + 4 + length:
            data += self._receive()
        if b"connection: close" in head:
            self._socket.close()
            self._connect()
        return int(data[9:12]), data[end + 4 :]

    def _receive(self) -> bytes:
        data = self._socket.recv(65536)
        if not data:
            raise ConnectionError("the server closed the connection")
        return data
