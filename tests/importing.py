"""Files of old releases for tests, and how an import of one is made and run."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from app.imports import queries, service, steps
from app.imports.judging import STATES
from app.imports.queries import ImportRecord
from tests.corpora import load_real_releases
from tests.factories import Caller, Factory, Organisation

CHANGELOG = """# Changelog

## [Unreleased]
- Not yet.

## [1.2.0] - 2024-03-01
### Added
- Lands by itself ([#12]).

## [1.1.0] - 2024-02-01
- Second.

## [1.0.0] - 2024-01-01
- First.

[1.2.0]: https://example.org/compare/1.1.0...1.2.0
[#12]: https://example.org/issues/12
"""


def build_lines(releases: Iterable[Mapping[str, Any]]) -> bytes:
    """Gives releases as JSON Lines."""
    return b"".join(json.dumps(release).encode() + b"\n" for release in releases)


def build_real_file() -> bytes:
    """Gives all real releases as the file that they lie in."""
    return build_lines(load_real_releases())


def make_real_products(make: Factory, owner: Organisation) -> None:
    """Makes the products that the real releases are of."""
    for name in sorted({release["product"] for release in load_real_releases()}):
        make.product(owner, name)


def create(owner: Organisation, content: bytes | str, **options: Any) -> ImportRecord:
    """Makes the preview of a file."""
    content = content.encode() if isinstance(content, str) else content
    return service.create_import(owner.actor, content, service.parse_options(owner.actor, options))[0]


def run(owner: Organisation, record: ImportRecord) -> ImportRecord:
    """Runs an import to its end, as the relay does; gives it as it is then."""
    service.run_import(owner.actor, record.entity.id)
    finish()
    return queries.get_import(owner.actor, record.entity.id)


def finish() -> None:
    """Works off what is running."""
    while steps.take_steps():
        pass


def count(record: ImportRecord) -> dict[str, int]:
    """Gives how many rows are in each state that any row is in."""
    return {state: record.counts.states[state] for state in STATES if record.counts.states[state]}


def send(caller: Caller, content: bytes | str, **options: Any) -> dict[str, Any]:
    """Sends a file to the API as it is; gives the import that it answers."""
    answer = caller.post("/v3/imports", data=content, query_string=options, content_type="application/octet-stream")
    assert answer.status_code in (200, 201), answer.text
    return dict(answer.get_json())
