"""Reads a file out of a form (RFC 7578) as it comes: no more of it is held than a piece."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from werkzeug.exceptions import RequestEntityTooLarge
from werkzeug.sansio.multipart import Data, Epilogue, Field, File, MultipartDecoder, NeedData

from app.exceptions import MalformedBodyError

# What stands around the file: boundaries, headers of parts, other fields.
OVERHEAD: Final = 64 * 1024
_PART_NAME: Final = "file"
_BUFFER: Final = 1024 * 1024
_PARTS: Final = 50
_NO_FILE = "The form must hold one part with the name file."


def read_file_part(chunks: Iterable[bytes], boundary: str) -> Iterator[bytes]:
    """Takes the body of a form; gives the bytes of its part ``file``. The form is read to its end.

    Raises MalformedBodyError, maybe after the last byte, if it is no form or has not exactly one such part.
    """
    if not boundary or not boundary.isascii():
        raise MalformedBodyError("Content-Type multipart/form-data must name its boundary.")
    reader = _Reader(MultipartDecoder(boundary.encode(), _BUFFER, max_parts=_PARTS))
    for chunk in chunks:
        yield from reader.read(chunk)
    yield from reader.read(None)
    if reader.count != 1:
        raise MalformedBodyError(_NO_FILE)


class _Reader:
    """Takes the form piece by piece, and counts the parts that were wanted."""

    def __init__(self, decoder: MultipartDecoder) -> None:
        self._decoder = decoder
        self._is_wanted = False
        self._is_over = False
        self.count = 0

    def read(self, chunk: bytes | None) -> list[bytes]:
        """Takes the next piece, None after the last one; gives what of the file is in it."""
        if self._is_over:
            # Whatever stands after the end says nothing (RFC 2046, section 5.1.1).
            return []
        try:
            self._decoder.receive_data(chunk)
            return list(self._read_events())
        except (ValueError, RequestEntityTooLarge):
            raise MalformedBodyError("The body is not multipart/form-data as its Content-Type says.") from None

    def _read_events(self) -> Iterator[bytes]:
        while not isinstance(event := self._decoder.next_event(), NeedData):
            if isinstance(event, Field | File):
                self._is_wanted = event.name == _PART_NAME
                self.count += self._is_wanted
            elif isinstance(event, Data) and self._is_wanted and event.data:
                yield event.data
            elif isinstance(event, Epilogue):
                self._is_over = True
                return
