"""What the worker sends beside the body: signatures, verified by code that is not ours, and the owner's own headers."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from flask import Flask
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from app.webhooks.models import Webhook
from tests.factories import Caller, Factory, Organisation
from tests.receivers import ReceivedRequest, Receiver
from tests.working import deliver_all, list_attempts


class Sender:
    """A webhook that sends tests to a receiver, which are deliveries like any other."""

    def __init__(self, app: Flask, caller: Caller, webhook: Webhook, receiver: Receiver) -> None:
        self.app, self.caller, self.webhook, self.receiver = app, caller, webhook, receiver

    def post(self, action: str, **body: Any) -> dict[str, Any]:
        """Does something with the webhook."""
        answer = self.caller.post(f"/v3/webhooks/{self.webhook.id}/{action}", json=body)
        assert answer.status_code in (200, 202), answer.text
        found: dict[str, Any] = answer.get_json()
        return found

    def send(self) -> ReceivedRequest:
        """Gives what arrives of the next delivery."""
        self.post("test")
        deliver_all(self.app)
        return self.receiver.requests[-1]

    def get_token(self) -> str:
        """Gives the token that the owner sees."""
        return str(self.caller.get(f"/v3/webhooks/{self.webhook.id}").get_json()["token"])

    def list_public_keys(self) -> list[Ed25519PublicKey]:
        """Gives the published keys, read by another library."""
        answer = self.app.test_client().get(f"/.well-known/webhooks/{self.webhook.id}/jwks.json")
        keys = answer.get_json()["keys"]
        return [Ed25519PublicKey.from_public_bytes(base64.urlsafe_b64decode(key["x"] + "=")) for key in keys]


def change_byte(raw: bytes, place: int) -> bytes:
    """Gives the bytes with one of them changed, to another digit."""
    changed = bytearray(raw)
    changed[place] = ord("1") if changed[place] != ord("1") else ord("2")
    return bytes(changed)


def list_forgeries(request: ReceivedRequest) -> list[tuple[dict[str, str], bytes]]:
    """Gives the request with a byte changed in its id, in its time, and at three places of its body."""
    headers = dict(request.headers.items())
    # The last digit of the time, so that it stays within what a receiver takes.
    changed = {name: change_byte(headers[name].encode(), -1).decode() for name in ("webhook-id", "webhook-timestamp")}
    return [
        *(({**headers, name: value}, request.body) for name, value in changed.items()),
        *((headers, change_byte(request.body, place)) for place in (0, len(request.body) // 2, -1)),
    ]


def verify_standard(token: str, headers: dict[str, str], body: bytes) -> bool:
    """Whether the public library takes it."""
    try:
        Verifier(token).verify(body, headers, json_parse=False)
    except (WebhookVerificationError, UnicodeDecodeError):
        return False
    return True


def verify_asymmetric(key: Ed25519PublicKey, headers: dict[str, str], body: bytes) -> bool:
    """Whether one of the signatures is of this key."""
    message = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    for part in headers["Webhook-Signature"].split(" "):
        version, _, signature = part.partition(",")
        assert version == "v1a"
        try:
            key.verify(base64.b64decode(signature, validate=True), message)
        except InvalidSignature:
            continue
        return True
    return False


def sign_cryptlex(token: str, body: bytes) -> str:
    """Gives the contract's signature."""
    return base64.b64encode(hmac.new(token.encode(), body, hashlib.sha256).digest()).decode()


@pytest.fixture
def build_sender(app: Flask, make: Factory, owner: Organisation, caller: Caller) -> Any:
    """Builds senders of a scheme."""

    def build(receiver: Receiver, scheme: str) -> Sender:
        return Sender(app, caller, make.webhook(owner, receiver.url, scheme=scheme), receiver)

    return build


def test_the_public_library_verifies_the_standard_scheme_with_every_valid_secret(build_sender: Any) -> None:
    with Receiver() as receiver:
        sender = build_sender(receiver, "standard")
        old = sender.get_token()
        first = sender.send()
        new = sender.post("rotate", overlapHours=24)["token"]
        both = sender.send()
        sender.post("cut-over")
        last = sender.send()
    verdicts = [
        [verify_standard(token, dict(request.headers.items()), request.body) for token in (old, new)]
        for request in (first, both, last)
    ]
    assert verdicts == [[True, False], [True, True], [False, True]]
    for headers, body in list_forgeries(both):
        assert not verify_standard(old, headers, body)
        assert not verify_standard(new, headers, body)


def test_the_published_keys_verify_the_asymmetric_scheme(build_sender: Any) -> None:
    with Receiver() as receiver:
        sender = build_sender(receiver, "asymmetric")
        (old,) = sender.list_public_keys()
        first = sender.send()
        sender.post("rotate", overlapHours=24)
        new, still = sender.list_public_keys()
        both = sender.send()
        sender.post("cut-over")
        last = sender.send()
    assert still.public_bytes_raw() == old.public_bytes_raw()
    verdicts = [
        [verify_asymmetric(key, dict(request.headers.items()), request.body) for key in (old, new)]
        for request in (first, both, last)
    ]
    assert verdicts == [[True, False], [True, True], [False, True]]
    for headers, body in list_forgeries(both):
        assert not verify_asymmetric(old, headers, body)
        assert not verify_asymmetric(new, headers, body)


@pytest.mark.parametrize("ending", ["cut-over", "rotate"])
def test_the_cryptlex_scheme_signs_with_the_old_secret_until_it_is_cut_over(build_sender: Any, ending: str) -> None:
    with Receiver() as receiver:
        sender = build_sender(receiver, "cryptlex")
        old = sender.get_token()
        new = sender.post("rotate", overlapHours=24)["token"]
        during = sender.send()
        sender.post(ending, **({"immediate": True} if ending == "rotate" else {}))
        after = sender.send()
        newest = sender.get_token()
    assert during.headers["Webhook-Signature"] == sign_cryptlex(old, during.body)
    assert after.headers["Webhook-Signature"] == sign_cryptlex(newest, after.body)
    assert (newest == new) is (ending == "cut-over")
    assert sign_cryptlex(old, change_byte(during.body, 5)) != during.headers["Webhook-Signature"]


def test_the_owners_headers_arrive_and_their_values_are_written_down_nowhere(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    custom = {"Authorization": "Bearer of the receiver", "X-Team": "of the receiver"}
    with Receiver() as receiver:
        sender = Sender(app, caller, make.webhook(owner, receiver.url, headers=custom), receiver)
        request = sender.send()
    assert {name: request.headers[name] for name in custom} == custom
    (attempt,) = list_attempts()
    assert attempt.request_headers is not None
    assert {name: attempt.request_headers[name] for name in custom} == dict.fromkeys(custom, "••••••")
    assert attempt.request_headers["webhook-id"] == request.headers["webhook-id"]
    assert all("of the receiver" not in str(vars(record)) for record in caplog.records)
