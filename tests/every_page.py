"""An organisation with something on every page, and the address of each page there is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from flask import Flask
from sqlalchemy import update

from app.accounts import resets
from app.database import transaction
from app.members import invitations
from app.members import schema as member_schema
from app.note_templates import service as templates
from app.note_templates.schema import NoteTemplateSchema
from app.replays.service import take_steps
from app.times import format_time, now
from app.webhooks import rotation
from app.webhooks.models import Webhook
from tests.factories import Factory, Organisation
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
        deliver_all(app)
        caller.post(f"/v3/releases/{ids[0]}/publish")
        deliver_all(app)
    template = templates.create_template(owner.actor, product.id, NoteTemplateSchema(name="Minor", notes=NOTES))
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
        "customer page": f"/{owner.slug}/{product.slug}",
        "nothing": "/no/such/page",
    }
    return Portal(
        owner, {**paths, **list_settings(make, owner)}, list_open_paths(owner, f"/{owner.slug}/{product.slug}")
    )


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
