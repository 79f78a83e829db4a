"""What lies in the folder of uploaded files."""

from __future__ import annotations

from pathlib import Path


def list_stored(data_dir: Path) -> list[Path]:
    """Gives all that lies in the storage, whole or not."""
    return [path for path in (data_dir / "files").rglob("*") if path.is_file()]


def empty_storage(data_dir: Path) -> None:
    """Deletes it, whoever has left it there."""
    for path in list_stored(data_dir):
        path.unlink()
