"""The keys of the issuers that the operator has listed: fetched, kept, and fetched anew when one is not among them.

Tenants choose among those issuers, and can name no other: what they type leads nowhere on the network.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from joserfc.jwk import Key

from app.config_oidc import WELL_KNOWN
from app.exceptions import MalformedBodyError
from app.oidc import documents
from app.oidc.id_tokens import parse_key_set
from app.oidc.schema import ProviderError, parse_key_source
from app.publishers.refusals import IssuerUnavailableError

logger = logging.getLogger(__name__)

# How long keys are taken without asking again, and how long if the issuer does not answer.
FRESH_SECONDS: Final = 3600.0
STALE_SECONDS: Final = 24 * 3600.0
# Whoever sends made-up key ids must not make every request ask the issuer, nor must one that has failed be asked again
# at once: each who waits for it holds a thread of the web process.
PAUSE_SECONDS: Final = 10.0
_WAIT_SECONDS = 1.0
_REASON_LENGTH = 300
# A moment of ``monotonic`` that is before all others.
_NEVER = float("-inf")


@dataclass(frozen=True, slots=True)
class KeySet:
    """The keys of an issuer, and by which algorithms it signs with them."""

    keys: tuple[Key, ...]
    algorithms: tuple[str, ...]


@dataclass(slots=True)
class _Kept:
    """What this process knows of an issuer."""

    found: KeySet | None = None
    fetched_at: float = _NEVER
    asked_at: float = _NEVER
    lock: threading.Lock = field(default_factory=threading.Lock)


class Issuers:
    """The issuers of identity tokens that are listed, with their keys. Serves any number of threads."""

    def __init__(self, names: Iterable[str]) -> None:
        """Takes the issuers by their names, which are addresses. Asks none of them anything yet."""
        self._kept = {name: _Kept() for name in names}

    @property
    def names(self) -> tuple[str, ...]:
        """The issuers, in the order in which they were listed."""
        return tuple(self._kept)

    def get_keys(self, issuer: str, *, is_renewed: bool = False) -> KeySet:
        """Gives the keys of a listed issuer; with ``is_renewed`` those that it has now, unless it was just asked.

        If it does not answer, what is kept is given for a day. Raises IssuerUnavailableError if nothing is.
        """
        kept = self._kept[issuer]
        age = time.monotonic() - kept.fetched_at
        if kept.found is not None and age < FRESH_SECONDS and not is_renewed:
            return kept.found
        # Who has keys to try with does not wait for another who asks.
        if kept.lock.acquire(timeout=0 if kept.found else _WAIT_SECONDS):
            try:
                self._renew(issuer, kept)
            finally:
                kept.lock.release()
        if kept.found is None or time.monotonic() - kept.fetched_at > STALE_SECONDS:
            raise IssuerUnavailableError(
                f"The keys of {issuer} cannot be fetched at the moment, so its tokens cannot be verified. Try again."
            )
        return kept.found

    def _renew(self, issuer: str, kept: _Kept) -> None:
        if time.monotonic() - kept.asked_at < PAUSE_SECONDS:
            return
        kept.asked_at = time.monotonic()
        try:
            kept.found = _fetch_keys(issuer)
            kept.fetched_at = time.monotonic()
        except (OSError, ProviderError, MalformedBodyError, ValueError, TypeError, RecursionError) as error:
            reason = " ".join(str(error).split())[:_REASON_LENGTH]
            logger.warning("the keys of an issuer cannot be fetched", extra={"issuer": issuer, "error": reason})


def _fetch_keys(issuer: str) -> KeySet:
    until = time.monotonic() + documents.DEADLINE_SECONDS
    source = parse_key_source(documents.fetch(f"{issuer.rstrip('/')}{WELL_KNOWN}", until), issuer)
    keys = parse_key_set(documents.fetch(source.jwks_uri, until))
    if not keys:
        # Those that are kept are better than none.
        raise ProviderError("its key set has no key that can be used")
    return KeySet(tuple(keys), source.algorithms)
