"""Access tokens by the API: made once, given no more than their maker has, and refused as soon as they are revoked."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import select, update

from app.accounts import tokens
from app.accounts.models import AccessToken
from app.audit.models import AuditEntry
from app.database import transaction
from app.extensions import db
from app.times import format_time, now, parse_time
from tests.factories import Caller, Factory, Organisation

PATH = "/v3/personal-access-tokens"
MEMBERS = ["id", "name", "scopes", "expiresAt", "revoked", "createdAt", "updatedAt", "userId", "lastUsedAt"]
CI = {"name": "CI", "scopes": ["release:write", "release:read", "release:read"]}


def build_caller(app: Flask, made: dict[str, Any]) -> Caller:
    """Gives a client with a token that was answered."""
    return Caller(app.test_client(), made["accessToken"])


def test_a_token_is_answered_once_and_may_what_was_asked_for(app: Flask, caller: Caller) -> None:
    answer = caller.post(PATH, json={**CI, "expiresAt": None, "color": "red"})
    made = answer.get_json()
    assert (answer.status_code, list(made)) == (201, ["accessToken", *MEMBERS])
    assert (answer.headers["Cache-Control"], answer.headers["Slipway-Ignored-Fields"]) == ("no-store", "color")
    assert (made["scopes"], made["revoked"]) == (["release:read", "release:write"], False)
    expires_at = parse_time(made["expiresAt"])
    assert expires_at is not None
    assert timedelta(days=89) < expires_at - now() <= timedelta(days=90)
    path = f"{PATH}/{made['id']}"
    assert answer.headers["Location"].endswith(path)
    got = caller.get(path)
    assert got.get_json() == {name: made[name] for name in MEMBERS}
    assert got.headers["ETag"] == answer.headers["ETag"]
    job = build_caller(app, made)
    assert job.get("/v3/releases").status_code == 200
    assert job.get("/v3/webhooks").status_code == 403
    assert job.get(PATH).get_json()["scope"] == "personalAccessToken:write"
    renamed = caller.request("PATCH", path, json={**got.get_json(), "name": "Nightly", "revoked": None})
    assert (renamed.status_code, renamed.get_json()["name"]) == (200, "Nightly")
    tried = caller.request("PATCH", f"{path}?validateOnly=true", json={"revoked": True}).get_json()
    assert tried["normalized"] == {"name": "Nightly", "revoked": True}
    assert job.get("/v3/releases").status_code == 200
    revoked = caller.request("PATCH", path, json={"revoked": True})
    assert (revoked.status_code, revoked.get_json()["revoked"]) == (200, True)
    assert job.get("/v3/releases").headers["WWW-Authenticate"] == 'Bearer error="invalid_token"'
    assert caller.request("PATCH", path, json={"revoked": True}).get_json() == revoked.get_json()
    back = caller.request("PATCH", path, json={"revoked": False})
    assert (back.status_code, back.get_json()["code"]) == (409, "conflict")
    assert caller.request("DELETE", path).status_code == 204
    assert caller.get(path).status_code == 404
    entries = select(AuditEntry.action).where(AuditEntry.entity_id == made["id"]).order_by(AuditEntry.id)
    assert list(db.session.scalars(entries)) == [f"token.{it}" for it in ("created", "updated", "revoked", "deleted")]


def test_whoever_deletes_a_token_that_is_in_use_ends_it(app: Flask, caller: Caller) -> None:
    made = caller.post(PATH, json={"name": "Short", "scopes": ["personalAccessToken:write"]}).get_json()
    own = build_caller(app, made)
    assert own.request("DELETE", f"{PATH}/{made['id']}").status_code == 204
    assert own.get(PATH).status_code == 401


def test_nobody_gives_away_more_than_they_have(app: Flask, make: Factory, owner: Organisation, caller: Caller) -> None:
    narrow = make.caller(owner, "release:read", "personalAccessToken:write")
    refused = narrow.post(PATH, json=CI)
    assert refused.status_code == 400
    assert [(it["field"], it["code"]) for it in refused.get_json()["errors"]] == [("scopes", "not_allowed")]
    given = narrow.post(PATH, json={"name": "x", "scopes": ["release:read", "personalAccessToken:write"]}).get_json()
    again = build_caller(app, given).post(PATH, json={"name": "y", "scopes": ["release:write"]})
    assert again.status_code == 400
    editor = make.member(owner, "editor")
    _, token = tokens.create_token(editor.actor, "theirs", ["personalAccessToken:write", "release:read"], 1)
    theirs = Caller(app.test_client(), token)
    assert theirs.post(PATH, json={"name": "x", "scopes": ["webhook:read"]}).status_code == 400
    made = theirs.post(PATH, json={"name": "x", "scopes": ["release:read"]}).get_json()
    # Whoever manages users sees those of others, and may revoke them; everybody else has their own.
    assert made["id"] not in [row["id"] for row in caller.get(PATH).get_json()]
    everybodys = caller.get(f"{PATH}?owner=all&userId={editor.actor.user_id}").get_json()
    assert [row["name"] for row in everybodys] == ["theirs", "x"]
    assert theirs.get(f"{PATH}?owner=all").get_json()["scope"] == "user:write"
    (own, *_) = caller.get(PATH).get_json()
    methods: dict[str, dict[str, Any]] = {"GET": {}, "PATCH": {"json": {"revoked": True}}, "DELETE": {}}
    for method, options in methods.items():
        assert theirs.request(method, f"{PATH}/{own['id']}", **options).status_code == 404
    assert caller.request("PATCH", f"{PATH}/{made['id']}", json={"revoked": True}).status_code == 200
    assert build_caller(app, made).get("/v3/releases").status_code == 401


def test_what_breaks_rules_is_told_at_once(caller: Caller) -> None:
    wrong: list[tuple[dict[str, Any], list[tuple[str, str]]]] = [
        ({}, [("name", "required"), ("scopes", "required")]),
        ({"name": 1, "scopes": "release:read"}, [("name", "wrong_type"), ("scopes", "wrong_type")]),
        ({**CI, "scopes": ["root", 5]}, [("scopes", "wrong_type")]),
        ({**CI, "scopes": ["root"], "expiresAt": "soon"}, [("scopes", "unknown_scope"), ("expiresAt", "invalid_time")]),
        ({**CI, "expiresAt": 5, "x": 1}, [("expiresAt", "wrong_type"), ("x", "unknown_field")]),
        ({**CI, "expiresAt": format_time(now())}, [("expiresAt", "in_the_past")]),
        ({**CI, "expiresAt": format_time(now() + timedelta(days=366))}, [("expiresAt", "out_of_range")]),
    ]
    for body, expected in wrong:
        answer = caller.post(f"{PATH}?strict=true", json=body)
        assert answer.status_code == 400, body
        assert [(it["field"], it["code"]) for it in answer.get_json()["errors"]] == expected
    before = len(caller.get(PATH).get_json())
    body = {**CI, "expiresAt": "2099-01-01T00:00:00Z"}
    assert caller.post(f"{PATH}?validateOnly=true", json=body).status_code == 400
    body["expiresAt"] = format_time((now() + timedelta(days=365)).replace(microsecond=0))
    trial = caller.post(f"{PATH}?validateOnly=true", json=body)
    assert trial.get_json()["normalized"] == {**body, "scopes": ["release:read", "release:write"]}
    assert len(caller.get(PATH).get_json()) == before
    made = caller.post(PATH, json=body).get_json()
    assert made["expiresAt"] == body["expiresAt"]
    changed = caller.request(
        "PATCH", f"{PATH}/{made['id']}", json={"scopes": ["release:read"], "expiresAt": format_time(now())}
    )
    assert [(it["field"], it["code"]) for it in changed.get_json()["errors"]] == [
        ("scopes", "read_only"),
        ("expiresAt", "read_only"),
    ]


def test_a_create_that_is_sent_again_under_its_key_makes_one(caller: Caller) -> None:
    headers = {"Idempotency-Key": "once"}
    first, again = (caller.post(PATH, json=CI, headers=headers) for _ in range(2))
    assert (first.status_code, again.status_code, again.headers["Idempotent-Replayed"]) == (201, 200, "true")
    assert first.get_json() == again.get_json()
    assert caller.post(PATH, json={**CI, "name": "Other"}, headers=headers).status_code == 422
    token_id = first.get_json()["id"]
    with transaction() as session:
        session.execute(
            update(AccessToken).where(AccessToken.id == token_id).values(created_at=now() - timedelta(minutes=2))
        )
    late = caller.post(PATH, json=CI, headers=headers)
    assert (late.status_code, late.get_json()["existing"]["id"]) == (409, token_id)
    assert "accessToken" not in late.get_json()


def test_tokens_are_listed_filtered_and_paged(caller: Caller) -> None:
    ids = [caller.post(PATH, json={**CI, "name": name}).get_json()["id"] for name in ("one", "two", "three")]
    caller.request("PATCH", f"{PATH}/{ids[-1]}", json={"revoked": True})
    expected = {
        "": ["test", "one", "two", "three"],
        "?name[sw]=t&sort=-createdAt": ["three", "two", "test"],
        "?revoked=True": ["three"],
        "?revoked=false&page=2&limit=2": ["two"],
        "?page=3&limit=2": [],
        f"?expiresAt[lt]={format_time(now() + timedelta(days=2))}": ["test"],
    }
    found = {query: [row["name"] for row in caller.get(f"{PATH}{query}").get_json()] for query in expected}
    assert found == expected
    assert caller.get(f"{PATH}?owner=you&revoked=1").status_code == 400
