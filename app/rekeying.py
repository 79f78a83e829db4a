"""Encrypts every stored secret with the current SECRET_KEY, so that the earlier ones can be given up."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from flask import current_app
from sqlalchemy import select, update
from sqlalchemy.orm import InstrumentedAttribute

from app.accounts.models import SigningKey, User
from app.crypto import Cipher, DecryptionError
from app.database import transaction
from app.extensions import db
from app.webhooks.models import FormerSecret, Webhook

logger = logging.getLogger(__name__)

# Where secrets are stored, each with the column that its rows are gone through by.
_SECRETS: tuple[tuple[InstrumentedAttribute[Any], InstrumentedAttribute[Any]], ...] = (
    (Webhook.id, Webhook.token),
    (Webhook.id, Webhook.headers),
    (FormerSecret.id, FormerSecret.token),
    (SigningKey.kid, SigningKey.private_pem),
    (User.id, User.totp_secret),
)
_BATCH_SIZE = 100


@dataclass(slots=True)
class Renewal:
    """How many secrets were encrypted anew, and how many no known key could read."""

    renewed: int = 0
    unreadable: int = 0


def renew_secrets() -> Renewal:
    """Encrypts anew, for all tenants, what was encrypted with an earlier SECRET_KEY; gives how much that was.

    Each transaction is a small one, and what is done is done: broken off, it is simply run again. A secret that was
    replaced in the meantime stays as it is, for whoever replaced it had the current key. What cannot be read is
    logged and passed over.
    """
    cipher: Cipher = current_app.extensions["slipway"].cipher
    result = Renewal()
    for key, secret in _SECRETS:
        for batch in _read_batches(key, secret):
            renewed = _renew_batch(cipher, secret, batch, result)
            if renewed:
                result.renewed += _write_batch(key, secret, batch, renewed)
    return result


def _read_batches(key: InstrumentedAttribute[Any], secret: InstrumentedAttribute[Any]) -> Iterator[Mapping[Any, bytes]]:
    query = select(key, secret).where(secret.is_not(None)).order_by(key).limit(_BATCH_SIZE)
    rows = db.session.execute(query).all()
    while rows:
        yield {row[0]: row[1] for row in rows}
        rows = db.session.execute(query.where(key > rows[-1][0])).all()
    db.session.rollback()


def _renew_batch(
    cipher: Cipher, secret: InstrumentedAttribute[Any], batch: Mapping[Any, bytes], result: Renewal
) -> dict[Any, bytes]:
    renewed = {}
    for row_id, stored in batch.items():
        try:
            if (fresh := cipher.renew(stored)) is not None:
                renewed[row_id] = fresh
        except DecryptionError:
            result.unreadable += 1
            logger.error("a stored secret cannot be read", extra={"column": str(secret), "row": str(row_id)})  # noqa: TRY400 - the cause is said
    return renewed


def _write_batch(
    key: InstrumentedAttribute[Any],
    secret: InstrumentedAttribute[Any],
    batch: Mapping[Any, bytes],
    renewed: Mapping[Any, bytes],
) -> int:
    count = 0
    with transaction() as session:
        for row_id, fresh in renewed.items():
            result = session.execute(
                update(key.class_)
                .where(key == row_id, secret == batch[row_id])
                .values({secret: fresh})
                .execution_options(synchronize_session=False)
            )
            count += result.rowcount  # type: ignore[attr-defined]
    return count
