"""``/v3/releases``, member for member."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app.extensions import db
from app.releases.models import Release
from app.webhooks.models import Event
from tests.counting import count
from tests.factories import Caller, Factory, Organisation

MEMBERS = [
    "id", "createdAt", "updatedAt", "name", "channel", "version", "platforms", "notes", "totalFiles", "publishedAt",
    "files", "published", "private", "archived", "productId", "tenantId",
]  # fmt: skip


def test_the_documents_example_is_created_member_for_member(
    caller: Caller, owner: Organisation, body: dict[str, Any]
) -> None:
    answer = caller.post("/v3/releases", json=body)
    assert answer.status_code == 201
    release = answer.get_json()
    assert list(release) == MEMBERS
    assert {name: release[name] for name in body} == body
    assert (release["files"], release["totalFiles"], release["tenantId"]) == ([], 0, owner.tenant_id)
    assert (release["published"], release["publishedAt"], release["archived"]) == (False, None, False)
    assert release["updatedAt"].endswith("Z")
    assert answer.headers["Location"] == f"http://localhost:8000/v3/releases/{release['id']}"
    assert caller.get(f"/v3/releases/{release['id']}").get_json() == release


def test_a_charset_parameter_and_a_trailing_newline_are_common_and_fine(caller: Caller, body: dict[str, Any]) -> None:
    del body["createdAt"]
    headers = {"Content-Type": "application/json; charset=utf-8"}
    assert caller.post("/v3/releases", json=body, headers=headers).status_code == 201


def test_validate_only_says_what_would_be_stored_and_stores_nothing(caller: Caller, body: dict[str, Any]) -> None:
    answer = caller.post("/v3/releases?validateOnly=true", json={**body, "notes": "a\r\nb", "extra": 1})
    assert answer.status_code == 200
    assert answer.get_json() == {
        "valid": True,
        "normalized": {**body, "notes": "a\nb"},
        "warnings": ["There is no field extra. It is ignored."],
    }
    refused = caller.post("/v3/releases?validateOnly=True", json={**body, "version": "v1"})
    assert (refused.status_code, refused.get_json()["errors"][0]["field"]) == (400, "version")
    assert (count(Release), count(Event)) == (0, 0)


@pytest.mark.parametrize(
    ("change", "warning"),
    [
        ({}, "with the same content: the stored release would be given."),
        ({"notes": "other"}, "with other content: this would be a conflict."),
        ({"platforms": ["linux"]}, "with other content: this would be a conflict."),
    ],
)
def test_validate_only_warns_of_a_version_that_exists(
    caller: Caller, body: dict[str, Any], change: dict[str, Any], warning: str
) -> None:
    caller.post("/v3/releases", json=body)
    answer = caller.post("/v3/releases?validateOnly=true", json={**body, **change, "version": "1.2"})
    assert answer.get_json()["valid"] is True
    assert answer.get_json()["warnings"] == [f"Version 1.2.0 exists already on channel stable, {warning}"]
    assert count(Release) == 1


def test_unknown_fields_are_named_in_a_header_or_refused_if_one_is_strict(caller: Caller, body: dict[str, Any]) -> None:
    odd = {**body, "tenantId": "x", "ü\n": 1}
    answer = caller.post("/v3/releases", json=odd)
    assert (answer.status_code, answer.headers["Slipway-Ignored-Fields"]) == (201, "tenantId, %C3%BC%0A")
    strict = caller.post("/v3/releases?strict=true", json=odd)
    assert [error["field"] for error in strict.get_json()["errors"]] == ["tenantId", "ü\n"]
    assert caller.post("/v3/releases?strict=perhaps", json=body).status_code == 400


def test_publish_comes_without_a_body_and_only_once(caller: Caller, body: dict[str, Any]) -> None:
    release = caller.post("/v3/releases", json=body).get_json()
    published = caller.post(f"/v3/releases/{release['id']}/publish")
    assert published.status_code == 200
    assert published.get_json()["published"] is True
    assert published.get_json()["publishedAt"] == published.get_json()["updatedAt"]
    assert caller.post(f"/v3/releases/{release['id']}/publish").status_code == 409
    events = db.session.scalars(select(Event.event_type).order_by(Event.triggered_at)).all()
    assert events == ["release.created", "release.published"]


@pytest.mark.parametrize(
    "path", ["/v3", "/v3/", "/v3/nothing", "/v3/releases/nobody", "/v3/releases/%00", "/v3/releases/x/y/z"]
)
def test_what_is_not_there_is_a_json_404(caller: Caller, path: str) -> None:
    answer = caller.get(path)
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")
    assert answer.get_json()["message"]


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE", "OPTIONS"])
@pytest.mark.parametrize("path", ["/v3", "/v3/nothing", "/v3/no/thing"])
def test_what_is_not_there_is_not_there_for_every_method(caller: Caller, method: str, path: str) -> None:
    answer = caller.request(method, path)
    assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


def test_a_wrong_method_is_a_json_405_that_names_the_right_ones(caller: Caller) -> None:
    answer = caller.request("PUT", "/v3/releases")
    assert (answer.status_code, answer.content_type) == (405, "application/problem+json")
    assert {"GET", "POST"} <= set(answer.headers["Allow"].split(", "))


def test_a_request_id_comes_back_in_answer_and_error(caller: Caller) -> None:
    answer = caller.get("/v3/releases/nobody", headers={"X-Request-Id": "build-4711.1"})
    assert answer.headers["X-Request-Id"] == answer.get_json()["requestId"] == "build-4711.1"
    other = caller.get("/v3/releases/nobody", headers={"X-Request-Id": "a b\tc"})
    assert other.headers["X-Request-Id"] == other.get_json()["requestId"] != "a b\tc"


def test_a_bug_is_a_500_that_tells_nothing_but_its_id(
    app: Flask, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise RuntimeError("the secret is hunter2")

    monkeypatch.setattr("app.releases.listing.list_releases", fail)
    answer = caller.get("/v3/releases")
    assert (answer.status_code, answer.get_json()["code"]) == (500, "internal_error")
    assert "hunter2" not in answer.text
    assert answer.get_json()["requestId"] in answer.get_json()["detail"]


def test_a_refused_body_names_every_field_and_rule_at_once(make: Factory) -> None:
    own = make.organisation()
    answer = make.caller(own).post("/v3/releases", json={"version": "v1", "private": "yes", "productId": "nobody"})
    assert answer.status_code == 400
    assert [(error["field"], error["code"]) for error in answer.get_json()["errors"]] == [
        ("name", "required"),
        ("version", "invalid_version"),
        ("private", "wrong_type"),
        ("productId", "unknown_product"),
    ]


def test_an_answer_without_a_body_names_no_type_of_one(caller: Caller, body: dict[str, Any]) -> None:
    release_id = caller.post("/v3/releases", json=body).get_json()["id"]
    answer = caller.request("DELETE", f"/v3/releases/{release_id}")
    assert (answer.status_code, answer.data, answer.headers.get("Content-Type")) == (204, b"", None)
