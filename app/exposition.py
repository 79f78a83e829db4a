"""Writes metrics as Prometheus reads them: its text exposition format, version 0.0.4. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

CONTENT_TYPE: Final = "text/plain; version=0.0.4; charset=utf-8"

Labels = Mapping[str, str]
_NO_LABELS: Labels = {}


def format_gauge(name: str, about: str, samples: Iterable[tuple[Labels, float]]) -> str:
    """Takes a gauge's name, a sentence about it, and its value by labels; gives its lines."""
    return _format_family(name, "gauge", about, ((name, labels, value) for labels, value in samples))


def format_counter(name: str, about: str, samples: Iterable[tuple[Labels, float]]) -> str:
    """Takes a counter's name, which ends in ``_total``, a sentence, and its value by labels; gives its lines."""
    return _format_family(name, "counter", about, ((name, labels, value) for labels, value in samples))


def format_histogram(name: str, about: str, bounds: Sequence[float], counts: Sequence[int], total: float) -> str:
    """Gives the lines of a histogram.

    Takes the buckets' upper bounds, ascending, how many observations fell into each and, last, above all of them,
    and the sum of what was observed. In the format each bucket holds those below it, too.
    """
    samples: list[tuple[str, Labels, float]] = []
    seen = 0
    for bound, count in zip((*bounds, None), counts, strict=True):
        seen += count
        samples.append((f"{name}_bucket", {"le": "+Inf" if bound is None else f"{bound:g}"}, seen))
    samples += [(f"{name}_sum", _NO_LABELS, total), (f"{name}_count", _NO_LABELS, seen)]
    return _format_family(name, "histogram", about, samples)


def _format_family(name: str, kind: str, about: str, samples: Iterable[tuple[str, Labels, float]]) -> str:
    escaped = about.replace("\\", "\\\\").replace("\n", "\\n")
    lines = [f"# HELP {name} {escaped}", f"# TYPE {name} {kind}"]
    lines += [f"{series}{_format_labels(labels)} {_format_value(value)}" for series, labels, value in samples]
    return "".join(f"{line}\n" for line in lines)


def _format_labels(labels: Labels) -> str:
    pairs = ",".join(f'{name}="{_escape(value)}"' for name, value in labels.items())
    return f"{{{pairs}}}" if pairs else ""


def _escape(value: str) -> str:
    return value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")


def _format_value(value: float) -> str:
    return str(value) if isinstance(value, int) else repr(float(value))
