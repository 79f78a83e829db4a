"""An organisation with something on every page, and the address of each page there is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import update

from app.accounts import resets
from app.database import transaction
from app.download_keys import service as download_keys
from app.download_keys.schema import DownloadKeySchema
from app.imports import service as imports
from app.members import invitations
from app.members import schema as member_schema
from app.note_templates import service as templates
from app.note_templates.schema import NoteTemplateSchema
from app.publishers import service as publishers
from app.publishers.kinds import GITHUB_ISSUER, GITLAB_ISSUER
from app.publishers.schema import parse_publisher
from app.replays.service import take_steps
from app.times import format_time, now
from app.webhooks import rotation
from app.webhooks.models import Webhook
from tests.factories import Factory, Organisation
from tests.importing import build_lines, create, run
from tests.receivers import Receiver
from tests.recorded import FILE
from tests.replaying import fill, order
from tests.working import deliver_all

NOTES = """# New

## Second

### Third

| What | Where | How long |
| :-- | :-: | --: |
| A table that is wide enough to stick out of a phone | everywhere | 1234567890 s |

- [x] done, with `code`
- [ ] to do

```python
def launch(name: str) -> bool:  # a comment that is so long that the line cannot fit onto the screen of a phone
    return name == "rocket" and 42 > 3
```

> A quote, ~~struck~~ and https://example.org/a/very/long/address/that/no/phone/can/show/on/one/line/at/all
"""


@dataclass(frozen=True)
class Portal:
    """An organisation, and pages by name: those for whoever is signed in as its owner, and those for everybody."""

    owner: Organisation
    paths: dict[str, str]
    open_paths: dict[str, str]


def fill_portal(app: Flask, make: Factory) -> Portal:
    """Makes one: releases in each state, members, webhooks, and deliveries that went well and that did not."""
    owner = make.organisation("Acme")
    product = make.product(owner, "Rocket")
    caller = make.caller(owner)
    facts = [
        {"key": "Documentation", "value": "https://example.org/docs", "visible": True},
        {"key": "team", "value": "a"},
    ]
    caller.request("PATCH", f"/v3/products/{product.id}", json={"metadata": facts})
    with Receiver(statuses=[500, 200, 200, 500, 200, 200]) as receiver:
        webhook = make.webhook(owner, receiver.url, name="Deploys")
        body = {"name": "Rocket", "notes": NOTES, "productId": product.id, "platforms": ["linux", "win64"]}
        ids = [
            caller.post("/v3/releases", json={**body, **more}).get_json()["id"]
            for more in (
                {"version": "1.4.0"},
                {"version": "1.5.0.1", "channel": "beta", "private": True},
                {"version": "0.9", "createdAt": "2019-08-24T14:15:22Z", "name": "W" * 256},
            )
        ]
        caller.post("/v3/release-files", json={**FILE, "checksum": "0" * 64, "releaseId": ids[2]})
        for release_id in (ids[0], ids[2]):
            caller.request("PUT", f"/v3/{release_id}/{'w' * 200}.zip", data=b"rocket")
            caller.request("PUT", f"/v3/{release_id}/rocket.tar.gz?secured=false", data=b"rocket" * 1_000_000)
        deliver_all(app)
        caller.post(f"/v3/releases/{ids[0]}/publish")
        deliver_all(app)
    trust_publishers(owner, product.id)
    template = templates.create_template(owner.actor, product.id, NoteTemplateSchema(name="Minor", notes=NOTES))
    download_keys.create_key(owner.actor, product.id, DownloadKeySchema(name="W" * 256))
    paths = {
        "releases": "/releases",
        "new release": "/releases/new",
        "release": f"/releases/{ids[0]}",
        "draft": f"/releases/{ids[2]}",
        "edited release": f"/releases/{ids[2]}/edit",
        "new file": f"/releases/{ids[2]}/files/new",
        "no releases that fit": "/releases?channel=nightly&query=Rocket&platform=linux",
        "filters of releases that make no sense": "/releases?state=x&since=y",
        "products": "/products",
        "access to a product": f"/products/{product.id}/access",
        "trusted publishing": f"/products/{product.id}/trusted-publishers",
        **{
            f"new trusted publisher of {kind}": f"/products/{product.id}/trusted-publishers/new?kind={kind}"
            for kind in ("github", "gitlab", "other")
        },
        "templates of notes": f"/products/{product.id}/templates",
        "new template": f"/products/{product.id}/templates/new",
        "edited template": f"/products/{product.id}/templates/{template.id}/edit",
        "new product": "/products/new",
        "product": f"/products/{product.id}",
        "edited product": f"/products/{product.id}/edit",
        "webhooks": "/webhooks",
        "new webhook": "/webhooks/new",
        "webhook": f"/webhooks/{webhook.id}",
        "edited webhook": f"/webhooks/{webhook.id}/edit",
        **{name: f"/webhooks/{webhook_id}" for name, webhook_id in make_troubled_webhooks(make, owner).items()},
        "deliveries": "/webhooks/deliveries",
        "no dead letters": "/webhooks/deliveries?state=dead",
        "deliveries of a span": f"/webhooks/deliveries?since={format_time(now() - timedelta(hours=1))}",
        "filters that make no sense": "/webhooks/deliveries?state=x&until=y",
        "delivery": f"/webhooks/deliveries/{caller.get('/v3/webhook-event-logs').get_json()[0]['deliveryId']}",
        "replays": f"/webhooks/{webhook.id}/replays",
        "new replay": f"/webhooks/{webhook.id}/replays/new",
        "previewed replay": f"/webhooks/{webhook.id}/replays/new?since={format_time(now() - timedelta(hours=1))}",
        "replay": f"/webhooks/{webhook.id}/replays/{order_replay(owner, webhook)}",
        "history of a release": f"/releases/{ids[2]}/history",
        **{f"asked before {step}": f"/releases/{ids[2]}/{step}" for step in ("publish", "plan", "archive", "delete")},
        "deleted releases": "/releases/deleted",
        **list_imports(owner, product.id),
        "customer page": f"/{owner.slug}/{product.slug}",
        "nothing": "/no/such/page",
    }
    return Portal(
        owner, {**paths, **list_settings(make, owner)}, list_open_paths(owner, f"/{owner.slug}/{product.slug}")
    )


def trust_publishers(owner: Organisation, product_id: str) -> None:
    """Has a product trust a job of each kind that everybody can have."""
    listed = (GITHUB_ISSUER, GITLAB_ISSUER)
    for raw in (
        {"kind": "github", "repository": f"acme/{'w' * 100}", "workflow": "release.yml", "environment": "production"},
        {"kind": "gitlab", "projectPath": "acme/tools/rocket", "ref": "main", "protectedOnly": True},
    ):
        publishers.create_publisher(owner.actor, product_id, parse_publisher(raw, listed))


def list_imports(owner: Organisation, product_id: str) -> dict[str, str]:
    """Makes an import in each state, with a row for each outcome; gives their pages."""
    rows: list[dict[str, Any]] = [
        {"version": "v0.1", "date": "2019-01-01", "notes": NOTES, "platforms": ["linux"]},
        {"version": "0.9", "date": "2019-08-24", "name": "Another one"},
        {"version": "1.0.0-beta.1", "prerelease": True, "name": "W" * 256},
        {"version": "a-tag-that-is-so-long-that-no-phone-can-show-it-on-one-line"},
        {"version": "0.2", "notes": "x" * 5000},
    ]
    preview, running, done = (
        create(owner, build_lines(rows), productId=product_id, fileName=f"{name}.jsonl")
        for name in ("releases", "releases-of-a-time-when-names-were-long", "old")
    )
    run(owner, done)
    imports.run_import(owner.actor, running.entity.id)
    imports.stop_import(owner.actor, running.entity.id)
    return {
        "imports": "/imports",
        "new import": f"/imports/new?product={product_id}",
        "previewed import": f"/imports/{preview.entity.id}",
        "options of an import": f"/imports/{preview.entity.id}/options",
        "stopped import": f"/imports/{running.entity.id}",
        "import that is done": f"/imports/{done.entity.id}",
        "rows that there are none of": f"/imports/{done.entity.id}?show=skip",
    }


def list_settings(make: Factory, owner: Organisation) -> dict[str, str]:
    """Makes members, an invitation and a token; gives the pages of the settings."""
    member = make.member(owner, "editor")
    make.caller(owner)
    invitations.invite(owner.actor, member_schema.parse_invitation("grace@example.test", "viewer"))
    return {
        "account": "/settings/account",
        "security": "/settings/security",
        "setting up a second factor": "/settings/security/two-factor",
        "sessions": "/settings/sessions",
        "access tokens": "/settings/tokens",
        "new access token": "/settings/tokens/new",
        "organisation": "/settings/organisation",
        "members": "/settings/members",
        "member": f"/settings/members/{member.actor.user_id}",
        "new invitation": "/settings/members/invite",
        "audit log": "/settings/audit",
        "filters of the audit log that make no sense": "/settings/audit?since=x",
        "components": "/style",
    }


def list_open_paths(owner: Organisation, customer_path: str) -> dict[str, str]:
    """Gives the pages that need nobody signed in."""
    invited = invitations.invite(owner.actor, member_schema.parse_invitation("linus@example.test", "viewer"))
    assert invited.link is not None
    reset = resets.make_link(owner.actor)
    return {
        "sign-in": "/sign-in",
        "forgotten password": "/sign-in/forgot",
        "way to a new password is sent": "/sign-in/forgot/sent",
        "new password": "/sign-in/reset/" + reset.rpartition("/")[2],
        "way to a new password that is over": "/sign-in/reset/x",
        "invitation": "/invitations/" + invited.link.rpartition("/")[2],
        "invitation that is over": "/invitations/x",
        "customer page": customer_path,
        "nothing": "/no/such/page",
    }


def order_replay(owner: Organisation, webhook: Webhook) -> str:
    """Orders a replay of one dead letter, and lets it go on until none is left; gives its id."""
    fill(webhook, 1, dead=1)
    replay = order(owner.actor, webhook)
    take_steps()
    return replay.id


def make_troubled_webhooks(make: Factory, owner: Organisation) -> dict[str, str]:
    """Makes a webhook in each state that its page tells of, and one of each way to show a secret; gives their ids."""
    states: dict[str, dict[str, Any]] = {
        "failing": {"failing_since": now() - timedelta(days=4), "failure_count": 34, "warned_at": now()},
        "disabled": {"active": False, "disabled_at": now(), "disabled_reason": "All 47 attempts since then failed."},
        "paused": {"paused_at": now()},
        "switched off": {"active": False},
        "key pair": {"rate_per_second": 5},
    }
    ids = {}
    for name, values in states.items():
        scheme = "asymmetric" if name == "key pair" else "cryptlex"
        webhook = make.webhook(owner, "http://127.0.0.1:9/", name=name, scheme=scheme, headers={"X-Api-Key": "s3cret"})
        rotation.rotate_secret(owner.actor, webhook.id, 24)
        with transaction() as session:
            session.execute(update(Webhook).where(Webhook.id == webhook.id).values(**values))
        ids[name] = webhook.id
    return ids
