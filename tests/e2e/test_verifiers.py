"""Two public libraries, in two languages, judge every attempt that a worker makes, and what is made of it."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from standardwebhooks import Webhook as Verifier
from standardwebhooks import WebhookVerificationError

from tests.factories import Caller, Factory, Organisation
from tests.receivers import Receiver
from tests.working import create_release, deliver_all, make_due

PROGRAM = Path(__file__).parent / "verifying" / "library.cjs"
NODE_MODULES = Path(sys.prefix) / "node" / "node_modules"


@dataclass(frozen=True)
class Request:
    """What a receiver has: its secret, the headers and the body."""

    secret: str
    headers: dict[str, str]
    body: bytes


def judge_in_python(requests: list[Request]) -> list[Any]:
    """Gives what the library for Python says of each: True, or why not."""
    verdicts: list[Any] = []
    for request in requests:
        try:
            verdicts.append(Verifier(request.secret).verify(request.body, request.headers) is not None)
        except (WebhookVerificationError, UnicodeDecodeError) as error:
            verdicts.append(str(error))
    return verdicts


def judge_in_node(requests: list[Request]) -> list[Any]:
    """Gives what the library for JavaScript says of each: True, or why not."""
    if shutil.which("node") is None or not (NODE_MODULES / "standardwebhooks").is_dir():
        pytest.skip("The public verifier in JavaScript judged nothing: it needs node, and npm when tests are set up.")
    sent = [{"secret": it.secret, "headers": it.headers, "body": base64.b64encode(it.body).decode()} for it in requests]
    done = subprocess.run(
        ["node", str(PROGRAM)],
        env={**os.environ, "NODE_PATH": str(NODE_MODULES)},
        input=json.dumps(sent),
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    verdicts: list[Any] = json.loads(done.stdout)
    return verdicts


def collect_attempts(app: Flask, make: Factory, owner: Organisation, caller: Caller) -> list[Request]:
    """Gives attempts of all kinds as they arrived: first ones and retries, before, in and after a rotation, a test."""
    kept = []
    with Receiver(statuses=[500, 302, 200, 404]) as receiver:
        webhook = make.webhook(owner, receiver.url, scheme="standard")
        path = f"/v3/webhooks/{webhook.id}"
        old = caller.get(path).get_json()["token"]
        create_release(make, owner, caller, "1.0")
        for _ in range(3):
            deliver_all(app)
            make_due()
        kept += [(old, request) for request in receiver.requests]
        create_release(make, owner, caller, "1.1")
        deliver_all(app)
        new = caller.post(f"{path}/rotate", json={"overlapHours": 1}).get_json()["token"]
        make_due()
        deliver_all(app)
        kept += [(old, receiver.requests[3]), (old, receiver.requests[4]), (new, receiver.requests[4])]
        caller.post(f"{path}/cut-over")
        caller.post(f"{path}/test")
        deliver_all(app)
        kept.append((new, receiver.requests[5]))
    return [Request(secret, dict(request.headers.items()), request.body) for secret, request in kept]


def change_each(request: Request) -> list[Request]:
    """Gives the request with one byte changed: at several places of its body, of its id and of its time."""
    changed = []
    for place in range(0, len(request.body), 7):
        other = bytes([request.body[place] ^ 1])
        body = request.body[:place] + other + request.body[place + 1 :]
        changed.append(Request(request.secret, request.headers, body))
    for name in ("webhook-id", "webhook-timestamp"):
        value = request.headers[name]
        flipped = value[:-1] + ("1" if value[-1] != "1" else "2")
        changed.append(Request(request.secret, {**request.headers, name: flipped}, request.body))
    return changed


@pytest.mark.parametrize("judge", [judge_in_python, judge_in_node])
def test_a_public_library_accepts_every_attempt_and_refuses_each_changed_byte(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, judge: Callable[[list[Request]], list[Any]]
) -> None:
    attempts = collect_attempts(app, make, owner, caller)
    assert [request.headers["webhook-attempt"] for request in attempts] == ["1", "2", "3", "1", "2", "2", "1"]
    assert judge(attempts) == [True] * len(attempts)
    forged = [forgery for request in attempts for forgery in change_each(request)]
    assert True not in judge(forged)
    # The secret that was cut over is good for nothing any more.
    assert judge([Request(attempts[0].secret, attempts[-1].headers, attempts[-1].body)]) != [True]
