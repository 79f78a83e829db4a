"""Random bytes of the system's generator, asked for in larger pieces.

Each call of the system lets another thread run first: whoever needs sixteen bytes four times in a request would wait
for its turn four times.
"""

from __future__ import annotations

import os
import threading
from typing import Final

_PIECE_BYTES: Final = 4096


class _Supply(threading.local):
    """What is left of a thread's last piece."""

    def __init__(self) -> None:
        self.piece = b""
        self.used = 0

    def take(self, count: int) -> bytes:
        if len(self.piece) - self.used < count:
            self.piece, self.used = os.urandom(_PIECE_BYTES), 0
        taken = self.piece[self.used : self.used + count]
        self.used += count
        return taken

    def clear(self) -> None:
        self.piece, self.used = b"", 0


_supply = _Supply()
# Two processes must not hand out the same: a fork begins with a piece of its own.
os.register_at_fork(after_in_child=_supply.clear)


def draw_bytes(count: int) -> bytes:
    """Gives so many random bytes, at most 4,096, which nobody else gets."""
    return _supply.take(count)


def draw_id() -> str:
    """Gives a random UUID (RFC 9562, version 4) in the canonical form: 36 characters, lower case."""
    digits = draw_bytes(16).hex()
    variant = "89ab"[int(digits[16], 16) & 3]
    return f"{digits[:8]}-{digits[8:12]}-4{digits[13:16]}-{variant}{digits[17:20]}-{digits[20:]}"
