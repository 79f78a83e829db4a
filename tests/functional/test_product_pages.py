"""The pages of products: what they show, who may change what, and that nothing is made or lost twice."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.accounts.models import User
from app.audit.models import AuditEntry
from app.database import transaction
from app.exceptions import ConflictError
from app.extensions import db
from app.note_templates.models import NoteTemplate
from app.products import schema, service
from app.products.models import Product
from tests.factories import Caller, Factory, Organisation
from tests.portal import Site, list_all, read_rows, read_text
from tests.working import run_twice_at_once


@pytest.fixture
def site(make: Factory, owner: Organisation) -> Site:
    """The portal, with the owner signed in."""
    return Site(make, owner)


def release(caller: Caller, product: Product, version: str, **members: Any) -> dict[str, Any]:
    """Creates a release by the API; gives its answer."""
    body = {"name": f"R {version}", "version": version, "productId": product.id, **members}
    answer = caller.post("/v3/releases", json=body)
    assert answer.status_code == 201, answer.text
    created: dict[str, Any] = answer.get_json()
    return created


def test_the_list_shows_what_is_newest_on_each_channel(
    make: Factory, owner: Organisation, site: Site, caller: Caller
) -> None:
    rocket, probe = make.product(owner, "Rocket"), make.product(owner, "Probe")
    for version in ("1.9", "1.10", "1.2"):
        created = release(caller, rocket, version)
        caller.post(f"/v3/releases/{created['id']}/publish")
    release(caller, rocket, "2.0", channel="beta")
    archived = release(caller, rocket, "3.0", channel="beta")
    caller.post(f"/v3/releases/{archived['id']}/archive")
    assert read_rows(site.get("/products")) == [
        f"Probe None yet 0 releases /{owner.slug}/probe",
        f"Rocket 2.0 beta Draft 1.10 stable 5 releases /{owner.slug}/rocket",
    ]
    page = site.get(f"/products/{rocket.id}")
    rows = read_rows(page)
    assert [row.split()[0] for row in rows] == ["2.0", "1.10"]
    assert f'href="/releases?product_id={rocket.id}&channel=beta"' in page
    for number in range(4):
        release(caller, probe, f"1.{number}", channel=f"c{number}")
    assert "1.0 c0 Draft 1.1 c1 Draft 1.2 c2 Draft and more channels" in read_rows(site.get("/products"))[0]


def test_products_are_searched_for_and_listed_in_parts(make: Factory, owner: Organisation, site: Site) -> None:
    stranger = make.organisation()
    make.product(stranger, "Product 07, theirs")
    for number in range(52):
        make.product(owner, f"Part {number:02}")
    page = site.get("/products")
    rows = read_rows(page)
    assert (len(rows), rows[0].partition(" None")[0], rows[-1].partition(" None")[0]) == (50, "Part 00", "Part 49")
    following = page.rpartition('rel="next" href="')[2].partition('"')[0]
    assert [row.partition(" None")[0] for row in read_rows(site.get(following))] == ["Part 50", "Part 51"]
    assert [row.partition(" None")[0] for row in read_rows(site.get("/products?query=07+PART"))] == ["Part 07"]
    assert "No product fits" in site.get("/products?query=moon")
    assert site.browser.get("/products?query=").headers["Location"] == "/products"


def test_a_product_is_made_once_however_often_its_form_is_sent(site: Site) -> None:
    page = site.get("/products/new")
    key = page.partition('name="idempotencyKey" value="')[2].partition('"')[0]
    send = partial(site.post, "/products", displayName="", description="", idempotencyKey=key)
    first, second = send(name="Rocket"), send(name="Rocket")
    assert first.headers["Location"] == second.headers["Location"]
    assert list_all(Product.name) == ["Rocket"]
    # Who goes back and types something else means another one.
    assert send(name="Probe").status_code == 303
    assert sorted(list_all(Product.name)) == ["Probe", "Rocket"]
    assert site.post(f"{first.headers['Location']}/delete").status_code == 303
    assert send(name="Rocket").headers["Location"] != first.headers["Location"]


def test_two_clicks_at_once_make_one_product(app: Flask, owner: Organisation) -> None:
    sent = schema.parse_product({"name": "Rocket"})
    made: list[str] = []
    run_twice_at_once(app, lambda: made.append(service.create_product(owner.actor, sent, "once").product.id))
    assert len(set(made)) == 1
    assert list_all(Product.name) == ["Rocket"]


def test_the_address_of_the_customer_page_outlives_the_name(make: Factory, owner: Organisation, site: Site) -> None:
    product, other = make.product(owner, "Rocket"), make.product(owner, "Probe")
    path = f"/products/{product.id}"
    page = site.get(f"{path}/edit")
    assert 'value="Rocket"' in page
    assert f"stays /{owner.slug}/rocket whatever the name is" in read_text(page)
    seen = page.partition('name="seenAt" value="')[2].partition('"')[0]
    form = {"displayName": "", "description": "Flies", "seenAt": seen}
    taken = site.post(f"{path}/edit", **form, name="Probe")
    assert (taken.status_code, "Name is taken" in taken.text, "Flies" in taken.text) == (400, True, True)
    assert site.post(f"{path}/edit", **form, name="Starship").headers["Location"] == path
    page = site.get(path)
    assert "Starship" in page
    assert f'href="/{owner.slug}/rocket"' in page
    assert "Flies" in site.get(f"/{owner.slug}/rocket")
    details = db.session.scalars(select(AuditEntry.details).where(AuditEntry.action == "product.updated")).one()
    assert details == {
        "before": {"name": "Rocket", "displayName": "Rocket", "description": ""},
        "after": {"name": "Starship", "displayName": "Starship", "description": "Flies"},
    }
    # Somebody else's words are not written over unseen; sent again, they are.
    late = site.post(f"{path}/edit", **form, name="Moon")
    assert (late.status_code, "Somebody else has changed this product" in late.text) == (409, True)
    seen = late.text.partition('name="seenAt" value="')[2].partition('"')[0]
    assert site.post(f"{path}/edit", **{**form, "seenAt": seen}, name="Moon").status_code == 303
    assert sorted(list_all(Product.name)) == sorted(["Moon", other.name])


def test_a_product_goes_only_when_it_has_no_releases(
    make: Factory, owner: Organisation, site: Site, caller: Caller
) -> None:
    product = make.product(owner, "Rocket")
    path = f"/products/{product.id}"
    assert site.post(f"{path}/templates", name="Short", notes="# New").status_code == 303
    created = release(caller, product, "1.0")
    page = site.get(path)
    assert f'action="{path}/delete"' not in page
    assert "A product that has releases cannot be deleted" in page
    with pytest.raises(ConflictError) as refused:
        service.delete_product(owner.actor, product.id)
    assert refused.value.status == 409
    answer = site.post(f"{path}/delete")
    assert answer.headers["Location"] == path
    assert read_text(site.get(path)).count("A product that has releases cannot be deleted") == 2
    assert len(list_all(NoteTemplate.id)) == 1

    assert caller.request("DELETE", f"/v3/releases/{created['id']}").status_code == 204
    assert f'action="{path}/delete"' in site.get(path)
    assert site.post(f"{path}/delete").headers["Location"] == "/products"
    assert "Product Rocket was deleted." in site.get("/products")
    assert (list_all(Product.id), list_all(NoteTemplate.id)) == ([], [])
    assert site.get(path, 404)
    assert site.post(f"{path}/delete").status_code == 404


def test_who_may_only_read_sees_no_button_and_is_refused(make: Factory, owner: Organisation, site: Site) -> None:
    product = make.product(owner, "Rocket")
    with transaction() as session:
        session.execute(update(User).values(role="viewer"))
    path = f"/products/{product.id}"
    for shown in (site.get("/products"), site.get(path)):
        assert "New product" not in shown
        assert "/edit" not in shown
        assert "/delete" not in shown
        assert "/releases/new" not in shown
    form = {"name": "Mine", "displayName": "", "description": ""}
    assert site.post("/products", **form).status_code == 403
    assert site.post(f"{path}/edit", **form).status_code == 403
    assert site.post(f"{path}/delete").status_code == 403
    site.get("/products/new", 403)
    site.get(f"{path}/edit", 403)
    assert list_all(Product.name) == ["Rocket"]


def test_a_product_without_releases_has_a_customer_page_that_says_so(
    make: Factory, owner: Organisation, site: Site
) -> None:
    make.product(owner, "Rocket")
    page = site.get(f"/{owner.slug}/rocket")
    assert "Nothing released yet" in page
    # Customers are not told of keys that do nothing for them.
    assert "Keyboard shortcuts" not in page
