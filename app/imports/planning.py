"""What would come of a file, and how its rows keep that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from app import times
from app.imports.formats.entries import ReadFile
from app.imports.judging import Verdict
from app.imports.reading import Reading
from app.imports.words import pack_errors
from app.releases.schema import PLATFORM_COUNT_LIMIT
from app.text import is_canonical_id

_LINE_LIMIT: Final = 256


@dataclass(frozen=True, slots=True)
class Plan:
    """What would come of a file now."""

    file: ReadFile
    readings: tuple[Reading, ...]
    verdicts: tuple[Verdict, ...]


def build_row(number: int, reading: Reading, verdict: Verdict) -> dict[str, Any]:
    """Takes what was made of an entry, and what would come of it; gives the columns of its row."""
    draft, raw = reading.draft, reading.raw
    warnings = (*reading.warnings, *verdict.warnings)
    product_id = draft.product_id if draft else raw.get("productId")
    return {
        "number": number,
        "line": reading.line,
        "state": verdict.state,
        "is_open": verdict.is_open,
        **{name: getattr(draft, name) if draft else _clean(raw.get(name)) for name in ("version", "name", "channel")},
        "platforms": list(draft.platforms) if draft else _clean_list(raw.get("platforms")),
        "private": draft.private if draft else raw.get("private") is True,
        "publishes": reading.publishes,
        "product_id": product_id if isinstance(product_id, str) and is_canonical_id(product_id) else None,
        "released_at": draft.created_at if draft else times.parse_time(_clean(raw.get("createdAt"))),
        "is_day": reading.is_day,
        "notes": draft.notes if draft and verdict.is_open else None,
        "errors": pack_errors((*reading.errors, *verdict.errors)),
        "warnings": pack_errors(warnings),
        "has_warnings": bool(warnings),
        "release_id": verdict.release_id,
    }


def _clean(value: Any) -> str:
    """Gives what a row shows of a value that may break any rule: as much as the database can hold."""
    text = value if isinstance(value, str) else "" if value is None else str(value)[:_LINE_LIMIT]
    return text.replace("\x00", "\ufffd").encode("utf-8", "replace").decode("utf-8")[:_LINE_LIMIT]


def _clean_list(value: Any) -> list[str]:
    return [_clean(item) for item in value[:PLATFORM_COUNT_LIMIT]] if isinstance(value, list) else []
