"""Reads the body of a request as what it is: sent by somebody who may stop halfway, drip, or never end."""

from __future__ import annotations

import contextlib
import io
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

from werkzeug.exceptions import BadRequest, HTTPException, RequestEntityTooLarge, RequestTimeout
from werkzeug.wsgi import get_content_length

# A whole body has this long to come. Sent slower than 50 KiB a second, the largest one is refused.
BODY_SECONDS = 20.0
# What is uploaded may take hours, but not stand still: each piece of it has that long. 12.8 KiB a second are enough.
UPLOAD_PIECE = 256 * 1024
_INPUT = "slipway.input"
_WATCH_SECONDS = 0.25
_DISCARDED = 64 * 1024


class BodyGuard:
    """WSGI middleware: a body that cannot be read to its end is its sender's fault, a 4xx, and never half a body."""

    def __init__(self, wsgi_app: Any, limit: int) -> None:
        """Takes the application and the largest body that it reads, in bytes."""
        self._wsgi_app = wsgi_app
        self._limit = limit
        self._watchdog = _Watchdog()

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Serves one request by the WSGI protocol (PEP 3333)."""
        guarded = environ["wsgi.input"] = environ[_INPUT] = _GuardedInput(environ, self._limit, self._watchdog)
        answer = self._wsgi_app(environ, start_response)
        guarded.discard()
        return answer


def expect_upload(environ: dict[str, Any]) -> None:
    """Takes a request whose sender is known and may upload: from now on its body may take as long as it needs.

    It must keep coming, and must say its length: that is its limit, and who reads it has looked at that.
    """
    guarded: _GuardedInput | None = environ.get(_INPUT)
    if guarded is not None:
        guarded.allow_long()


class _GuardedInput(io.RawIOBase):
    """The body's bytes; what is wrong with them is raised by every read from then on."""

    def __init__(self, environ: dict[str, Any], limit: int, watchdog: _Watchdog) -> None:
        super().__init__()
        self._stream = environ["wsgi.input"]
        # None if the body comes in chunks: they say themselves where they end.
        self._length = get_content_length(environ)
        self._limit = limit
        self._socket: socket.socket | None = environ.get("gunicorn.socket")
        self._watchdog = watchdog
        self._deadline: float | None = None
        # Where the deadline moves on; None if it does not.
        self._next_piece: int | None = None
        self._count = 0
        self._error: HTTPException | None = None

    def allow_long(self) -> None:
        """Lets the deadline move on with every piece that has come."""
        self._next_piece = UPLOAD_PIECE

    def discard(self) -> None:
        """Reads what is left of a body that was refused, if that is not more than may be sent.

        Else the server closes the connection over it, whatever it has said: the next request on it was lost, or the
        answer itself before the client has read it. How long a chunked body is nobody knows: of one that is too large
        as much again is read.
        """
        is_readable = self._error is None or isinstance(self._error, RequestEntityTooLarge)
        if not is_readable or (self._length is not None and self._length > self._limit):
            return
        left = self._limit if self._length is None else self._length - self._count
        with contextlib.suppress(HTTPException):
            while left > 0 and (data := self._read_in_time(min(_DISCARDED, left))):
                left -= len(data)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._error is None:
            try:
                data = self._read(len(buffer))
            except HTTPException as error:
                self._error = error
            else:
                buffer[: len(data)] = data
                return len(data)
        raise self._error

    def _read(self, size: int) -> bytes:
        if self._count == self._length:
            return b""
        data = self._read_in_time(size)
        self._count += len(data)
        if self._next_piece is not None and self._count >= self._next_piece:
            self._deadline, self._next_piece = None, self._count + UPLOAD_PIECE
        if not data and self._length is not None:
            raise BadRequest("The request's body ended early: it is shorter than its Content-Length says.")
        # Werkzeug reads chunks up to the limit and takes that for the whole body: whether more comes is asked here.
        if self._length is None and self._count >= self._limit and self._read_in_time(1):
            raise RequestEntityTooLarge
        return data

    def _read_in_time(self, size: int) -> bytes:
        if self._deadline is None:
            self._deadline = time.monotonic() + BODY_SECONDS
        try:
            with self._watchdog.watch(self._socket, self._deadline):
                data = bytes(self._stream.read(size))
        except Exception as error:
            # Every server has exception classes of its own for this; all say that the body cannot be read.
            if time.monotonic() < self._deadline:
                raise BadRequest("The request's body ended early or is not framed as its headers say.") from error
            data = b""
        if len(data) < size and time.monotonic() >= self._deadline and self._is_incomplete(len(data)):
            what = "body did not come" if self._next_piece is None else "body stood still: nothing more of it came"
            raise RequestTimeout(f"The request's {what} within {BODY_SECONDS:g} seconds.")
        return data

    def _is_incomplete(self, more: int) -> bool:
        return self._length is None or self._count + more < self._length


class _Watchdog:
    """Shuts the reading side of sockets whose body is late.

    The timeout of a socket is no help: it begins anew with every byte that drips in, and the server reads many times
    before it gives anything back. One thread in each process looks at all of them.
    """

    def __init__(self) -> None:
        self._deadlines: dict[socket.socket, float] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    @contextlib.contextmanager
    def watch(self, connection: socket.socket | None, deadline: float) -> Iterator[None]:
        """Watches a connection during the block; without one, as in a server of another kind, nothing."""
        if connection is None:
            yield
            return
        self._start()
        self._deadlines[connection] = deadline
        try:
            yield
        finally:
            self._deadlines.pop(connection, None)

    def _start(self) -> None:
        # Not before the first body: a thread does not survive the forks that the server makes of itself.
        if self._thread is None:
            with self._lock:
                if self._thread is None:
                    self._thread = threading.Thread(target=self._run, name="body watchdog", daemon=True)
                    self._thread.start()

    def _run(self) -> None:
        while True:
            time.sleep(_WATCH_SECONDS)
            now = time.monotonic()
            for connection, deadline in list(self._deadlines.items()):
                if now >= deadline:
                    # Whoever reads gets an end of file at once; the answer can still be written.
                    # The plain method, because that of a TLS socket would go on without TLS.
                    with contextlib.suppress(OSError):
                        socket.socket.shutdown(connection, socket.SHUT_RD)
