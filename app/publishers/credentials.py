"""Who acts with the token of a trusted publisher: believed or not, anew with each request."""

from __future__ import annotations

from typing import Any, Final

from sqlalchemy import bindparam, select

from app import times
from app.accounts.actors import Actor
from app.accounts.claims import PUBLISHER_USAGE, Claims, build_refusal, sign_claims
from app.accounts.keys import get_signing_key
from app.accounts.models import SigningKey
from app.extensions import db
from app.publishers.kinds import build_label
from app.publishers.models import PublisherToken, TrustedPublisher

# To upload a file one must read its release.
SCOPES: Final = ("release:read", "release:write")

# Built once, as that of other tokens is.
_FIND_PUBLISHER = (
    select(TrustedPublisher, PublisherToken.scopes, PublisherToken.run)
    .join(
        PublisherToken,
        (PublisherToken.tenant_id == TrustedPublisher.tenant_id) & (PublisherToken.publisher_id == TrustedPublisher.id),
    )
    .join(SigningKey, SigningKey.kid == bindparam("key_id"))
    .where(
        TrustedPublisher.tenant_id == bindparam("tenant_id"),
        TrustedPublisher.id == bindparam("publisher_id"),
        TrustedPublisher.product_id == bindparam("product_id"),
        PublisherToken.id == bindparam("token_id"),
        PublisherToken.expires_at > bindparam("moment"),
        PublisherToken.revoked_at.is_(None),
        SigningKey.retired_at.is_(None),
    )
)


def authenticate(claims: Claims) -> Actor:
    """Takes what a publisher's token says, of one that is signed by us; gives who acts.

    Once the publisher is not trusted any more, all its tokens are refused. Raises AuthenticationError, the same for
    every cause.
    """
    asked = {
        "tenant_id": claims.tenant_id,
        "publisher_id": claims.user_id,
        "product_id": claims.product_id,
        "token_id": claims.token_id,
        "key_id": claims.key_id,
        "moment": times.now(),
    }
    row = db.session.execute(_FIND_PUBLISHER, asked).one_or_none()
    if row is None:
        raise build_refusal()
    publisher, scopes, run = row
    return build_actor(publisher, claims.scopes.intersection(scopes), claims.token_id, run)


def find_actor(tenant_id: str, publisher_id: str) -> Actor | None:
    """Gives a publisher that is still trusted as whoever acts, for what it has planned; None for all others alike."""
    publisher = db.session.scalar(
        select(TrustedPublisher).where(TrustedPublisher.tenant_id == tenant_id, TrustedPublisher.id == publisher_id)
    )
    return build_actor(publisher, frozenset(SCOPES)) if publisher else None


def build_actor(
    publisher: TrustedPublisher,
    scopes: frozenset[str],
    token_id: str | None = None,
    run: dict[str, str] | None = None,
) -> Actor:
    """Takes a publisher, what its token may do, and which token and run of the job it is; gives who acts."""
    return Actor(
        tenant_id=publisher.tenant_id,
        user_id=publisher.id,
        email=build_label(publisher.kind, publisher.issuer, publisher.members),
        role="",
        scopes=scopes & frozenset(SCOPES),
        kind="publisher",
        token_id=token_id,
        product_id=publisher.product_id,
        run=run,
    )


def sign_token(token: PublisherToken, product_id: str) -> str:
    """Takes a token's row and its product; gives the JWT, which says no more than the row does and is not stored."""
    kid, key = get_signing_key()
    claims: dict[str, Any] = {
        "sub": token.publisher_id,
        "jti": token.id,
        "iat": int(token.created_at.timestamp()),
        "exp": int(token.expires_at.timestamp()),
        "scope": token.scopes,
        "tenantid": token.tenant_id,
        "product": product_id,
        "token_usage": PUBLISHER_USAGE,
    }
    return sign_claims(kid, key, claims)
