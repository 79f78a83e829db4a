"""What every request carries: an id, the address it came from, and the headers that its answer must have."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network
from typing import Any

from flask import Flask, Response, current_app, g, has_request_context, request
from werkzeug.exceptions import BadRequest
from werkzeug.middleware.proxy_fix import ProxyFix

from app.asset_server import PART_HEADERS
from app.bodies import BodyGuard
from app.config import Settings
from app.logs import bind_request_id
from app.randomness import draw_bytes

REQUEST_ID_HEADER = "X-Request-Id"
_GIVEN_ID = re.compile(r"[A-Za-z0-9._-]{8,64}\Z")

_CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "img-src 'self' data:",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
_SECURITY_HEADERS = {
    "Content-Security-Policy": _CONTENT_SECURITY_POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}
_PARTS = frozenset({"text/css", "text/javascript", "application/javascript"})
# A year (RFC 6797). Other names below the domain are not ours to decide about, so they are left out.
_STRICT_TRANSPORT = "max-age=31536000"


def request_id() -> str:
    """The id of the current request: the caller's X-Request-Id if it is a sane one, else a new one.

    Outside a request (commands, workers) it is the empty string.
    """
    if not has_request_context():
        return ""
    if "request_id" not in g:
        given = request.headers.get(REQUEST_ID_HEADER, "")
        g.request_id = given if _GIVEN_ID.match(given) else draw_bytes(16).hex()
    return str(g.request_id)


def client_address() -> str:
    """The address of the caller as text; ``unknown`` if the server gives none that is an address."""
    try:
        return str(ip_address(request.remote_addr or ""))
    except ValueError:
        return "unknown"


def init_app(app: Flask) -> None:
    """Takes the application; adds trusted proxies and the headers of every answer."""
    settings: Settings = app.extensions["slipway"].settings
    if settings.forwarded_allow_ips:
        app.wsgi_app = TrustedProxies(app.wsgi_app, settings.forwarded_allow_ips)  # type: ignore[method-assign]
    app.wsgi_app = BodyGuard(app.wsgi_app, app.config["MAX_CONTENT_LENGTH"])  # type: ignore[method-assign]
    app.before_request(_bind_request_id)
    app.before_request(refuse_cross_site)
    app.after_request(_add_headers)


def _bind_request_id() -> None:
    bind_request_id(request_id())


def _add_headers(response: Response) -> Response:
    response.headers[REQUEST_ID_HEADER] = request_id()
    if response.status_code == 204:
        # What is not there has no type.
        response.headers.pop("Content-Type", None)
    # A style sheet or a script is no page: what says how pages may behave would only make each of them longer.
    is_part = request.endpoint == "assets.send_asset" and response.mimetype in _PARTS
    wanted = dict(PART_HEADERS if is_part else _SECURITY_HEADERS)
    if current_app.extensions["slipway"].settings.is_https:
        wanted["Strict-Transport-Security"] = _STRICT_TRANSPORT
    # Pages are made for who is signed in: nothing on the way may keep them. What may be kept says so itself.
    wanted["Cache-Control"] = "no-store"
    # What an answer says by itself stands. To ask for each name in turn would look through all headers each time.
    given = {name.lower() for name, _ in response.headers}
    response.headers.extend([(name, value) for name, value in wanted.items() if name.lower() not in given])
    return response


class TrustedProxies:
    """WSGI middleware: believes X-Forwarded-For and -Proto if, and only if, the peer is one of our own proxies.

    X-Forwarded-Host is never believed: links are built from BASE_URL, and the Host header is checked by itself.
    """

    def __init__(self, wsgi_app: Any, trusted: tuple[str, ...]) -> None:
        self._direct = wsgi_app
        self._proxied = ProxyFix(wsgi_app, x_for=1, x_proto=1)
        self._is_everyone = "*" in trusted
        self._networks = [ip_network(entry) for entry in trusted if entry != "*"]

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Serves one request by the WSGI protocol (PEP 3333)."""
        chosen = self._proxied if self._is_trusted(environ.get("REMOTE_ADDR", "")) else self._direct
        return chosen(environ, start_response)

    def _is_trusted(self, peer: str) -> bool:
        if self._is_everyone:
            return True
        try:
            address = ip_address(peer)
        except ValueError:
            # A Unix socket has no address: only a proxy on this machine can have opened it.
            return peer == ""
        return any(address in network for network in self._networks)


def refuse_cross_site() -> None:
    """Refuses a form that another site sends, whatever token it carries. Raises BadRequest.

    A second lock beside the CSRF token: browsers say where a request comes from (Fetch Metadata, and Origin by
    the Fetch standard), and a form of ours only ever comes from our own pages. The API has no ambient authority
    and needs none of this.
    """
    if request.method in ("GET", "HEAD", "OPTIONS") or request.path.startswith("/v3/"):
        return
    if is_cross_site():
        raise BadRequest("This form was sent from another site.")


def is_cross_site() -> bool:
    """Whether the current request says that another site made it."""
    if request.headers.get("Sec-Fetch-Site", "same-origin") not in ("same-origin", "none"):
        return True
    origin = request.headers.get("Origin")
    # Compared as text (RFC 6454, section 6.2): whatever else stands there names no host of ours, ``null`` neither.
    return origin is not None and origin.partition("://")[2].lower() != request.host.lower()
