"""The one statement by which PostgreSQL stores a new release, together with all that it owes.

Its rows are those that ``rows.insert_release``, ``keys.insert_key``, ``outbox.record`` and ``audit.record`` write, in
one round trip instead of seven. SQLite has no statement that changes more than one table: there those are the way, and
so they are for whatever belongs to the same transaction beside these rows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import lru_cache
from itertools import chain
from typing import Any, Final

from sqlalchemy import JSON, Insert, Table, bindparam, func, insert, select
from sqlalchemy.exc import IntegrityError

from app.accounts.actors import Actor
from app.accounts.token_owners import Caller, select_caller
from app.audit import service as audit
from app.audit.models import AuditEntry
from app.database import forget_commit, is_sqlite
from app.idempotency import rows as keys
from app.idempotency.models import IdempotencyKey
from app.releases import rows
from app.releases.models import Release, ReleaseSlot
from app.releases.schema import ReleaseDraft
from app.releases.serializers import serialize_release
from app.statements import Statement, Value
from app.webhooks import outbox
from app.webhooks.events import RELEASE_CREATED
from app.webhooks.models import Event, Webhook, WebhookSubscription

_TABLES: Final[Mapping[str, Any]] = {
    "release": Release.__table__,
    "event": Event.__table__,
    "entry": AuditEntry.__table__,
    "key": IdempotencyKey.__table__,
}


def is_enough(actor: Actor, *, publishes: bool) -> bool:
    """Whether a create is nothing but these rows, and the database can write them so.

    Who fills in a form has a draft of it, and a product that the next form begins with.
    """
    return actor.kind != "user" and not publishes and not is_sqlite()


def insert_release(actor: Actor, draft: ReleaseDraft, key: str | None) -> Release:
    """Commits a release, its slots, event, deliveries, audit entry and key; gives it as it is stored.

    Raises IntegrityError if a slot is taken, the key was used, or the product is not the tenant's.
    """
    release, _ = _insert(actor, draft, key, {})
    return release


def create_at_once(caller: Caller, draft: ReleaseDraft, key: str | None) -> Release | None:
    """Commits the same if the caller still is who they were, which the statement sees for itself.

    Gives None if that is not so, or anything stands in the way: then nothing is written, and the usual way finds out
    what it is. Raises PermissionDeniedError, OtherProductError.
    """
    caller.actor.require("release:write")
    caller.actor.require_product(draft.product_id)
    try:
        release, is_written = _insert(caller.actor, draft, key, caller.facts)
    except IntegrityError:
        return None
    if not is_written:
        forget_commit()
    return release if is_written else None


def _insert(actor: Actor, draft: ReleaseDraft, key: str | None, facts: Mapping[str, Value]) -> tuple[Release, bool]:
    values = rows.build_values(actor, draft)
    release = Release()
    # Nobody follows its changes, so that there is nothing to be told of each value. It is new: it has no files yet.
    vars(release).update(values, files=[])
    data = serialize_release(release)
    written = {
        "release": values,
        "event": outbox.build_event(actor.tenant_id, RELEASE_CREATED, release.id, data, release.updated_at),
        "entry": audit.build_entry(actor, RELEASE_CREATED, release.id, {"version": draft.version}),
    }
    if key:
        ids = {"release_id": release.id, "webhook_id": None, "made_id": None}
        written["key"] = keys.build_row(actor, key, rows.build_fingerprint(draft), ids)
    names, statement = _build_statement(tuple([(name, *row) for name, row in written.items()]), bool(facts))
    cells = chain.from_iterable(row.values() for row in written.values())
    slots = {"platforms": rows.list_platforms(draft.platforms)}
    found = statement.commit({**facts, **dict(zip(names, cells, strict=True)), **slots})
    is_written = found is not None and found[0] == 1
    if is_written:
        outbox.ring()
    return release, is_written


@lru_cache(maxsize=8)
def _build_statement(written: tuple[tuple[str, ...], ...], is_guarded: bool) -> tuple[list[str], Statement]:
    """Takes the name of each row, followed by those of its columns; gives the statement that writes them all.

    It gives how many releases it has written: one, or none if it is guarded and the caller is not who they were. Before
    it stand the names of its parameters, in the order of the columns.
    """
    columns = {name: names for name, *names in written}
    parameters = [f"{name}_{column}" for name, names in columns.items() for column in names]
    guard = [select_caller().exists()] if is_guarded else []
    release = _insert_row("release", columns["release"], *guard).returning(Release.id).cte("release")
    # All or nothing: what belongs to the release is written with it.
    is_written = [select(release.c.id).exists()] if is_guarded else []
    slots = _insert_slots(*is_written).returning(ReleaseSlot.platform).cte("slots")
    parts = [release, slots, outbox.owe(*_name_event(), *is_written).cte("owed")]
    parts += [_insert_row(name, columns[name], *is_written).cte(name) for name in ("event", "entry")]
    if "key" in columns:
        # Not before the slots are taken, as everybody does: who waits for a slot holds no key that another waits for.
        has_place = select(func.count()).select_from(slots).scalar_subquery() > 0
        parts.append(_insert_row("key", columns["key"], has_place).cte("key"))
    return parameters, Statement(select(func.count(release.c.id)).add_cte(*parts))


def _insert_row(name: str, columns: Iterable[str], *conditions: Any) -> Insert:
    table: Table = _TABLES[name]
    values = select(*(bindparam(f"{name}_{column}", type_=table.c[column].type) for column in columns))
    return insert(table).from_select(list(columns), values.where(*conditions), include_defaults=False)


def _insert_slots(*conditions: Any) -> Insert:
    place = {
        "tenant_id": "release_tenant_id",
        "release_id": "release_id",
        "product_id": "release_product_id",
        "channel": "release_channel",
        "version_key": "release_version_key",
    }
    table: Any = ReleaseSlot.__table__
    values = select(
        *(bindparam(parameter, type_=table.c[column].type) for column, parameter in place.items()),
        func.json_array_elements_text(bindparam("platforms", type_=JSON)),
    )
    return insert(table).from_select([*place, "platform"], values.where(*conditions), include_defaults=False)


def _name_event() -> tuple[Any, Any, Any]:
    return (
        bindparam("event_tenant_id", type_=Webhook.tenant_id.type),
        bindparam("event_id", type_=Event.id.type),
        bindparam("event_event_type", type_=WebhookSubscription.event_type.type),
    )
