"""The words for what an e-mail is in. Pure."""

from __future__ import annotations

from typing import Final

# Owed and due at a time, taken by the server, given up.
PENDING: Final = "pending"
SENT: Final = "sent"
DEAD: Final = "dead"
