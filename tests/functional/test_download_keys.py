"""Restricted products and their download keys, through both doors."""

from __future__ import annotations

import re

import pytest
from sqlalchemy import select, update

from app.audit.models import AuditEntry
from app.database import transaction
from app.download_keys import service
from app.download_keys.models import DownloadKey
from app.extensions import db
from app.products.models import Product
from app.times import now
from tests.factories import PASSWORD, Caller, Factory, Organisation, find_csrf_token
from tests.portal import Site, list_all, read_text


@pytest.fixture
def product(make: Factory, owner: Organisation) -> Product:
    """A product."""
    return make.product(owner, "Rocket")


def test_a_key_is_made_shown_once_used_and_revoked_in_the_portal(
    make: Factory, owner: Organisation, product: Product
) -> None:
    site, path = Site(make, owner), f"/products/{product.id}/access"
    assert f'href="{path}">Open to everybody<' in site.get(f"/products/{product.id}")
    assert "No download keys yet" in site.get(path)
    for restricted, said in (("true", "Restricted"), ("false", "Open to everybody"), ("true", "Restricted")):
        assert site.post(path, restricted=restricted).headers["Location"] == path
        assert f'id="access-heading">{said}<' in site.get(path)
    form = {"name": " Customer & Sons ", "idempotencyKey": "once"}
    answer = site.post(f"{path}/keys", **form)
    [key] = re.findall(r">(dlk_[\w-]{32})<", answer.text)
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "no-store")
    # By a second click, or because the answer was lost.
    assert key in site.post(f"{path}/keys", **form).text
    [row] = db.session.scalars(select(DownloadKey))
    assert key.encode() not in row.key_hash
    page = read_text(site.get(path))
    assert "Customer & Sons" in page
    assert f"…{key[-4:]}" in page
    assert "Never used." in page
    assert key not in page
    assert service.admits(owner.tenant_id, product.id, key)
    assert "Last used" in site.get(path)
    assert site.post(f"{path}/keys/{row.id}/revoke").status_code == 303
    assert "Customer & Sons is revoked" in site.get(path)
    assert "Customer & Sons" in site.get(f"{path}?state=revoked")
    db.session.rollback()
    assert not service.admits(owner.tenant_id, product.id, key)
    assert db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()[-5:] == [
        "product.restricted",
        "product.opened",
        "product.restricted",
        "download_key.created",
        "download_key.revoked",
    ]


def test_a_form_that_is_sent_again_later_does_not_show_the_key(
    make: Factory, owner: Organisation, product: Product
) -> None:
    site, path = Site(make, owner), f"/products/{product.id}/access/keys"
    form = {"name": "Customer", "idempotencyKey": "once"}
    assert "dlk_" in site.post(path, **form).text
    with transaction() as session:
        session.execute(update(DownloadKey).values(created_at=now().replace(year=2020)))
    page = site.post(path, **form).text
    assert "dlk_" not in page
    assert "This download key was made before" in page
    # Who goes back and types something else means another one.
    assert "dlk_" in site.post(path, **{**form, "name": "Other"}).text
    assert len(list_all(DownloadKey.id)) == 2


def test_what_is_wrong_comes_back_with_what_was_typed(make: Factory, owner: Organisation, product: Product) -> None:
    site = Site(make, owner)
    answer = site.post(f"/products/{product.id}/access/keys", name="x" * 257, idempotencyKey="once")
    assert answer.status_code == 400
    assert "Name must have at most 256 characters; it has 257." in answer.text
    assert f'value="{"x" * 257}"' in answer.text
    viewer = Site.__new__(Site)
    viewer.browser = make.browser(make.member(owner, "viewer"))
    page = viewer.get(f"/products/{product.id}/access")
    assert "Make the key" not in page
    assert "Restrict the product" not in page


def test_the_api_does_the_same(caller: Caller, make: Factory, owner: Organisation, product: Product) -> None:
    path = f"/v3/products/{product.id}"
    assert caller.get(f"{path}/access").get_json() == {"restricted": False}
    assert caller.request("PATCH", f"{path}/access", json={"restricted": True}).get_json() == {"restricted": True}
    assert caller.request("PATCH", f"{path}/access", json={"restricted": "yes"}).status_code == 400
    assert caller.request("PATCH", f"{path}/access", json={"restricted": None}).status_code == 400

    keys = f"{path}/download-keys"
    trial = caller.post(f"{keys}?validateOnly=true", json={"name": "CI", "more": 1})
    assert (trial.status_code, trial.headers["Slipway-Ignored-Fields"]) == (200, "more")
    assert caller.post(f"{keys}?strict=true", json={"more": 1}).get_json()["errors"] == [
        {"field": "name", "code": "required", "message": "Name is required."},
        {"field": "more", "code": "unknown_field", "message": "There is no field more."},
    ]
    made = caller.post(keys, json={"name": "CI"}, headers={"Idempotency-Key": "one"})
    again = caller.post(keys, json={"name": "CI"}, headers={"Idempotency-Key": "one"})
    assert (made.status_code, again.status_code, again.headers["Idempotent-Replayed"]) == (201, 200, "true")
    assert made.get_json() == again.get_json()
    assert caller.post(keys, json={"name": "x"}, headers={"Idempotency-Key": "one"}).status_code == 422
    members = made.get_json()
    key = members.pop("key")
    assert members["ending"] == key[-4:]
    assert service.admits(owner.tenant_id, product.id, key)
    url = made.headers["Location"].removeprefix("http://localhost:8000")
    db.session.rollback()
    stored = caller.get(url).get_json()
    assert stored == {**members, "lastUsedAt": stored["lastUsedAt"]}
    assert stored["lastUsedAt"] is not None
    assert caller.get(f"{keys}?name[sw]=C&revoked=false").get_json() == [stored]
    assert caller.request("PATCH", url, json={"name": "Build", "revoked": None}).get_json()["name"] == "Build"
    assert caller.request("DELETE", url).status_code == 204
    assert caller.request("DELETE", url).status_code == 204
    assert caller.request("PATCH", url, json={"revoked": False}).status_code == 409
    assert caller.get(url).get_json()["revoked"] is True
    db.session.rollback()
    assert not service.admits(owner.tenant_id, product.id, key)
    assert caller.get(f"{keys}?revoked=false").get_json() == []
    assert make.caller(owner, "product:read").post(keys, json={"name": "x"}).status_code == 403


def test_a_key_is_good_for_its_product_alone_and_goes_with_it(
    caller: Caller, make: Factory, owner: Organisation, product: Product
) -> None:
    url = f"/v3/products/{product.id}/download-keys"
    key = caller.post(url, json={"name": "x"}).get_json()["key"]
    product_id, other_id = product.id, make.product(owner).id
    for tenant_id, asked_id, asked in (
        (owner.tenant_id, other_id, key),
        (make.organisation().tenant_id, product_id, key),
        (owner.tenant_id, product_id, key[:-1]),
        (owner.tenant_id, product_id, key + "\x00"),
        (owner.tenant_id, product_id, "\ud800"),
        (owner.tenant_id, product_id, ""),
        (owner.tenant_id, product_id, None),
    ):
        assert not service.admits(tenant_id, asked_id, asked)
    assert service.admits(owner.tenant_id, product_id, key)
    assert caller.request("DELETE", f"/v3/products/{product_id}").status_code == 204
    assert list_all(DownloadKey.id) == []


def test_a_form_whose_session_has_ended_keeps_what_was_typed_and_goes_on_after_signing_in(
    make: Factory, owner: Organisation, product: Product
) -> None:
    site, path = Site(make, owner), f"/products/{product.id}/access/keys"
    assert site.post("/sign-out").status_code == 303
    form = {"name": "Customer", "idempotencyKey": "once"}
    answer = site.post(path, **form)
    assert 'value="Customer"' in answer.text
    assert "Your session has ended" in answer.text
    assert "dlk_" not in answer.text
    signing_in = {"csrf_token": find_csrf_token(answer.text), "signInEmail": owner.email, "signInPassword": PASSWORD}
    assert "dlk_" in site.browser.post(path, data={**form, **signing_in}).text


def test_null_says_nothing_of_a_key_under_whatever_name(caller: Caller, product: Product) -> None:
    path = f"/v3/products/{product.id}/download-keys?strict=true"
    answer = caller.post(path, json={"name": "Customer", "note": None})
    assert (answer.status_code, answer.headers.get("Slipway-Ignored-Fields")) == (201, None)


def test_a_change_of_a_key_or_of_access_can_name_what_it_has_seen(caller: Caller, product: Product) -> None:
    access = f"/v3/products/{product.id}/access"
    key = caller.post(f"/v3/products/{product.id}/download-keys", json={"name": "Customer"})
    location = key.headers["Location"].removeprefix("http://localhost:8000")
    for path, change in ((location, {"name": "Another"}), (access, {"restricted": True})):
        seen = {"If-Match": caller.get(path).headers["ETag"]}
        assert caller.get(path, headers={"If-None-Match": seen["If-Match"]}).status_code == 304
        assert caller.request("PATCH", path, json=change, headers=seen).status_code == 200
        refused = caller.request("PATCH", path, json=change, headers=seen)
        assert (refused.status_code, refused.get_json()["code"]) == (412, "precondition_failed")
    assert caller.request("DELETE", location, headers={"If-Match": '"x"'}).status_code == 412
    assert caller.get(location).get_json()["revoked"] is False
