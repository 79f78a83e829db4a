"""The textbook's job for Celery, started by its own command."""

from __future__ import annotations

import os

from celery import Celery

from tests.bench.textbook import deliver

app = Celery("textbook", broker=os.environ["TEXTBOOK_CELERY_URL"])
app.conf.update(task_ignore_result=True, task_default_queue="textbook-celery", worker_send_task_events=False)
task = app.task(name="deliver")(deliver)
