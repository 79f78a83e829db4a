"""Receivers of webhooks on the loopback interface: one that answers as it should, and one that does what it likes."""

from __future__ import annotations

import itertools
import socket
import ssl
import struct
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from email.message import Message
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

_PATIENCE_SECONDS = 30.0


@dataclass(frozen=True)
class ReceivedRequest:
    """A request as it came; ``headers`` are found whatever the case of their names, ``received_at`` is monotonic."""

    path: str
    headers: Message
    body: bytes
    received_at: float = field(default_factory=time.monotonic)


class Receiver:
    """An HTTP server that keeps each request and answers with the given statuses in turn, then with 200."""

    def __init__(self, statuses: Sequence[int] = ()) -> None:
        self.requests: list[ReceivedRequest] = []
        self._statuses = iter(statuses)
        self._lock = threading.Lock()
        self._may_answer = threading.Event()
        self._may_answer.set()
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="receiver")
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/hook"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._may_answer.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    @contextmanager
    def holding(self) -> Iterator[None]:
        """Leaves requests without an answer until the end of the block; they are kept in ``requests`` at once."""
        self._may_answer.clear()
        try:
            yield
        finally:
            self._may_answer.set()

    def take(self, request: ReceivedRequest) -> int:
        """Keeps a request; gives the status to answer with, once it may be answered."""
        with self._lock:
            self.requests.append(request)
            status = next(self._statuses, 200)
        self._may_answer.wait(_PATIENCE_SECONDS)
        return status


class _Server(ThreadingHTTPServer):
    request_queue_size = 128

    def __init__(self, receiver: Receiver) -> None:
        self.receiver = receiver
        super().__init__(("127.0.0.1", 0), _Handler)

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A sender that was killed is gone in the middle of things, which is what some tests are about.
        if not isinstance(sys.exc_info()[1], OSError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        status = self.server.receiver.take(ReceivedRequest(self.path, self.headers, body))
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - the base class calls it so
        pass


class Peer:
    """A connection as a raw receiver sees it. What the other side does to it ends the behaviour, and no test."""

    def __init__(self, connection: socket.socket, is_over: threading.Event) -> None:
        self.connection = connection
        self._is_over = is_over

    def read_request(self) -> bytes:
        """Gives a whole request, head and body."""
        with self.connection.makefile("rb") as stream:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = stream.readline(65536)
                if not line:
                    raise ConnectionError("the sender is gone")
                head += line
            length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
            return head + stream.read(int(length.partition(b":")[2]))

    def send(self, data: bytes) -> None:
        """Sends all of it."""
        self.connection.sendall(data)

    def flood(self, data: bytes) -> None:
        """Sends it again and again, as fast as it is taken, until the test is over or the other side is gone."""
        while not self._is_over.is_set():
            self.send(data)

    def drip(self, data: bytes) -> None:
        """Sends it again and again, a byte at a time, slowly."""
        for number in itertools.count():
            if self.wait(0.02):
                return
            self.send(data[number % len(data) :][:1])

    def wait(self, seconds: float = _PATIENCE_SECONDS) -> bool:
        """Does nothing for so long, or until the test is over; gives whether it is."""
        return self._is_over.wait(seconds)

    def reset(self) -> None:
        """Ends the connection with RST instead of FIN."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


class RawReceiver:
    """A TCP server that does with each connection what a function says, inside TLS if it is given a context."""

    def __init__(
        self, behave: Callable[[Peer], None], tls: ssl.SSLContext | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.connection_count = 0
        self._behave, self._tls = behave, tls
        self._is_over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._listener = socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"http://{f'[{host}]' if ':' in host else host}:{self.port}/hook"

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._is_over.set()
        # Closing alone does not wake up who waits for a connection.
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for thread in self._threads:
            thread.join()

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, name="raw receiver")
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connection_count += 1
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        connection.settimeout(_PATIENCE_SECONDS)
        with suppress(OSError), ExitStack() as stack:
            stack.enter_context(connection)
            if self._tls:
                connection = stack.enter_context(self._tls.wrap_socket(connection, server_side=True))
            self._behave(Peer(connection, self._is_over))
