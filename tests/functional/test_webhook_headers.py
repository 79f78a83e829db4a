"""The owner's own headers: what may be one, and who sees it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

import pytest
from sqlalchemy import select, update

from app.audit.models import AuditEntry
from app.database import transaction
from app.extensions import db
from app.webhooks import headers, sealing
from app.webhooks.header_names import is_reserved
from app.webhooks.models import Webhook
from tests.corpora import load_corpus
from tests.factories import Caller

# What a header may be is a rule of its own; that webhooks are stored on either database, others test.
pytestmark = pytest.mark.once

BODY: dict[str, Any] = {"name": "CI", "url": "http://127.0.0.1:9/hook", "events": ["release.created"]}
ROWS = load_corpus("webhook_headers")["cases"]
MASK = "••••••"


def build_headers(row: Mapping[str, Any]) -> Any:
    """Takes a row of the corpus; gives its headers as JSON, those that no object can spell as pairs."""
    if "headers_expr" in row:
        found = eval(row["headers_expr"])
        return dict(found) if isinstance(found, list) else found
    value = eval(row["value_expr"]) if "value_expr" in row else json.loads(row["value_json"])
    name = json.loads(row["name_json"])
    return {name: value} if isinstance(name, str) else [[name, value]]


def read_stored() -> dict[str, str]:
    """Gives the headers of the one webhook that there is, as a delivery would have them."""
    db.session.rollback()
    return sealing.open_headers(db.session.scalars(select(Webhook.headers)).one())


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["id"])
def test_every_header_of_the_corpus_gets_its_verdict(caller: Caller, row: dict[str, Any]) -> None:
    answer = caller.post("/v3/webhooks", json={**BODY, "headers": build_headers(row)})
    recommended = row.get("recommend", "").partition(":")[0]
    expect = recommended if row["expect"] == "silent" else row["expect"]
    if answer.status_code == 201:
        assert expect in ("accept", "")
        assert read_stored() == build_headers(row)
    else:
        assert expect != "accept"
        assert answer.status_code == 400, answer.text
        assert {error["field"] for error in answer.get_json()["errors"]} == {"headers"}


@pytest.mark.parametrize(
    "name",
    [
        "Host", "TE", "Trailer", "Connection", "Proxy-Connection", "Via", "Forwarded", "Content-Type", "Content_Length",
        "Content-Transfer-Encoding", "X_Forwarded_For", "x.real.ip", "X-Forwarded-Client-Cert", "webhook-anything",
        "WEBHOOK-SIGNATURE", "Slipway-Ignored-Fields", "Metadata", "Metadata-Flavor", "metadata_flavor",
        "X-aws-ec2-metadata-token", "X-aws-ec2-metadata-token-ttl-seconds", "X-Google-Metadata-Request",
        "X-Vault-Request",
        "X-Original-URL", "X-Rewrite-URL", "X-HTTP-Method-Override", "X-Accel-Redirect", "X-Sendfile", "X-Remote-User",
        "CF-Connecting-IP", "True-Client-IP", "Sec-Fetch-Site", "Access-Control-Allow-Origin", "Traceparent", "Cookie2",
        "Idempotency-Key", "*", "-",
    ],
)  # fmt: skip
def test_a_name_with_a_meaning_of_its_own_is_reserved_in_any_spelling(name: str) -> None:
    assert is_reserved(name)
    ((code, message),) = headers.find_errors({name: "v"}, may_keep=False)
    assert (code, json.dumps(name) in message) == ("reserved_name", True)


@pytest.mark.parametrize(
    "name",
    [
        "Authorization", "authorization", "X-Api-Key", "Api-Key", "X-GitHub-Token", "X-Auth-Token", "X-Gitlab-Token",
        "CF-Access-Client-Id", "CF-Access-Client-Secret", "X-Tenant", "Tenant_Id", "!#$%&'*+-.^_`|~a", "X" * 64,
    ],
)  # fmt: skip
def test_a_name_of_ones_own_is_free(name: str) -> None:
    assert headers.find_errors({name: "v"}, may_keep=False) == []


def test_every_broken_header_is_told_at_once(caller: Caller) -> None:
    wrong = {
        "Host": "a",
        "X A": "b",
        "X-B": 5,
        "X-C": " top-secret",
        "\ud800": "d",
        "X-D": "e" * 4097,
        "X-E": "f",
        "x_e": "g",
    }
    # json.dumps, for the test client's own writes no half of a surrogate pair.
    body = json.dumps({**BODY, "name": "", "headers": wrong})
    answer = caller.post("/v3/webhooks", data=body, content_type="application/json")
    # A value is a secret, also where it is refused.
    assert "top-secret" not in answer.text
    found = [(error["field"], error["code"]) for error in answer.get_json()["errors"]]
    assert found == [
        ("name", "required"),
        ("headers", "reserved_name"),
        ("headers", "invalid_name"),
        ("headers", "wrong_type"),
        ("headers", "invalid_value"),
        ("headers", "invalid_name"),
        ("headers", "value_too_long"),
        ("headers", "duplicate_name"),
    ]


@pytest.mark.parametrize("sent", [[], "X-A: 1", 5, True, [["X-A", "1"]]], ids=repr)
def test_headers_are_an_object_and_nothing_else(caller: Caller, sent: Any) -> None:
    answer = caller.post("/v3/webhooks", json={**BODY, "headers": sent})
    assert [(error["field"], error["code"]) for error in answer.get_json()["errors"]] == [("headers", "wrong_type")]


def test_fifty_headers_of_sixteen_kib_together_are_the_most() -> None:
    most = {f"X-{number:02}": "v" * 323 for number in range(50)}
    assert headers.find_errors(most, may_keep=False) == []
    for change in ({"X-50": "v"}, {"X-49": "v" * 400}):
        assert len(headers.find_errors(most | change, may_keep=False)) == 1


def test_values_are_shown_to_nobody_and_stored_encrypted(caller: Caller) -> None:
    sent = {"Authorization": "Bearer top-secret-1", "X-Team": "top-secret-2"}
    created = caller.post("/v3/webhooks", json={**BODY, "headers": sent})
    assert created.get_json()["headers"] == {"Authorization": MASK, "X-Team": MASK}
    path = f"/v3/webhooks/{created.get_json()['id']}"
    for answer in (created, caller.get(path), caller.get("/v3/webhooks")):
        assert "top-secret" not in answer.text
    assert read_stored() == sent
    assert b"top-secret" not in (db.session.scalars(select(Webhook.headers)).one() or b"")
    assert all("top-secret" not in str(entry.details) for entry in db.session.scalars(select(AuditEntry)))


def test_the_mask_keeps_a_value_and_what_is_left_out_goes(caller: Caller) -> None:
    sent = {"Authorization": "Bearer one", "X-Old": "old"}
    path = f"/v3/webhooks/{caller.post('/v3/webhooks', json={**BODY, 'headers': sent}).get_json()['id']}"

    def change(value: Any) -> int:
        return caller.request("PATCH", path, json={"headers": value}).status_code

    assert change(None) == 200
    assert read_stored() == sent
    assert change({"authorization": MASK, "X-New": "new"}) == 200
    assert read_stored() == {"authorization": "Bearer one", "X-New": "new"}
    refused = caller.request("PATCH", path, json={"headers": {"X-Other": MASK}})
    assert (refused.status_code, refused.get_json()["errors"][0]["field"]) == (400, "headers")
    assert caller.post("/v3/webhooks", json={**BODY, "headers": {"X-A": MASK}}).status_code == 400
    assert change({}) == 200
    assert read_stored() == {}


ELSEWHERE = ["https://127.0.0.1:9/hook", "http://127.0.0.2:9/hook", "http://127.0.0.1:9000/hook"]


@pytest.mark.parametrize("url", ELSEWHERE)
@pytest.mark.parametrize("sent", [None, {"X-Team": MASK}, {"Authorization": MASK, "X-Team": "web"}], ids=str)
def test_what_is_stored_does_not_go_to_another_host(caller: Caller, url: str, sent: dict[str, str] | None) -> None:
    stored = {"Authorization": "Bearer one", "X-Team": "web"}
    webhook = caller.post("/v3/webhooks", json={**BODY, "headers": stored}).get_json()
    path = f"/v3/webhooks/{webhook['id']}"
    refused = caller.request("PATCH", path, json={"name": "New", "url": url, "headers": sent})
    assert refused.status_code == 400
    message = "Headers must be given anew, because the URL leads to another host."
    assert refused.get_json()["errors"] == [{"field": "headers", "code": "not_kept", "message": message}]
    assert caller.get(path).get_json() == webhook
    assert read_stored() == stored


@pytest.mark.parametrize("url", ELSEWHERE)
@pytest.mark.parametrize("sent", [{}, {"Authorization": "Bearer two"}], ids=str)
def test_headers_that_are_given_anew_or_removed_let_the_url_lead_elsewhere(
    caller: Caller, url: str, sent: dict[str, str]
) -> None:
    path = f"/v3/webhooks/{caller.post('/v3/webhooks', json={**BODY, 'headers': {'X-Team': 'web'}}).get_json()['id']}"
    assert caller.request("PATCH", path, json={"url": url, "headers": sent}).get_json()["url"] == url
    assert read_stored() == sent


@pytest.mark.parametrize("url", ["http://127.0.0.1:9/", "HTTP://127.0.0.1:9/other?x=1", BODY["url"]])
def test_headers_stay_on_the_same_host(caller: Caller, url: str) -> None:
    stored = {"Authorization": "Bearer one", "X-Team": "web"}
    path = f"/v3/webhooks/{caller.post('/v3/webhooks', json={**BODY, 'headers': stored}).get_json()['id']}"
    for sent in (None, dict.fromkeys(stored, MASK)):
        assert caller.request("PATCH", path, json={"url": url, "headers": sent}).status_code == 200
        assert read_stored() == stored


def test_the_default_port_is_the_same_host_and_without_headers_any_url_will_do(caller: Caller) -> None:
    stored = {"headers": {"X-A": "1"}, "url": "https://127.0.0.1/hook"}
    path = f"/v3/webhooks/{caller.post('/v3/webhooks', json={**BODY, **stored}).get_json()['id']}"
    assert caller.request("PATCH", path, json={"url": "https://127.0.0.1:443/"}).status_code == 200
    assert caller.request("PATCH", path, json={"headers": {}}).status_code == 200
    assert caller.request("PATCH", path, json={"url": BODY["url"]}).status_code == 200


def test_headers_that_cannot_be_read_any_more_go_nowhere_else_and_can_be_removed(caller: Caller) -> None:
    path = f"/v3/webhooks/{caller.post('/v3/webhooks', json={**BODY, 'headers': {'X-A': '1'}}).get_json()['id']}"
    with transaction() as session:
        session.execute(update(Webhook).values(headers=b"damaged"))
    assert caller.request("PATCH", path, json={"url": ELSEWHERE[0]}).status_code == 400
    assert caller.request("PATCH", path, json={"url": ELSEWHERE[0], "headers": {}}).status_code == 200
    assert read_stored() == {}


def test_none_of_ours_is_replaced_and_what_was_stored_is_judged_again() -> None:
    ours = {"User-Agent": "Slipway-Webhooks/1", "webhook-id": "1"}
    custom = {"user_agent": "curl", "Webhook-Id": "2", "Host": "other", "X-A": "1\r\nX-B: 2", "X-Team": "blue"}
    assert headers.merge(ours, custom) == {**ours, "X-Team": "blue"}
