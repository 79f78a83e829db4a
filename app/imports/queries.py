"""What is read of imports. Every query names its tenant; none commits."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sqlalchemy import Select, exists, func, or_, select

from app.accounts.actors import Actor
from app.exceptions import NotFoundError
from app.extensions import db
from app.imports.judging import ERROR, STATES
from app.imports.models import Import, ImportRow
from app.imports.reading import Catalog, KnownProduct
from app.language import say
from app.listing import cut_list
from app.paging import Place
from app.products.models import Product
from app.releases.models import Release
from app.text import find_encoding_error, is_canonical_id

PREVIEW, RUNNING, STOPPED, DONE = "preview", "running", "stopped", "done"
# A file that names more products than this has its names somewhere else.
_PRODUCTS: Final = 500


@dataclass(frozen=True, slots=True)
class Counts:
    """How many rows of an import are in each state, how many are still open, and how many have warnings."""

    states: Mapping[str, int] = field(default_factory=lambda: dict.fromkeys(STATES, 0))
    open: int = 0
    warned: int = 0


@dataclass(frozen=True, slots=True)
class ImportRecord:
    """An import with its counts."""

    entity: Import
    counts: Counts


@dataclass(frozen=True, slots=True)
class RowQuery:
    """Which rows of an import: in these states, or in any; with warnings only, or all."""

    states: Collection[str] = ()
    is_warned: bool = False
    page: int = 1
    limit: int = 20
    after: int | None = None


def get_import(actor: Actor, import_id: str) -> ImportRecord:
    """Gives an import that the actor can see. Raises NotFoundError, alike for an absent one and another tenant's."""
    query = _select_imports(actor).where(Import.id == import_id)
    query = query.execution_options(populate_existing=True)
    found = db.session.scalar(query) if is_canonical_id(import_id) else None
    if found is None:
        raise NotFoundError(say("There is no such import."))
    return _load_records(actor.tenant_id, [found])[0]


def list_imports(actor: Actor, place: Place, product_id: str | None = None) -> list[ImportRecord]:
    """Gives the part of the imports that is wanted, of one product or of all."""
    query = _select_imports(actor)
    if product_id is not None:
        query = query.where(Import.product_id == product_id)
    found = db.session.scalars(cut_list(query, (Import.created_at, Import.id), place)).all()
    return _load_records(actor.tenant_id, found)


def _select_imports(actor: Actor) -> Select[Import]:
    query = select(Import).where(Import.tenant_id == actor.tenant_id)
    if actor.product_id is None:
        return query
    # The product of an import is that of the rows which name none. Others may be of any product.
    others = exists().where(
        ImportRow.tenant_id == Import.tenant_id,
        ImportRow.import_id == Import.id,
        ImportRow.product_id != actor.product_id,
    )
    return query.where(Import.product_id == actor.product_id, ~others)


def _load_records(tenant_id: str, imports: Sequence[Import]) -> list[ImportRecord]:
    counts = count_rows(tenant_id, [one.id for one in imports])
    return [ImportRecord(one, counts[one.id]) for one in imports]


def count_rows(tenant_id: str, import_ids: Sequence[str]) -> dict[str, Counts]:
    """Gives the counts of imports by their ids."""
    query = (
        select(ImportRow.import_id, ImportRow.state, ImportRow.is_open, ImportRow.has_warnings, func.count())
        .where(ImportRow.tenant_id == tenant_id, ImportRow.import_id.in_(import_ids))
        .group_by(ImportRow.import_id, ImportRow.state, ImportRow.is_open, ImportRow.has_warnings)
    )
    states = {import_id: dict.fromkeys(STATES, 0) for import_id in import_ids}
    still_open, warned = dict.fromkeys(import_ids, 0), dict.fromkeys(import_ids, 0)
    for import_id, state, is_open, has_warnings, count in db.session.execute(query):
        states[import_id][state] += count
        still_open[import_id] += count if is_open else 0
        warned[import_id] += count if has_warnings else 0
    return {one: Counts(states[one], still_open[one], warned[one]) for one in import_ids}


def list_rows(tenant_id: str, import_id: str, wanted: RowQuery) -> Sequence[ImportRow]:
    """Gives the rows that are wanted, in the file's order."""
    query = select(ImportRow).where(ImportRow.tenant_id == tenant_id, ImportRow.import_id == import_id)
    if wanted.states:
        query = query.where(ImportRow.state.in_(wanted.states))
    if wanted.is_warned:
        query = query.where(ImportRow.has_warnings.is_(True))
    if wanted.after is not None:
        query = query.where(ImportRow.number > wanted.after)
    elif wanted.page > 1:
        query = query.offset((wanted.page - 1) * wanted.limit)
    query = query.order_by(ImportRow.number).limit(wanted.limit).execution_options(populate_existing=True)
    return db.session.scalars(query).all()


def count_codes(tenant_id: str, import_id: str) -> Counter[tuple[str, str]]:
    """Gives in how many rows that cannot be imported each rule is broken, by its field and its machine word."""
    query = select(ImportRow.errors).where(
        ImportRow.tenant_id == tenant_id, ImportRow.import_id == import_id, ImportRow.state == ERROR
    )
    return Counter(
        rule for errors in db.session.scalars(query) for rule in {(one["field"], one["code"]) for one in errors}
    )


def list_existing(tenant_id: str, release_ids: Iterable[str | None]) -> set[str]:
    """Gives those of the ids whose releases are still there."""
    wanted = [release_id for release_id in release_ids if release_id]
    query = select(Release.id).where(Release.tenant_id == tenant_id, Release.id.in_(wanted))
    return set(db.session.scalars(query)) if wanted else set()


def load_catalog(actor: Actor, named: Iterable[Any]) -> Catalog:
    """Takes what rows name as products; gives those of them that the actor may act for.

    A product is found by its id, its name, its display name or the name in its address; by one of the last two only if
    no other product has that.
    """
    texts = list(dict.fromkeys(text for text in named if isinstance(text, str)))
    texts = [text for text in texts if len(text) <= 256 and find_encoding_error(text) is None][:_PRODUCTS]
    ids = [text for text in texts if is_canonical_id(text)]
    query = select(Product).where(
        Product.tenant_id == actor.tenant_id,
        or_(Product.id.in_(ids), *(column.in_(texts) for column in (Product.name, Product.display_name, Product.slug))),
    )
    found = [product for product in db.session.scalars(query) if actor.can_reach(product.id)]
    known = {product.id: KnownProduct(product.id, product.name, product.display_name) for product in found}
    by_name = {product.name: known[product.id] for product in found}
    for column in ("display_name", "slug"):
        names = [getattr(product, column) for product in found]
        by_name = {
            getattr(one, column): known[one.id] for one in found if names.count(getattr(one, column)) == 1
        } | by_name
    return Catalog(known, by_name)


def find_preview(tenant_id: str, fingerprint: bytes) -> Import | None:
    """Gives the import of the same file with the same options that was not run yet, if there is one."""
    query = select(Import).where(
        Import.tenant_id == tenant_id, Import.fingerprint == fingerprint, Import.state == PREVIEW
    )
    return db.session.scalar(query.order_by(Import.created_at.desc()).limit(1))


def count_running(tenant_id: str) -> int:
    """Gives how many imports of a tenant are running."""
    query = select(func.count()).select_from(Import).where(Import.tenant_id == tenant_id, Import.state == RUNNING)
    return db.session.scalars(query).one()


def list_running(limit: int) -> Sequence[tuple[str, str]]:
    """Gives the tenant and the id of imports of all tenants that are running, those first that began first."""
    query = select(Import.tenant_id, Import.id).where(Import.state == RUNNING).order_by(Import.started_at).limit(limit)
    return [(row.tenant_id, row.id) for row in db.session.execute(query)]
