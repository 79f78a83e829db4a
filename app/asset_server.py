"""Sends static files of the current version before anything else is asked, because a page needs dozens of them."""

from __future__ import annotations

import hashlib
import mimetypes
import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

from werkzeug.datastructures import Accept
from werkzeug.http import parse_accept_header

from app.compression import compress_file

PART_HEADERS: Final = {"X-Content-Type-Options": "nosniff", "Cross-Origin-Resource-Policy": "same-origin"}
_TYPES: Final = frozenset({"text/css", "text/javascript"})
_BUNDLE = re.compile(r"styles/([a-z-]+(?:\+[a-z-]+)+)\.css\Z")
_LONGEST_BUNDLE: Final = 16
_KEEP: Final = "public, max-age=31536000, immutable"


@dataclass(frozen=True, slots=True)
class Asset:
    """A file as it is sent: its type, its tag, and its bytes as they are and compressed."""

    mimetype: str
    etag: str
    plain: bytes
    small: bytes


class AssetServer:
    """WSGI middleware: style sheets and scripts below ``prefix`` from memory, and everything else from the application.

    The prefix names the version, so what is kept here and in browsers never changes.
    """

    def __init__(self, wsgi_app: Any, folder: Path, prefix: str) -> None:
        self._wsgi_app, self._folder, self._prefix = wsgi_app, folder, prefix
        self._find = lru_cache(maxsize=256)(self._read)

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        """Serves one request by the WSGI protocol (PEP 3333)."""
        path = environ.get("PATH_INFO", "")
        # Parts of a file are rare, and the framework's business.
        is_ours = path.startswith(self._prefix) and environ["REQUEST_METHOD"] in ("GET", "HEAD")
        asset = self._find(path[len(self._prefix) :]) if is_ours and "HTTP_RANGE" not in environ else None
        if asset is None:
            answer: Iterable[bytes] = self._wsgi_app(environ, start_response)
            return answer
        is_small = parse_accept_header(environ.get("HTTP_ACCEPT_ENCODING", ""), Accept)["gzip"] > 0
        etag = f'"{asset.etag}{"-gzip" if is_small else ""}"'
        headers = [("ETag", etag), ("Cache-Control", _KEEP), ("Vary", "Accept-Encoding"), *PART_HEADERS.items()]
        if environ.get("HTTP_IF_NONE_MATCH") == etag:
            start_response("304 Not Modified", headers)
            return []
        body = asset.small if is_small else asset.plain
        headers += [("Content-Type", f"{asset.mimetype}; charset=utf-8"), ("Content-Length", str(len(body)))]
        if is_small:
            headers.append(("Content-Encoding", "gzip"))
        start_response("200 OK", headers)
        return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]

    def _read(self, name: str) -> Asset | None:
        mimetype = mimetypes.guess_type(name)[0] or ""
        try:
            plain = read_styles(self._folder, name) or self._read_file(name)
        except (OSError, ValueError):
            # No file can have such a name.
            plain = None
        if plain is None or mimetype not in _TYPES:
            return None
        return Asset(mimetype, hashlib.sha256(plain).hexdigest()[:32], plain, compress_file(plain))

    def _read_file(self, name: str) -> bytes | None:
        path = (self._folder / name).resolve()
        return path.read_bytes() if path.is_relative_to(self._folder) and path.is_file() else None


def read_styles(folder: Path, name: str) -> bytes | None:
    """Takes the folder of static files, and a name such as ``styles/a+b.css``; gives these style sheets in one.

    None for a name that is no such list, and for one with a style sheet that does not exist.
    """
    names = _BUNDLE.match(name)
    paths = [folder / "styles" / f"{part}.css" for part in names[1].split("+")] if names else []
    if not paths or len(paths) > _LONGEST_BUNDLE or not all(path.is_file() for path in paths):
        return None
    return b"\n".join(path.read_bytes() for path in paths)
