"""The application as ``wsgi`` gives it, but its process is killed right after the commit, before the doorbell rings."""

from __future__ import annotations

import os
import signal

from app import create_app
from app.webhooks.queue import Doorbell


def _die(self: Doorbell) -> bool:
    os.kill(os.getpid(), signal.SIGKILL)
    return False


Doorbell.ring = _die  # type: ignore[method-assign]
app = create_app()
