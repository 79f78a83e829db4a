"""The key pairs that sign access tokens: made at first need, rotated and retired by command, published as a JWK set."""

from __future__ import annotations

import logging
import re
import threading
import time
from dataclasses import dataclass, field
from typing import Any

from flask import Flask, current_app
from joserfc.jwk import RSAKey
from sqlalchemy import Select, select, update
from sqlalchemy.orm import Session

from app import times
from app.accounts.claims import ALGORITHM
from app.accounts.models import SigningKey
from app.database import lock_name, transaction
from app.exceptions import NotFoundError
from app.extensions import db

logger = logging.getLogger(__name__)

_KEY_BITS = 2048
_EXTENSION = "slipway_keys"
# An RFC 7638 thumbprint: 32 bytes in base64url. Anything else is nobody's key and is not looked for.
_KID = re.compile(r"[A-Za-z0-9_-]{43}\Z")
# Whoever sends made-up key ids must not turn every request into a query.
_LOOKUPS_PER_SECOND = 20
_NO_KEY = "There is no key of this id in use."


@dataclass(slots=True)
class KeyRing:
    """The parsed keys that this process has met. A retired key may linger here: the token's query refuses it."""

    public: dict[str, RSAKey] = field(default_factory=dict)
    private: dict[str, RSAKey] = field(default_factory=dict)
    lock: threading.Lock = field(default_factory=threading.Lock)
    looking: threading.Lock = field(default_factory=threading.Lock)
    window: int = 0
    lookups: int = 0

    def may_look(self) -> bool:
        """Counts a lookup; gives whether it may be made."""
        with self.lock:
            window = int(time.monotonic())
            if window != self.window:
                self.window, self.lookups = window, 0
            self.lookups += 1
            return self.lookups <= _LOOKUPS_PER_SECOND


def init_app(app: Flask) -> None:
    """Takes the application and gives it an empty ring."""
    app.extensions[_EXTENSION] = KeyRing()


def find_verifying_key(kid: str) -> RSAKey | None:
    """Takes a key id that somebody claims; gives the public key, or None. Parsed once per process.

    An unknown id makes this process read all keys in use. So whoever sends made-up ids uses up the lookups, but also
    does the work for the one who comes next with a key that was made a moment ago.
    """
    ring = _ring()
    if kid not in ring.public and _KID.match(kid):
        # One looks, and all who have come meanwhile find what that one has read: no lookup is counted for them.
        with ring.looking:
            if kid not in ring.public and ring.may_look():
                _read_keys(ring)
    return ring.public.get(kid)


def _read_keys(ring: KeyRing) -> None:
    for found in db.session.scalars(_select_usable()):
        if found.kid not in ring.public:
            ring.public[found.kid] = RSAKey.import_key({**found.public_jwk})


def get_signing_key() -> tuple[str, RSAKey]:
    """Gives the id and the private key that new tokens are signed with; makes the first one.

    Raises DecryptionError if it was stored with a SECRET_KEY that is no longer known.
    """
    newest = _find_newest(db.session())
    if newest is None:
        with transaction() as session:
            lock_name(session, "signing-keys")
            # Another process may have made it while this one waited.
            newest = _find_newest(session) or _insert_key(session)
            session.flush()
            session.expunge(newest)
    ring = _ring()
    if newest.kid not in ring.private:
        pem = current_app.extensions["slipway"].cipher.decrypt(newest.private_pem)
        ring.private[newest.kid] = RSAKey.import_key(pem)
    return newest.kid, ring.private[newest.kid]


def rotate_keys() -> str:
    """Makes a new key that signs from now on, and gives its id. Tokens of the earlier ones stay good."""
    with transaction() as session:
        lock_name(session, "signing-keys")
        kid = _insert_key(session).kid
    logger.info("signing keys rotated", extra={"kid": kid})
    return kid


def retire_key(kid: str) -> None:
    """Takes a key out of use: every token that it signed is refused at once. Raises NotFoundError."""
    if not _KID.match(kid):
        raise NotFoundError(_NO_KEY)
    with transaction() as session:
        retired = session.execute(
            update(SigningKey)
            .where(SigningKey.kid == kid, SigningKey.retired_at.is_(None))
            .values(retired_at=times.now())
        )
        if not retired.rowcount:  # type: ignore[attr-defined]
            raise NotFoundError(_NO_KEY)
    logger.info("signing key retired", extra={"kid": kid})


def build_key_set() -> dict[str, list[dict[str, str]]]:
    """Gives the public keys in use as a JWK set (RFC 7517, section 5), the newest first."""
    found = db.session.scalars(_select_usable())
    return {"keys": [key.public_jwk for key in found]}


def _select_usable() -> Select[SigningKey]:
    newest_first = (SigningKey.created_at.desc(), SigningKey.kid)
    return select(SigningKey).where(SigningKey.retired_at.is_(None)).order_by(*newest_first)


def _find_newest(session: Session) -> SigningKey | None:
    return session.scalar(_select_usable().limit(1))


def _insert_key(session: Session) -> SigningKey:
    pair = RSAKey.generate_key(_KEY_BITS)
    kid = pair.thumbprint()
    public: dict[str, Any] = pair.as_dict(private=False)
    key = SigningKey(
        kid=kid,
        algorithm=ALGORITHM,
        public_jwk={**public, "kid": kid, "alg": ALGORITHM, "use": "sig"},
        private_pem=current_app.extensions["slipway"].cipher.encrypt(pair.as_pem(private=True)),
        created_at=times.now(),
    )
    session.add(key)
    return key


def _ring() -> KeyRing:
    ring: KeyRing = current_app.extensions[_EXTENSION]
    return ring
