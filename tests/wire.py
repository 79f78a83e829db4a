"""A client that sends exactly what it is given, on one connection after the other as long as each is kept."""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
from collections.abc import Iterable
from dataclasses import dataclass
from email.message import Message
from types import TracebackType
from typing import Any, Self

_SECONDS = 10.0

Header = tuple[str, bytes]


@dataclass(frozen=True)
class Answer:
    """An answer, whole."""

    status_code: int
    headers: Message
    content: bytes

    @property
    def text(self) -> str:
        """Its body as text."""
        return self.content.decode()

    def get_json(self) -> Any:
        """Gives its body as what it spells in JSON."""
        return json.loads(self.content)


class Wire:
    """Keeps its connection to a port of this machine as long as the server does, which has to say if it does not."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._socket: socket.socket | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def send(self, method: str, path: str, headers: Iterable[Header] = (), body: bytes = b"") -> Answer:
        """Sends a request. Whatever stands in a header goes out as it is; the body's length is said."""
        if self._socket is None:
            self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=_SECONDS)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sent = [("Host", b"127.0.0.1"), *headers, ("Content-Length", str(len(body)).encode())]
        head = b"".join(name.encode() + b": " + value + b"\r\n" for name, value in sent)
        # A server that refuses in the middle of a body need not read the rest of it.
        with contextlib.suppress(ConnectionError):
            self._socket.sendall(f"{method} {path} HTTP/1.1\r\n".encode() + head + b"\r\n" + body)
        response = http.client.HTTPResponse(self._socket, method=method)
        response.begin()
        answer = Answer(response.status, response.headers, response.read())
        # What is too large is not read to its end, so nothing can follow it (RFC 9110, section 15.5.14).
        if response.will_close or response.status == 413:
            self.close()
        return answer

    def close(self) -> None:
        """Closes the connection, if there is one."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
