"""Serves the client, ``slipway``, to whoever has a terminal or a job of CI: ``/cli/slipway.py``."""

from __future__ import annotations

import hashlib
import re
from base64 import b64encode
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, request

blueprint = Blueprint("client_download", __name__)
_FILE = "cli/slipway.py"
_VERSION = re.compile(rb'^__version__ = "([0-9.]+)"$', re.MULTILINE)


@dataclass(frozen=True, slots=True)
class ClientFile:
    """The client as it is sent: its bytes, its version, and their SHA-256."""

    source: bytes
    version: str
    digest: bytes


def init_app(app: Flask) -> None:
    """Takes the application and adds the route."""
    app.register_blueprint(blueprint)


@blueprint.get("/cli/slipway.py")
def send_client() -> Response:
    """Sends the client to everybody. ``Repr-Digest`` (RFC 9530) is what a job can pin it by."""
    client = read_client(Path(str(current_app.static_folder)) / _FILE)
    answer = Response(client.source, content_type="text/x-python; charset=utf-8")
    answer.headers["Slipway-Client-Version"] = client.version
    answer.headers["Repr-Digest"] = f"sha-256=:{b64encode(client.digest).decode()}:"
    # It may be kept, but is asked for anew each time: the next version is at the same address.
    answer.headers["Cache-Control"] = "public, no-cache"
    answer.set_etag(client.digest.hex())
    answer.make_conditional(request.environ)
    return answer


@lru_cache(maxsize=4)
def read_client(path: Path) -> ClientFile:
    """Takes where the client lies; gives it. It stays as it is for as long as this process runs."""
    source = path.read_bytes()
    found = _VERSION.search(source)
    return ClientFile(source, found[1].decode() if found else "", hashlib.sha256(source).digest())
