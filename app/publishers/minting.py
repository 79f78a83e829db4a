"""Swaps the identity token of a job of CI for a short-lived token of the product that trusts it. Commits once."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app import times
from app.accounts import keys
from app.audit import service as audit
from app.database import generate_id, transaction
from app.oidc.id_tokens import UnknownKeyError
from app.publishers import credentials, kinds, queries
from app.publishers.identity import Identity, read_issuer, verify_identity
from app.publishers.issuers import Issuers
from app.publishers.models import PublisherToken, SpentIdentityToken, TrustedPublisher
from app.publishers.refusals import (
    AmbiguousPublisherError,
    IdentityTokenError,
    InvalidPublisherError,
    SpentTokenError,
)
from app.publishers.schema import MintSchema

LIFETIME: Final = timedelta(minutes=15)
MINTED: Final = "publisher.token_minted"
# The claims that say which job it is. They are told back, because whoever asks has them already.
_SHOWN_CLAIMS: Final = (
    *(
        "iss",
        "sub",
        "repository",
        "repository_owner_id",
        "job_workflow_ref",
        "workflow_ref",
        "environment",
        "ref",
        "sha",
    ),
    *("project_path", "namespace_id", "ci_config_ref_uri", "ref_path", "ref_protected"),
)
_USED = "This identity token has been swapped before, and counts once only: let the job ask for another one."


@dataclass(frozen=True, slots=True)
class MintedToken:
    """A token as it is shown once, with its row and the product that it is for."""

    token: str
    row: PublisherToken
    product_id: str
    product_name: str


def mint_token(sent: MintSchema, issuers: Issuers, audience: str) -> MintedToken:
    """Takes an identity token, the listed issuers with their keys, and whom it must be for; commits a token.

    Raises IdentityTokenError if it is not believed, IssuerUnavailableError if that cannot be told now,
    InvalidPublisherError if no product trusts its job, AmbiguousPublisherError if several do, and SpentTokenError.
    """
    identity = _verify(sent.token, issuers, audience)
    publisher, product_name = _choose(identity, sent)
    # Before the transaction: the first key of an installation is made in one of its own.
    keys.get_signing_key()
    try:
        with transaction() as session:
            row = _insert(session, publisher, identity)
            session.expunge(row)
    except IntegrityError:
        # Of two at once with the same identity token one gets here first.
        raise SpentTokenError(_USED) from None
    return MintedToken(credentials.sign_token(row, publisher.product_id), row, publisher.product_id, product_name)


def _verify(token: str, issuers: Issuers, audience: str) -> Identity:
    issuer = read_issuer(token)
    # Nobody is asked for keys whom the operator has not listed, or whom nobody here trusts.
    if issuer not in issuers.names or not queries.has_publisher_of(issuer):
        raise IdentityTokenError(
            "unknown_issuer", f"token is of the issuer {kinds.clean(issuer)}, and no product trusts it."
        )
    found = issuers.get_keys(issuer)
    moment = time.time()
    try:
        return verify_identity(token, issuer, found.keys, found.algorithms, audience, moment)
    except UnknownKeyError:
        # The issuer may have changed its keys since.
        found = issuers.get_keys(issuer, is_renewed=True)
    try:
        return verify_identity(token, issuer, found.keys, found.algorithms, audience, moment)
    except UnknownKeyError:
        raise IdentityTokenError(
            "unknown_key", "token is signed by a key that is not among those of its issuer."
        ) from None


def _choose(identity: Identity, sent: MintSchema) -> tuple[TrustedPublisher, str]:
    """Gives the publisher that the job is one of, and the name of its product."""
    claims = identity.claims
    candidates = queries.list_candidates(identity.issuer, kinds.list_lookups(claims), sent.productId, sent.productName)
    judged = [(_find_mismatches(publisher, identity), publisher, name) for publisher, name in candidates]
    fitting = [(publisher, name) for mismatches, publisher, name in judged if not mismatches]
    if not fitting:
        raise _build_refusal(identity, [mismatches for mismatches, _, _ in judged], is_limited=_names_product(sent))
    if len({publisher.product_id for publisher, _ in fitting}) > 1:
        raise AmbiguousPublisherError("Several products trust this job: say by productId which one is meant.")
    # Of several for one product the one that asks for most.
    return max(fitting, key=lambda it: len(kinds.list_parts(it[0].kind, it[0].members)))


def _names_product(sent: MintSchema) -> bool:
    return sent.productId is not None or sent.productName is not None


def _find_mismatches(publisher: TrustedPublisher, identity: Identity) -> list[str]:
    return kinds.find_mismatches(
        publisher.kind, publisher.issuer, publisher.members, publisher.owner_id, identity.claims
    )


def _build_refusal(
    identity: Identity, mismatches: Sequence[Iterable[str]], *, is_limited: bool
) -> InvalidPublisherError:
    """Says what does not fit. What was trusted instead is for those alone who set it up."""
    shown = {
        name: kinds.clean(text)
        for name in _SHOWN_CLAIMS
        if (text := kinds.spell(identity.claims.get(name))) is not None
    }
    what = "this product does not trust" if is_limited else "no product trusts"
    if not mismatches:
        return InvalidPublisherError(f"The identity token is genuine, but {what} this job.", shown)
    # The publisher that is nearest tells most.
    nearest = min((sorted(set(names)) for names in mismatches), key=len)
    told = ", ".join(f"{name} ({shown.get(name, 'absent')})" for name in nearest if name in _SHOWN_CLAIMS)
    return InvalidPublisherError(
        f"The identity token is genuine, but {what} this job: a trusted publisher is near, and these claims are not as"
        f" it wants them: {told}.",
        shown,
    )


def _insert(session: Session, chosen: TrustedPublisher, identity: Identity) -> PublisherToken:
    publisher = queries.lock_publisher(session, chosen.tenant_id, chosen.id)
    # It may have gone, or have learned of another owner, since it was chosen.
    if publisher is None or (mismatches := _find_mismatches(publisher, identity)):
        raise _build_refusal(identity, [mismatches] if publisher else [], is_limited=False)
    ends_at = datetime.fromtimestamp(identity.ends_at, UTC)
    session.add(SpentIdentityToken(id=identity.digest, expires_at=ends_at))
    session.flush()
    moment = times.now()
    run = kinds.describe_run(publisher.kind, publisher.issuer, identity.claims)
    row = PublisherToken(
        id=generate_id(),
        tenant_id=publisher.tenant_id,
        publisher_id=publisher.id,
        scopes=list(credentials.SCOPES),
        run=run,
        created_at=moment,
        expires_at=moment + LIFETIME,
    )
    session.add(row)
    publisher.last_used_at = moment
    details = {"productId": publisher.product_id, "expiresAt": times.format_time(row.expires_at)}
    if not publisher.owner_id and (owner_id := kinds.find_owner_id(publisher.kind, identity.claims)):
        # From now on a repository of the same name that somebody else owns is another one.
        publisher.owner_id = owner_id
        details["ownerId"] = owner_id
    session.flush()
    actor = credentials.build_actor(publisher, frozenset(), row.id, run)
    audit.record(session, actor, MINTED, publisher.id, details)
    return row
