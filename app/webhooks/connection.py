"""One connection to one address, and one deadline over everything that is done with it."""

from __future__ import annotations

import os
import socket
import time
from ipaddress import IPv4Address, IPv6Address

from app.webhooks.reactor import READ, WRITE, wait
from app.webhooks.tls import TlsSocket

_RECEIVE_BYTES = 4096
_TRY_SECONDS = 3.0


class Deadline:
    """A moment that no operation may pass, however many there are: ``until``, by the clock that does not jump."""

    def __init__(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds

    def share(self, count: int) -> float:
        """Gives the moment at which one of so many tries that are left has used up its share of the time.

        That is never long: where only one of two addresses works, nobody should wait half of the time for the other.
        """
        now = time.monotonic()
        return now + min((self.until - now) / count, _TRY_SECONDS)

    def shorten(self, seconds: float) -> None:
        """Moves the deadline to so many seconds from now, unless it is earlier."""
        self.until = min(self.until, time.monotonic() + seconds)


async def connect(address: IPv4Address | IPv6Address, port: int, until: float) -> socket.socket:
    """Gives a connected socket that never blocks: to this address, through no proxy. Raises OSError."""
    opened = socket.socket(socket.AF_INET if address.version == 4 else socket.AF_INET6, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        try:
            opened.connect((str(address), port))
        except BlockingIOError:
            await wait(opened, WRITE, until)
            if error := opened.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR):
                raise OSError(error, os.strerror(error)) from None
    except BaseException:
        opened.close()
        raise
    return opened


class Connection:
    """Sends a request and receives the answer at the same time, so that an answer that comes early is not lost.

    A receiver may answer before it has read everything, and may then reset the connection; what it said counts.
    """

    def __init__(self, opened: socket.socket | TlsSocket, request: bytes, deadline: Deadline) -> None:
        """Takes a connected socket, which stays the caller's to close, and the bytes of a whole request."""
        self._socket = opened
        self._source = opened.plain if isinstance(opened, TlsSocket) else opened
        self._unsent = memoryview(request)
        self._send_error: OSError | None = None
        self._deadline = deadline
        # Nothing can be there before anything was sent; what TLS has read already, it alone knows.
        self._may_have_more = isinstance(opened, TlsSocket)

    async def receive(self) -> bytes:
        """Gives the next bytes of the answer, none at its end. Raises TimeoutError at the deadline, or OSError."""
        while True:
            events = READ | self._send()
            if self._may_have_more:
                try:
                    received = self._socket.recv(_RECEIVE_BYTES)
                except BlockingIOError:
                    pass
                else:
                    if not received and self._send_error:
                        raise self._send_error
                    return received
            await wait(self._source, events, self._deadline.until)
            self._may_have_more = True

    def _send(self) -> int:
        """Sends what can be sent now; gives the event to wait for before the rest."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
            # What TLS has encrypted may still wait, be it an answer to what the receiver has sent.
            if isinstance(self._socket, TlsSocket) and self._send_error is None and not self._socket.flush():
                return WRITE
        except BlockingIOError:
            return WRITE
        except OSError as error:
            # There may be an answer that says why; if there is none, this is what is told.
            self._send_error = error
            self._unsent = memoryview(b"")
        return 0
