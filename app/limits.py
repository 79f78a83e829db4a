"""The API's rate limit: so many requests in five seconds from one address, counted in Redis for all processes."""

from __future__ import annotations

import logging
import time
from dataclasses import dataclass

from flask import Flask, Response, current_app, g, request
from redis.exceptions import RedisError

from app.config import Settings
from app.exceptions import ThrottledError
from app.requests import client_address
from app.webhooks.queue import connect

logger = logging.getLogger(__name__)

WINDOW_SECONDS = 5
_BREAK_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Allowance:
    """What is left to a caller: ``limit`` and ``remaining`` count requests, ``reset_seconds`` until it is whole."""

    limit: int
    remaining: int
    reset_seconds: int
    is_exceeded: bool


class RateLimiter:
    """Counts requests in fixed windows. Fails open: without Redis nobody is refused, and the log says so."""

    def __init__(self, settings: Settings) -> None:
        self._limit = settings.rate_limit
        self._redis = connect(settings.redis_url) if self._limit else None
        self._broken_until = 0.0

    @property
    def is_on(self) -> bool:
        """Whether there is a limit."""
        return self._redis is not None

    def count(self, caller: str) -> Allowance | None:
        """Counts one request; gives what is left, or None if nothing is limited or counted."""
        if self._redis is None or self._limit is None or time.monotonic() < self._broken_until:
            return None
        window, passed = divmod(time.time(), WINDOW_SECONDS)
        key = f"slipway:rate:{caller}:{int(window)}"
        try:
            with self._redis.pipeline(transaction=False) as pipeline:
                pipeline.incr(key)
                pipeline.expire(key, WINDOW_SECONDS * 2)
                used = int(pipeline.execute()[0])
        except (RedisError, OSError) as error:
            self._broken_until = time.monotonic() + _BREAK_SECONDS
            logger.warning("requests are not limited: Redis cannot be reached", extra={"error": str(error)})
            return None
        reset = max(1, int(WINDOW_SECONDS - passed + 0.999))
        return Allowance(self._limit, max(0, self._limit - used), reset, used > self._limit)


def init_app(app: Flask) -> None:
    """Takes the application; counts the requests to the API."""
    app.before_request(_count)
    app.after_request(_add_headers)


def _count() -> None:
    if not request.path.startswith("/v3/"):
        return
    limiter: RateLimiter = current_app.extensions["slipway"].limiter
    allowance = limiter.count(client_address()) if limiter.is_on else None
    if allowance is None:
        return
    g.allowance = allowance
    if allowance.is_exceeded:
        raise ThrottledError(
            f"More than {allowance.limit} requests in {WINDOW_SECONDS} seconds came from this address.",
            allowance.reset_seconds,
        )


def _add_headers(response: Response) -> Response:
    allowance: Allowance | None = g.get("allowance")
    if allowance is not None:
        response.headers["X-Rate-Limit-Limit"] = str(allowance.limit)
        response.headers["X-Rate-Limit-Remaining"] = str(allowance.remaining)
        response.headers["X-Rate-Limit-Reset"] = str(int(time.time()) + allowance.reset_seconds)
        # The IETF's draft-ietf-httpapi-ratelimit-headers says the same in structured fields.
        response.headers["RateLimit-Policy"] = f'"default";q={allowance.limit};w={WINDOW_SECONDS}'
        response.headers["RateLimit"] = f'"default";r={allowance.remaining};t={allowance.reset_seconds}'
    return response
