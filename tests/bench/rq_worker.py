"""RQ's worker for the textbook's job: the class is the argument. The job's module is loaded before it forks."""

from __future__ import annotations

import os
import sys

import rq
from redis import Redis

import tests.bench.textbook  # noqa: F401 - here, and not again after each fork

QUEUE_NAME = "textbook-rq"


def main() -> None:
    """Works until it is stopped."""
    connection = Redis.from_url(os.environ["TEXTBOOK_REDIS_URL"])
    worker_class = {"Worker": rq.Worker, "SimpleWorker": rq.SimpleWorker}[sys.argv[1]]
    worker_class([QUEUE_NAME], connection=connection, log_job_description=False).work(logging_level="WARNING")


if __name__ == "__main__":
    main()
