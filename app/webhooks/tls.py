"""TLS for attempts, fed by hand: each call reads one piece of what has come, and an attempt only so much in all.

Left to read from the socket itself, OpenSSL goes on for as long as something comes that is no data (handshake messages,
KeyUpdate), and so would a receiver that never ends it: everything else would stand still meanwhile.
"""

from __future__ import annotations

import contextlib
import functools
import socket
import ssl
from typing import Final

from app.webhooks.reactor import READ, WRITE, wait
from app.webhooks.response import BadResponseError

# Whatever an attempt may read, its certificates and what TLS adds to it; for all of that this is plenty.
_LIMIT_BYTES: Final = 256 * 1024
_PIECE_BYTES: Final = 16 * 1024
# Forward secrecy with elliptic curves. A group of one's own choice may have so many bits that a single handshake
# takes a second of the processor.
_CIPHERS = "ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES"


@functools.cache
def get_tls_context() -> ssl.SSLContext:
    """Gives the context of all connections: TLS 1.2 or later, the machine's authorities, no way to verify less."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_ciphers(_CIPHERS)
    # A name counts only where certificates name hosts, in subjectAltName (RFC 9525, section 2).
    context.hostname_checks_common_name = False
    # Whoever was verified stays who it is until the end of the connection.
    context.options |= ssl.OP_NO_RENEGOTIATION
    return context


class TlsSocket:
    """TLS over a connected socket that never blocks; it sends and receives as that does, one piece at a time."""

    def __init__(self, plain: socket.socket, host: str) -> None:
        """Takes the socket, which stays the caller's to close, and the name or address that must be proved."""
        self.plain = plain
        self._incoming, self._outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = get_tls_context().wrap_bio(self._incoming, self._outgoing, server_hostname=host)
        self._unsent = b""
        self._allowed_bytes = _LIMIT_BYTES

    async def shake_hands(self, until: float) -> None:
        """Does the handshake, until a moment of ``time.monotonic``.

        The certificate must be valid for the host (RFC 9525) and signed by an authority that this machine trusts.
        Raises ssl.SSLError or another OSError, and BadResponseError if more comes than is read.
        """
        is_done = False
        while not is_done:
            try:
                self._tls.do_handshake()
                is_done = True
            except ssl.SSLWantReadError:
                pass
            except ssl.SSLError:
                # What went wrong is told to the other side, if it still listens.
                self.flush()
                raise
            while not self.flush():
                await wait(self.plain, WRITE, until)
            if not is_done:
                await wait(self.plain, READ, until)
                self._take_piece()

    def send(self, data: memoryview) -> int:
        """Sends a piece of the data; gives how long it was. Raises BlockingIOError if none can be sent now, OSError."""
        if not self.flush():
            raise BlockingIOError
        sent = self._tls.write(data[:_PIECE_BYTES])
        self.flush()
        return sent

    def recv(self, count: int) -> bytes:
        """Gives at most so many bytes, none at the end. Raises BlockingIOError if there are none now, OSError."""
        try:
            return self._read(count)
        except ssl.SSLWantReadError:
            self._take_piece()
        try:
            return self._read(count)
        except ssl.SSLWantReadError:
            raise BlockingIOError from None

    def flush(self) -> bool:
        """Sends what is encrypted and waits; gives whether nothing is left of it. Raises OSError."""
        self._unsent += self._outgoing.read()
        try:
            while self._unsent:
                self._unsent = self._unsent[self.plain.send(self._unsent) :]
        except BlockingIOError:
            return False
        return True

    def _read(self, count: int) -> bytes:
        try:
            return self._tls.read(count)
        except (ssl.SSLZeroReturnError, ssl.SSLEOFError):
            # An end without a farewell is one, too: how long an answer is, HTTP says.
            return b""
        finally:
            # What has come may have to be answered. If that cannot be sent, what was read counts all the same.
            with contextlib.suppress(OSError):
                self.flush()

    def _take_piece(self) -> None:
        """Takes what has come from the socket. Raises BlockingIOError if that is nothing, BadResponseError, OSError."""
        piece = self.plain.recv(_PIECE_BYTES)
        self._allowed_bytes -= len(piece)
        if self._allowed_bytes < 0:
            raise BadResponseError("sent more than is read of it")
        if piece:
            self._incoming.write(piece)
        else:
            self._incoming.write_eof()
