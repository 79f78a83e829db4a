"""An OpenID provider of our own, as a process: strict about what it is asked, as wrong in its answers as it is told.

``PUT /control`` takes a JSON object of what it does from then on, in place of what it did:

- ``claims``: what an ID token says beside, or in place of, what it must; null leaves a claim out.
- ``userinfo``, ``metadata`` and ``token``: the same for these answers.
- ``signing``: ``other`` (a key that is not in the key set, under the name of one that is), ``none``, ``hs256`` or
  ``hs256-pem``.
- ``rotate``: true changes the key before the next token; ``rotate_now`` at once.
- ``error``: what it sends people back with, in place of a code.
- ``answers``: by path, what is answered in place of everything else: ``[status, text]``, or ``"silence"``.
- ``is_forgetful``: true takes the same code again and again.

``POST /identity-token`` signs the claims of a job of CI: ``{claims, header, signing, kind}``, of which the header's
members come beside those that it must have, ``signing`` is as above or ``former`` (the key before the last change), and
``kind`` is ``ES256`` or ``RS256``.

``GET /log`` gives the requests so far. Started by ``tests.oidc_provider``.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, parse_qsl, urlencode, urlsplit

from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry

CLIENT_ID, CLIENT_SECRET = "slipway", "a-secret+of%the:client"
_SILENCE_SECONDS = 60


class Provider:
    """What the process knows."""

    def __init__(self, issuer: str) -> None:
        self.issuer = issuer
        self.control: dict[str, Any] = {}
        self.codes: dict[str, dict[str, str]] = {}
        self.log: list[str] = []
        self.lock = threading.Lock()
        self.other_key = ECKey.generate_key("P-256")
        self.rsa_key = RSAKey.generate_key(2048, {"kid": "rsa", "use": "sig"})
        self.former_key = self.key = ECKey.generate_key("P-256")
        self.change_key()

    def change_key(self) -> None:
        """Makes a new key; the one before is known no more."""
        self.former_key = self.key
        self.key = ECKey.generate_key("P-256", {"kid": secrets.token_hex(4), "use": "sig", "alg": "ES256"})

    @property
    def subject(self) -> str:
        """Who signs in."""
        subject: str = self.control.get("claims", {}).get("sub", "1")
        return subject

    def describe(self) -> dict[str, Any]:
        """Gives the metadata."""
        paths = {"authorization": "/authorize", "token": "/token", "userinfo": "/userinfo"}
        said = {
            "issuer": self.issuer,
            **{f"{name}_endpoint": self.issuer + path for name, path in paths.items()},
            "jwks_uri": f"{self.issuer}/keys",
            "response_types_supported": ["code"],
            "id_token_signing_alg_values_supported": ["ES256", "RS256"],
            "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
        }
        return self.change(said, "metadata")

    def change(self, said: dict[str, Any], name: str) -> dict[str, Any]:
        """Gives what is said, changed as the control tells."""
        changed = {**said, **self.control.get(name, {})}
        return {key: value for key, value in changed.items() if value is not None}

    def authorize(self, query: dict[str, str]) -> str:
        """Takes what the browser brings; gives where it is sent back to."""
        assert query["response_type"] == "code"
        assert query["client_id"] == CLIENT_ID
        assert query["code_challenge_method"] == "S256"
        assert "openid" in query["scope"].split()
        assert len(query["state"]) >= 32
        assert len(query["nonce"]) >= 32
        back = {"state": query["state"]}
        if "error" in self.control:
            back |= {"error": self.control["error"], "error_description": "<b>not today</b>"}
        else:
            back["code"] = secrets.token_urlsafe(16)
            self.codes[back["code"]] = query
        return f"{query['redirect_uri']}?{urlencode(back)}"

    def redeem(self, form: dict[str, str], authorization: str) -> tuple[int, dict[str, Any]]:
        """Takes a code; gives the status and the tokens."""
        expected = base64.b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if authorization != f"Basic {expected}":
            return 401, {"error": "invalid_client"}
        with self.lock:
            code = form.get("code", "")
            query = self.codes.get(code) if self.control.get("is_forgetful") else self.codes.pop(code, None)
        digest = hashlib.sha256(form.get("code_verifier", "").encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        if query is None or challenge != query["code_challenge"] or form["redirect_uri"] != query["redirect_uri"]:
            return 400, {"error": "invalid_grant", "error_description": "no such code"}
        said = {
            "access_token": secrets.token_urlsafe(16),
            "token_type": "Bearer",
            "expires_in": 60,
            "id_token": self.sign(query["nonce"]),
        }
        return 200, self.change(said, "token")

    def sign(self, nonce: str) -> str:
        """Gives an ID token."""
        if self.control.pop("rotate", False):
            self.change_key()
        moment = int(time.time())
        said = {
            "iss": self.issuer,
            "aud": CLIENT_ID,
            "sub": self.subject,
            "nonce": nonce,
            "iat": moment,
            "exp": moment + 60,
        }
        return self.encode(self.change(said, "claims"), self.control.get("signing"))

    def sign_identity(self, told: dict[str, Any]) -> str:
        """Gives the identity token of a job."""
        return self.encode(told["claims"], told.get("signing"), told.get("header", {}), told.get("kind", "ES256"))

    def encode(
        self, claims: dict[str, Any], how: str | None, more: dict[str, Any] | None = None, kind: str = "ES256"
    ) -> str:
        """Signs claims, rightly or in one of the wrong ways, which no library would lend itself to."""
        key: Any = {"RS256": self.rsa_key}.get(kind, self.former_key if how == "former" else self.key)
        algorithm = {"none": "none", "hs256": "HS256", "hs256-pem": "HS256"}.get(how or "", kind)
        header = {"typ": "JWT", "alg": algorithm, "kid": key.kid, **(more or {})}
        signed = ".".join(encode_part(json.dumps(part).encode()) for part in (header, claims))
        return f"{signed}.{encode_part(self.sign_bytes(signed.encode(), key, algorithm, how))}"

    def sign_bytes(self, message: bytes, key: Any, algorithm: str, how: str | None) -> bytes:
        """Gives the signature."""
        if algorithm == "none":
            return b""
        if algorithm == "HS256":
            # With what everybody knows as the key.
            known = key.as_pem(private=False) if how == "hs256-pem" else json.dumps(key.as_dict(private=False)).encode()
            return hmac.digest(known, message, "sha256")
        signer = JWSRegistry(algorithms=[algorithm]).get_alg(algorithm)
        signature: bytes = signer.sign(message, self.other_key if how == "other" else key)
        return signature


def encode_part(raw: bytes) -> str:
    """Gives a part of a token as it is written."""
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


class Handler(BaseHTTPRequestHandler):
    """Serves one connection."""

    provider: Provider
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        """Answers with documents, and sends people back."""
        parts = urlsplit(self.path)
        if parts.path == "/log":
            self.answer(200, self.provider.log)
        elif self.is_told_otherwise(parts.path):
            return
        elif parts.path == "/.well-known/openid-configuration":
            self.answer(200, self.provider.describe())
        elif parts.path == "/keys":
            self.answer(200, {"keys": [it.as_dict(private=False) for it in (self.provider.key, self.provider.rsa_key)]})
        elif parts.path == "/userinfo":
            self.answer(200, self.provider.change({"sub": self.provider.subject}, "userinfo"))
        else:
            location = self.provider.authorize(dict(parse_qsl(parts.query)))
            self.answer(302, {}, location)

    def do_POST(self) -> None:
        """Answers to a code."""
        body = self.read()
        if self.path == "/identity-token":
            self.answer(200, {"token": self.provider.sign_identity(json.loads(body))})
        elif not self.is_told_otherwise(self.path):
            form = {name: values[0] for name, values in parse_qs(body).items()}
            self.answer(*self.provider.redeem(form, self.headers.get("Authorization", "")))

    def do_PUT(self) -> None:
        """Takes what to do from now on; what happened before is forgotten."""
        self.provider.control = json.loads(self.read())
        if self.provider.control.pop("rotate_now", False):
            self.provider.change_key()
        self.provider.log.clear()
        self.provider.codes.clear()
        self.answer(200, {})

    def is_told_otherwise(self, path: str) -> bool:
        """Whether this request was answered as the control tells, or not at all."""
        self.provider.log.append(path)
        told = self.provider.control.get("answers", {}).get(path)
        if told == "silence":
            self.close_connection = True
            # Whoever waits gives up before, and closes the connection.
            self.connection.settimeout(_SILENCE_SECONDS)
            self.connection.recv(1)
        elif told is not None:
            self.answer(told[0], told[1], told[2] if len(told) > 2 else None)
        return told is not None

    def read(self) -> str:
        """Gives the body."""
        return self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()

    def answer(self, status: int, body: Any, location: str | None = None) -> None:
        """Sends a text as it is, and everything else as JSON."""
        raw = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        if location:
            self.send_header("Location", location)
        self.end_headers()
        self.wfile.write(raw)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name that the server calls
        """Says nothing."""


def main(port: int) -> None:
    """Serves until the process is killed."""
    Handler.provider = Provider(f"http://127.0.0.1:{port}")
    ThreadingHTTPServer.request_queue_size = 64
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]))
