"""How much the database holds, and what lies in the folder of uploaded files."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import func, literal, select, union_all

from app.extensions import db


def count_rows() -> dict[str, int]:
    """Gives the number of rows of each table, asked for at once."""
    db.session.rollback()
    counts = [select(literal(it.name), func.count()).select_from(it) for it in db.metadata.sorted_tables]
    return {str(name): int(count) for name, count in db.session.execute(union_all(*counts))}


def list_stored(data_dir: Path) -> list[Path]:
    """Gives all that lies in the storage, whole or not."""
    return [path for path in (data_dir / "files").rglob("*") if path.is_file()]


def empty_storage(data_dir: Path) -> None:
    """Deletes it, whoever has left it there."""
    for path in list_stored(data_dir):
        path.unlink()
