"""Sends a file: whole or in part, as it is read, and counted."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC
from typing import Any

from flask import Flask, Response, current_app, redirect, request
from werkzeug.http import http_date, parse_date, quote_etag

from app.exceptions import PreconditionFailedError, RangeNotSatisfiableError
from app.files import downloads
from app.files.digests import format_repr_digest
from app.files.downloads import Download
from app.files.ranges import Range, UnsatisfiableRangeError, find_range
from app.files.storage import Part, Storage, find_key
from app.language import say

# It is somebody else's file: no browser opens it as a page of ours, and nobody on the way keeps it for others.
_HEADERS = {
    "Accept-Ranges": "bytes",
    "Cache-Control": "private, no-cache",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "X-Content-Type-Options": "nosniff",
}


def send_download(download: Download) -> Any:
    """Takes a file that the caller may have; gives the answer to the current request for it.

    One that lies elsewhere is asked for there. Raises StorageError, PreconditionFailedError,
    RangeNotSatisfiableError.
    """
    if download.blob_id is None or download.sha256 is None:
        if request.method == "GET":
            downloads.count_download(download)
        answer = redirect(download.url, 302)
        answer.headers["Cache-Control"] = "no-store"
        answer.headers["Referrer-Policy"] = "no-referrer"
        return answer
    headers = _build_headers(download)
    if not _has_changed(download):
        return Response(status=304, headers=headers)
    try:
        wanted = find_range(request.headers.get("Range"), download.size) if _is_range_wanted(download) else None
    except UnsatisfiableRangeError:
        raise RangeNotSatisfiableError(download.size) from None
    headers |= _describe(download)
    if wanted is not None:
        headers["Content-Range"] = f"bytes {wanted.start}-{wanted.end - 1}/{download.size}"
    return _send(download, wanted, headers)


def _send(download: Download, wanted: Range | None, headers: dict[str, str]) -> Response:
    start, end = (wanted.start, wanted.end) if wanted else (0, download.size)
    headers["Content-Length"] = str(end - start)
    status = 206 if wanted else 200
    if request.method == "HEAD":
        return Response(status=status, headers=headers)
    slipway = current_app.extensions["slipway"]
    storage: Storage = slipway.storage
    part = storage.read(find_key(download.blob_id or ""), start, end)
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001 - Flask's documented way
    is_last = end == download.size and not (wanted and wanted.is_end_only and start)
    body = _give(part, end - start, lambda: _count(app, download) if is_last else None)
    response = Response(body, status, headers)
    response.call_on_close(part.close)
    return response


def _give(part: Part, length: int, tell: Callable[[], None]) -> Iterator[bytes]:
    """Gives the bytes of a part. Tells before the last of them, so that whoever has them all finds that counted."""
    for chunk in part:
        length -= len(chunk)
        if length <= 0:
            tell()
        yield chunk


def _count(app: Flask, download: Download) -> None:
    # The request is over for everybody but the server, which sends what it is given.
    with app.app_context():
        downloads.count_download(download)


def _build_headers(download: Download) -> dict[str, str]:
    return {
        **_HEADERS,
        "ETag": quote_etag(str(download.sha256)),
        "Last-Modified": http_date(download.created_at),
    }


def _describe(download: Download) -> dict[str, str]:
    return {
        # The name holds nothing that would have to be escaped: letters, digits, and the signs ()[]_.-
        "Content-Disposition": f'attachment; filename="{download.name}"',
        "Content-Type": "application/octet-stream",
        "Repr-Digest": format_repr_digest(str(download.sha256)),
    }


def _has_changed(download: Download) -> bool:
    """Whether the caller lacks what is asked for. Raises PreconditionFailedError (RFC 9110, section 13.2.2)."""
    tag = str(download.sha256)
    if request.if_match and not request.if_match.contains(tag):
        raise PreconditionFailedError(say("This is not the file that you have begun with."))
    if request.if_none_match:
        return not request.if_none_match.contains_weak(tag)
    since = request.if_modified_since
    return since is None or download.created_at.replace(microsecond=0) > since


def _is_range_wanted(download: Download) -> bool:
    """Whether a part is of use: not if it would go with another file than the one that the caller has begun with."""
    condition = request.headers.get("If-Range")
    if condition is None:
        return True
    moment = parse_date(condition)
    if moment is not None:
        return moment.astimezone(UTC) == download.created_at.replace(microsecond=0)
    return condition.strip() == quote_etag(str(download.sha256))
