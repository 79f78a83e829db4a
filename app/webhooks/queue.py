"""The doorbell: the one place that puts jobs on RQ's queue, always after the commit.

A job carries nothing. It says that something may be due; the rows say what. So one waiting job stands for any
number of deliveries, a lost one costs nothing but the second until the relay rings again, and a forged one makes
a worker look at the rows, no more.
"""

from __future__ import annotations

import logging
import threading
import time
from typing import Any, Final

from redis import Redis
from redis.exceptions import RedisError
from rq import Queue
from rq.exceptions import NoSuchJobError
from rq.job import Job
from rq.serializers import JSONSerializer

logger = logging.getLogger(__name__)

QUEUE_NAME: Final = "slipway-webhooks"
JOB_FUNCTION: Final = "app.webhooks.jobs.deliver_due"
_RINGING_KEY: Final = "slipway:webhooks:ringing"
# While this key stands, a job waits that has not started. It ends by itself, in case that job was lost.
_RINGING_MILLISECONDS = 2000
_CONNECT_TIMEOUT_SECONDS = 0.5
_ANSWER_TIMEOUT_SECONDS = 1.0
# After a failure nobody tries for a while: a queue that is down must not slow down every create.
_BREAK_SECONDS = 1.0
# Whoever calls so soon after a ring of this process is rung for a little later, together with all who follow: a busy
# web process would otherwise say the same to the queue with every request.
_QUIET_SECONDS = 0.005
_PAUSE_SECONDS = 0.01
# While one job hands over to the next, nothing new is sent; so a job may last.
JOB_TIMEOUT_SECONDS: Final = 3600
_WAITING_JOBS_LIMIT = 16
_REFUSED_MEMBERS = (
    b"success_callback_name",
    b"failure_callback_name",
    b"stopped_callback_name",
    b"webhooks",
    b"dependency_ids",
)


class DoorbellJob(Job):
    """A job of Slipway's queue: the one function that is allowed, without arguments, or nothing.

    Whoever can write to Redis can name any function in a job, and RQ would import and run it, JSON or not
    (``os.system`` is a function, too). Here such a job is as good as absent.
    """

    def restore(self, raw_data: Any) -> Any:
        """Takes the job's hash as stored. Raises NoSuchJobError, which RQ passes over, unless it is one of ours."""
        members = {name if isinstance(name, bytes) else str(name).encode(): value for name, value in raw_data.items()}
        has_extras = any(members.get(name) not in (None, b"", b"null", b"[]") for name in _REFUSED_MEMBERS)
        result = super().restore(raw_data)
        try:
            is_ours = self.func_name == JOB_FUNCTION and not (self.instance or self.args or self.kwargs)
        except Exception as error:
            # Whatever cannot be read was not written by Slipway.
            logger.warning("refused an unreadable job", extra={"job": self.id, "error": repr(error)})
            raise NoSuchJobError(f"job {self.id} cannot be read") from error
        if has_extras or not is_ours:
            logger.warning("refused a job that is not Slipway's", extra={"job": self.id})
            raise NoSuchJobError(f"job {self.id} is not Slipway's")
        return result


def connect(redis_url: str, *, is_blocking: bool = False) -> Redis:
    """Gives a client with timeouts that are short for callers and, with ``is_blocking``, left to RQ for workers."""
    answer_timeout = None if is_blocking else _ANSWER_TIMEOUT_SECONDS
    return Redis.from_url(
        redis_url, socket_connect_timeout=_CONNECT_TIMEOUT_SECONDS, socket_timeout=answer_timeout, retry=None
    )


def get_queue(connection: Redis) -> Queue:
    """Gives Slipway's queue on a connection."""
    return Queue(QUEUE_NAME, connection=connection, job_class=DoorbellJob, serializer=JSONSerializer)


class Doorbell:
    """Rings for the workers. Never raises: what is owed is committed, and the relay rings for what was not heard."""

    def __init__(self, redis_url: str) -> None:
        self._redis = connect(redis_url)
        self._queue = get_queue(self._redis)
        self._broken_until = 0.0
        self._lock = threading.Lock()
        self._rung_at = 0.0
        self._is_owed = threading.Event()
        self._ringer: threading.Thread | None = None

    def ring_soon(self) -> None:
        """Rings at once or, where calls come thick and fast, a hundredth of a second later for all of them."""
        moment = time.monotonic()
        with self._lock:
            is_quiet = moment >= self._rung_at + _QUIET_SECONDS
            # A ring that is owed begins later than this: whoever hears it looks after what was committed by now.
            if self._is_owed.is_set():
                return
            if is_quiet:
                self._rung_at = moment
            else:
                self._is_owed.set()
                self._start_ringer()
        if is_quiet:
            self.ring()

    def _start_ringer(self) -> None:
        # Not before there is need: a thread does not survive the forks that the server makes of itself.
        if self._ringer is None or not self._ringer.is_alive():
            self._ringer = threading.Thread(target=self._ring_later, name="doorbell", daemon=True)
            self._ringer.start()

    def _ring_later(self) -> None:
        while self._is_owed.wait():
            time.sleep(_PAUSE_SECONDS)
            with self._lock:
                self._is_owed.clear()
                self._rung_at = time.monotonic()
            self.ring()

    def ring(self) -> bool:
        """Enqueues a job unless one waits already; gives whether a job waits now."""
        if time.monotonic() < self._broken_until:
            return False
        try:
            if self._redis.set(_RINGING_KEY, b"1", nx=True, px=_RINGING_MILLISECONDS):
                self._enqueue()
        except (RedisError, OSError) as error:
            self._broken_until = time.monotonic() + _BREAK_SECONDS
            logger.warning("the queue cannot be reached; the relay will ring", extra={"error": str(error)})
            return False
        return True

    def _enqueue(self) -> None:
        # Without workers, jobs would pile up that all say the same.
        if self._queue.count >= _WAITING_JOBS_LIMIT:
            return
        # Nothing of a job outlives it: the row is the record, and a finished job must not stand in the way.
        self._queue.enqueue_call(JOB_FUNCTION, timeout=JOB_TIMEOUT_SECONDS, result_ttl=0, failure_ttl=0)

    def hush(self) -> None:
        """Called by a job before it looks at the rows: whoever commits after this rings anew."""
        try:
            self._redis.delete(_RINGING_KEY)
        except (RedisError, OSError) as error:
            logger.warning("the queue cannot be reached", extra={"error": str(error)})

    def is_reachable(self) -> bool:
        """Whether the queue answers, within a second and a half."""
        try:
            return bool(self._redis.ping())
        except (RedisError, OSError):
            return False
