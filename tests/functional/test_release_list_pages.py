"""The list of releases as people use it: its address, its pages and its order, and what it says where nothing fits."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, update

from app.accounts.models import User
from app.database import generate_id, transaction
from app.releases import listing
from app.releases.models import Release
from app.releases.versions import build_version_key
from tests.factories import Caller, Factory, Organisation
from tests.portal import Site, read_text

BEGIN = datetime(2026, 3, 1, tzinfo=UTC)
NOBODY = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.fixture
def site(make: Factory, owner: Organisation) -> Site:
    """The portal, with the owner signed in."""
    return Site(make, owner)


def fill(owner: Organisation, product_id: str, versions: list[str], **values: Any) -> None:
    """Writes releases, each a day younger than the one before."""
    with transaction() as session:
        session.execute(
            insert(Release),
            [
                {
                    "id": generate_id(),
                    "tenant_id": owner.tenant_id,
                    "product_id": product_id,
                    "name": f"Rocket {version}",
                    "version": version,
                    "version_key": build_version_key(version),
                    "channel": "stable",
                    "platforms": [],
                    "private": False,
                    "created_at": BEGIN + timedelta(days=day),
                    "updated_at": BEGIN,
                    **values,
                }
                for day, version in enumerate(versions)
            ],
        )


def read_versions(page: str) -> list[str]:
    """Gives the versions of the rows, in their order."""
    return re.findall(r'class="row-title version break"[^>]*>([^<]+)</a>', page)


def find_link(page: str, words: str) -> str:
    """Gives the address of a link by its words."""
    found = re.search(rf'<a class="[^"]*" href="([^"]*)"[^>]*>{words}</a>', page)
    assert found is not None, words
    return found[1]


def set_role(owner: Organisation, role: str) -> None:
    """Lets the owner be somebody else."""
    with transaction() as session:
        session.execute(update(User).where(User.tenant_id == owner.tenant_id).values(role=role))


@pytest.mark.parametrize("sort", ["", "&sort=version"], ids=["newest", "version"])
def test_no_release_comes_twice_or_is_missed_while_others_are_created(
    make: Factory, owner: Organisation, site: Site, sort: str
) -> None:
    product = make.product(owner)
    versions = [f"1.{number}" for number in range(103)]
    fill(owner, product.id, versions)
    seen, page = [], site.get(f"/releases?product_id={product.id}{sort}")
    assert "103 releases" in page
    for number in range(3):
        seen.append(read_versions(page))
        # Newer and higher than all: they belong before what is shown.
        fill(owner, product.id, [f"9.{number}"], created_at=BEGIN + timedelta(days=200 + number))
        if number < 2:
            page = site.get(find_link(page, "Next page"))
    assert [version for part in seen for version in part] == versions[::-1]
    assert "Next page" not in page

    page = site.get(find_link(page, "Previous page"))
    assert read_versions(page) == seen[1]
    page = site.get(find_link(page, "Previous page"))
    assert read_versions(page) == seen[0]
    # What is left before it is less than a page: that one is the first, and whole.
    page = site.get(find_link(page, "Previous page"))
    assert read_versions(page) == ["9.2", "9.1", "9.0", *seen[0][:47]]
    assert "Previous page" not in page
    assert read_versions(site.get(find_link(page, "Next page"))) == [*seen[0][47:], *seen[1][:47]]


def test_versions_are_ordered_by_their_numbers(make: Factory, owner: Organisation, site: Site) -> None:
    product = make.product(owner)
    fill(owner, product.id, ["1.10", "1.9", "1.2.0", "10.0", "9.9.9.9", "1.2.0.1", "18446744073709551615.0"])
    page = site.get("/releases?sort=version")
    ordered = ["18446744073709551615.0", "10.0", "9.9.9.9", "1.10", "1.9", "1.2.0.1", "1.2.0"]
    assert read_versions(page) == ordered
    assert read_versions(site.get("/releases")) == [
        "18446744073709551615.0", "1.2.0.1", "9.9.9.9", "10.0", "1.2.0", "1.9", "1.10",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("state=planned", ["3.0"]),
        ("state=historic", ["2.0"]),
        ("state=archived", ["2.0"]),
        ("state=draft", ["3.0", "1.0"]),
        ("platform=linux", ["4.0"]),
        ("query=v4", ["4.0"]),
        ("query=4.0+ROCK", ["4.0"]),
        ("query=4.0+moon", []),
        ("since=2026-03-02&until=2026-03-02", ["2.0"]),
        ("until=2026-03-01", ["1.0", "4.0"]),
        ("channel=beta&sort=version", ["3.0"]),
    ],
)
def test_filters_narrow_the_list(
    make: Factory, owner: Organisation, site: Site, caller: Caller, query: str, expected: list[str]
) -> None:
    product = make.product(owner)
    body = {"name": "Rocket 4", "version": "4.0", "productId": product.id, "platforms": ["linux", "windows"]}
    created = caller.post("/v3/releases", json={**body, "createdAt": "2026-02-01T00:00:00Z"}).get_json()
    caller.post(f"/v3/releases/{created['id']}/publish")
    changes: list[dict[str, Any]] = [
        {},
        {"is_historic": True, "archived": True, "published": True},
        {"publish_at": BEGIN, "channel": "beta"},
        {"published": True},
    ]
    fill(owner, product.id, ["1.0", "2.0", "3.0"])
    with transaction() as session:
        for version, values in zip(("1.0", "2.0", "3.0", "4.0"), changes, strict=True):
            changed = {"is_historic": False, **values}
            session.execute(update(Release).where(Release.version == version).values(**changed))
    assert read_versions(site.get(f"/releases?{query}")) == expected


def test_the_address_says_what_is_on_and_no_more(make: Factory, owner: Organisation, site: Site) -> None:
    product = make.product(owner, "Rocket & Co")
    fill(owner, product.id, ["1.0", "1.1"])
    sent = site.browser.get(f"/releases?query=&product_id={product.id}&channel=stable&state=&sort=&since=")
    assert (sent.status_code, sent.headers["Location"]) == (302, f"/releases?product_id={product.id}&channel=stable")
    odd = site.browser.get("/releases?query=&endpoint=x&_external=1&_anchor=x&channel=beta")
    assert odd.headers["Location"] == "/releases?channel=beta"
    page = site.get(f"/releases?product_id={product.id}&channel=stable&sort=version&query=1.1")
    chips = re.findall(r'<span class="chip-label">([^<]*)</span>', page)
    assert chips == ["Search: 1.1", "Product: Rocket & Co", "Channel: stable"]
    assert (
        f'href="/releases?query=1.1&product_id={product.id}&sort=version" aria-label="Channel: stable: take it off"'
        in page
    )


def test_a_list_without_rows_says_how_to_loosen_its_filters(make: Factory, owner: Organisation, site: Site) -> None:
    product = make.product(owner)
    fill(owner, product.id, ["1.0", "1.1"])
    text = read_text(site.get("/releases?query=1.1&channel=nightly"))
    assert "Channel nightly: not in use" in text
    assert "One of the filters asks for something that no release has." in text
    assert "Take off “Channel nightly: not in use” 1 without it" in text
    assert "Take off “Search: 1.1”" not in text
    gone = site.get(f"/releases?product_id={NOBODY}")
    assert "selected>A product that does not exist</option>" in gone
    assert "No release fits" in gone
    # An old address may end behind the list.
    (oldest,) = listing.list_releases(owner.tenant_id, listing.ReleaseFilter(limit=1))
    page = site.get(f"/releases?cursor={listing.build_cursor(oldest)}")
    assert "The list ends before this page." in page


@pytest.mark.parametrize(
    ("query", "told"),
    [
        ("state=odd", "State must be one of those that are offered."),
        ("product_id=nobody", "Product must be one of those that are offered."),
        ("since=2026-02-30", "Since must be a date such as 2026-01-31."),
        ("since=2026-03-05&until=2026-03-01", "Until must not be before since."),
        ("sort=name", "Order must be one of those that are offered"),
        ("cursor=x", "The address names no place in this list"),
        ("before=x&sort=version", "The address names no place in this list"),
        ("query=%00", "Search must not hold characters that no text has."),
        (f"channel={'x' * 257}", "Channel must have at most 256 characters."),
    ],
)
def test_what_makes_no_sense_filters_nothing_and_is_told(
    make: Factory, owner: Organisation, site: Site, query: str, told: str
) -> None:
    fill(owner, make.product(owner).id, ["1.0"])
    page = site.get(f"/releases?{query}")
    assert read_versions(page) == ["1.0"]
    assert told in read_text(page)
    # The others still count.
    assert read_versions(site.get(f"/releases?{query}&platform=linux")) == []


def test_a_search_looks_through_so_many_and_says_so(
    make: Factory, owner: Organisation, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    product = make.product(owner)
    fill(owner, product.id, [f"1.{number}" for number in range(30)])
    with transaction() as session:
        session.execute(update(Release).where(Release.version.in_(["1.3", "1.25"])).values(private=True))
    monkeypatch.setattr(listing._find_edge, "__defaults__", (10,))
    monkeypatch.setattr(listing.count_releases, "__defaults__", (10,))
    page = site.get("/releases?state=private")
    assert read_versions(page) == ["1.25"]
    assert "At least 1 release<" in page
    assert "Older ones may fit as well" in page
    page = site.get(find_link(page, "Next page"))
    assert read_versions(page) == []
    assert "Nothing found yet" in page
    page = site.get(find_link(page, "Look further"))
    assert read_versions(page) == ["1.3"]
    assert "Next page" not in page


def test_a_new_organisation_is_led_to_its_first_release(make: Factory, owner: Organisation, site: Site) -> None:
    text = read_text(site.get("/releases"))
    assert "First steps" in text
    assert "1 Begin with a product" in text
    assert "curl" not in text
    product = make.product(owner)
    page = site.get("/releases")
    text = read_text(page)
    assert "✓ Begin with a product Done" in text
    assert f'"productId": "{product.id}"' in text
    assert "What happens next" in text
    set_role(owner, "viewer")
    text = read_text(site.get("/releases"))
    assert "As soon as somebody creates one" in text
    assert "New release" not in text.partition("Keyboard shortcuts")[0]


def test_a_list_shows_no_row_of_another_tenant(make: Factory, owner: Organisation, site: Site) -> None:
    theirs = make.organisation()
    product = make.product(theirs, "Hidden")
    fill(theirs, product.id, ["6.6"])
    fill(owner, make.product(owner).id, ["1.0"])
    for query in ("", "?query=6.6", "?sort=version", f"?product_id={product.id}", "?state=draft&query=6.6"):
        page = site.get(f"/releases{query}")
        assert "6.6" not in read_versions(page)
        assert "Hidden" not in page
