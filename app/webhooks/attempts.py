"""Makes claimed attempts, many at once, each in a thread of its own. Knows nothing of the database."""

from __future__ import annotations

import functools
import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Self

from app.config import Settings
from app.crypto import Cipher, DecryptionError
from app.webhooks.claims import Claim
from app.webhooks.delivery import Outcome, send
from app.webhooks.headers import mask, merge
from app.webhooks.sealing import read_headers
from app.webhooks.signing import build_headers

logger = logging.getLogger(__name__)

_CACHED_SECRETS = 4096


@dataclass(frozen=True, slots=True)
class Finished:
    """An attempt that is over, and how many seconds it took."""

    claim: Claim
    outcome: Outcome
    seconds: float


class Attempts:
    """The attempts of one job. Leaving the block waits for those that are under way."""

    def __init__(self, settings: Settings, cipher: Cipher) -> None:
        self._networks = settings.webhook_allowed_networks
        # Decrypting a secret takes longer than signing with it.
        self._decrypt = functools.lru_cache(_CACHED_SECRETS)(cipher.decrypt)
        self._todo: SimpleQueue[Claim | None] = SimpleQueue()
        self._finished: SimpleQueue[Finished] = SimpleQueue()
        self._threads: list[threading.Thread] = []
        self.under_way = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for _ in self._threads:
            self._todo.put(None)
        for thread in self._threads:
            thread.join()

    def begin(self, claim: Claim) -> None:
        """Begins an attempt."""
        self.under_way += 1
        if self.under_way > len(self._threads):
            thread = threading.Thread(target=self._work, name=f"delivery-{len(self._threads)}", daemon=True)
            self._threads.append(thread)
            thread.start()
        self._todo.put(claim)

    def collect(self, wait_seconds: float, gather_seconds: float) -> list[Finished]:
        """Gives the attempts that are over: waits for the first one, and a moment for those that end with it.

        Half of those that are under way are enough: while they are recorded, the other half goes on.
        """
        found: list[Finished] = []
        enough = (self.under_way + 1) // 2
        until = time.monotonic() + wait_seconds
        while len(found) < enough and (remaining := until - time.monotonic()) > 0:
            try:
                found.append(self._finished.get(timeout=remaining))
            except Empty:
                break
            self.under_way -= 1
            if len(found) == 1:
                until = min(until, time.monotonic() + gather_seconds)
        return found

    def _work(self) -> None:
        while (claim := self._todo.get()) is not None:
            started_at = time.monotonic()
            outcome = self._attempt(claim)
            self._finished.put(Finished(claim, outcome, time.monotonic() - started_at))

    def _attempt(self, claim: Claim) -> Outcome:
        """Makes one attempt; gives an outcome in every case, for others wait for theirs in the same job."""
        try:
            ours = build_headers(
                claim.scheme,
                [self._decrypt(token).decode() for token in claim.tokens],
                claim.delivery_id,
                int(time.time()),
                claim.number,
                claim.body,
            )
            custom = read_headers(self._decrypt(claim.headers)) if claim.headers else {}
            headers = merge(ours, custom)
            outcome = send(claim.url, claim.body, headers, allowed_networks=self._networks)
            return _hide_values(outcome, headers.keys() - ours.keys())
        except DecryptionError as error:
            logger.error("a webhook's secret cannot be read", extra={"webhook": claim.webhook_id})  # noqa: TRY400
            return Outcome(error=error.code, error_message=f"Nothing was sent: {error.message}")
        except Exception:
            # Whatever bug one delivery brings to light, the others are to be sent and recorded.
            logger.exception("an attempt failed by a bug", extra={"delivery": claim.delivery_id})
            return Outcome(
                error="internal_error", error_message="Nothing was sent: an error in Slipway, which is logged."
            )


def _hide_values(outcome: Outcome, names: Iterable[str]) -> Outcome:
    """Gives the outcome with the values of the owner's own headers masked, for what they hold is often a secret."""
    sent = outcome.request_headers
    return replace(outcome, request_headers={**sent, **mask(names)}) if sent else outcome
