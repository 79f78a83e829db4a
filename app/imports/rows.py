"""Writes the rows of imports, inside a transaction that a service commits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import times
from app.accounts.actors import Actor
from app.exceptions import FieldError, NotFoundError, ValidationError
from app.imports import judging
from app.imports.judging import CREATE, CREATED, ERROR, Verdict
from app.imports.models import Import, ImportRow
from app.imports.planning import build_row
from app.imports.reading import Reading
from app.imports.words import pack_errors, unpack_errors
from app.language import say
from app.releases import backfill, schema
from app.releases.backfill import PastRelease
from app.releases.schema import ReleaseDraft
from app.text import is_canonical_id

_UNKNOWN_PRODUCT = FieldError("productId", "unknown_product", say("Product does not exist any more."))


_OTHER_PRODUCT = FieldError(
    "productId", "other_product", say("Product is another one than whoever started the import may act for.")
)


def lock_import(session: Session, tenant_id: str, import_id: str, *, skips_locked: bool = False) -> Import:
    """Gives a tenant's import, which nobody else changes before this transaction is over.

    Raises NotFoundError; with ``skips_locked`` also if another one holds it at this moment.
    """
    query = (
        select(Import)
        .where(Import.tenant_id == tenant_id, Import.id == import_id)
        .with_for_update(skip_locked=skips_locked)
        .execution_options(populate_existing=True)
    )
    found = session.scalar(query) if is_canonical_id(import_id) else None
    if found is None:
        raise NotFoundError(say("There is no such import."))
    return found


def replace_rows(session: Session, record: Import, readings: Sequence[Reading], verdicts: Sequence[Verdict]) -> None:
    """Writes what would come of a file in the place of what was written before."""
    session.execute(
        delete(ImportRow)
        .where(ImportRow.tenant_id == record.tenant_id, ImportRow.import_id == record.id)
        .execution_options(synchronize_session=False)
    )
    positions = _order(readings)
    values = [
        {
            **build_row(number, reading, verdict),
            "import_id": record.id,
            "tenant_id": record.tenant_id,
            "position": positions[number - 1],
        }
        for number, (reading, verdict) in enumerate(zip(readings, verdicts, strict=True), 1)
    ]
    session.execute(insert(ImportRow), values)


def _order(readings: Sequence[Reading]) -> list[int]:
    """Gives the place of each row in the run: the oldest first, so that webhooks and lists get them in their order.

    What has no date comes last, in the order of versions.
    """

    def build_key(index: int) -> tuple[bool, float, bytes, int]:
        draft = readings[index].draft
        moment = draft.created_at if draft else None
        return moment is None, moment.timestamp() if moment else 0.0, draft.version_key if draft else b"", index

    positions = [0] * len(readings)
    for position, index in enumerate(sorted(range(len(readings)), key=build_key)):
        positions[index] = position
    return positions


def list_next_rows(session: Session, record: Import, limit: int) -> Sequence[ImportRow]:
    """Gives the rows that the run has to look at next, none if there are no more."""
    query = (
        select(ImportRow)
        .where(ImportRow.tenant_id == record.tenant_id, ImportRow.import_id == record.id, ImportRow.is_open.is_(True))
        .order_by(ImportRow.position)
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    return session.scalars(query).all()


def settle_rows(session: Session, actor: Actor, record: Import, found: Sequence[ImportRow]) -> None:
    """Creates the releases of rows, or finds out why not; writes into each row what has come of it."""
    try:
        with session.begin_nested():
            verdicts = _create(session, actor, record, found)
    except IntegrityError:
        # Somebody else took a place at this moment, or a product has gone: the others are not to pay for that.
        verdicts = [_create_alone(session, actor, record, row) for row in found]
    for row, verdict in zip(found, verdicts, strict=True):
        row.state, row.release_id, row.is_open, row.notes = verdict.state, verdict.release_id, False, None
        row.errors = pack_errors(verdict.errors)
        if verdict.warnings:
            kept = {warning.code: warning for warning in (*unpack_errors(row.warnings), *verdict.warnings)}
            row.warnings, row.has_warnings = pack_errors(kept.values()), True


def _create_alone(session: Session, actor: Actor, record: Import, row: ImportRow) -> Verdict:
    try:
        with session.begin_nested():
            return _create(session, actor, record, [row])[0]
    except IntegrityError:
        # Whoever has the place is seen by now.
        verdict = _judge(actor, [row])[0]
        return verdict if verdict.state != CREATE else Verdict(ERROR, errors=(_UNKNOWN_PRODUCT,))


def _create(session: Session, actor: Actor, record: Import, found: Sequence[ImportRow]) -> list[Verdict]:
    verdicts = _judge(actor, found)
    wanted = [at for at, verdict in enumerate(verdicts) if verdict.state == CREATE]
    past = [PastRelease(_build_draft(found[at]), found[at].publishes) for at in wanted]
    details = {"importId": record.id}
    releases = backfill.insert_past_releases(session, actor, past, details, is_quiet=record.options["quiet"])
    for at, release in zip(wanted, releases, strict=True):
        verdicts[at] = Verdict(CREATED, release_id=release.id)
    return verdicts


def _judge(actor: Actor, found: Sequence[ImportRow]) -> list[Verdict]:
    drafts: list[ReleaseDraft | Verdict] = []
    for row in found:
        try:
            draft = _build_draft(row)
            drafts.append(draft if actor.can_reach(draft.product_id) else Verdict(ERROR, errors=(_OTHER_PRODUCT,)))
        except ValidationError as error:
            drafts.append(Verdict(ERROR, errors=error.errors))
    holders = backfill.find_holders(actor.tenant_id, [one for one in drafts if isinstance(one, ReleaseDraft)])
    return [
        judging.judge(one, holders, publishes=row.publishes, is_day=row.is_day)
        if isinstance(one, ReleaseDraft)
        else one
        for row, one in zip(found, drafts, strict=True)
    ]


def _build_draft(row: ImportRow) -> ReleaseDraft:
    """Gives the draft of a row, by the schema of both doors once more: its rules may be others by now."""
    raw: Mapping[str, Any] = {
        "name": row.name,
        "version": row.version,
        "channel": row.channel,
        "platforms": row.platforms,
        "private": row.private,
        "notes": row.notes,
        "productId": row.product_id,
        "createdAt": times.format_time(row.released_at) if row.released_at else None,
    }
    return schema.parse_release(raw, times.now())
