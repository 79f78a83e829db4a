"""Makes claimed attempts, many at once, in one thread. Knows nothing of the database."""

from __future__ import annotations

import functools
import logging
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Final, Self

from app.config import Settings
from app.crypto import Cipher, DecryptionError
from app.webhooks.claims import Claim
from app.webhooks.delivery import Outcome, send
from app.webhooks.failures import INTERNAL_ERROR
from app.webhooks.headers import mask, merge
from app.webhooks.reactor import Reactor
from app.webhooks.sealing import read_headers
from app.webhooks.signing import build_headers

logger = logging.getLogger(__name__)

_CACHED_SECRETS = 4096
_BROKEN: Final = Outcome(error=INTERNAL_ERROR, error_message="An error in Slipway ended this attempt; it is logged.")


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
        self._reactor = Reactor("deliveries", self._hand_over)
        self._over: list[Finished] = []
        self._handed_over: SimpleQueue[list[Finished]] = SimpleQueue()
        self.under_way = 0

    def __enter__(self) -> Self:
        self._reactor.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reactor.__exit__(kind, error, trace)

    @property
    def idle_seconds(self) -> float:
        """For how long the thread that sends has shown no sign of life; 0 while it has nothing to do."""
        return self._reactor.idle_seconds

    def begin(self, claims: Sequence[Claim]) -> None:
        """Begins attempts."""
        if claims:
            self.under_way += len(claims)
            self._reactor.start([self._attempt(claim) for claim in claims])

    def collect(self, wait_seconds: float, gather_seconds: float) -> list[Finished]:
        """Gives the attempts that are over: waits for the first one, and a moment for those that end with it.

        Half of those that are under way are enough: while they are recorded, the other half goes on.
        """
        found: list[Finished] = []
        enough = (self.under_way + 1) // 2
        until = time.monotonic() + wait_seconds
        while len(found) < enough:
            try:
                together = self._handed_over.get(timeout=max(0.0, until - time.monotonic()))
            except Empty:
                break
            if not found:
                until = min(until, time.monotonic() + gather_seconds)
            found += together
        self.under_way -= len(found)
        return found

    def collect_rest(self) -> list[Finished]:
        """Gives whatever is over and was not given yet, without waiting for anything."""
        found: list[Finished] = []
        while not self._handed_over.empty():
            found += self._handed_over.get()
        self.under_way -= len(found)
        return found

    def _hand_over(self) -> None:
        # One by one, each would wake the thread that waits, and take this one's turn.
        if self._over:
            self._handed_over.put(self._over)
            self._over = []

    async def _attempt(self, claim: Claim) -> None:
        """Makes one attempt; comes to an outcome in every case, for others wait for theirs in the same job."""
        outcome, started_at = _BROKEN, time.monotonic()
        try:
            outcome = await self._send(claim)
        except DecryptionError as error:
            logger.error("a webhook's secret cannot be read", extra={"webhook": claim.webhook_id})  # noqa: TRY400
            outcome = Outcome(error=error.code, error_message=f"Nothing was sent: {error.message}")
        except Exception:
            # Whatever bug one delivery brings to light, the others are to be sent and recorded.
            logger.exception("an attempt failed by a bug", extra={"delivery": claim.delivery_id})
        finally:
            self._over.append(Finished(claim, outcome, time.monotonic() - started_at))

    async def _send(self, claim: Claim) -> Outcome:
        ours = build_headers(
            claim.scheme,
            [self._decrypt(token).decode() for token in claim.tokens],
            claim.delivery_id,
            int(time.time()),
            claim.number,
            claim.body,
        )
        custom = read_headers(self._decrypt(claim.headers)) if claim.headers else {}
        headers = merge(ours, custom) if custom else ours
        outcome = await send(claim.url, claim.body, headers, allowed_networks=self._networks)
        return _hide_values(outcome, headers.keys() - ours.keys()) if custom else outcome


def _hide_values(outcome: Outcome, names: Iterable[str]) -> Outcome:
    """Gives the outcome with the values of the owner's own headers masked, for what they hold is often a secret."""
    sent = outcome.request_headers
    return replace(outcome, request_headers={**sent, **mask(names)}) if sent else outcome
