"""The list of ``/v3/releases``: order, pages and filters."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import Index, Table, select, text
from sqlalchemy.dialects import postgresql, sqlite

from app.database import is_sqlite
from app.extensions import db
from app.releases import filters, listing, queries
from app.releases.models import Release
from tests.factories import Caller, Factory, Organisation


@pytest.fixture
def body(make: Factory, owner: Organisation) -> dict[str, Any]:
    """A release that may be changed and sent."""
    return {"name": "My App 1.2", "version": "1.2.0", "productId": make.product(owner).id}


def test_a_list_is_a_bare_array_in_pages_that_end_with_an_empty_one(caller: Caller, body: dict[str, Any]) -> None:
    for number in range(5):
        assert caller.post("/v3/releases", json={**body, "version": f"1.{number}"}).status_code == 201
    versions = [release["version"] for release in caller.get("/v3/releases").get_json()]
    assert versions == ["1.0", "1.1", "1.2", "1.3", "1.4"]
    newest = caller.get("/v3/releases?sort=-createdAt&limit=2").get_json()
    assert [release["version"] for release in newest] == ["1.4", "1.3"]
    assert caller.get("/v3/releases?page=4&limit=2").get_json() == []

    seen, url = [], "/v3/releases?limit=2"
    while url:
        answer = caller.get(url)
        seen += [release["version"] for release in answer.get_json()]
        url = answer.headers.get("Link", "").partition(">")[0].removeprefix("<http://localhost:8000")
    assert seen == versions


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("version=1.2", ["1.2"]),
        ("version%5Bgt%5D=1.2", ["1.10"]),
        ("version[in]=1.2,1.10", ["1.2", "1.10"]),
        ("name[sw]=Be", ["1.10"]),
        ("name[sw]=be", []),
        ("name[cn]=ETA", []),
        ("name[ew]=É", []),
        ("name[nc]=Be", ["1.2"]),
        ("name[nc]=BE", ["1.2", "1.10"]),
        ("name[cn]=%25", []),
        ("platform=linux", ["1.2"]),
        ("platform[ne]=linux", ["1.10"]),
        ("private=True", ["1.10"]),
        ("published=false", ["1.2", "1.10"]),
        ("channel[nin]=stable", ["1.10"]),
        ("query=BETA", ["1.10"]),
        ("query=ÄÖÉ", ["1.10"]),
        ("createdAt[lt]=2000-01-01T00:00:00Z", []),
        ("createdAt[gte]=2000-01-01T00:00:00+01:00", ["1.2", "1.10"]),
        ("productId=nobody", []),
        ("unknown=1", ["1.2", "1.10"]),
    ],
)
def test_a_list_can_be_filtered(caller: Caller, body: dict[str, Any], query: str, expected: list[str]) -> None:
    caller.post("/v3/releases", json={**body, "version": "1.2", "name": "Alpha", "platforms": ["linux"]})
    other = {"version": "1.10", "name": "Beta äöé", "platforms": ["windows"], "channel": "beta", "private": True}
    caller.post("/v3/releases", json={**body, **other})
    answer = caller.get(f"/v3/releases?{query}")
    assert [release["version"] for release in answer.get_json()] == expected


def test_a_page_past_the_end_is_empty_however_far_past_it_is(caller: Caller, body: dict[str, Any]) -> None:
    caller.post("/v3/releases", json=body)
    for page in ("2", "1000001", "9" * 30, "9" * 5000):
        answer = caller.get(f"/v3/releases?limit=100&page={page}")
        assert (page, answer.status_code, answer.get_json()) == (page, 200, [])


@pytest.mark.parametrize(
    "query",
    [
        "limit=0", "limit=101", "limit=x", "page=0", "page=-1", "page=%D9%A1", "page=1&page=2", "sort=name",
        "cursor=x", "cursor=%ff", "private=yes", "version[xx]=1", "version[gt]=v1", "createdAt[gt]=now",
        "name=%00", "productId[gt]=1",
    ],
)  # fmt: skip
def test_a_list_refuses_what_makes_no_sense_by_name(caller: Caller, query: str) -> None:
    answer = caller.get(f"/v3/releases?{query}")
    assert answer.status_code == 400
    assert answer.get_json()["errors"][0]["field"] == query.partition("=")[0]


def test_a_link_that_no_server_would_read_is_not_given(caller: Caller, body: dict[str, Any]) -> None:
    caller.post("/v3/releases", json=body)
    fitting = caller.get(f"/v3/releases?limit=1&unknown={'x' * 7900}")
    assert len(fitting.headers["Link"]) > 7900
    assert "Link" not in caller.get(f"/v3/releases?limit=1&unknown={'x' * 8100}").headers


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("version", ["1.2.0", "1.2", "1.9", "1.10", "2.0.0.1"]),
        ("-version", ["2.0.0.1", "1.10", "1.9", "1.2", "1.2.0"]),
    ],
)
def test_a_list_by_version_goes_by_numbers_and_on_by_its_links(
    make: Factory, owner: Organisation, caller: Caller, body: dict[str, Any], sort: str, expected: list[str]
) -> None:
    for version in ("1.10", "2.0.0.1", "1.9", "1.2"):
        caller.post("/v3/releases", json={**body, "version": version})
    caller.post("/v3/releases", json={**body, "version": "1.2.0", "productId": make.product(owner).id})
    seen, url = [], f"/v3/releases?sort={sort}&limit=2"
    while url:
        answer = caller.get(url)
        seen += [release["version"] for release in answer.get_json()]
        # What comes in between is before or after all that was seen.
        caller.post("/v3/releases", json={**body, "version": "0.1" if sort == "version" else "9.0"})
        url = answer.headers.get("Link", "").partition(">")[0].removeprefix("<http://localhost:8000")
    # Two of the same version stand in no order that anybody would know.
    assert [version.removesuffix(".0") for version in seen] == [version.removesuffix(".0") for version in expected]


@pytest.mark.parametrize(("given_for", "sent_with"), [("version", "-createdAt"), ("createdAt", "-version")])
def test_a_cursor_is_of_no_use_in_another_order(
    caller: Caller, body: dict[str, Any], given_for: str, sent_with: str
) -> None:
    caller.post("/v3/releases", json=body)
    link = caller.get(f"/v3/releases?sort={given_for}&limit=1").headers["Link"]
    cursor = link.partition("cursor=")[2].partition(">")[0]
    answer = caller.get(f"/v3/releases?sort={sent_with}&cursor={cursor}")
    assert answer.status_code == 400
    assert answer.get_json()["errors"][0]["message"] == "cursor is not a cursor of this list."
    assert caller.get(f"/v3/releases?cursor={cursor}&sort=-{given_for}").status_code == 200


def test_a_parameter_that_says_nothing_is_named(caller: Caller) -> None:
    known = "productId=x&name[cn]=a&page=1&limit=5&sort=-version&query=b&createdAt[gt]=2019-08-24T14:15:22Z"
    for path in ("/v3/releases", "/v3/me/releases"):
        assert "Slipway-Ignored-Fields" not in caller.get(f"{path}?{known}").headers
        mistyped = caller.get(f"{path}?{known}&productID=y&chanel=beta&x%0D%0Ay=1")
        assert (mistyped.status_code, mistyped.get_json()) == (200, [])
        assert mistyped.headers["Slipway-Ignored-Fields"] == "productID, chanel, x%0D%0Ay"
    assert caller.get("/v3/release-files?release=z").headers["Slipway-Ignored-Fields"] == "release"
    assert caller.get("/v3/products?nam=z").headers["Slipway-Ignored-Fields"] == "nam"


@pytest.mark.once
def test_the_conditions_of_lists_are_those_of_the_indexes_for_them() -> None:
    published = filters.parse_list_query([("published", "false")]).conditions[0]
    private = filters.parse_list_query([("private", "true")]).conditions[0]
    archived = filters.parse_list_query([("archived", "true")]).conditions[0]
    conditions = {
        "ix_releases_drafts": published,
        "ix_releases_private": private,
        "ix_releases_archived": archived,
        "ix_releases_published": queries.is_published(),
        "ix_releases_newest": queries.is_for_customers(),
    }
    table = Release.__table__
    assert isinstance(table, Table)
    indexes: dict[str, Index] = {str(index.name): index for index in table.indexes}
    for dialect in (postgresql.dialect(), sqlite.dialect()):  # type: ignore[no-untyped-call]
        for name, condition in conditions.items():
            asked = str(select(Release.id).where(condition).compile(dialect=dialect))
            # A database takes an index of some rows only for a condition that it can see to be that of the index.
            where = indexes[name].dialect_options[dialect.name]["where"]
            assert asked.partition("WHERE ")[2].replace("releases.", "") == where.text, (dialect.name, name)


def test_a_list_is_planned_for_its_own_values_however_often_it_is_asked_for(make: Factory, owner: Organisation) -> None:
    for _ in range(12):
        assert listing.list_releases(owner.tenant_id, filters.parse_list_query([("channel", "beta")])) == []
    if not is_sqlite():
        # One plan for all values would be bad for those that are rare.
        prepared = db.session.scalars(text("SELECT statement FROM pg_prepared_statements")).all()
        assert [statement for statement in prepared if "releases.channel" in statement] == []
