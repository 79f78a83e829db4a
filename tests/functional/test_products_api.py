"""Products by the API: what they look like, what is refused, and that both doors store the same."""

from __future__ import annotations

from typing import Any
from unittest.mock import DEFAULT, Mock

import pytest
from sqlalchemy import select
from werkzeug.test import TestResponse

from app.audit.models import AuditEntry
from app.extensions import db
from app.products import service
from app.products.models import Product
from app.products.schema import parse_product
from tests.factories import Caller, Factory, Organisation
from tests.portal import Site, list_all, read_text

UNKNOWN_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
MEMBERS = ["id", "createdAt", "updatedAt", "name", "displayName", "description", "totalReleases", "metadata"]


def create(caller: Caller, **members: Any) -> dict[str, Any]:
    """Creates a product; gives the answer's members."""
    answer = caller.post("/v3/products", json=members)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.get_json()
    return made


def list_codes(answer: TestResponse) -> list[tuple[str, str]]:
    """Gives field and code of each error."""
    return [(error["field"], error["code"]) for error in answer.get_json()["errors"]]


def test_a_product_is_created_read_changed_and_deleted_as_clients_expect(caller: Caller) -> None:
    metadata = [{"key": "docs", "value": "https://example.test", "visible": True}, {"key": "team", "value": "a"}]
    sent = {"name": "Rocket", "displayName": None, "description": None, "metadata": metadata, "licensePolicy": "x"}
    answer = caller.post("/v3/products", json=sent)
    made = answer.get_json()
    assert (answer.status_code, list(made), answer.headers["Slipway-Ignored-Fields"]) == (201, MEMBERS, "licensePolicy")
    assert answer.headers["Location"].endswith(f"/v3/products/{made['id']}")
    assert (made["displayName"], made["description"], made["totalReleases"]) == ("Rocket", "", 0)
    assert made["metadata"] == [metadata[0], {"key": "team", "value": "a", "visible": False}]
    path = f"/v3/products/{made['id']}"
    got = caller.get(path)
    assert (got.get_json(), got.headers["ETag"]) == (made, answer.headers["ETag"])
    release = caller.post("/v3/releases", json={"name": "R", "version": "1.0", "productId": made["id"]}).get_json()
    counted = caller.get(path, headers={"If-None-Match": answer.headers["ETag"]})
    assert (counted.status_code, counted.get_json()["totalReleases"]) == (200, 1)
    refused = caller.request("DELETE", path)
    assert (refused.status_code, refused.get_json()["code"]) == (409, "conflict")
    # null leaves a member as it is; a display name that nobody chose goes with the name. How many releases there are is
    # nothing that a change could overwrite.
    changes = {"name": "Starship", "description": "Flies", "metadata": None}
    changed = caller.request("PATCH", path, json=changes, headers={"If-Match": answer.headers["ETag"]})
    assert changed.status_code == 200
    shown = changed.get_json()
    assert [shown[name] for name in ("name", "displayName", "description")] == ["Starship", "Starship", "Flies"]
    assert (shown["metadata"], shown["createdAt"]) == (made["metadata"], made["createdAt"])
    emptied = caller.request("PATCH", path, json={"displayName": "The ship", "metadata": []}).get_json()
    assert (emptied["name"], emptied["displayName"], emptied["metadata"]) == ("Starship", "The ship", [])
    assert caller.request("PATCH", path, json={"displayName": ""}).get_json()["displayName"] == "Starship"
    # What was seen before the changes is not what is stored.
    stale = caller.request("DELETE", path, headers={"If-Match": answer.headers["ETag"]})
    assert stale.status_code == 412
    assert caller.request("DELETE", f"/v3/releases/{release['id']}").status_code == 204
    gone = caller.request("DELETE", path)
    assert (gone.status_code, gone.text) == (204, "")
    assert caller.get(path).status_code == 404
    entries = select(AuditEntry.action).where(AuditEntry.action.startswith("product.")).order_by(AuditEntry.id)
    assert list(db.session.scalars(entries)) == ["product.created", *["product.updated"] * 3, "product.deleted"]


def test_what_breaks_rules_is_told_at_once_and_a_trial_writes_nothing(caller: Caller) -> None:
    entries: list[Any] = [
        {"key": "a", "value": 1},
        {"key": "a", "visible": "true"},
        {"key": "x" * 257, "value": "y" * 4097},
        {"key": "", "value": "\x00"},
        "docs",
        {"key": "two\nlines"},
    ]
    wrong = caller.post("/v3/products?strict=true", json={"displayName": 5, "metadata": entries, "tags": []})
    assert wrong.status_code == 400
    codes = ["wrong_type", "wrong_type", "duplicate_key", "too_long", "too_long", "required", "invalid_character"]
    assert list_codes(wrong) == [
        ("name", "required"),
        ("displayName", "wrong_type"),
        *[("metadata", code) for code in [*codes, "wrong_type", "invalid_character"]],
        ("tags", "unknown_field"),
    ]
    told = [error["message"] for error in wrong.get_json()["errors"]]
    assert "Metadata entry 2: key is that of entry 1, and each key stands once." in told
    wrong_metadata: tuple[Any, ...] = ({}, "x", [{"key": str(number)} for number in range(51)])
    for value in wrong_metadata:
        assert list_codes(caller.post("/v3/products", json={"name": "N", "metadata": value}))[0][0] == "metadata"
    trial = caller.post(
        "/v3/products?validateOnly=true", json={"name": "N", "metadata": [{"key": "k", "value": "a\r\nb", "extra": 1}]}
    )
    entry = {"key": "k", "value": "a\nb", "visible": False}
    normalized = {"name": "N", "displayName": "N", "description": "", "metadata": [entry]}
    assert trial.get_json()["normalized"] == normalized
    assert trial.get_json()["warnings"] == ["There is no field metadata[0].extra. It is ignored."]
    assert trial.headers["Slipway-Ignored-Fields"] == "metadata[0].extra"
    assert list_all(Product.id) == []
    made = create(caller, name="N")
    path = f"/v3/products/{made['id']}"
    tried = caller.request("PATCH", f"{path}?validateOnly=true", json={"name": "M"}).get_json()
    assert tried["normalized"] == {**normalized, "name": "M", "displayName": "M", "metadata": []}
    assert caller.get(path).get_json() == made
    assert caller.request("DELETE", f"{path}?validateOnly=true").status_code == 400


def test_a_name_that_is_taken_is_a_conflict_that_names_the_product(
    make: Factory, owner: Organisation, caller: Caller
) -> None:
    first, second = create(caller, name="Rocket"), create(caller, name="Probe")
    for suffix in ("", "?validateOnly=true"):
        answers = [
            caller.post(f"/v3/products{suffix}", json={"name": "Rocket"}),
            caller.request("PATCH", f"/v3/products/{second['id']}{suffix}", json={"name": "Rocket"}),
        ]
        for answer in answers:
            assert (answer.status_code, answer.get_json()["code"]) == (409, "duplicate")
            assert answer.get_json()["existing"]["id"] == first["id"]
            assert answer.headers["Location"] == answer.get_json()["existing"]["url"]
    same = caller.request("PATCH", f"/v3/products/{first['id']}", json={"name": "Rocket"})
    assert same.get_json() == first
    # Sent again under its key, a create is the same one; with another body, another one.
    headers = {"Idempotency-Key": "once"}
    keyed = [caller.post("/v3/products", json={"name": "Keyed"}, headers=headers) for _ in range(2)]
    assert [answer.status_code for answer in keyed] == [201, 200]
    assert keyed[0].get_json() == keyed[1].get_json()
    assert keyed[1].headers["Idempotent-Replayed"] == "true"
    assert caller.post("/v3/products", json={"name": "Other"}, headers=headers).status_code == 422
    reader = make.caller(owner, "product:read")
    assert reader.get("/v3/products").status_code == 200
    assert reader.post("/v3/products", json={"name": "x"}).get_json()["scope"] == "product:write"
    assert make.caller(owner, "release:read").get("/v3/products").get_json()["scope"] == "product:read"


def test_products_are_listed_filtered_and_paged(caller: Caller) -> None:
    for name in ("Rocket", "Probe", "Rover", "Überflieger"):
        create(caller, name=name, description=f"{name} 100%")
    rows = caller.get("/v3/products").get_json()
    names = [row["name"] for row in rows]
    assert names == ["Rocket", "Probe", "Rover", "Überflieger"]
    expected = {
        "name=Rover": ["Rover"],
        "name[sw]=Ro": ["Rocket", "Rover"],
        "name%5Bin%5D=Rover,Probe": ["Probe", "Rover"],
        "displayName[nc]=o": ["Überflieger"],
        "description[ew]=e%20100%25": ["Probe"],
        "query=ÜBER": ["Überflieger"],
        f"createdAt[gt]={rows[1]['createdAt']}": ["Rover", "Überflieger"],
        "sort=-createdAt&limit=1": ["Überflieger"],
        "page=2&limit=3": ["Überflieger"],
        "page=9": [],
        "unknown=1&name[ne]=Rocket&limit=2": ["Probe", "Rover"],
    }
    found = {query: [row["name"] for row in caller.get(f"/v3/products?{query}").get_json()] for query in expected}
    assert found == expected
    following, seen = "/v3/products?limit=3", []
    while following:
        answer = caller.get(following)
        seen += [row["name"] for row in answer.get_json()]
        following = (
            answer.headers.get("Link", "").partition("<")[2].partition(">")[0].removeprefix("http://localhost:8000")
        )
    assert seen == names
    wrong = caller.get("/v3/products?page=0&sort=size&createdAt[gt]=x&name[gt]=1")
    assert [error["field"] for error in wrong.get_json()["errors"]] == ["page", "sort", "createdAt[gt]", "name[gt]"]


def test_metadata_is_typed_into_a_form_and_customers_see_what_is_for_them(
    make: Factory, owner: Organisation, caller: Caller
) -> None:
    site = Site(make, owner)
    rows = {
        "metadataKey": ["docs", "", "team ", "gone"],
        "metadataValue": ["https://example.test/<docs>", "", "a\r\nb", "x"],
        "metadataVisible": ["yes", "yes", "no", "no"],
    }
    # Without script a button brings an empty row, or takes one away; nothing is saved by it, and nothing typed is lost.
    more = site.post("/products", name="Rocket", action="add-entry", **rows).text
    assert more.count('name="metadataKey"') == 4
    less = site.post("/products", name="Rocket", action="remove-entry-3", **rows).text
    assert ("gone" in less, 'value="team "' in less, less.count('name="metadataKey"')) == (False, True, 2)
    wrong = site.post("/products", name="Rocket", **{**rows, "metadataKey": ["docs", "", "", "docs"]})
    assert wrong.status_code == 400
    for message in ("Metadata entry 2: key is required.", "Metadata entry 3: key is that of entry 1"):
        assert message in wrong.text
    # Beside the two rows the whole group is tied to what is wrong.
    assert wrong.text.count('aria-describedby="error-metadata-') == 3
    assert list_all(Product.id) == []
    path = site.post("/products", name="Rocket", **rows).headers["Location"]
    stored = [
        {"key": "docs", "value": "https://example.test/<docs>", "visible": True},
        {"key": "team", "value": "a\nb", "visible": False},
        {"key": "gone", "value": "x", "visible": False},
    ]
    api = f"/v3{path}"
    assert caller.get(api).get_json()["metadata"] == stored
    assert "Customers see it" in site.get(path)
    customer = site.get(f"/{owner.slug}/rocket")
    assert '<a href="https://example.test/<docs>" rel="nofollow noopener">https://example.test/<docs></a>' in customer
    assert "team" not in read_text(customer)
    page = site.get(f"{path}/edit")
    assert page.count('name="metadataKey"') == 3
    seen = page.partition('name="seenAt" value="')[2].partition('"')[0]
    fields = {"name": "Rocket", "displayName": "", "description": "", "seenAt": seen}
    first = {name: values[:1] for name, values in rows.items()}
    assert site.post(f"{path}/edit", **fields, **first).status_code == 303
    assert caller.get(api).get_json()["metadata"] == stored[:1]


@pytest.mark.once
def test_a_product_by_no_id_of_ours_is_not_found(caller: Caller) -> None:
    methods: dict[str, dict[str, Any]] = {"GET": {}, "PATCH": {"json": {}}, "DELETE": {}}
    for product_id in (UNKNOWN_ID, UNKNOWN_ID.upper(), "x", "%00"):
        for method, options in methods.items():
            assert caller.request(method, f"/v3/products/{product_id}", **options).status_code == 404


def test_whoever_finds_the_others_product_just_before_its_key_gets_it(
    owner: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of two that send the same at once, one commits between the other's two looks.
    sent = parse_product({"name": "Rocket"})
    made = service.create_product(owner.actor, sent, "once").product.id
    find_made = Mock(wraps=service._find_made, side_effect=[None, DEFAULT])
    monkeypatch.setattr(service, "_find_made", find_made)
    again = service.create_product(owner.actor, sent, "once")
    assert (again.product.id, again.is_replay) == (made, True)
