"""Reads the shared corpora: attacks and odd inputs with their expected verdicts, and the real releases."""

from __future__ import annotations

import base64
import gzip
import json
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, cast

SHARED = Path(__file__).resolve().parents[2] / "shared"


@cache
def load_corpus(name: str) -> dict[str, Any]:
    """Gives one of the JSON corpora by its file's name without the ending."""
    return cast(dict[str, Any], json.loads((SHARED / "corpora" / f"{name}.json").read_text()))


@cache
def load_corpus_lines(name: str) -> tuple[dict[str, Any], ...]:
    """Gives the rows of one of the corpora that hold one JSON object a line."""
    return tuple(json.loads(line) for line in (SHARED / "corpora" / f"{name}.jsonl").read_text().splitlines())


@cache
def load_real_releases() -> tuple[dict[str, str], ...]:
    """Gives the real releases of three public projects."""
    lines = (SHARED / "data" / "real-releases.jsonl").read_text().splitlines()
    return tuple(json.loads(line) for line in lines)


def check_all(
    rows: Iterable[dict[str, Any]],
    check: Callable[[dict[str, Any]], None],
    name: Callable[[dict[str, Any]], str] = lambda row: ascii(row)[:60],
) -> None:
    """Holds each row against its check; fails with all that do not hold, each by its name."""
    failures = []
    for row in rows:
        try:
            check(row)
        except AssertionError as error:
            failures.append(f"{name(row)}: {error}")
    assert not failures, "\n\n".join(failures)


def build_body(row: Mapping[str, Any], base: Mapping[str, Any], names: Mapping[str, str]) -> bytes:
    """Takes a row of ``release_bodies``; gives its bytes with the @NAMES@ filled in."""
    if "body" in row:
        raw = row["body"].encode("ascii")
    elif "body_b64" in row:
        raw = base64.b64decode(row["body_b64"])
    else:
        raw = eval(row["body_expr"], {"BASE": dict(base), "json": json, "gzip": gzip})
    return fill(raw, names)


def fill(raw: bytes, names: Mapping[str, str]) -> bytes:
    """Fills the @NAMES@ of a corpus in, and its relative times."""
    for name, value in names.items():
        raw = raw.replace(f"@{name}@".encode(), value.encode())
    return re.sub(rb"@NOW\+(\d+)([sd])@", _build_time, raw)


def _build_time(match: re.Match[bytes]) -> bytes:
    unit = "seconds" if match[2] == b"s" else "days"
    moment = datetime.now(UTC) + timedelta(**{unit: int(match[1])})
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ").encode()
