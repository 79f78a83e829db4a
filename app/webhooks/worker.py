"""The worker: RQ's own, held to Slipway's queue and to the one job that it knows."""

from __future__ import annotations

import contextlib
import logging
import resource
import signal
import threading
from typing import Any

from flask import Flask, g
from redis.exceptions import RedisError
from rq import SimpleWorker
from rq.exceptions import StopRequested
from rq.job import Job
from rq.queue import Queue
from rq.serializers import JSONSerializer

from app.webhooks.pacing import Pacer
from app.webhooks.queue import QUEUE_NAME, DoorbellJob, connect

logger = logging.getLogger(__name__)

_RECONNECT_SECONDS = 0.5
_TTL_SECONDS = 30
_FILES_LIMIT = 8192


class DoorbellWorker(SimpleWorker):
    """Runs jobs in this process: forking for each would cost more than the attempts do.

    RQ tells the queue of each step, and fails if that is away. A worker must be able to stop then all the same.
    """

    # RQ waits up to a minute before it looks for a queue that was away; what is owed should not.
    max_connection_wait_time = 1.0

    app: Flask
    stopping: threading.Event
    # What is known of the receivers outlives the job that found it out.
    pacer: Pacer

    def handle_warm_shutdown_request(self) -> None:
        """Remembers that it was asked to stop; the job that runs ends what it has begun."""
        self.stopping.set()

    def set_shutdown_requested_date(self) -> None:
        """Tells the queue that it was asked to stop. Called in the middle of a job, which must not fail by it."""
        with contextlib.suppress(RedisError, OSError):
            super().set_shutdown_requested_date()  # type: ignore[no-untyped-call]

    def check_for_suspension(self, burst: bool) -> None:
        """Called before each job: whoever was asked to stop before RQ began to listen for that stops here."""
        if self.stopping.is_set():
            raise StopRequested
        super().check_for_suspension(burst)

    def execute_job(self, job: Job, queue: Queue) -> Any:
        """Runs one job inside the application's context, where it finds whether it should stop."""
        with self.app.app_context():
            g.stopping, g.pacer = self.stopping, self.pacer
            return super().execute_job(job, queue)

    def teardown(self) -> None:
        """Ends the thread that listens for RQ's commands first: it must not stay if the queue cannot be told."""
        thread: Any = self.pubsub_thread
        if thread is not None:
            thread.stop()
        super().teardown()  # type: ignore[no-untyped-call]


def build_worker(app: Flask, stopping: threading.Event) -> DoorbellWorker:
    """Gives a worker that ends once ``stopping`` is set. Raises RedisError if the queue is away."""
    worker = DoorbellWorker(
        QUEUE_NAME,
        connection=connect(app.extensions["slipway"].settings.redis_url, is_blocking=True),
        job_class=DoorbellJob,
        serializer=JSONSerializer,
        worker_ttl=_TTL_SECONDS,
        log_job_description=False,
    )
    worker.app, worker.stopping = app, stopping
    worker.pacer = Pacer(app.extensions["slipway"].settings.worker_concurrency)
    return worker


def _allow_files() -> None:
    """Lets this process open as many files and sockets as the system allows it to; often it begins with fewer."""
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    with contextlib.suppress(ValueError, OSError):
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, _FILES_LIMIT) if most > 0 else _FILES_LIMIT, most))


def run(app: Flask, stopping: threading.Event) -> None:
    """Works until it is asked to stop (SIGTERM, SIGINT). Outlives outages of the queue."""
    _allow_files()
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    while not stopping.is_set():
        try:
            # It returns when it was asked to stop, and after a failure of the queue that it could not bear.
            build_worker(app, stopping).work(logging_level="WARNING")
        except StopRequested:
            # RQ was asked to stop when it had stopped already.
            stopping.set()
        except (RedisError, OSError) as error:
            logger.warning("the worker waits for the queue", extra={"error": str(error)})
        finally:
            # RQ's own handlers speak for a worker that is no more.
            for number, handler in handlers.items():
                signal.signal(number, handler)
        stopping.wait(_RECONNECT_SECONDS)
