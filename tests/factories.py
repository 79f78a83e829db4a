"""Makes what tests need, by the same services that the doors use."""

from __future__ import annotations

import itertools
from dataclasses import dataclass, replace
from typing import Any
from unittest.mock import patch

from flask import Flask
from flask.testing import FlaskClient
from werkzeug.test import TestResponse

from app.accounts import passwords, tokens
from app.accounts import service as accounts
from app.accounts.actors import ROLE_SCOPES, SCOPES, Actor, build_actor
from app.database import generate_id, transaction
from app.extensions import db
from app.members import invitations
from app.members import schema as member_schema
from app.members import service as members
from app.oidc.models import Identity
from app.products import schema as product_schema
from app.products import service as products
from app.products.models import Product
from app.times import now
from app.webhooks import creation
from app.webhooks import service as webhooks
from app.webhooks.models import Webhook

PASSWORD = "correct horse battery staple"
# Made once: to hash is slow on purpose.
PASSWORD_HASH = passwords.hash_password(PASSWORD)
_numbers = itertools.count(1)


@dataclass(frozen=True)
class Organisation:
    """A tenant with its owner."""

    tenant_id: str
    slug: str
    name: str
    email: str
    actor: Actor


@dataclass(frozen=True)
class Caller:
    """An API client with a token."""

    client: FlaskClient
    token: str

    @property
    def headers(self) -> dict[str, str]:
        """What each of its requests carries."""
        return {"Authorization": f"Bearer {self.token}"}

    def request(self, method: str, path: str, *, headers: dict[str, str] | None = None, **options: Any) -> TestResponse:
        """Sends a request with the token."""
        return self.client.open(path, method=method, headers={**self.headers, **(headers or {})}, **options)

    def get(self, path: str, **options: Any) -> TestResponse:
        """Sends a GET."""
        return self.request("GET", path, **options)

    def post(self, path: str, **options: Any) -> TestResponse:
        """Sends a POST."""
        return self.request("POST", path, **options)


class Factory:
    """Makes tenants and what they own."""

    def __init__(self, app: Flask) -> None:
        self.app = app

    def organisation(self, name: str | None = None) -> Organisation:
        """Makes a tenant and its owner."""
        number = next(_numbers)
        name, email = name or f"Organisation {number}", f"owner{number}@example.test"
        with patch.object(passwords, "hash_password", return_value=PASSWORD_HASH):
            user = accounts.create_organisation(name, email, PASSWORD)
        actor = Actor(user.tenant_id, user.id, email, "owner", ROLE_SCOPES["owner"])
        slug = accounts.get_tenant(user.tenant_id).slug
        return Organisation(user.tenant_id, slug, name, email, actor)

    def member(self, owner: Organisation, role: str, email: str | None = None) -> Organisation:
        """Makes a member of a tenant in a role, who joins by an invitation; signs in like an owner."""
        email = email or f"member{next(_numbers)}@example.test"
        invited = invitations.invite(owner.actor, member_schema.parse_invitation(email, role))
        assert invited.link is not None
        with patch.object(passwords, "hash_password", return_value=PASSWORD_HASH):
            user = members.accept_invitation(invited.link.rpartition("/")[2], email.partition("@")[0], PASSWORD)
        return replace(owner, email=email, actor=build_actor(user))

    def caller(self, owner: Organisation, *scopes: str) -> Caller:
        """Makes an API client of a tenant; without scopes it may do everything."""
        _, token = tokens.create_token(owner.actor, "test", list(scopes or SCOPES), 1)
        # The key was read: on SQLite whoever goes on reading here would not see what requests write.
        db.session.rollback()
        return Caller(self.app.test_client(), token)

    def product(self, owner: Organisation, name: str | None = None) -> Product:
        """Makes a product."""
        sent = product_schema.parse_product({"name": name or f"Product {next(_numbers)}"})
        return products.create_product(owner.actor, sent).product

    def webhook(self, owner: Organisation, url: str, **members: Any) -> Webhook:
        """Makes a webhook that wants to hear of new releases."""
        raw = {"name": "Receiver", "url": url, "events": ["release.created"], **members}
        return creation.create_webhook(owner.actor, webhooks.parse_webhook(owner.actor, raw)).webhook

    def identity(self, owner: Organisation) -> str:
        """Links an account at a provider to a user; gives the id of that."""
        moment, identity_id = now(), generate_id()
        ids = {"id": identity_id, "tenant_id": owner.tenant_id, "user_id": owner.actor.user_id}
        account = {"issuer": "https://id.example.test", "subject": str(next(_numbers)), "email": owner.email}
        with transaction() as session:
            session.add(Identity(**ids, **account, created_at=moment, last_used_at=moment))
        return identity_id

    def browser(self, owner: Organisation) -> FlaskClient:
        """Makes a browser in which the owner is signed in."""
        client = self.app.test_client()
        page = client.get("/sign-in").text
        answer = client.post(
            "/sign-in", data={"csrf_token": find_csrf_token(page), "email": owner.email, "password": PASSWORD}
        )
        assert answer.status_code == 303, answer.text
        return client


def find_csrf_token(page: str) -> str:
    """Takes a page; gives the token of its first form."""
    _, _, rest = page.partition('name="csrf_token"')
    return rest.partition('value="')[2].partition('"')[0]
