"""A server in front of another one, on loopback, that fails as networks and proxies do: by a script."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

# What an answer says of its own connection, which is not the next one's.
_OF_THE_CONNECTION = frozenset({"connection", "keep-alive", "transfer-encoding", "content-length", "date", "server"})


@dataclass(frozen=True)
class Fault:
    """What happens to one request.

    ``refuse`` hangs up before the server hears of it, ``lose`` after it has answered, ``cut`` in the middle of its
    answer; ``status`` answers instead of it.
    """

    refuse: bool = False
    lose: bool = False
    cut: bool = False
    status: int | None = None
    headers: Mapping[str, str] = field(default_factory=dict)


REFUSE, LOSE, CUT = Fault(refuse=True), Fault(lose=True), Fault(cut=True)


def answering(status: int, **headers: str) -> Fault:
    """Gives the fault that answers with a status, and these headers, instead of the server."""
    return Fault(status=status, headers={name.replace("_", "-"): value for name, value in headers.items()})


@dataclass(frozen=True)
class Seen:
    """A request that came."""

    method: str
    path: str
    headers: Mapping[str, str]


class FaultyProxy:
    """Hands requests on to a server. ``plan`` says what happens to the next ones that change something."""

    def __init__(self, port: int) -> None:
        self.upstream_port = port
        self.seen: list[Seen] = []
        self._faults: list[Fault] = []
        self._reads: list[Fault] = []
        self._server = _Server(self)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), name="faulty proxy")
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def plan(self, *faults: Fault, reads: tuple[Fault, ...] = ()) -> None:
        """Says what happens to the next requests, those that only read apart; forgets what came before."""
        self.seen.clear()
        self._faults[:], self._reads[:] = faults, reads

    def take(self, request: Seen) -> Fault:
        """Keeps a request; gives what is to happen to it."""
        self.seen.append(request)
        planned = self._reads if request.method == "GET" else self._faults
        return planned.pop(0) if planned else Fault()


class _Server(ThreadingHTTPServer):
    def __init__(self, proxy: FaultyProxy) -> None:
        self.proxy = proxy
        super().__init__(("127.0.0.1", 0), _Handler)


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0")))
        fault = self.server.proxy.take(Seen(self.command, self.path, dict(self.headers)))
        self.close_connection = True
        if fault.status is not None:
            self._answer(fault.status, fault.headers, b"")
            return
        if fault.refuse:
            return
        status, headers, answer = self._hand_on(body)
        if not fault.lose:
            self._answer(status, headers, answer, half=fault.cut)

    def _hand_on(self, body: bytes) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.server.proxy.upstream_port, timeout=30)
        try:
            headers = {name: value for name, value in self.headers.items() if name.lower() != "connection"}
            connection.request(self.command, self.path, body or None, headers)
            response = connection.getresponse()
            return response.status, dict(response.getheaders()), response.read()
        finally:
            connection.close()

    def _answer(self, status: int, headers: Mapping[str, str], body: bytes, *, half: bool = False) -> None:
        with suppress(ConnectionError):
            self.send_response(status)
            for name, value in headers.items():
                if name.lower() not in _OF_THE_CONNECTION:
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if half else body)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = _handle  # noqa: N815 - the names that the library calls

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the library's name
        """Says nothing: what came is in ``seen``."""
