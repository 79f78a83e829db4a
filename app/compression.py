"""Answers are compressed (RFC 9110, section 8.4) for whoever takes that, and no length of them tells a secret."""

from __future__ import annotations

import gzip
import secrets
import struct
import zlib
from functools import lru_cache
from typing import Final

from flask import Flask, Response, request

from app.etags import GZIP_SUFFIX

# Below this the header costs more than is won.
_SMALLEST: Final = 860
_LEVEL: Final = 6
_TYPES: Final = frozenset(
    {
        "application/json",
        "application/problem+json",
        "application/javascript",
        "image/svg+xml",
        "text/css",
        "text/html",
        "text/javascript",
        "text/plain",
    }
)
_STATIC: Final = ("static", "assets.send_asset")
# The longest name that is put into the head of a compressed page.
_LONGEST_NAME: Final = 100


def init_app(app: Flask) -> None:
    """Takes the application; compresses what it answers."""
    app.after_request(compress)


def compress(response: Response) -> Response:
    """Takes an answer; gives it compressed, if that is worth it and the caller takes it."""
    if response.mimetype not in _TYPES or "Content-Encoding" in response.headers:
        return response
    is_static = request.endpoint in _STATIC
    if not is_static and (response.is_streamed or response.direct_passthrough):
        return response
    if "Vary" in response.headers:
        response.vary.add("Accept-Encoding")
    else:
        response.headers.add("Vary", "Accept-Encoding")
    # A part of a file, and an answer without a body, stay as they are.
    has_whole_body = response.status_code in (200, 201) or response.status_code >= 400
    takes_any = "Accept-Encoding" in request.headers
    if not has_whole_body or not takes_any or request.accept_encodings["gzip"] <= 0:
        return response
    body = _read(response)
    if len(body) < _SMALLEST:
        return response
    response.set_data(compress_file(body) if is_static else compress_page(body))
    response.headers["Content-Encoding"] = "gzip"
    if etag := response.get_etag()[0]:
        # What is compressed is another representation (RFC 9110, section 8.8.3.3).
        response.set_etag(f"{etag}{GZIP_SUFFIX}")
        # If-Match is asked of what is answered before it is compressed: to whoever has it, both are the same state.
        response.make_conditional({name: it for name, it in request.environ.items() if name != "HTTP_IF_MATCH"})
    return response


def _read(response: Response) -> bytes:
    source = response.response
    response.direct_passthrough = False
    body = response.get_data()
    # A static file is open; now it is read to its end.
    if close := getattr(source, "close", None):
        close()
    return body


@lru_cache(maxsize=256)
def compress_file(body: bytes) -> bytes:
    """Gives the bytes of a static file compressed; each is compressed once."""
    return gzip.compress(body, compresslevel=9, mtime=0)


def compress_page(body: bytes) -> bytes:
    """Gives a page compressed, with a name of random length in its head.

    A page holds what somebody else may have put into its address beside tokens that are nobody else's: who sees how
    long it is could guess these, letter by letter (BREACH). The name makes that many thousand times as dear (Paloni and
    others, Heal the Breach, 2022).
    """
    name = secrets.token_hex(_LONGEST_NAME // 2)[: secrets.randbelow(_LONGEST_NAME)].encode()
    # RFC 1952, section 2.3: deflate, a name follows, no time, no flags, an unknown system.
    head = b"\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xff" + name + b"\x00"
    deflate = zlib.compressobj(_LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS)
    tail = struct.pack("<LL", zlib.crc32(body), len(body) & 0xFFFFFFFF)
    return head + deflate.compress(body) + deflate.flush() + tail
