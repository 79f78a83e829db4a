"""What a run happens in: a Slipway as real processes that are started again when they die, and its receivers."""

from __future__ import annotations

import http.client
import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from urllib.parse import urlsplit

import psutil

from app.embedded import ValkeyServer
from app.extensions import db
from app.replays import service as replays
from app.webhooks import service as webhooks
from app.webhooks.queue import connect
from tests.chaos.hooks import DIRECTORY_VARIABLE, HOLD_FILE, LEASE_VARIABLE, name_file
from tests.chaos.inbox import Inbox, build_verifier
from tests.factories import Factory
from tests.receivers import Receiver
from tests.stack import Stack

_MODULE: Final = "tests.chaos.entry"
SCHEMES: Final = ("cryptlex", "standard", "asymmetric")
_RETRY_SECONDS = 0.1
# As long as a client would bear with an outage.
_PATIENCE_SECONDS = 60.0


class World:
    """A Slipway with one tenant, whose three webhooks sign in three ways. ``revive`` starts its processes.

    ``paths`` gives the path of each webhook at the receiver by its id, ``kills`` the monotonic time of each fault.
    """

    def __init__(
        self,
        make: Factory,
        receiver: Receiver,
        queue: ValkeyServer,
        environment: Mapping[str, str],
        folder: Path,
        lease_seconds: float,
        crash_database: Callable[[], None] | None = None,
    ) -> None:
        """Makes the tenant in the database of the factory's application, in whose context all is called."""
        self._points = folder / "points"
        self._points.mkdir()
        variables = {DIRECTORY_VARIABLE: str(self._points), LEASE_VARIABLE: str(lease_seconds)}
        self._stack = Stack({**environment, **variables}, folder)
        self._queue, self._crash_database = queue, crash_database
        self._starts: dict[str, Callable[[], subprocess.Popen[bytes]]] = {
            "web": lambda: self._stack.start_web(f"{_MODULE}:app", 2, "127.0.0.1", "--preload"),
            "worker 1": lambda: self._stack.start_worker(_MODULE),
            "worker 2": lambda: self._stack.start_worker(_MODULE),
            "relay": lambda: self._stack.start_relay(_MODULE),
        }
        self._processes: dict[str, subprocess.Popen[bytes]] = {}
        self.kills: list[float] = []
        self.inbox = Inbox(receiver)
        self._make, self._owner = make, make.organisation()
        self._product_id = make.product(self._owner).id
        self._token = make.caller(self._owner, "release:write").token
        self.paths = dict(self.add_webhook(f"/{scheme}", scheme) for scheme in SCHEMES)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    def add_webhook(self, path: str, scheme: str, event: str = "release.created") -> tuple[str, str]:
        """Makes a webhook of the path; gives its id and the path."""
        # What a dead worker had under way counts against the limit until its lease has run out.
        members = {"scheme": scheme, "events": [event], "maxConcurrency": 64}
        webhook = self._make.webhook(self._owner, self.inbox.build_url(path), **members)
        self.inbox.expect(path, build_verifier(scheme, webhooks.show_token(self._owner.actor, webhook)))
        made = webhook.id, path
        db.session.remove()
        return made

    def replay_missed(self, webhook_id: str, since: str) -> None:
        """Subscribes a webhook to what happened without it, and orders a replay of that."""
        actor = self._owner.actor
        change = webhooks.parse_webhook_change(actor, {"events": ["release.created"]})
        webhooks.update_webhook(actor, webhook_id, change)
        order = replays.parse_replay({"since": since, "includeMissed": True})
        replays.create_replay(actor, webhook_id, order)
        db.session.remove()

    def remove_webhook(self, webhook_id: str) -> None:
        """Deletes a webhook."""
        webhooks.delete_webhook(self._owner.actor, webhook_id)
        db.session.remove()

    def revive(self) -> None:
        """Starts what is not running. A web process is waited for; gunicorn starts its own workers again."""
        for name, start in self._starts.items():
            process = self._processes.get(name)
            if process is None or process.poll() is not None:
                if process:
                    self._stack.kill(process)
                self._processes[name] = start()

    def arm(self, point: str, action: str) -> None:
        """Lets an action happen at a point, once."""
        draft = self._points / f".{name_file(point)}"
        draft.write_text(action)
        draft.rename(self._points / name_file(point))

    def is_armed(self, point: str) -> bool:
        """Whether the point was not reached yet."""
        return (self._points / name_file(point)).exists()

    def disarm(self, point: str) -> None:
        """Lets nothing happen at the point."""
        (self._points / name_file(point)).unlink(missing_ok=True)

    @contextmanager
    def holding_workers(self) -> Iterator[None]:
        """Lets no worker claim anything until the end of the block."""
        path = self._points / HOLD_FILE
        path.touch()
        try:
            yield
        finally:
            path.unlink()

    def strike(self, what: str) -> None:
        """Does from outside what the name says, and brings servers back."""
        web = self._processes["web"]
        match what:
            case "web one":
                with suppress(psutil.NoSuchProcess, IndexError):
                    psutil.Process(web.pid).children()[0].send_signal(signal.SIGKILL)
            case "web all":
                os.killpg(web.pid, signal.SIGKILL)
                web.wait()
            case "worker":
                self._processes["worker 1"].kill()
            case "queue kill":
                self._queue.kill()
                self._queue.start()
            case "queue flush":
                connect(self._queue.url).flushall()
            case "database crash" if self._crash_database:
                self._crash_database()
            case _:
                raise ValueError(f"there is no strike {what!r}")

    def create_release(self, version: str) -> tuple[list[int], str]:
        """Creates a release as a careful client does; gives all statuses (0: no answer) and the release's id.

        Whatever is not answered, or answered with 503, is sent again with the same Idempotency-Key. Raises
        AssertionError for any other failure.
        """
        body = {"name": "App", "version": version, "productId": self._product_id, "platforms": ["linux"]}
        statuses: list[int] = []
        give_up_at = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < give_up_at:
            status, retry_after, answer = self._post(json.dumps(body), f"key-{version}")
            statuses.append(status)
            if status in (200, 201):
                return statuses, answer["id"]
            assert status == 0 or (status == 503 and retry_after), f"{version}: {status} {answer}"
            time.sleep(_RETRY_SECONDS)
        raise AssertionError(f"{version}: no success within {_PATIENCE_SECONDS:g} s: {statuses}")

    def _post(self, body: str, key: str) -> tuple[int, str | None, dict[str, Any]]:
        headers = {
            "Authorization": f"Bearer {self._token}",
            "Content-Type": "application/json",
            "Idempotency-Key": key,
        }
        connection = http.client.HTTPConnection(urlsplit(self._stack.base_url).netloc, timeout=20)
        try:
            connection.request("POST", "/v3/releases", body, headers)
            answer = connection.getresponse()
            return answer.status, answer.headers["Retry-After"], json.loads(answer.read())
        except (OSError, http.client.HTTPException):
            return 0, None, {}
        finally:
            connection.close()
