"""What can be done with imports. Each function checks permission, and commits once or not at all."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app import times
from app.accounts.actors import Actor
from app.audit import service as audit
from app.database import generate_id, lock_name, transaction
from app.exceptions import ConflictError, FieldError, ValidationError
from app.imports import judging, queries, reading, rows, schema
from app.imports.formats.detection import read_file
from app.imports.models import Import
from app.imports.planning import Plan
from app.imports.queries import DONE, PREVIEW, RUNNING, STOPPED, ImportRecord
from app.imports.schema import ImportOptions
from app.imports.words import pack
from app.language import say

# So many files wait to be run; the oldest one makes room.
PREVIEW_LIMIT: Final = 20
RUNNING_LIMIT: Final = 5
_UNKNOWN_PRODUCT = FieldError(
    "productId", "unknown_product", say("Product does not exist: there is no product with this id.")
)


def parse_options(actor: Actor, raw: Mapping[str, Any], before: Mapping[str, Any] | None = None) -> ImportOptions:
    """Takes the options that were sent; gives them, if they can be meant.

    Adds to the schema's verdict the one thing that it cannot know: whether the product is the actor's. Raises
    ValidationError with everything that is wrong, PermissionDeniedError.
    """
    actor.require("release:write")
    options = schema.parse_options(raw, before)
    if options.product_id is None and actor.product_id is not None:
        # Whoever may act for one product means that one.
        options = replace(options, product_id=actor.product_id)
    if options.product_id is None:
        return options
    actor.require_product(options.product_id)
    if options.product_id not in queries.load_catalog(actor, [options.product_id]).by_id:
        raise ValidationError([_UNKNOWN_PRODUCT])
    return options


def plan_import(actor: Actor, content: bytes, options: ImportOptions) -> Plan:
    """Takes a file; gives what would come of it now, and writes nothing.

    Raises ValidationError if it cannot be read, PermissionDeniedError. What is wrong with one row is in its reading.
    """
    actor.require("release:write")
    read = read_file(content, options.format, options.file_name)
    named = [entry.members.get(name) for entry in read.entries for name in ("productId", "product")]
    catalog = queries.load_catalog(actor, [options.product_id, *named])
    now = times.now()
    readings = tuple(reading.read_entry(entry, options, catalog, now) for entry in read.entries)
    return Plan(read, readings, tuple(judging.judge_all(actor.tenant_id, readings)))


def create_import(actor: Actor, content: bytes, options: ImportOptions) -> tuple[ImportRecord, bool]:
    """Commits a file with what would come of it; gives that, and whether it was there before.

    The same file with the same options, not run yet, is the same import: its preview is made anew. Raises as
    ``plan_import``.
    """
    plan = plan_import(actor, content, options)
    fingerprint = _build_fingerprint(content, options)
    with transaction() as session:
        lock_name(session, f"imports:{actor.tenant_id}")
        record = queries.find_preview(actor.tenant_id, fingerprint)
        is_replay = record is not None
        if record is None:
            _make_room(session, actor.tenant_id)
            record = Import(
                id=generate_id(),
                tenant_id=actor.tenant_id,
                state=PREVIEW,
                content=content,
                fingerprint=fingerprint,
                created_by=actor.email,
                created_at=times.now(),
            )
            session.add(record)
        _write_plan(session, record, options, plan)
        import_id = record.id
    return queries.get_import(actor, import_id), is_replay


def change_options(actor: Actor, import_id: str, raw: Mapping[str, Any], *, is_whole: bool = False) -> ImportRecord:
    """Commits other options of an import that was not run yet, with what would come of its file by them.

    What is not given stays as it is or, if they are all (``is_whole``), is what nobody has chosen. Raises ConflictError
    if it was run, ValidationError, NotFoundError, PermissionDeniedError.
    """
    actor.require("release:write")
    before = queries.get_import(actor, import_id).entity
    _check_preview(before)
    options = parse_options(actor, raw, None if is_whole else before.options)
    content = before.content or b""
    plan = plan_import(actor, content, options)
    with transaction() as session:
        record = rows.lock_import(session, actor.tenant_id, import_id)
        _check_preview(record)
        record.fingerprint = _build_fingerprint(content, options)
        _write_plan(session, record, options, plan)
    return queries.get_import(actor, import_id)


def run_import(actor: Actor, import_id: str) -> ImportRecord:
    """Commits that an import begins, or goes on after it was stopped; the relay works it off.

    One that is running already, or done, is given as it is. Raises ConflictError if too many are running,
    NotFoundError, PermissionDeniedError.
    """
    actor.require("release:write")
    queries.get_import(actor, import_id)
    with transaction() as session:
        lock_name(session, f"imports:{actor.tenant_id}")
        record = rows.lock_import(session, actor.tenant_id, import_id)
        if record.state not in (RUNNING, DONE):
            if queries.count_running(actor.tenant_id) >= RUNNING_LIMIT:
                raise ConflictError(say("{count} imports are running. Wait until one is done.", count=RUNNING_LIMIT))
            record.state, record.reason, record.content = RUNNING, "", None
            record.run_by, record.updated_at = actor.user_id, times.now()
            record.started_at = record.started_at or record.updated_at
            details = {
                "name": record.file_name or record.format,
                "total": record.total,
                "quiet": record.options["quiet"],
            }
            audit.record(session, actor, "import.started", record.id, details)
    return queries.get_import(actor, import_id)


def stop_import(actor: Actor, import_id: str) -> ImportRecord:
    """Commits that a running import goes no further; what it has created stays, and it can be run on.

    Raises ConflictError if it is not running, NotFoundError, PermissionDeniedError.
    """
    actor.require("release:write")
    queries.get_import(actor, import_id)
    with transaction() as session:
        record = rows.lock_import(session, actor.tenant_id, import_id)
        if record.state not in (RUNNING, STOPPED):
            raise ConflictError(say("This import is not running."))
        if record.state == RUNNING:
            record.state, record.updated_at = STOPPED, times.now()
            audit.record(session, actor, "import.stopped", record.id, {"name": record.file_name or record.format})
    return queries.get_import(actor, import_id)


def _check_preview(record: Import) -> None:
    if record.state != PREVIEW:
        raise ConflictError(say("This import was run already: its options cannot be changed any more."))


def _write_plan(session: Session, record: Import, options: ImportOptions, plan: Plan) -> None:
    record.product_id = options.product_id
    record.file_name = options.file_name
    record.format = plan.file.format
    record.options = options.to_json()
    record.warnings = [pack(warning) for warning in plan.file.warnings]
    record.total = len(plan.readings)
    record.updated_at = times.now()
    session.flush()
    rows.replace_rows(session, record, plan.readings, plan.verdicts)


def _make_room(session: Session, tenant_id: str) -> None:
    newest = (
        select(Import.id)
        .where(Import.tenant_id == tenant_id, Import.state == PREVIEW)
        .order_by(Import.updated_at.desc(), Import.id)
        .limit(PREVIEW_LIMIT - 1)
    )
    session.execute(
        delete(Import)
        .where(Import.tenant_id == tenant_id, Import.state == PREVIEW, Import.id.not_in(list(session.scalars(newest))))
        .execution_options(synchronize_session=False)
    )


def _build_fingerprint(content: bytes, options: ImportOptions) -> bytes:
    chosen = json.dumps(options.to_json(), sort_keys=True).encode()
    return hashlib.sha256(hashlib.sha256(content).digest() + chosen).digest()
