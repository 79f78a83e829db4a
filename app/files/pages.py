"""What pages show of files: from rows to what a template needs, sizes in words."""

from __future__ import annotations

from collections.abc import Iterable
from types import SimpleNamespace

from app.files.models import ReleaseFile

_UNITS = ("kB", "MB", "GB", "TB", "PB")
_MD5_LENGTH = 32


def build_rows(files: Iterable[ReleaseFile]) -> list[SimpleNamespace]:
    """Gives the files of a release as its page lists them."""
    return [
        SimpleNamespace(
            id=file.id,
            name=file.name,
            url=file.url,
            size=describe_size(file.size),
            algorithm="MD5" if len(file.checksum) == _MD5_LENGTH else "SHA-256",
            checksum=file.checksum,
            secured=file.secured,
        )
        for file in files
    ]


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
