"""The textbook's job for Dramatiq, started by its own command."""

from __future__ import annotations

import os

import dramatiq
from dramatiq.brokers.redis import RedisBroker

from tests.bench.textbook import deliver

broker = RedisBroker(url=os.environ["TEXTBOOK_REDIS_URL"])
dramatiq.set_broker(broker)
actor = dramatiq.actor(deliver, queue_name="textbook-dramatiq")
