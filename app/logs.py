"""Structured logs: one JSON object a line on standard error, with the request's id in each."""

from __future__ import annotations

import json
import logging
import sys
from contextvars import ContextVar
from datetime import UTC, datetime

_request_id: ContextVar[str] = ContextVar("slipway_request_id", default="")
# What every record has; whatever else it carries was named by who logged it.
_STANDARD_ATTRIBUTES = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}


def bind_request_id(request_id: str) -> None:
    """Takes the id of the request that this thread now works for; the empty string for none."""
    _request_id.set(request_id)


def current_request_id() -> str:
    """The id of the request that this thread works for; empty in commands and workers."""
    return _request_id.get()


class JsonFormatter(logging.Formatter):
    """Formats a record as one line of JSON: no value that is logged can start a line of its own."""

    def format(self, record: logging.LogRecord) -> str:
        """Takes a record; gives its line."""
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        if request_id := current_request_id():
            line["requestId"] = request_id
        line |= {name: value for name, value in vars(record).items() if name not in _STANDARD_ATTRIBUTES}
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


def configure(level: str) -> None:
    """Takes a level's name; sends the logs of the process to standard error. Calling it again only sets the level."""
    root = logging.getLogger()
    if not any(isinstance(handler.formatter, JsonFormatter) for handler in root.handlers):
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(JsonFormatter())
        root.addHandler(handler)
    root.setLevel(level)
    # RQ speaks of every job at INFO, and Alembic of every start; what matters of either is a warning.
    for chatty in ("rq.worker", "rq.queue", "rq.job", "alembic", "werkzeug"):
        logging.getLogger(chatty).setLevel(logging.WARNING)
