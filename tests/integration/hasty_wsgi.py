"""The application as ``wsgi`` gives it, but an attempt is over after two seconds and a half and not after fifteen."""

from __future__ import annotations

from typing import Final

from app import create_app
from app.webhooks import delivery

DEADLINE_SECONDS: Final = 2.5

(delivery.send.__kwdefaults__ or {})["deadline_seconds"] = DEADLINE_SECONDS
app = create_app()
