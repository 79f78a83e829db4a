"""Every body of the corpus through the API: the verdict is right, and after a refusal nothing is there."""

from __future__ import annotations

import json
from typing import Any

import pytest
from sqlalchemy import func, select

from app.extensions import db
from app.releases.models import Release
from app.webhooks.models import Event
from tests.corpora import build_body, load_corpus
from tests.factories import Factory

pytestmark = pytest.mark.once

CORPUS = load_corpus("release_bodies")
ROWS: list[dict[str, Any]] = CORPUS["cases"]
# The contract counts after CRLF has become LF, and it wins over the corpus: 2,049 line ends are 2,049 characters.
CONTRACT_WINS = {"length/notes-2049-crlf": "ok"}
STATUSES = {"ok": {201}, "bad": {400}, "type": {415}, "big": {400, 413}}


def count_rows() -> tuple[int, int]:
    """Gives the number of releases and of events."""
    db.session.rollback()
    releases = db.session.scalar(select(func.count()).select_from(Release))
    events = db.session.scalar(select(func.count()).select_from(Event))
    return releases or 0, events or 0


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_a_body_gets_its_verdict(make: Factory, row: dict[str, Any]) -> None:
    own, other = make.organisation(), make.organisation()
    caller, product, foreign = make.caller(own), make.product(own), make.product(other)
    names = {
        "PRODUCT": product.id,
        "PRODUCT_UPPER": product.id.upper(),
        "PRODUCT_HEX": product.id.replace("-", ""),
        "FOREIGN": foreign.id,
        "OTHER_TENANT": other.tenant_id,
    }
    headers = dict(row.get("headers", {}))
    if row.get("content_type") is not None:
        headers["Content-Type"] = row["content_type"]
    answer = caller.post("/v3/releases", data=build_body(row, CORPUS["BASE"], names), headers=headers)
    verdict = CONTRACT_WINS.get(row["id"], row["expect"])
    if verdict == "silent":
        assert 200 <= answer.status_code < 500
    else:
        assert answer.status_code in STATUSES[verdict], answer.text
    if answer.status_code == 201:
        assert count_rows() == (1, 1)
        check_stored(row, answer.get_json(), names)
    else:
        assert count_rows() == (0, 0)
        check_problem(answer.get_json(force=True), answer.status_code, caller.token)
        assert answer.content_type == "application/problem+json"


def check_stored(row: dict[str, Any], stored: dict[str, Any], names: dict[str, str]) -> None:
    """The stored release is the one that was sent."""
    if row["expect"] != "ok":
        return
    sent = json.loads(build_body(row, CORPUS["BASE"], names))
    for member in ("name", "version", "channel", "private", "notes", "platforms"):
        if sent.get(member) is not None:
            assert stored[member] == sent[member]
    assert stored["createdAt"] == row.get("stored_utc", stored["createdAt"])


def check_problem(problem: dict[str, Any], status: int, token: str) -> None:
    """The answer is a problem document that tells nothing that it should not."""
    assert problem["status"] == status
    assert {"type", "title", "detail", "message", "code", "requestId"} <= problem.keys()
    assert problem["message"]
    text = json.dumps(problem)
    assert "Traceback" not in text
    assert token not in text


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
