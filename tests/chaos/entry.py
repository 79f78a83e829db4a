"""The application as ``wsgi`` gives it, with the hooks: ``gunicorn tests.chaos.entry:app``, ``flask --app …``."""

from __future__ import annotations

import sys

from tests.chaos.hooks import Hooks
from wsgi import app

__all__ = ["app"]

Hooks(sys.argv[-1] if sys.argv[-1] in ("worker", "relay") else "web").install(app)
