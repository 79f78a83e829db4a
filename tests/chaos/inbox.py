"""What the receivers got, each request verified by code that is not Slipway's."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections import defaultdict
from collections.abc import Callable

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from standardwebhooks.webhooks import Webhook, WebhookVerificationError

from tests.receivers import ReceivedRequest, Receiver

Verify = Callable[[ReceivedRequest], bool]


def build_verifier(scheme: str, token: str) -> Verify:
    """Takes a webhook's scheme, and what its owner is shown as its secret; gives what tells a genuine request."""
    return {"cryptlex": _build_cryptlex, "standard": _build_standard, "asymmetric": _build_asymmetric}[scheme](token)


def _build_cryptlex(token: str) -> Verify:
    def verify(request: ReceivedRequest) -> bool:
        digest = base64.b64encode(hmac.digest(token.encode(), request.body, hashlib.sha256)).decode()
        return hmac.compare_digest(digest, request.headers["Webhook-Signature"])

    return verify


def _build_standard(token: str) -> Verify:
    library = Webhook(token)

    def verify(request: ReceivedRequest) -> bool:
        try:
            library.verify(request.body, dict(request.headers))
        except WebhookVerificationError:
            return False
        return True

    return verify


def _build_asymmetric(token: str) -> Verify:
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(token.removeprefix("whpk_")))

    def verify(request: ReceivedRequest) -> bool:
        headers = request.headers
        message = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + request.body
        version, _, signature = headers["Webhook-Signature"].partition(",")
        try:
            key.verify(base64.b64decode(signature), message)
        except InvalidSignature:
            return False
        return version == "v1a"

    return verify


class Inbox:
    """One receiver with a path for each webhook. Reads are the run's alone; the receiver only adds."""

    def __init__(self, receiver: Receiver) -> None:
        self._receiver = receiver
        self._verifiers: dict[str, Verify] = {}
        self._seen = 0
        self._receipts: dict[tuple[str, str], list[ReceivedRequest]] = defaultdict(list)
        self.ids: set[str] = set()
        self.forged: list[str] = []

    def build_url(self, path: str) -> str:
        """Gives the address of a path."""
        return self._receiver.url.removesuffix("/hook") + path

    def expect(self, path: str, verify: Verify) -> None:
        """Says how requests to the path are verified."""
        self._verifiers[path] = verify

    def read(self) -> None:
        """Takes what has come since the last time. What is not genuine is kept in ``forged``."""
        new = self._receiver.requests[self._seen :]
        self._seen += len(new)
        for request in new:
            if not self._verifiers[request.path](request):
                self.forged.append(f"{request.path} {request.headers['webhook-id']}")
            self.ids.add(request.headers["webhook-id"])
            self._receipts[json.loads(request.body)["data"]["id"], request.path].append(request)

    def get_receipts(self, release_id: str, path: str) -> list[ReceivedRequest]:
        """Gives what came to a path about a release, in order."""
        return self._receipts[release_id, path]
