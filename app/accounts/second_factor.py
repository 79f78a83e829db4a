"""The second factor of a user: codes are taken once, recovery codes kept. Nothing here commits."""

from __future__ import annotations

import uuid
from datetime import datetime
from typing import Final, Literal

from flask import current_app
from sqlalchemy import Delete, delete, func, insert, or_, select, update
from sqlalchemy.orm import Session

from app.accounts import recovery, totp
from app.accounts.models import RecoveryCode, User
from app.crypto import Cipher, derive_key
from app.extensions import db

_PURPOSE: Final = "slipway/recovery-codes/1"

Kind = Literal["code", "recovery_code"]


def is_on(user: User) -> bool:
    """Whether the user has a second factor that counts."""
    return user.totp_confirmed_at is not None


def seal(text: str) -> bytes:
    """Gives a secret as it may be stored."""
    return _get_cipher().encrypt(text.encode())


def unseal(stored: bytes) -> str:
    """Gives a stored secret. Raises DecryptionError."""
    return _get_cipher().decrypt(stored).decode()


def take_code(session: Session, user: User, typed: str, moment: datetime) -> Kind | None:
    """Takes the session of a transaction and what a user typed; gives which kind of code it is, None if it is no good.

    From then on it is used up: of two who send the same at the same instant one has it.
    """
    if not is_on(user) or user.totp_secret is None:
        return None
    if code := totp.fold_code(typed):
        step = totp.find_step(unseal(user.totp_secret), code, moment)
        return "code" if step is not None and _take_step(session, user, step) else None
    if code := recovery.fold_code(typed):
        return "recovery_code" if _take_recovery_code(session, user, code, moment) else None
    return None


def build_codes(user_id: str, form_key: str) -> list[str] | None:
    """Takes a user and the key of the form that asks for codes; gives them, None if the form has no proper key.

    They follow from the key and from SECRET_KEY: sent twice, a form makes the same, and the page that shows them once
    needs nothing but the key.
    """
    try:
        key = uuid.UUID(form_key)
    except ValueError:
        return None
    secret = current_app.extensions["slipway"].settings.secret_key
    return recovery.build_codes(derive_key(secret, f"{_PURPOSE}/{user_id}/{key}"))


def store_codes(session: Session, user: User, codes: list[str], moment: datetime) -> None:
    """Takes the session of a transaction and new codes; they replace those that the user had."""
    session.execute(_delete_codes(user))
    hashes = _hash_codes(user.id, codes)
    rows = [
        {"tenant_id": user.tenant_id, "user_id": user.id, "code_hash": value, "created_at": moment} for value in hashes
    ]
    session.execute(insert(RecoveryCode), rows)


def remove(session: Session, user: User) -> None:
    """Takes the session of a transaction and a user with a second factor, who has none from then on."""
    user.totp_secret = user.totp_confirmed_at = user.totp_last_step = None
    session.execute(_delete_codes(user))


def count_codes(tenant_id: str, user_id: str) -> int:
    """Gives how many recovery codes a user has left."""
    query = select(func.count()).where(
        RecoveryCode.tenant_id == tenant_id, RecoveryCode.user_id == user_id, RecoveryCode.used_at.is_(None)
    )
    return db.session.scalar(query) or 0


def has_codes(tenant_id: str, user_id: str, codes: list[str]) -> bool:
    """Whether all of these are recovery codes that the user has, and none of them is used."""
    query = select(func.count()).where(
        RecoveryCode.tenant_id == tenant_id,
        RecoveryCode.user_id == user_id,
        RecoveryCode.used_at.is_(None),
        RecoveryCode.code_hash.in_(_hash_codes(user_id, codes)),
    )
    return db.session.scalar(query) == len(codes)


def _take_step(session: Session, user: User, step: int) -> bool:
    taken = session.execute(
        update(User)
        .where(
            User.tenant_id == user.tenant_id,
            User.id == user.id,
            User.totp_confirmed_at.is_not(None),
            or_(User.totp_last_step.is_(None), User.totp_last_step < step),
        )
        .values(totp_last_step=step)
        .returning(User.id)
        .execution_options(synchronize_session=False)
    )
    return taken.one_or_none() is not None


def _take_recovery_code(session: Session, user: User, code: str, moment: datetime) -> bool:
    taken = session.execute(
        update(RecoveryCode)
        .where(
            RecoveryCode.tenant_id == user.tenant_id,
            RecoveryCode.user_id == user.id,
            RecoveryCode.code_hash == recovery.hash_code(user.id, code),
            RecoveryCode.used_at.is_(None),
        )
        .values(used_at=moment)
        .returning(RecoveryCode.id)
        .execution_options(synchronize_session=False)
    )
    return taken.one_or_none() is not None


def _hash_codes(user_id: str, codes: list[str]) -> list[bytes]:
    folded = [recovery.fold_code(code) or "" for code in codes]
    return [recovery.hash_code(user_id, code) for code in folded]


def _delete_codes(user: User) -> Delete:
    return delete(RecoveryCode).where(RecoveryCode.tenant_id == user.tenant_id, RecoveryCode.user_id == user.id)


def _get_cipher() -> Cipher:
    cipher: Cipher = current_app.extensions["slipway"].cipher
    return cipher
