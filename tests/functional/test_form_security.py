"""What another site can make a browser send, and what must come of it: nothing."""

from __future__ import annotations

import html
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from werkzeug.routing import Rule

from app import times
from app.accounts import links, tokens
from app.download_keys import service as download_keys
from app.download_keys.schema import DownloadKeySchema
from app.extensions import db
from app.imports import service as imports
from app.members import invitations
from app.members.schema import parse_invitation
from app.note_templates import service as note_templates
from app.note_templates.schema import NoteTemplateSchema
from app.openapi.operations import OPERATIONS
from app.replays import service as replays
from app.webhooks import samples
from app.webhooks.models import Delivery, Event
from tests.factories import PASSWORD, Factory, Organisation, find_csrf_token
from tests.importing import CHANGELOG, create
from tests.people import get_user
from tests.recorded import FILE
from tests.replaying import fill

pytestmark = pytest.mark.once

RELEASE = {"name": "My App", "version": "1.2.0", "channel": "stable", "notes": "# Typed by hand"}


@dataclass(frozen=True)
class Target:
    """A route that changes something, and what makes it do so."""

    path: str
    options: dict[str, Any]
    status: int = 303


@dataclass(frozen=True)
class Site:
    """A signed-in browser, and every form of the site."""

    owner: Organisation
    browser: FlaskClient
    token: str
    targets: dict[str, Target]


@pytest.fixture
def site(make: Factory) -> Site:
    """Makes something for every form to change."""
    owner = make.organisation()
    product = make.product(owner)
    body = {"name": "App", "version": "1.0", "productId": product.id}
    caller = make.caller(owner)
    release_id, draft_id = (
        caller.post("/v3/releases", json={**body, "version": version}).get_json()["id"] for version in ("1.0", "2.0")
    )
    file_id = caller.post("/v3/release-files", json={**FILE, "releaseId": release_id}).get_json()["id"]
    webhook = make.webhook(owner, "http://127.0.0.1:9/")
    webhook_id = webhook.id
    changed = {"name": "Changed", "url": "http://127.0.0.1:9/", "events": "release.created"}
    since = times.format_time(times.now() - timedelta(hours=2))
    tomorrow = f"{times.now() + timedelta(days=1):%Y-%m-%dT%H:%M}"
    for event_type in ("release.created", "release.published"):
        fill(webhook, 1, dead=1, event_type=event_type)
    order = replays.parse_replay({"since": since, "events": ["release.created"]})
    replay_id = replays.create_replay(owner.actor, webhook_id, order).id
    delivery_id = samples.send_test(owner.actor, webhook_id)
    planned_id, deleted_id = (
        caller.post("/v3/releases", json={**body, "version": version}).get_json()["id"] for version in ("3.0", "4.0")
    )
    caller.request("DELETE", f"/v3/releases/{deleted_id}")
    told_id = db.session.scalars(select(Delivery.id).join(Event).where(Event.entity_id == planned_id)).one()
    templates = f"/products/{product.id}/templates"
    template_ids = [
        note_templates.create_template(owner.actor, product.id, NoteTemplateSchema(name=name, notes="x")).id
        for name in ("One", "Two")
    ]
    download_key_id = download_keys.create_key(owner.actor, product.id, DownloadKeySchema(name="x")).row.id
    begun = {"notes": "", "productId": product.id, "beginWith": "template", "noteTemplate": template_ids[0]}
    trusted = f"/products/{product.id}/trusted-publishers"
    job = {"kind": "github", "repository": "acme/rocket"}
    publisher_ids = [
        caller.post(f"/v3{trusted}", json={**job, "workflow": file}).get_json()["id"] for file in ("a.yml", "b.yml")
    ]
    member = make.member(owner, "viewer")
    token_id = tokens.create_token(owner.actor, "CI", ["release:read"])[0].id
    invited = invitations.invite(owner.actor, parse_invitation("invited@example.test", "viewer"))
    assert invited.link is not None
    invitation, invitation_path = invited.invitation.id, urlsplit(invited.link).path
    browser = make.browser(owner)
    targets = {
        "/products": Target("/products", {"data": {"name": "New"}}),
        "/products/<product_id>/edit": Target(f"/products/{product.id}/edit", {"data": {"name": "Changed"}}),
        "/products/<product_id>/delete": Target(f"/products/{make.product(owner).id}/delete", {"data": {}}),
        "/releases": Target("/releases", {"data": {**RELEASE, "productId": product.id}}),
        "/releases/<release_id>/edit": Target(
            f"/releases/{release_id}/edit", {"data": {**RELEASE, "version": "1.1", "productId": product.id}}
        ),
        "/releases/<release_id>/notes": Target(f"/releases/{draft_id}/notes", {"data": {**RELEASE, **begun}}, 200),
        "/releases/<release_id>/files": Target(f"/releases/{release_id}/files", {"data": {**FILE, "name": "new.zip"}}),
        # A file that is sent is gone with its form: what is to be seen here is that its sender gets so far.
        "/releases/<release_id>/files/upload": Target(f"/releases/{release_id}/files/upload", {"data": {}}, 400),
        "/releases/<release_id>/files/content/<file_name>": Target(
            f"/releases/{release_id}/files/content/content.json", {"json": {}}, 200
        ),
        "/releases/<release_id>/files/<file_id>/delete": Target(
            f"/releases/{release_id}/files/{file_id}/delete", {"data": {}}
        ),
        **{
            f"/releases/<release_id>/{step}": Target(f"/releases/{release_id}/{step}", {"data": {}})
            for step in ("archive", "unarchive", "publish")
        },
        "/releases/<release_id>/delete": Target(f"/releases/{draft_id}/delete", {"data": {}}),
        "/releases/<release_id>/restore": Target(f"/releases/{deleted_id}/restore", {"data": {}}),
        "/releases/<release_id>/plan": Target(
            f"/releases/{planned_id}/plan",
            {"data": {"publishDate": tomorrow, "publishZone": "+00:00"}},
        ),
        "/releases/<release_id>/plan/cancel": Target(f"/releases/{planned_id}/plan/cancel", {"data": {}}),
        "/releases/<release_id>/deliveries/<delivery_id>/resend": Target(
            f"/releases/{planned_id}/deliveries/{told_id}/resend", {"data": {}}
        ),
        "/releases/notes": Target("/releases/notes", {"data": {**RELEASE, **begun}}, 200),
        "/products/<product_id>/access": Target(f"/products/{product.id}/access", {"data": {"restricted": "true"}}),
        "/products/<product_id>/access/keys": Target(
            f"/products/{product.id}/access/keys", {"data": {"name": "x"}}, 200
        ),
        "/products/<product_id>/access/keys/<download_key_id>/revoke": Target(
            f"/products/{product.id}/access/keys/{download_key_id}/revoke", {"data": {}}
        ),
        "/products/<product_id>/trusted-publishers/new": Target(
            f"{trusted}/new", {"data": {"kind": "github", "repository": "acme/rocket", "workflow": "new.yml"}}
        ),
        "/products/<product_id>/trusted-publishers/<publisher_id>/revoke-tokens": Target(
            f"{trusted}/{publisher_ids[0]}/revoke-tokens", {"data": {}}
        ),
        "/products/<product_id>/trusted-publishers/<publisher_id>/delete": Target(
            f"{trusted}/{publisher_ids[1]}/delete", {"data": {}}
        ),
        "/products/<product_id>/templates": Target(templates, {"data": {"name": "New", "notes": "x"}}),
        "/products/<product_id>/templates/<template_id>/edit": Target(
            f"{templates}/{template_ids[0]}/edit", {"data": {"name": "Changed", "notes": "x"}}
        ),
        "/products/<product_id>/templates/<template_id>/delete": Target(
            f"{templates}/{template_ids[1]}/delete", {"data": {}}
        ),
        "/releases/hints": Target("/releases/hints", {"data": RELEASE}, 200),
        "/releases/<release_id>/hints": Target(f"/releases/{release_id}/hints", {"data": RELEASE}, 200),
        "/releases/confirmation": Target("/releases/confirmation", {"data": {**RELEASE, "productId": product.id}}, 200),
        "/releases/preview": Target("/releases/preview", {"json": {"notes": "x"}}, 200),
        "/webhooks": Target("/webhooks", {"data": changed}),
        "/webhooks/<webhook_id>": Target(f"/webhooks/{webhook_id}", {"data": changed}),
        "/webhooks/deliveries/<delivery_id>/resend": Target(f"/webhooks/deliveries/{delivery_id}/resend", {"data": {}}),
        "/webhooks/<webhook_id>/replays": Target(
            f"/webhooks/{webhook_id}/replays", {"data": {"since": since, "events": "release.published"}}
        ),
        "/webhooks/<webhook_id>/replays/<replay_id>/cancel": Target(
            f"/webhooks/{webhook_id}/replays/{replay_id}/cancel", {"data": {}}
        ),
        **{
            f"/webhooks/<webhook_id>/{action}": Target(f"/webhooks/{webhook_id}/{action}", {"data": {}})
            for action in ("test", "pause", "resume", "switch-on", "dismiss-notice", "rotate", "cut-over")
        },
        "/webhooks/<webhook_id>/delete": Target(f"/webhooks/{webhook_id}/delete", {"data": {}}),
        **{rule: Target(path, {"data": data}) for rule, path, data in list_import_forms(owner, product.id)},
        "/settings/members/invite": Target(
            "/settings/members/invite", {"data": {"email": "new@example.test", "role": "viewer"}}, 200
        ),
        "/settings/members/<member_id>/role": Target(
            f"/settings/members/{member.actor.user_id}/role", {"data": {"role": "editor"}}
        ),
        **{
            f"/settings/members/<member_id>/{step}": Target(
                f"/settings/members/{member.actor.user_id}/{step}", {"data": {}}
            )
            for step in ("deactivate", "reactivate")
        },
        "/settings/members/invitations/<invitation_id>/renew": Target(
            f"/settings/members/invitations/{invitation}/renew", {"data": {}}, 200
        ),
        "/settings/members/invitations/<invitation_id>/revoke": Target(
            f"/settings/members/invitations/{invitation}/revoke", {"data": {}}
        ),
        # Its link was replaced before: a form without a token is told of that, and nothing else.
        "/invitations/<link>": Target(invitation_path, {"data": {"name": "New", "password": PASSWORD}}, 404),
        "/settings/tokens/new": Target(
            "/settings/tokens/new", {"data": {"name": "CI", "scopes": "release:read", "expiry": "30"}}, 200
        ),
        "/settings/tokens/<token_id>/revoke": Target(f"/settings/tokens/{token_id}/revoke", {"data": {}}),
        "/settings/organisation": Target("/settings/organisation", {"data": {"name": "Other", "slug": "other"}}),
        **build_account_targets(owner),
        "/sign-in": Target("/sign-in", {"data": {"email": owner.email, "password": PASSWORD}}),
        "/sign-in/oidc/organisation": Target("/sign-in/oidc/organisation", {"data": {}}, 404),
        "/settings/security/connect": Target("/settings/security/connect", {"data": {"password": PASSWORD}}, 404),
        "/settings/security/identities/<identity_id>/disconnect": Target(
            f"/settings/security/identities/{make.identity(owner)}/disconnect", {"data": {}}
        ),
        "/sign-out": Target("/sign-out", {"data": {}}),
        "/setup": Target("/setup", {"data": {}}, 404),
    }
    return Site(owner, browser, find_csrf_token(browser.get("/products").text), targets)


def list_import_forms(owner: Organisation, product_id: str) -> list[tuple[str, str, dict[str, str]]]:
    """Makes an import for each form of its page; gives the rule, the address and the fields of each."""
    chosen = {"state": "published", "webhooks": "told", "channel": "stable"}
    forms: list[tuple[str, str, dict[str, str]]] = [("/imports", "/imports", {**chosen, "content": CHANGELOG})]
    for step, fields in (("options", chosen), ("choose", {"prereleases": "skip"}), ("run", {}), ("stop", {})):
        record = create(owner, CHANGELOG, productId=product_id, tagPrefix=step)
        if step == "stop":
            imports.run_import(owner.actor, record.entity.id)
        forms.append((f"/imports/<import_id>/{step}", f"/imports/{record.entity.id}/{step}", fields))
    return forms


def build_account_targets(owner: Organisation) -> dict[str, Target]:
    """Gives the forms of one's own account. Those that would end the session are sent with something wrong."""
    user = get_user(owner)
    token = links.sign("reset", user.tenant_id, user.id, links.mark(user))
    security = "/settings/security"
    forms: dict[str, tuple[dict[str, str], int]] = {
        "/settings/account": ({"name": "New"}, 303),
        "/settings/account/email": ({"email": owner.email, "password": PASSWORD}, 303),
        "/settings/account/email/<token>": ({}, 404),
        f"{security}/password": ({}, 400),
        f"{security}/two-factor/begin": ({}, 303),
        f"{security}/two-factor/cancel": ({}, 303),
        f"{security}/two-factor": ({}, 400),
        f"{security}/two-factor/switch-off": ({}, 400),
        f"{security}/recovery-codes": ({}, 400),
        "/settings/sessions/revoke-others": ({}, 303),
        "/settings/sessions/<session_id>/revoke": ({}, 404),
        "/sign-in/second-step": ({}, 303),
        "/sign-in/forgot": ({"email": owner.email}, 200),
        "/sign-in/reset/<token>": ({"password": "short"}, 400),
    }
    return {
        rule: Target(rule.replace("<token>", token).replace("<session_id>", token[:36]), {"data": data}, status)
        for rule, (data, status) in forms.items()
    }


def send(
    client: FlaskClient, target: Target, token: str | None, *, suffix: str = "", headers: dict[str, str] | None = None
) -> int:
    """Sends a form with a token, in the header where the body is JSON; gives the status."""
    options, headers = {**target.options}, {**(headers or {})}
    if token is not None and "data" in options:
        options["data"] = {**options["data"], "csrf_token": token}
    elif token is not None:
        headers["X-CSRFToken"] = token
    return client.post(target.path + suffix, headers=headers, **options).status_code


def dump_tables() -> dict[str, list[Any]]:
    """Gives all rows of all tables."""
    db.session.rollback()
    return {
        table.name: sorted(map(str, db.session.execute(select(table)).all())) for table in db.metadata.sorted_tables
    }


def take_foreign_token(site: Site, make: Factory) -> str:
    """Gives a token of another user's session."""
    return find_csrf_token(make.browser(make.organisation()).get("/products").text)


def take_other_token(site: Site, make: Factory) -> str:
    """Gives a token of another session of the same user."""
    return find_csrf_token(make.browser(site.owner).get("/products").text)


TOKENS: dict[str, Callable[[Site, Factory], str | None]] = {
    "none": lambda *_: None,
    "empty": lambda *_: "",
    "nonsense": lambda *_: "IjAwMDAi.aaaa.bbbb",
    "other session": take_other_token,
    "other user": take_foreign_token,
}


FOREIGN: list[dict[str, str]] = [
    {"Origin": "https://evil.test"},
    {"Origin": "null"},
    {"Origin": "http://localhost.evil.test"},
    {"Origin": "http://localhost@evil.test"},
    {"Origin": "http://["},
    {"Origin": ""},
    {"Sec-Fetch-Site": "cross-site"},
    {"Sec-Fetch-Site": "same-site"},
    {"Sec-Fetch-Site": "nonsense"},
    {"Sec-Fetch-Site": "cross-site", "Origin": "http://localhost"},
]


def test_no_form_does_anything_without_its_own_token_or_for_another_site(site: Site, make: Factory) -> None:
    tokens = {kind: take(site, make) for kind, take in TOKENS.items()}
    before = dump_tables()
    attacks: list[tuple[str, str | None, dict[str, str]]] = [(kind, token, {}) for kind, token in tokens.items()]
    attacks += [(str(headers), site.token, headers) for headers in FOREIGN]
    done = [
        (kind, target.path, status)
        for kind, token, headers in attacks
        for target in site.targets.values()
        if (status := send(site.browser, target, token, headers=headers)) != 400
    ]
    suffix = f"?csrf_token={site.token}"
    done += [
        (kind, suffix, status)
        for kind, token in tokens.items()
        if (status := send(site.browser, site.targets["/products"], token, suffix=suffix)) != 400
    ]
    assert done == []
    assert dump_tables() == before


def test_every_form_works_with_its_own_token(app: Flask, site: Site) -> None:
    rules = {rule.rule for rule in app.url_map.iter_rules() if "POST" in (rule.methods or ())}
    assert {rule for rule in rules if not rule.startswith("/v3/")} == set(site.targets)
    headers = {"Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    # Signing in renews the token, and signing out ends it: these two are last.
    for path in sorted(site.targets, key=lambda path: path in ("/sign-in", "/sign-out")):
        token = site.token if path != "/sign-out" else find_csrf_token(site.browser.get("/products").text)
        assert send(site.browser, site.targets[path], token, headers=headers) == site.targets[path].status, path


def test_reading_changes_nothing(app: Flask, site: Site) -> None:
    before = dump_tables()
    for rule, target in site.targets.items():
        for headers in ({}, {"X-HTTP-Method-Override": "POST", "X-HTTP-Method": "DELETE", "X-Method-Override": "POST"}):
            query = {"_method": "DELETE", "csrf_token": site.token}
            for method in ("GET", "HEAD", "PUT", "PATCH", "DELETE"):
                answer = site.browser.open(target.path, method=method, headers=headers, query_string=query)
                assert answer.status_code in ((200, 302, 404, 405) if method in ("GET", "HEAD") else (400, 405)), rule
    assert dump_tables() == before
    assert site.browser.get("/sign-out").status_code == 405
    assert site.browser.get("/products").status_code == 200


def is_public(rule: Rule) -> bool:
    """Whether this needs no token, as the API's description says, which needs none itself."""
    if rule.endpoint.startswith("openapi."):
        return True
    return rule.endpoint in OPERATIONS and OPERATIONS[rule.endpoint].is_public


def test_a_session_alone_opens_nothing_of_the_api(app: Flask, site: Site) -> None:
    before = dump_tables()
    rules = [rule for rule in app.url_map.iter_rules() if rule.rule.startswith("/v3/")]
    assert len(rules) >= 9
    bodies: list[dict[str, Any]] = [
        {"json": {"name": "x"}},
        {"data": b'{"name":"x"}', "content_type": "text/plain"},
        {"data": {"name": "x"}},
        {"data": {"name": "x"}, "content_type": "multipart/form-data"},
        {},
    ]
    for rule in rules:
        path = re.sub(r"<[^>]+>", "0f8fad5b-d9cb-469f-a165-70867728950e", rule.rule)
        for method in (rule.methods or set()) - {"OPTIONS"}:
            for body in bodies:
                headers = {"X-CSRFToken": site.token}
                status = site.browser.open(path, method=method, headers=headers, **body).status_code
                # What everybody may ask is no more open to who has a session.
                assert status < 500 if is_public(rule) else status == 401, path
    assert dump_tables() == before


def test_a_token_from_before_signing_in_or_from_a_session_that_is_over_is_worth_nothing(
    make: Factory, client: FlaskClient
) -> None:
    owner = make.organisation()
    early = find_csrf_token(client.get("/sign-in").text)
    form = {"csrf_token": early, "email": owner.email, "password": PASSWORD}
    assert client.post("/sign-in", data=form).status_code == 303
    assert client.post("/products", data={"csrf_token": early, "name": "New"}).status_code == 400
    late = find_csrf_token(client.get("/products").text)
    assert client.post("/sign-out", data={"csrf_token": late}).status_code == 303
    assert client.post("/products", data={"csrf_token": late, "name": "New"}).status_code == 400


def test_a_form_that_was_open_for_too_long_keeps_what_was_typed(
    app: Flask, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = site.targets["/releases"]
    with monkeypatch.context() as patch:
        patch.setitem(app.config, "WTF_CSRF_TIME_LIMIT", -1)
        answer = site.browser.post("/releases", data={**target.options["data"], "csrf_token": site.token})
    assert answer.status_code == 400
    page = html.unescape(answer.text)
    assert "Nothing is lost" in page
    for typed in target.options["data"].values():
        assert typed in page
    assert send(site.browser, target, find_csrf_token(answer.text)) == 303


@pytest.mark.parametrize(("base_url", "prefix"), [("https://portal.test", "__Host-"), ("http://portal.test", "")])
def test_cookies_say_what_they_are_for(build_app: Callable[..., Flask], base_url: str, prefix: str) -> None:
    client = build_app(BASE_URL=base_url, TRUSTED_HOSTS="portal.test").test_client()
    for path in ("/sign-in", "/setup"):
        answer = client.get(path, base_url=base_url)
        (cookie,) = answer.headers.getlist("Set-Cookie")
        name, *attributes = (part.strip() for part in cookie.split(";"))
        assert name.startswith(f"{prefix}slipway_session=")
        expected = {"HttpOnly", "Path=/", "SameSite=Lax"} | ({"Secure"} if prefix else set())
        assert set(attributes) == expected
        assert answer.headers["Cache-Control"] == "no-store"
        assert "Cookie" in answer.headers["Vary"]
