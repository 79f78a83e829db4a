"""Static files under an address that changes with what is in them, so that browsers may keep what they have.

The version is a part of the path and one for all files: a script that imports another one by a relative address gets
that of the same version.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, url_for

blueprint = Blueprint("assets", __name__)
_VERSION_LENGTH = 12


def init_app(app: Flask) -> None:
    """Takes the application; gives templates the address of a file, and serves it."""
    app.add_template_global(build_asset_url, "asset")
    app.register_blueprint(blueprint)


@blueprint.get("/static/v/<version>/<path:filename>")
def send_asset(version: str, filename: str) -> Response:
    """Sends a file. An address of another version gets today's file, which nobody may keep as that version's."""
    answer = current_app.send_static_file(filename)
    if version != _hash_folder(str(current_app.static_folder)):
        answer.headers["Cache-Control"] = "no-cache"
    else:
        answer.cache_control.immutable = True
    return answer


def build_asset_url(path: str) -> str:
    """Gives the URL of a static file."""
    return url_for("assets.send_asset", version=_hash_folder(str(current_app.static_folder)), filename=path)


@lru_cache(maxsize=8)
def _hash_folder(folder: str) -> str:
    digest = hashlib.sha256()
    root = Path(folder)
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:_VERSION_LENGTH]
