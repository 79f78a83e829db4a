"""What Prometheus asks: ``/metrics``. No series names a tenant or a receiver, whoever may read it."""

from __future__ import annotations

import hmac
import logging
import threading
import time
from collections.abc import Iterator
from ipaddress import ip_address

from flask import Blueprint, Flask, Response, abort, current_app, request
from sqlalchemy.exc import SQLAlchemyError

from app.exposition import CONTENT_TYPE, format_counter, format_gauge, format_histogram
from app.extensions import db
from app.gauges import Gauges, read_gauges
from app.webhooks.measures import Histogram, Readings

logger = logging.getLogger(__name__)
blueprint = Blueprint("metrics", __name__)

CACHE_SECONDS = 5.0
_CACHE = "slipway_gauges"
# Whoever sends one of these asks for somebody else, who need not be on this machine.
_PROXY_HEADERS = ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via")


def init_app(app: Flask) -> None:
    """Takes the application and adds the route."""
    app.extensions[_CACHE] = _Cache()
    app.register_blueprint(blueprint)


class _Cache:
    """The gauges of a moment ago, so that the database is not asked more often the more there are who ask."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._gauges: Gauges | None = None
        self._until = 0.0

    def read(self) -> Gauges | None:
        """Gives the gauges, None if the database cannot be read."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._gauges = _read_database()
                self._until = time.monotonic() + CACHE_SECONDS
            return self._gauges


def _read_database() -> Gauges | None:
    try:
        return read_gauges(db.session())
    except SQLAlchemyError as error:
        logger.warning("the metrics lack the database's", extra={"error": str(error).split("\n")[0]})
        return None
    finally:
        db.session.remove()


@blueprint.get("/metrics")
def show_metrics() -> Response:
    """Answers with all metrics, those of the database at most five seconds old.

    With METRICS_TOKEN set, whoever sends that as a bearer token (RFC 6750) may read them, and 401 is for all others;
    else this machine may, and for all others there is nothing here.
    """
    token = current_app.extensions["slipway"].settings.metrics_token
    if token and not _carries(token):
        return Response("A bearer token is needed.\n", 401, {"WWW-Authenticate": "Bearer"}, content_type="text/plain")
    if not token and not _is_from_this_machine():
        abort(404)
    return Response("".join(_list_families()), content_type=CONTENT_TYPE)


def _carries(token: str) -> bool:
    scheme, _, given = request.headers.get("Authorization", "").partition(" ")
    # In constant time: how long the comparison takes must not tell how much of a guess was right.
    return scheme.lower() == "bearer" and hmac.compare_digest(given.strip().encode(), token.encode())


def _is_from_this_machine() -> bool:
    if any(name in request.headers for name in _PROXY_HEADERS):
        return False
    try:
        return ip_address(request.remote_addr or "").is_loopback
    except ValueError:
        # Behind a Unix socket there is always a proxy.
        return False


def _list_families() -> Iterator[str]:
    slipway = current_app.extensions["slipway"]
    gauges = current_app.extensions[_CACHE].read()
    readings = slipway.measures.read() if slipway.doorbell.is_reachable() else None
    yield _format_flag("slipway_database_reachable", "Whether the database can be read.", gauges is not None)
    yield _format_flag("slipway_queue_reachable", "Whether Valkey answers.", readings is not None)
    # What cannot be read is left out: a counter that fell to zero for a moment would seem to have begun anew.
    if gauges:
        yield from _list_gauges(gauges)
    if readings:
        yield from _list_readings(readings)


def _format_flag(name: str, about: str, value: bool) -> str:
    return format_gauge(name, about, [({}, int(value))])


def _list_gauges(gauges: Gauges) -> Iterator[str]:
    yield format_gauge(
        "slipway_deliveries",
        "Deliveries by state.",
        [({"state": state}, count) for state, count in gauges.deliveries.items()],
    )
    yield format_gauge("slipway_deliveries_due", "Deliveries that are due now.", [({}, gauges.due_count)])
    yield format_gauge(
        "slipway_oldest_due_age_seconds",
        "Since when the longest due delivery has been due; 0 if none is.",
        [({}, gauges.oldest_due_seconds)],
    )
    yield format_gauge(
        "slipway_webhooks",
        "Webhooks by state: disabled by Slipway, inactive by their owner.",
        [({"state": state}, count) for state, count in gauges.webhooks.items()],
    )
    yield format_gauge("slipway_mails_pending", "E-mails that are owed.", [({}, gauges.pending_mails)])
    yield format_gauge("slipway_replays_running", "Replays that are not done.", [({}, gauges.running_replays)])


def _list_readings(readings: Readings) -> Iterator[str]:
    yield format_counter(
        "slipway_attempts_total",
        "Attempts to deliver that are over, by outcome and reason.",
        [({"outcome": outcome, "reason": reason}, count) for (outcome, reason), count in readings.attempts.items()],
    )
    yield _format_histogram(
        "slipway_attempt_duration_seconds", "How long attempts to deliver took.", readings.durations
    )
    yield _format_histogram(
        "slipway_commit_to_first_attempt_seconds",
        "How long deliveries had been owed when their first attempt began.",
        readings.waits,
    )


def _format_histogram(name: str, about: str, histogram: Histogram) -> str:
    return format_histogram(name, about, histogram.bounds, histogram.counts, histogram.sum_seconds)
