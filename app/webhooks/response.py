"""Reads a receiver's answer (HTTP/1.1, RFC 9112): its status, its headers, the beginning of its body. Pure.

Whatever is sent, only so much of it is read. Nothing is decoded but chunks: no compression, no character set.
"""

from __future__ import annotations

import codecs
import contextlib
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

HEAD_BYTES = 64 * 1024
HEADER_LIMIT = 100
SNIPPET_BYTES = 4096

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2})(?: |\Z)")
_NAME = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+\Z")
_CHUNK_SIZE = re.compile(rb"([0-9A-Fa-f]{1,16})[ \t]*(?:;|\Z)")
_LENGTH = re.compile(r"[0-9]{1,18}\Z")
_SWITCHING_PROTOCOLS = 101
_WITHOUT_BODY = frozenset({_SWITCHING_PROTOCOLS, 204, 304})


class BadResponseError(Exception):
    """What was received is no answer in HTTP, or too large to be one; the text is the end of a sentence."""


class IncompleteResponseError(Exception):
    """The receiver closed the connection in the middle of its answer, or before it."""


@dataclass(frozen=True, slots=True)
class Response:
    """The head of an answer."""

    status_code: int
    headers: tuple[tuple[str, str], ...]

    def get_all(self, name: str) -> list[str]:
        """Takes a header's name in lower case; gives its values in order."""
        return [value for header, value in self.headers if header == name]


class Stream:
    """Lines and pieces of what arrives: as many bytes of it as are allowed, and no more."""

    def __init__(self, receive: Callable[[], Awaitable[bytes]]) -> None:
        """Takes a function that gives the next bytes, none at the end."""
        self._receive = receive
        self._buffer = bytearray()
        self.allowed_bytes = HEAD_BYTES

    async def wait(self) -> None:
        """Waits for the first bytes. Raises IncompleteResponseError if there are none."""
        await self._fill()

    async def read_line(self) -> bytes:
        """Gives the next line without its end. Raises BadResponseError if it is longer than what is allowed."""
        searched = 0
        while (end := self._buffer.find(b"\n", searched)) < 0:
            searched = len(self._buffer)
            await self._fill()
        return self._take(end + 1).rstrip(b"\r\n")

    async def read_piece(self, limit: int) -> bytes:
        """Gives at least one byte, at most ``limit``. Raises BadResponseError if none is allowed any more."""
        if not self._buffer:
            await self._fill()
        return self._take(min(limit, len(self._buffer), max(self.allowed_bytes, 1)))

    async def _fill(self) -> None:
        if len(self._buffer) >= self.allowed_bytes:
            raise BadResponseError("sent more than is read of it")
        received = await self._receive()
        if not received:
            raise IncompleteResponseError
        self._buffer += received

    def _take(self, count: int) -> bytes:
        if count > self.allowed_bytes:
            raise BadResponseError("sent more than is read of it")
        self.allowed_bytes -= count
        taken = bytes(self._buffer[:count])
        del self._buffer[:count]
        return taken


async def read_head(stream: Stream) -> Response:
    """Gives the head of the final answer; interim ones (RFC 9110, section 15.2) are passed over.

    Raises BadResponseError, IncompleteResponseError, and what the stream's function raises.
    """
    while True:
        match = _STATUS_LINE.match(await stream.read_line())
        if match is None:
            raise BadResponseError("did not answer with a status line of HTTP")
        status_code, headers = int(match[1]), await _read_headers(stream)
        if status_code >= 200 or status_code == _SWITCHING_PROTOCOLS:
            return Response(status_code, headers)


async def _read_headers(stream: Stream) -> tuple[tuple[str, str], ...]:
    found: list[tuple[str, str]] = []
    for _ in range(HEADER_LIMIT + 1):
        line = await stream.read_line()
        if not line:
            return tuple(found)
        # A line that is no header tells nothing; the status has been understood all the same.
        name, colon, value = line.partition(b":")
        if colon and _NAME.match(name):
            found.append((name.decode("ascii").lower(), value.strip(b" \t").decode("latin-1")))
    raise BadResponseError(f"sent more than {HEADER_LIMIT} headers")


async def read_snippet(stream: Stream, response: Response) -> str:
    """Gives the beginning of the body as text that every database can store, for people to look at.

    It never fails: the status has been read, and decides alone what becomes of the delivery.
    """
    stream.allowed_bytes = SNIPPET_BYTES
    raw = bytearray()
    # What had come before it broke off is worth looking at.
    with contextlib.suppress(BadResponseError, IncompleteResponseError, OSError):
        await _read_body(stream, response, raw)
    # An incremental decoder leaves out a character that was cut in the middle.
    return codecs.getincrementaldecoder("utf-8")("replace").decode(bytes(raw)).replace("\x00", "\ufffd")


async def _read_body(stream: Stream, response: Response, raw: bytearray) -> None:
    """Adds the body to ``raw`` as it comes, by the rules of RFC 9112, section 6.3."""
    if response.status_code in _WITHOUT_BODY:
        return
    codings = ",".join(response.get_all("transfer-encoding")).lower()
    if codings.rpartition(",")[2].strip() == "chunked":
        await _read_chunks(stream, raw)
        return
    lengths = {int(text) if _LENGTH.match(text) else None for text in response.get_all("content-length")}
    length = lengths.pop() if len(lengths) == 1 else None
    # Without a length that can be believed, the body lasts as long as the connection.
    await _read_pieces(stream, SNIPPET_BYTES + 1 if length is None else length, raw)


async def _read_chunks(stream: Stream, raw: bytearray) -> None:
    while match := _CHUNK_SIZE.match(await stream.read_line()):
        size = int(match[1], 16)
        if not size:
            return
        await _read_pieces(stream, size, raw)
        await stream.read_line()


async def _read_pieces(stream: Stream, length: int, raw: bytearray) -> None:
    while length:
        piece = await stream.read_piece(length)
        length -= len(piece)
        raw += piece
