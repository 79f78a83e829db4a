"""Sizes in words. Pure."""

from __future__ import annotations

_UNITS = ("kB", "MB", "GB", "TB", "PB")


def describe_size(size: int) -> str:
    """Takes a number of bytes; gives it in words that stay on one line: 1.5 MB is 1,500,000 bytes."""
    if size < 1000:
        return f"{size}\N{NO-BREAK SPACE}byte{'' if size == 1 else 's'}"
    value = float(size)
    for unit in _UNITS:
        value /= 1000
        # 999.95 would be shown as 1000.0.
        if value < 999.95 or unit == _UNITS[-1]:
            break
    return f"{value:,.1f}".removesuffix(".0") + f"\N{NO-BREAK SPACE}{unit}"
