"""The body of a request as a file that comes: its length, and its bytes as they are asked for."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from flask import current_app, request
from werkzeug.formparser import FormDataParser

from app.bodies import expect_upload
from app.exceptions import InvalidRequestError, UnsupportedMediaTypeError
from app.files.digests import parse_digests, verify
from app.files.multipart import read_file_part

_CHUNK: Final = 256 * 1024
_FORM: Final = "multipart/form-data"
_FORMS: Final = (_FORM, "application/x-www-form-urlencoded")
_DIGEST_HEADERS: Final = ("Content-MD5", "Content-Digest", "Repr-Digest")


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file on its way. ``length`` counts the bytes of the body, None if that is not said."""

    length: int | None
    is_form: bool
    chunks: Iterator[bytes]


def open_upload() -> Incoming:
    """Gives the file that is the current request's body, or the part ``file`` of a form. Nothing of it is read yet.

    Raises InvalidRequestError for a header that makes no sense here, UnsupportedMediaTypeError for a compressed body.
    """
    if request.headers.get("Content-Encoding", "identity").strip().lower() not in ("", "identity"):
        raise UnsupportedMediaTypeError("Content-Encoding must be identity: a file is stored as it comes.")
    # Whoever does not know it would take a part for the whole (RFC 9110, section 14.5).
    if "Content-Range" in request.headers:
        raise InvalidRequestError("Content-Range is not supported: a file comes whole.")
    expected = parse_digests((name, request.headers.get(name)) for name in _DIGEST_HEADERS)
    chunks = verify(_read_body(), expected) if expected else _read_body()
    is_form = request.mimetype == _FORM
    if is_form:
        chunks = read_file_part(chunks, request.mimetype_params.get("boundary", ""))
    return Incoming(request.content_length, is_form, chunks)


def expect_content() -> None:
    """Lets the body of the current request be a file as it is, whose sender is still to be known by their headers.

    Raises UnsupportedMediaTypeError for a form, which whoever looks for a token in it would read.
    """
    if request.mimetype in _FORMS:
        raise UnsupportedMediaTypeError("The body must be the file itself, and no form.")
    request.max_content_length = request.content_length


def expect_files(largest: int) -> None:
    """Lets the current request be a form with files, of so many bytes in all, whose sender is known.

    They are kept on the disk until the form has been read, and are gone with the request.
    """
    expect_upload(request.environ)
    request.max_content_length = largest
    request.form_data_parser_class = _DiskFormParser


class _DiskFormParser(FormDataParser):
    """Puts files where ours lie: the system's own folder for such may be in the memory."""

    def __init__(self, stream_factory: Any = None, *arguments: Any, **options: Any) -> None:
        super().__init__(_open_scratch, *arguments, **options)


def _open_scratch(*_: Any, **__: Any) -> Any:
    return tempfile.TemporaryFile(dir=current_app.extensions["slipway"].settings.storage.folder)


def _read_body() -> Iterator[bytes]:
    expect_upload(request.environ)
    # Not by way of the framework, whose limit is that of all other bodies: whoever asks has looked at the length.
    stream = request.environ["wsgi.input"]
    while chunk := stream.read(_CHUNK):
        yield chunk
