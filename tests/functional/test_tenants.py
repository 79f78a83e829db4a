"""No row crosses the border of a tenant, whatever route it is asked by."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from flask import Flask
from sqlalchemy import select
from werkzeug.routing import Rule

from app.accounts import tokens
from app.accounts.models import UserSession
from app.download_keys import service as download_keys
from app.download_keys.schema import DownloadKeySchema
from app.extensions import db
from app.imports import service as imports
from app.members import invitations
from app.members.schema import parse_invitation
from app.note_templates import service as templates
from app.note_templates.schema import NoteTemplateSchema
from tests.factories import Factory, Organisation, find_csrf_token
from tests.importing import CHANGELOG
from tests.recorded import FILE
from tests.working import claim

UNKNOWN_ID = "0f8fad5b-d9cb-469f-a165-70867728950e"
ID_ARGUMENTS = {
    "channel_id",
    "delivery_id",
    "download_key_id",
    "event_log_id",
    "file_id",
    "identity_id",
    "import_id",
    "invitation_id",
    "member_id",
    "platform_id",
    "product_id",
    "publisher_id",
    "release_id",
    "session_id",
    "template_id",
    "token_id",
    "webhook_id",
}


def list_routes(app: Flask) -> list[tuple[str, Rule]]:
    """Gives each method and route that takes the id of something that belongs to a tenant."""
    rules = [rule for rule in app.url_map.iter_rules() if rule.arguments & ID_ARGUMENTS]
    return [(method, rule) for rule in rules for method in sorted((rule.methods or set()) - {"HEAD", "OPTIONS"})]


def build_path(rule: Rule, ids: Mapping[str, str]) -> str:
    """Gives the path of a route with an id in each place: the one of its argument, or one that nobody has."""
    return re.sub(r"<(?:[^>:]+:)?([^>]+)>", lambda match: ids.get(match[1], UNKNOWN_ID), rule.rule)


def get_session_id(make: Factory, owner: Organisation) -> str:
    """Signs an owner in; gives the id of the session."""
    make.browser(owner)
    db.session.rollback()
    return db.session.scalars(select(UserSession.id).where(UserSession.tenant_id == owner.tenant_id)).one()


def normalize(answer: Any, ids: Mapping[str, str]) -> str:
    """Gives an answer without what differs between any two requests."""
    text: str = answer.text
    for entity_id in (*ids.values(), UNKNOWN_ID):
        text = text.replace(entity_id, "ID")
    # A request has an id of its own, and the token of a form holds the second in which it was made.
    return re.sub(r'[0-9a-f]{32}|name="csrf_token" value="[^"]*"', "", text)


def test_every_route_answers_another_tenants_id_like_an_unknown_one(app: Flask, make: Factory) -> None:
    mine, theirs = make.organisation(), make.organisation()
    product = make.product(theirs)
    body = {"name": "Secret", "version": "1.0", "productId": product.id}
    stranger = make.caller(theirs)
    webhook_id = make.webhook(theirs, "http://127.0.0.1:9/").id
    release_id = stranger.post("/v3/releases", json=body).get_json()["id"]
    claim(1)
    (attempt,) = stranger.get("/v3/webhook-event-logs").get_json()
    foreign = {
        "release_id": release_id,
        "file_id": stranger.post("/v3/release-files", json={**FILE, "releaseId": release_id}).get_json()["id"],
        "webhook_id": webhook_id,
        "identity_id": make.identity(theirs),
        "import_id": imports.create_import(
            theirs.actor, CHANGELOG.encode(), imports.parse_options(theirs.actor, {"productId": product.id})
        )[0].entity.id,
        "product_id": product.id,
        "template_id": templates.create_template(theirs.actor, product.id, NoteTemplateSchema(name="x", notes="x")).id,
        "delivery_id": attempt["deliveryId"],
        "download_key_id": download_keys.create_key(theirs.actor, product.id, DownloadKeySchema(name="x")).row.id,
        "event_log_id": attempt["id"],
        "member_id": theirs.actor.user_id,
        "publisher_id": stranger.post(
            f"/v3/products/{product.id}/trusted-publishers",
            json={"kind": "github", "repository": "acme/rocket", "workflow": "release.yml"},
        ).get_json()["id"],
        "channel_id": stranger.post("/v3/release-channels", json={"name": "theirs"}).get_json()["id"],
        "platform_id": stranger.post("/v3/release-platforms", json={"name": "theirs"}).get_json()["id"],
        "session_id": get_session_id(make, theirs),
        "token_id": tokens.create_token(theirs.actor, "theirs", ["release:read"])[0].id,
        "invitation_id": invitations.invite(theirs.actor, parse_invitation("x@example.test", "viewer")).invitation.id,
    }
    caller, browser = make.caller(mine), make.browser(mine)
    token = find_csrf_token(browser.get("/releases/new").text)
    routes = list_routes(app)
    assert len(routes) >= 50
    for method, rule in routes:
        answers = []
        for ids in (foreign, {}):
            path = build_path(rule, ids)
            if path.startswith("/v3/"):
                answer = caller.request(method, path, **({"json": {}} if method == "PATCH" else {}))
            else:
                valid = {
                    "name": "x",
                    "url": "http://127.0.0.1:9/",
                    "events": "release.created",
                    "role": "viewer",
                    "csrf_token": token,
                }
                answer = browser.open(path, method=method, data=valid if method == "POST" else None)
            assert answer.status_code == 404, (method, path, answer.text)
            answers.append(normalize(answer, foreign))
        assert answers[0] == answers[1], rule.rule


def test_lists_and_events_hold_own_rows_only(app: Flask, make: Factory) -> None:
    mine, theirs = make.organisation(), make.organisation()
    make.webhook(mine, "http://127.0.0.1:9/mine")
    body = {"name": "Their secret", "version": "1.0", "productId": make.product(theirs, "Hidden").id}
    created = make.caller(theirs).post("/v3/releases", json=body)
    assert created.status_code == 201
    caller, browser = make.caller(mine), make.browser(mine)
    release_id = created.get_json()["id"]
    make.caller(theirs).post("/v3/release-files", json={**FILE, "releaseId": release_id})
    for collection in ("release-channels", "release-platforms"):
        make.caller(theirs).post(f"/v3/{collection}", json={"name": "theirs"})
    for path in (
        "/v3/products",
        "/v3/release-channels",
        "/v3/release-platforms",
        "/v3/releases",
        f"/v3/releases?productId={body['productId']}",
        "/v3/releases?query=secret",
        "/v3/release-files",
        f"/v3/release-files?releaseId={release_id}",
    ):
        assert caller.get(path).get_json() == []
    for path in ("/releases", f"/releases?product_id={body['productId']}", "/products", "/webhooks"):
        page = browser.get(path).text
        assert "Their secret" not in page
        assert "Hidden" not in page


def test_the_same_names_may_stand_in_two_tenants(make: Factory) -> None:
    for owner in (make.organisation(), make.organisation()):
        body = {"name": "App", "version": "1.0", "productId": make.product(owner, "Same name").id}
        assert make.caller(owner).post("/v3/releases", json=body).status_code == 201
