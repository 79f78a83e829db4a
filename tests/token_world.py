"""Whom the attacks on access tokens speak of, in a real database."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from flask import Flask
from itsdangerous import URLSafeTimedSerializer
from sqlalchemy import update

from app import times
from app.accounts import keys, tokens
from app.accounts.actors import SCOPES
from app.accounts.claims import AUDIENCE, ISSUER
from app.accounts.models import User
from app.accounts.service import build_actor
from app.database import transaction
from tests.factories import Factory, Organisation, find_csrf_token
from tests.forging import Forger

_numbers = itertools.count(1)


class Reply(Protocol):
    """What is looked at of an answer."""

    @property
    def status_code(self) -> int:
        """Its status."""

    @property
    def headers(self) -> Any:
        """Its headers."""

    @property
    def text(self) -> str:
        """Its body."""

    def get_json(self) -> Any:
        """Gives its body as what it spells in JSON."""


@dataclass(frozen=True)
class TokenWorld:
    """An application with users and tokens, and a forger who holds its signing key."""

    app: Flask
    forger: Forger
    token: str
    product_id: str
    foreign_release_id: str
    session_cookie: str
    credentials: Mapping[str, str]

    def post(
        self,
        authorization: str | None,
        *,
        path: str = "/v3/releases",
        cookie: str | None = None,
        environ: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
    ) -> Reply:
        """Sends a release that could be created, with these credentials."""
        given: dict[str, Any] = dict(environ or {})
        if authorization is not None:
            given["HTTP_AUTHORIZATION"] = _spell(authorization)
        if cookie is not None:
            given["HTTP_COOKIE"] = f"{self.app.config['SESSION_COOKIE_NAME']}={cookie}"
        body = {"name": "App", "version": f"1.{next(_numbers)}", "productId": self.product_id}
        options: dict[str, Any] = {"data": data} if data else {"json": body}
        return self.send("POST", path, given, options)

    def get(self, path: str, token: str) -> Reply:
        """Sends a GET with a token."""
        return self.send("GET", path, {"HTTP_AUTHORIZATION": _spell(f"Bearer {token}")}, {})

    def send(self, method: str, path: str, environ: Mapping[str, str], options: Mapping[str, Any]) -> Reply:
        """Sends a request with these headers, as WSGI names them, and a body as the test client takes it."""
        client = self.app.test_client(use_cookies=False)
        return client.open(path, method=method, environ_overrides=dict(environ), **options)


def build_token_world(app: Flask) -> TokenWorld:
    """Takes an application, inside its context; makes what the corpus' placeholders stand for."""
    make = Factory(app)
    owner, other = make.organisation(), make.organisation()
    body = {"name": "Foreign", "version": "1.0", "productId": make.product(other).id}
    foreign_id = make.caller(other).post("/v3/releases", json=body).get_json()["id"]
    token, forger = _make_token_and_forger(make, owner, other, foreign_id)
    browser = make.browser(owner)
    cookie = browser.get_cookie(app.config["SESSION_COOKIE_NAME"])
    assert cookie is not None
    credentials = _make_other_credentials(app, forger, cookie.value, find_csrf_token(browser.get("/products").text))
    return TokenWorld(app, forger, token, make.product(owner).id, foreign_id, cookie.value, credentials)


def _make_token_and_forger(
    make: Factory, owner: Organisation, other: Organisation, foreign_id: str
) -> tuple[str, Forger]:
    """Makes the owner's token, and whoever has the key that signed it."""
    retired_kid, _ = keys.get_signing_key()
    keys.rotate_keys()
    keys.retire_key(retired_kid)
    kid, key = keys.get_signing_key()
    main, token = tokens.create_token(owner.actor, "main", SCOPES)
    revoked, _ = tokens.create_token(owner.actor, "revoked", SCOPES)
    tokens.revoke_token(owner.actor, revoked.id)
    disabled, disabled_jti = _make_fallen_user(owner, "disabled@example.test", {"is_active": False})
    demoted, demoted_jti = _make_fallen_user(owner, "demoted@example.test", {"role": "viewer"})
    names = {
        "ALG": "RS256", "ALG_LOWER": "rs256", "KID": kid, "KID_UPPER": kid.upper(), "KID_RETIRED": retired_kid,
        "ISS": ISSUER, "ISS_HTTP": f"http://{ISSUER}", "AUD": AUDIENCE, "AUD_UPPER": AUDIENCE.upper(),
        "SUB": owner.actor.user_id, "SUB_DISABLED": disabled, "SUB_DEMOTED": demoted, "JTI": main.id,
        "JTI_REVOKED": revoked.id, "TENANT": owner.tenant_id, "OTHER_TENANT": other.tenant_id,
        "PRODUCT_B": make.product(owner).id, "OIDC_CLIENT_ID": "client", "HOST": "localhost",
        "FOREIGN_RELEASE": foreign_id, "FOREIGN_FILE": f"{foreign_id}/setup.exe",
    }  # fmt: skip
    private = load_pem_private_key(key.as_pem(private=True), None)
    assert isinstance(private, RSAPrivateKey)
    jti_of = {owner.actor.user_id: main.id, disabled: disabled_jti, demoted: demoted_jti}
    return token, Forger(private, names, jti_of)


def _make_fallen_user(owner: Organisation, email: str, changes: Mapping[str, Any]) -> tuple[str, str]:
    """Makes a colleague with a token for everything, who then loses something; gives the ids of both."""
    moment = times.now()
    user = User(
        tenant_id=owner.tenant_id, email=email, password_hash="", role="owner", created_at=moment, updated_at=moment
    )
    with transaction() as session:
        session.add(user)
        session.flush()
        actor = build_actor(user)
    token, _ = tokens.create_token(actor, "before the fall", SCOPES)
    with transaction() as session:
        session.execute(update(User).where(User.id == actor.user_id).values(**changes))
    return actor.user_id, token.id


def _make_other_credentials(app: Flask, forger: Forger, cookie: str, csrf_token: str) -> dict[str, str]:
    """Gives what Slipway or others sign, too, and is no access token."""
    id_token = {"header": {"typ": "JWT"}, "claims": {"aud": "client", "scope": "@DROP"}, "sign": "attacker"}
    reference = {"header": {"alg": "@ALG", "kid": "@KID"}, "claims": {"iss": "@ISS", "sub": "@SUB", "jti": "@JTI"}}
    secret = str(app.config["SECRET_KEY"])
    return {
        "session-cookie": cookie,
        "csrf-token": csrf_token,
        "oidc-id-token": forger.build(reference, id_token),
        "invite-token": URLSafeTimedSerializer(secret, "invite").dumps({"email": "a@b.test"}),
        "itsdangerous": URLSafeTimedSerializer(secret).dumps({"scope": "release:write"}),
    }


def _spell(value: str) -> str:
    """Gives a header as WSGI carries it: one character for each byte (PEP 3333)."""
    return value.encode("utf-8").decode("latin-1")
