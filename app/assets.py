"""Static files under an address that changes with what is in them, so that browsers may keep what they have.

The version is a part of the path and one for all files: a script that imports another one by a relative address gets
that of the same version.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Flask, Response, current_app, request, url_for

from app.asset_server import AssetServer, read_styles

blueprint = Blueprint("assets", __name__)
_VERSION_LENGTH = 12


def init_app(app: Flask) -> None:
    """Takes the application; gives templates the address of a file, and serves it."""
    app.add_template_global(build_asset_url, "asset")
    app.add_template_global(build_stylesheet_url, "stylesheet")
    app.register_blueprint(blueprint)
    folder = Path(str(app.static_folder)).resolve()
    prefix = f"/static/v/{_hash_folder(str(app.static_folder))}/"
    app.wsgi_app = AssetServer(app.wsgi_app, folder, prefix)  # type: ignore[method-assign]


@blueprint.get("/static/v/<version>/<path:filename>")
def send_asset(version: str, filename: str) -> Response:
    """Sends a file. An address of another version gets today's file, which nobody may keep as that version's."""
    styles = read_styles(Path(str(current_app.static_folder)), filename)
    answer = current_app.send_static_file(filename) if styles is None else _send_styles(styles)
    if version != _hash_folder(str(current_app.static_folder)):
        answer.headers["Cache-Control"] = "no-cache"
    else:
        answer.cache_control.immutable = True
    return answer


def build_asset_url(path: str) -> str:
    """Gives the URL of a static file."""
    return url_for("assets.send_asset", version=_hash_folder(str(current_app.static_folder)), filename=path)


def build_stylesheet_url(*names: str) -> str:
    """Gives the URL of several style sheets in one, in this order: each request of a page costs more than its bytes."""
    return build_asset_url(f"styles/{'+'.join(names)}.css")


def _send_styles(styles: bytes) -> Response:
    answer = Response(styles, mimetype="text/css")
    answer.add_etag()
    answer.make_conditional(request.environ)
    return answer


@lru_cache(maxsize=8)
def _hash_folder(folder: str) -> str:
    digest = hashlib.sha256()
    root = Path(folder)
    for path in sorted(path for path in root.rglob("*") if path.is_file()):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:_VERSION_LENGTH]
