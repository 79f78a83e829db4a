"""Reads a list of releases part by part, in either order, at a cost that does not grow with their number."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import ColumnElement, func, select, tuple_
from sqlalchemy.orm import defer, lazyload
from sqlalchemy.sql.base import ExecutableOption

from app import paging
from app.database import PLAN_OPTION
from app.extensions import db
from app.listing import ListQuery, cut_list
from app.paging import Cursor, Key
from app.releases.models import Release
from app.text import is_canonical_id

# How many releases one page looks through for those that fit. Where few do, the next page looks further.
LOOK_LIMIT = 10_000
COUNT_LIMIT = 1000
# What a row of the list shows is neither the notes nor the files.
_ROWS_ONLY = (defer(Release.notes), defer(Release.notes_html), lazyload(Release.files))
_KEY_LENGTH = 32
_KEY_SIGN = "v"


@dataclass(frozen=True, slots=True)
class VersionCursor:
    """A place in a list by version: after the release with this version and id."""

    version_key: bytes
    id: str

    @property
    def key(self) -> tuple[Any, str]:
        """What the release stands in order by."""
        return self.version_key, self.id


@dataclass(frozen=True, slots=True)
class ReleaseFilter(ListQuery):
    """What releases to list: conditions (see ``filters``), order, and from where. ``limit`` counts rows.

    ``bounds`` are those of the conditions that an index answers. Whatever else is asked, a release must be looked at.
    """

    is_by_version: bool = False
    bounds: tuple[ColumnElement[bool], ...] = field(default=())

    @property
    def columns(self) -> tuple[Any, Any]:
        """What the list is ordered by."""
        return (Release.version_key if self.is_by_version else Release.created_at), Release.id

    @property
    def is_costly(self) -> bool:
        """Whether releases must be looked at to find those that fit."""
        return len(self.conditions) > len(self.bounds)


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a list: its releases in order, and the places where it goes on, None where it does not.

    ``is_cut`` says that it ends because so many were looked through, and not because it is full.
    """

    releases: Sequence[Release]
    next: str | None = None
    previous: str | None = None
    is_cut: bool = False


@dataclass(frozen=True, slots=True)
class Count:
    """How many fit: this many, or where it is not exact, more."""

    number: int
    is_exact: bool = True


def build_cursor(release: Release, *, is_by_version: bool = False) -> str:
    """Gives the cursor that a list goes on from after this release."""
    if is_by_version:
        return _pack(VersionCursor(release.version_key, release.id))
    return paging.build_cursor(release.created_at, release.id)


def parse_cursor(value: str, *, is_by_version: bool) -> Key | None:
    """Takes what ``build_cursor`` gave for a list in this order; gives the place, or None if the text is none."""
    if not is_by_version:
        return paging.parse_cursor(value)
    start, release_id = paging.unpack_cursor(value)
    if not start.startswith(_KEY_SIGN) or not is_canonical_id(release_id):
        return None
    try:
        key = bytes.fromhex(start.removeprefix(_KEY_SIGN))
    except ValueError:
        return None
    return VersionCursor(key, release_id) if len(key) == _KEY_LENGTH else None


def list_releases(tenant_id: str, wanted: ReleaseFilter, *options: ExecutableOption) -> list[Release]:
    """Gives the releases of a tenant that fit, at most ``wanted.limit`` of them."""
    query = select(Release).where(Release.tenant_id == tenant_id, *wanted.conditions).options(*options)
    return list(db.session.scalars(cut_list(query, wanted.columns, wanted), execution_options={PLAN_OPTION: True}))


def read_part(tenant_id: str, wanted: ReleaseFilter, *, is_backward: bool = False) -> Part:
    """Gives at most ``wanted.limit`` releases from a place on or, backward, those right before it.

    What stands before the first part is less than a part: then it gives the first part, whole.
    """
    ahead = replace(wanted, is_descending=wanted.is_descending != is_backward, limit=wanted.limit + 1)
    edge = _find_edge(tenant_id, ahead)
    found = list_releases(tenant_id, _end_at(ahead, edge), *_ROWS_ONLY)
    is_full = len(found) > wanted.limit
    if is_backward and not is_full and edge is None:
        return read_part(tenant_id, replace(wanted, after=None))
    releases = found[: wanted.limit]
    if is_full:
        further: str | None = build_cursor(releases[-1], is_by_version=wanted.is_by_version)
    else:
        further = None if edge is None else _pack(edge)
    is_cut = edge is not None and not is_full
    if is_backward:
        following = build_cursor(releases[0], is_by_version=wanted.is_by_version) if releases else None
        return Part(releases[::-1], following, further, is_cut)
    before = None
    if wanted.after is not None and releases:
        before = build_cursor(releases[0], is_by_version=wanted.is_by_version)
    return Part(releases, further, before, is_cut)


def count_releases(tenant_id: str, wanted: ReleaseFilter, look: int = LOOK_LIMIT) -> Count:
    """Gives how many releases fit, wherever the list goes on from; it counts to COUNT_LIMIT and looks at ``look``."""
    whole = replace(wanted, after=None, page=1, limit=COUNT_LIMIT + 1)
    edge = _find_edge(tenant_id, whole, look)
    query = select(Release.id).where(Release.tenant_id == tenant_id, *_end_at(whole, edge).conditions)
    number = db.session.scalars(select(func.count()).select_from(query.limit(COUNT_LIMIT + 1).subquery())).one()
    return Count(min(number, COUNT_LIMIT), is_exact=edge is None and number <= COUNT_LIMIT)


def _find_edge(tenant_id: str, wanted: ReleaseFilter, look: int = LOOK_LIMIT) -> Key | None:
    """Gives the place of the last release to be looked at, None if there are not that many or none need be."""
    if not wanted.is_costly:
        return None
    query = select(*wanted.columns).where(Release.tenant_id == tenant_id, *wanted.bounds)
    # One more, because a list that ends there is not cut.
    rows = db.session.execute(cut_list(query, wanted.columns, replace(wanted, limit=2, page=1)).offset(look - 1)).all()
    if len(rows) < 2:
        return None
    row = rows[0]
    return VersionCursor(row[0], row[1]) if wanted.is_by_version else Cursor(row[0], row[1])


def _end_at(wanted: ReleaseFilter, edge: Key | None) -> ReleaseFilter:
    if edge is None:
        return wanted
    last = tuple_(*edge.key, types=[column.type for column in wanted.columns])
    place = tuple_(*wanted.columns)
    condition = place >= last if wanted.is_descending else place <= last
    return replace(wanted, conditions=(*wanted.conditions, condition))


def _pack(place: Key) -> str:
    value, row_id = place.key
    if isinstance(value, bytes):
        return paging.pack_cursor(f"{_KEY_SIGN}{value.hex()}{row_id}")
    return paging.build_cursor(value, row_id)
