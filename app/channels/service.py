"""What can be done with channels and platforms. Each function checks permission, and commits once or not at all."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import etags, times
from app.accounts.actors import Actor
from app.audit import service as audit
from app.channels import queries
from app.channels.kinds import Kind
from app.channels.models import Name
from app.channels.schema import NameChangeSchema, NameSchema
from app.channels.serializers import serialize_name
from app.database import generate_id, transaction
from app.etags import Precondition
from app.exceptions import ConflictError, DuplicateError, NotFoundError
from app.idempotency import rows as keys
from app.idempotency.fingerprints import build_fingerprint
from app.listing import ListQuery
from app.text import is_canonical_id

# Two that add names at once stand in each other's way once: what one has added, the other sees then.
_TRIES = 3


@dataclass(frozen=True, slots=True)
class Creation:
    """What came of a create: the row, and whether it was there before (``is_replay``)."""

    row: Name
    is_replay: bool


def list_names(actor: Actor, kind: Kind, wanted: ListQuery) -> Sequence[Name]:
    """Gives what ``queries.list_names`` does, what releases name included. Raises PermissionDeniedError."""
    actor.require("release:read")
    _add_used(actor.tenant_id, kind)
    return queries.list_names(actor.tenant_id, kind, wanted)


def create_name(actor: Actor, kind: Kind, sent: NameSchema, key: str | None = None) -> Creation:
    """Commits a channel or a platform. Whoever sends the same again under one key gets the first one back.

    Raises DuplicateError if there is one of this name, IdempotencyMismatchError, PermissionDeniedError.
    """
    actor.require("release:write")
    fingerprint = build_fingerprint(kind.collection, sent.model_dump())
    if made := _find_made(actor, kind, key, fingerprint):
        return Creation(made, is_replay=True)
    try:
        refuse_taken(actor, kind, sent)
    except DuplicateError:
        # Another request with this key may have made it between the two looks.
        if made := _find_made(actor, kind, key, fingerprint):
            return Creation(made, is_replay=True)
        raise
    moment = times.now()
    try:
        with transaction() as session:
            row = _build_row(kind, actor.tenant_id, sent.name, moment, is_declared=True)
            session.add(row)
            session.flush()
            if key:
                keys.insert_key(session, actor, key, fingerprint, made_id=row.id)
            audit.record(session, actor, kind.created, row.id, {"name": row.name})
            session.expunge(row)
    except IntegrityError:
        if made := _find_made(actor, kind, key, fingerprint):
            return Creation(made, is_replay=True)
        raise _build_duplicate(actor, kind, sent.name) from None
    return Creation(row, is_replay=False)


def refuse_taken(actor: Actor, kind: Kind, sent: NameSchema | NameChangeSchema, except_id: str | None = None) -> None:
    """Raises DuplicateError if another one has the name, one that only a release has named so far included."""
    if sent.name is None:
        return
    if kind.is_used(actor.tenant_id, sent.name):
        _add_used(actor.tenant_id, kind)
    found = queries.find_name(actor.tenant_id, kind, sent.name)
    if found is not None and found.id != except_id:
        raise DuplicateError(kind.taken, kind.collection, found.id)


def rename(actor: Actor, kind: Kind, name_id: str, sent: NameChangeSchema, expected: Precondition = etags.NONE) -> Name:
    """Commits another name. Raises ConflictError if releases go by the present one, DuplicateError if another has it.

    And NotFoundError, PreconditionFailedError, PermissionDeniedError.
    """
    actor.require("release:write")
    queries.get_name(actor.tenant_id, kind, name_id)
    refuse_taken(actor, kind, sent, name_id)
    try:
        with transaction() as session:
            row = _lock_name(session, actor.tenant_id, kind, name_id)
            expected.check(etags.build_tag(serialize_name(row)))
            if sent.name not in (None, row.name):
                _refuse_used(actor, kind, row)
                details = {"before": {"name": row.name}, "after": {"name": sent.name}}
                row.name, row.is_declared, row.updated_at = str(sent.name), True, times.now()
                session.flush()
                audit.record(session, actor, kind.renamed, row.id, details)
            session.expunge(row)
    except IntegrityError:
        raise _build_duplicate(actor, kind, str(sent.name)) from None
    return row


def try_rename(
    actor: Actor, kind: Kind, name_id: str, sent: NameChangeSchema, expected: Precondition = etags.NONE
) -> str:
    """Gives the name that a change would leave. Raises what ``rename`` does."""
    actor.require("release:write")
    row = queries.get_name(actor.tenant_id, kind, name_id)
    expected.check(etags.build_tag(serialize_name(row)))
    refuse_taken(actor, kind, sent, name_id)
    if sent.name not in (None, row.name):
        _refuse_used(actor, kind, row)
    return sent.name or row.name


def delete_name(actor: Actor, kind: Kind, name_id: str, expected: Precondition = etags.NONE) -> None:
    """Commits that it is gone.

    Raises ConflictError if releases go by it, NotFoundError, PreconditionFailedError, PermissionDeniedError.
    """
    actor.require("release:write")
    with transaction() as session:
        row = _lock_name(session, actor.tenant_id, kind, name_id)
        expected.check(etags.build_tag(serialize_name(row)))
        _refuse_used(actor, kind, row)
        session.delete(row)
        keys.free_made_keys(session, actor.tenant_id, name_id)
        audit.record(session, actor, kind.deleted, name_id, {"name": row.name})


def _add_used(tenant_id: str, kind: Kind) -> None:
    """Adds what releases name and has no row yet, so that it has an id. Nobody did that: the audit log is silent."""
    for _ in range(_TRIES):
        names = sorted(kind.list_used(tenant_id) - queries.list_texts(tenant_id, kind))
        if not names:
            return
        moment = times.now()
        stamps = [moment + timedelta(microseconds=number) for number in range(len(names))]
        try:
            with transaction() as session:
                session.add_all(
                    _build_row(kind, tenant_id, name, stamp, is_declared=False)
                    for name, stamp in zip(names, stamps, strict=True)
                )
        except IntegrityError:
            continue
        return


def _build_row(kind: Kind, tenant_id: str, name: str, moment: datetime, *, is_declared: bool) -> Name:
    return kind.model(
        id=generate_id(),
        tenant_id=tenant_id,
        name=name,
        is_declared=is_declared,
        created_at=moment,
        updated_at=moment,
    )


def _refuse_used(actor: Actor, kind: Kind, row: Name) -> None:
    if kind.is_used(actor.tenant_id, row.name):
        raise ConflictError(kind.in_use)


def _lock_name(session: Session, tenant_id: str, kind: Kind, name_id: str) -> Name:
    query = select(kind.model).where(kind.model.tenant_id == tenant_id, kind.model.id == name_id).with_for_update()
    row = session.scalar(query) if is_canonical_id(name_id) else None
    if row is None:
        raise NotFoundError(kind.missing)
    return row


def _find_made(actor: Actor, kind: Kind, key: str | None, fingerprint: bytes) -> Name | None:
    used = keys.find_used(actor, key, [fingerprint])
    return queries.get_name(actor.tenant_id, kind, used.made_id) if used and used.made_id else None


def _build_duplicate(actor: Actor, kind: Kind, name: str) -> ConflictError:
    found = queries.find_name(actor.tenant_id, kind, name)
    return DuplicateError(kind.taken, kind.collection, found.id) if found else ConflictError(kind.taken)
