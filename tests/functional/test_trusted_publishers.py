"""Whom a product trusts is said by a form or by the API, under the same rules."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]
from flask import Flask

from app.publishers import service
from app.publishers.issuers import Issuers
from app.publishers.kinds import GITHUB_ISSUER, GITLAB_ISSUER
from app.publishers.models import TrustedPublisher
from tests.factories import Factory, Organisation
from tests.people import list_actions
from tests.portal import Site, list_all, read_text

GITHUB = {"kind": "github", "repository": "acme/rocket", "workflow": "release.yml"}
GITLAB = {"kind": "gitlab", "projectPath": "group/sub/rocket"}
OWN = "https://ci.example.test"
# What is sent beside the kind, and which fields are wrong with it.
BAD: dict[str, tuple[dict[str, Any], list[str]]] = {
    "nothing": ({}, ["repository", "workflow"]),
    "an address": ({"repository": "https://github.com/acme/rocket", "workflow": "x.yml"}, ["repository"]),
    "no owner": ({"repository": "rocket", "workflow": "x.yml"}, ["repository"]),
    "a space behind": ({"repository": "acme/roc ket", "workflow": "x.yml"}, ["repository"]),
    "a look-alike": ({"repository": "acme/r\u043ecket", "workflow": "x.yml"}, ["repository"]),
    "a folder above": ({"repository": "acme/..", "workflow": "x.yml"}, ["repository"]),
    "a path": ({"repository": "acme/rocket", "workflow": ".github/workflows/x.yml"}, ["workflow"]),
    "no YAML": ({"repository": "acme/rocket", "workflow": "Release"}, ["workflow"]),
    "an owner by name": ({**GITHUB, "ownerId": "acme"}, ["ownerId"]),
    "an issuer inside": ({**GITHUB, "issuer": "http://169.254.169.254"}, ["issuer"]),
    "the issuer of another kind": ({**GITHUB, "issuer": GITLAB_ISSUER}, ["issuer"]),
    "a branch of GitHub": ({"kind": "other", "issuer": GITHUB_ISSUER, "claims": {"ref": "main"}}, ["issuer"]),
    "no project": ({"kind": "gitlab"}, ["projectPath"]),
    "a project without a group": ({"kind": "gitlab", "projectPath": "rocket"}, ["projectPath"]),
    "a file elsewhere": ({**GITLAB, "configPath": "//evil.yml"}, ["configPath"]),
    "no claims": ({"kind": "other", "issuer": OWN}, ["claims"]),
    "a claim that says nothing": ({"kind": "other", "issuer": OWN, "claims": {"aud": "x"}}, ["claims"]),
}
BAD_JSON: dict[str, tuple[dict[str, Any], list[str]]] = {
    "no kind": ({"repository": "acme/rocket"}, ["kind"]),
    "a kind that is none": ({"kind": "jenkins"}, ["kind"]),
    "a kind that is a list": ({"kind": ["github"]}, ["kind"]),
    "wrong types": ({"kind": "gitlab", "projectPath": 7, "protectedOnly": "yes"}, ["projectPath", "protectedOnly"]),
    "claims that are a list": ({"kind": "other", "issuer": OWN, "claims": ["x"]}, ["claims"]),
    "a claim that is a number": ({"kind": "other", "issuer": OWN, "claims": {"x": 7}}, ["claims"]),
    "too many claims": ({"kind": "other", "issuer": OWN, "claims": {str(it): "x" for it in range(11)}}, ["claims"]),
    "a line break behind": ({**GITHUB, "repository": "acme/rocket\n"}, ["repository"]),
}


@pytest.fixture
def product_id(app: Flask, make: Factory, owner: Organisation, monkeypatch: pytest.MonkeyPatch) -> str:
    """A product, where the operator has listed an issuer of their own."""
    slipway = replace(app.extensions["slipway"], issuers=Issuers([GITHUB_ISSUER, GITLAB_ISSUER, OWN]))
    monkeypatch.setitem(app.extensions, "slipway", slipway)
    return make.product(owner, "Rocket").id


def test_both_doors_refuse_the_same_with_the_same_words(make: Factory, owner: Organisation, product_id: str) -> None:
    caller, site = make.caller(owner), Site(make, owner)
    form_path = f"/products/{product_id}/trusted-publishers/new"
    path = f"/v3/products/{product_id}/trusted-publishers"
    wrong: dict[str, Any] = {}
    for name, (sent, fields) in {**BAD, **BAD_JSON}.items():
        body = {"kind": "github", **sent} if name in BAD else sent
        answer = caller.post(path, json=body)
        errors = answer.get_json().get("errors", [])
        if (answer.status_code, [error["field"] for error in errors]) != (400, fields):
            wrong[name] = answer.text
        if name in BAD:
            claims = "\n".join(f"{key} = {value}" for key, value in body.get("claims", {}).items())
            page = site.post(form_path, **{**body, "claims": claims})
            missing = [error["message"] for error in errors if error["message"] not in read_text(page.text)]
            if page.status_code != 400 or missing:
                wrong[f"{name}, in the form"] = missing
    assert wrong == {}
    assert list_all(TrustedPublisher.id) == []
    assert caller.post(f"{path}?strict=true", json={**GITHUB, "branch": "main"}).status_code == 400


def test_the_api_adds_lists_tries_and_removes(make: Factory, owner: Organisation, product_id: str) -> None:
    caller = make.caller(owner)
    path = f"/v3/products/{product_id}/trusted-publishers"
    trial = caller.post(f"{path}?validateOnly=true", json={**GITLAB, "branch": "main", "environment": None})
    assert trial.get_json()["normalized"] == {
        "kind": "gitlab",
        "issuer": GITLAB_ISSUER,
        "projectPath": "group/sub/rocket",
        "configPath": ".gitlab-ci.yml",
        "ref": "",
        "environment": "",
        "protectedOnly": False,
        "ownerId": "",
    }
    assert trial.headers["Slipway-Ignored-Fields"] == "branch"
    first = caller.post(path, json=GITHUB)
    assert (first.status_code, first.headers["Location"]) == (
        201,
        f"http://localhost:8000{path}/{first.get_json()['id']}",
    )
    made = first.get_json()
    assert {"issuer": GITHUB_ISSUER, "environment": "", "lastUsedAt": None}.items() <= made.items()
    again = caller.post(path, json={**GITHUB, "repository": "Acme/Rocket"})
    assert (again.status_code, again.headers["Idempotent-Replayed"], again.get_json()) == (200, "true", made)
    assert caller.post(path, json={**GITHUB, "ownerId": "7"}).status_code == 409
    other = caller.post(path, json={"kind": "other", "issuer": OWN, "claims": {"sub": "7"}}).get_json()
    assert caller.get(path).get_json() == [made, other]
    assert [it["id"] for it in caller.get(f"{path}?limit=1&page=2").get_json()] == [other["id"]]
    assert caller.get(f"{path}/{made['id']}").get_json() == made
    assert caller.post(f"{path}/{made['id']}/revoke-tokens").status_code == 200
    assert caller.request("DELETE", f"{path}/{made['id']}").status_code == 204
    assert caller.get(f"{path}/{made['id']}").status_code == 404
    reader = make.caller(owner, "product:read", "release:write")
    assert reader.get(path).status_code == 200
    assert reader.post(path, json=GITHUB).status_code == 403
    assert reader.request("DELETE", f"{path}/{other['id']}").status_code == 403
    assert caller.request("DELETE", f"/v3/products/{product_id}").status_code == 204
    assert list_all(TrustedPublisher.id) == []
    assert [it for it in list_actions(owner) if it.startswith("publisher.")] == [
        *("publisher.created", "publisher.created", "publisher.deleted")
    ]


def test_so_many_are_trusted_and_no_more(
    make: Factory, owner: Organisation, product_id: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "PUBLISHER_LIMIT", 1)
    path = f"/v3/products/{product_id}/trusted-publishers"
    answers = [make.caller(owner).post(path, json={**GITHUB, "workflow": f"{it}.yml"}) for it in "ab"]
    assert [answer.status_code for answer in answers] == [201, 409]


def test_a_job_is_added_and_removed_in_the_portal_and_its_lines_can_be_copied(
    make: Factory, owner: Organisation, product_id: str
) -> None:
    site, path = Site(make, owner), f"/products/{product_id}/trusted-publishers"
    assert "0 jobs of CI" in site.get(f"/products/{product_id}")
    assert "No trusted publishers yet" in site.get(path)
    assert 'name="issuer"' in site.get(f"{path}/new")
    assert 'value=".gitlab-ci.yml"' in site.get(f"{path}/new?kind=gitlab")
    sent = {
        **GITHUB,
        "repository": " acme/rocket ",
        "environment": 'pro"duction',
        "ownerId": "",
        "issuer": GITHUB_ISSUER,
    }
    answer = site.post(f"{path}/new", **sent)
    assert (answer.status_code, answer.headers["Location"].partition("#")[0]) == (303, path)
    page = site.get(path)
    assert "acme/rocket is trusted now." in page
    lines = page.partition('id="snippet-')[2].partition(">")[2].partition("</code>")[0]
    job = yaml.safe_load(lines)["jobs"]["release"]
    assert (job["environment"], job["env"]) == ('pro"duction', {"SLIPWAY_URL": "http://localhost:8000"})
    assert f"slipway.py create --product {product_id}" in job["steps"][1]["run"]
    assert ".github/workflows/release.yml" in page
    site.post(f"{path}/new", kind="other", issuer=OWN, claims="sub = org/1\n\nref = main\n")
    assert list_all(TrustedPublisher.members)[1] == {"claims": {"sub": "org/1", "ref": "main"}}
    bad = site.post(f"{path}/new", kind="other", issuer=OWN, claims="sub\nsub = 1\nsub = 2")
    assert "Line 1 of the claims must look like name = value." in read_text(bad.text)
    assert "sub = 2</textarea>" in bad.text
    for publisher_id in list_all(TrustedPublisher.id):
        assert site.post(f"{path}/{publisher_id}/revoke-tokens").status_code == 303
        assert site.post(f"{path}/{publisher_id}/delete").headers["Location"] == path
    assert list_all(TrustedPublisher.id) == []


def test_whoever_may_not_change_products_sees_and_changes_nothing(
    make: Factory, owner: Organisation, product_id: str
) -> None:
    path = f"/products/{product_id}/trusted-publishers"
    publisher_id = make.caller(owner).post(f"/v3{path}", json=GITHUB).get_json()["id"]
    viewer = Site(make, make.member(owner, "viewer"))
    page = viewer.get(path)
    assert "acme/rocket" in page
    assert f"{path}/new" not in page
    assert 'method="post"' not in page.partition("<main")[2].partition("</main>")[0]
    assert viewer.get(f"{path}/new", 403)
    for target in (f"{path}/new", f"{path}/{publisher_id}/delete", f"{path}/{publisher_id}/revoke-tokens"):
        assert viewer.post(target, **GITHUB).status_code == 403
    assert list_all(TrustedPublisher.id) == [publisher_id]


def test_what_was_typed_comes_back_after_the_session_has_ended(
    make: Factory, owner: Organisation, product_id: str
) -> None:
    site, path = Site(make, owner), f"/products/{product_id}/trusted-publishers/new"

    site.browser.delete_cookie("slipway_session")
    answer = site.post(path, **{**GITLAB, "protectedOnly": "true", "ref": "main"})
    assert 'value="group/sub/rocket"' in answer.text
    assert 'value="main"' in answer.text
    assert "checked" in answer.text
    assert "Sign in again" in answer.text
    assert list_all(TrustedPublisher.id) == []
