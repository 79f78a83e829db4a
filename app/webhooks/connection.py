"""One connection to one address, and one deadline over everything that is done with it."""

from __future__ import annotations

import functools
import os
import socket
import ssl
import time
from ipaddress import IPv4Address, IPv6Address

from app.webhooks.reactor import READ, WRITE, wait

_RECEIVE_BYTES = 4096


class Deadline:
    """A moment that no operation may pass, however many there are: ``until``, by the clock that does not jump."""

    def __init__(self, seconds: float) -> None:
        self.until = time.monotonic() + seconds

    def share(self, count: int) -> float:
        """Gives the moment at which one of so many operations that are left has used up its share of the time."""
        now = time.monotonic()
        return now + (self.until - now) / count

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


async def start_tls(opened: socket.socket, host: str, deadline: Deadline) -> ssl.SSLSocket:
    """Takes a connected socket and the host's name or address; gives the socket after the handshake.

    The certificate must be valid for the host (RFC 9525) and signed by an authority that this machine trusts. Raises
    ssl.SSLError or another OSError; the socket is closed then.
    """
    wrapped = get_tls_context().wrap_socket(opened, server_hostname=host, do_handshake_on_connect=False)
    try:
        while True:
            try:
                wrapped.do_handshake()
            except ssl.SSLWantReadError:
                await wait(wrapped, READ, deadline.until)
            except ssl.SSLWantWriteError:
                await wait(wrapped, WRITE, deadline.until)
            else:
                return wrapped
    except BaseException:
        wrapped.close()
        raise


@functools.cache
def get_tls_context() -> ssl.SSLContext:
    """Gives the context of all connections: TLS 1.2 or later, the machine's authorities, no way to verify less."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # A name counts only where certificates name hosts, in subjectAltName (RFC 9525, section 2).
    context.hostname_checks_common_name = False
    # Whoever was verified stays who it is until the end of the connection.
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


class Connection:
    """Sends a request and receives the answer at the same time, so that an answer that comes early is not lost.

    A receiver may answer before it has read everything, and may then reset the connection; what it said counts.
    """

    def __init__(self, opened: socket.socket, request: bytes, deadline: Deadline) -> None:
        """Takes a connected socket, which stays the caller's to close, and the bytes of a whole request."""
        self._socket = opened
        self._unsent = memoryview(request)
        self._send_error: OSError | None = None
        self._deadline = deadline
        # Nothing can be there before anything was sent; what TLS has read already, it alone knows.
        self._may_have_more = isinstance(opened, ssl.SSLSocket)

    async def receive(self) -> bytes:
        """Gives the next bytes of the answer, none at its end. Raises TimeoutError at the deadline, or OSError."""
        while True:
            events = READ | self._send()
            if self._may_have_more:
                try:
                    received = self._socket.recv(_RECEIVE_BYTES)
                except ssl.SSLWantWriteError:
                    events |= WRITE
                except (BlockingIOError, ssl.SSLWantReadError):
                    pass
                else:
                    if not received and self._send_error:
                        raise self._send_error
                    return received
            await wait(self._socket, events, self._deadline.until)
            self._may_have_more = True

    def _send(self) -> int:
        """Sends what can be sent now; gives the event to wait for before the rest."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except (BlockingIOError, ssl.SSLWantWriteError):
            return WRITE
        except ssl.SSLWantReadError:
            return 0
        except OSError as error:
            # There may be an answer that says why; if there is none, this is what is told.
            self._send_error = error
            self._unsent = memoryview(b"")
        return 0
