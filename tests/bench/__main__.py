"""``make bench``: measures on this machine and writes ``docs/benchmarks.md``."""

from __future__ import annotations

import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from tests.bench import creates, deliveries, files, lists, notes, pages, previews, starts

REPORT = Path(__file__).resolve().parents[2] / "docs" / "benchmarks.md"


def describe_machine() -> str:
    """Gives what the figures depend on."""
    return f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}, Python {platform.python_version()}"


def main() -> None:
    """Runs every benchmark, prints the tables and writes them down."""
    lines = [
        "# Benchmarks",
        "",
        f"Measured by `make bench` on {datetime.now(UTC):%d %B %Y}: {describe_machine()}.",
        "Load generator, servers and databases share the machine, so compare the ratios, not the figures.",
        "",
        "## Creating releases",
        "",
        *creates.format_report(creates.run()),
    ]
    lines += ["", "## Delivering", "", *deliveries.format_report(deliveries.run())]
    lines += ["", "## Lists of a million releases", "", *lists.format_report(lists.run())]
    lines += ["", "## Files", "", files.DESCRIPTION, "", "| what | figure |", "| --- | ---: |"]
    lines += [f"| {name} | {figure} |" for name, figure in files.run()]
    lines += ["", "## Rendering notes", "", "| what | figure |", "| --- | ---: |"]
    lines += [f"| {name} | {figure} |" for name, figure in notes.run()]
    lines += ["", "## Previewing notes", "", previews.DESCRIPTION, "", "| what | figure |", "| --- | ---: |"]
    lines += [f"| {name} | {figure} |" for name, figure in previews.run()]
    lines += ["", "## Pages", "", pages.DESCRIPTION, "", "| what | figure |", "| --- | ---: |"]
    lines += [f"| {name} | {figure} |" for name, figure in pages.run()]
    lines += ["", "## Starting", "", "| what | figure |", "| --- | ---: |"]
    lines += [f"| {name} | {figure} |" for name, figure in starts.run()]
    report = "\n".join(lines) + "\n"
    sys.stdout.write(report)
    REPORT.parent.mkdir(exist_ok=True)
    REPORT.write_text(report)


if __name__ == "__main__":
    main()
