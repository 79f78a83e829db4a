"""One connection to one address, and one deadline over everything that is done with it."""

from __future__ import annotations

import functools
import math
import select
import socket
import ssl
import time
from ipaddress import IPv4Address, IPv6Address

_RECEIVE_BYTES = 4096


class Deadline:
    """A moment that no operation may pass: each gets what is left of the time, however many there are."""

    def __init__(self, seconds: float) -> None:
        self._end = time.monotonic() + seconds

    def get_remaining(self) -> float:
        """Gives the seconds that are left. Raises TimeoutError if there are none."""
        remaining = self._end - time.monotonic()
        if remaining <= 0:
            raise TimeoutError("the deadline has passed")
        return remaining

    def shorten(self, seconds: float) -> None:
        """Moves the deadline to so many seconds from now, unless it is earlier."""
        self._end = min(self._end, time.monotonic() + seconds)


def connect(address: IPv4Address | IPv6Address, port: int, timeout_seconds: float) -> socket.socket:
    """Gives a connected socket: to this address, through no proxy. Raises OSError."""
    family = socket.AF_INET if address.version == 4 else socket.AF_INET6
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.settimeout(timeout_seconds)
        opened.connect((str(address), port))
    except BaseException:
        opened.close()
        raise
    return opened


def start_tls(opened: socket.socket, host: str, deadline: Deadline) -> ssl.SSLSocket:
    """Takes a connected socket and the host's name or address; gives the socket after the handshake.

    The certificate must be valid for the host (RFC 9525) and signed by an authority that this machine trusts. Raises
    ssl.SSLError or another OSError; the socket is closed then.
    """
    # The handshake as a whole is held to the socket's timeout, not each of its reads.
    opened.settimeout(deadline.get_remaining())
    return get_tls_context().wrap_socket(opened, server_hostname=host)


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
        opened.setblocking(False)
        self._socket = opened
        self._unsent = memoryview(request)
        self._send_error: OSError | None = None
        self._deadline = deadline

    def receive(self) -> bytes:
        """Gives the next bytes of the answer, none at its end. Raises TimeoutError at the deadline, or OSError."""
        while True:
            events = select.POLLIN | self._send()
            try:
                received = self._socket.recv(_RECEIVE_BYTES)
            except ssl.SSLWantWriteError:
                events |= select.POLLOUT
            except (BlockingIOError, ssl.SSLWantReadError):
                pass
            else:
                if not received and self._send_error:
                    raise self._send_error
                return received
            self._wait(events)

    def _send(self) -> int:
        """Sends what can be sent now; gives the event to wait for before the rest."""
        try:
            while self._unsent:
                self._unsent = self._unsent[self._socket.send(self._unsent) :]
        except (BlockingIOError, ssl.SSLWantWriteError):
            return select.POLLOUT
        except ssl.SSLWantReadError:
            return 0
        except OSError as error:
            # There may be an answer that says why; if there is none, this is what is told.
            self._send_error = error
            self._unsent = memoryview(b"")
        return 0

    def _wait(self, events: int) -> None:
        poller = select.poll()
        poller.register(self._socket, events)
        # Without an event the next round finds out that the deadline has passed.
        poller.poll(math.ceil(self._deadline.get_remaining() * 1000))
