"""Sets a user's second factor up and switches it off. Each function commits once or not at all."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NoReturn

from sqlalchemy import select

from app import times
from app.accounts import letters, proofs, queries, recovery, second_factor, totp
from app.accounts.actors import Actor, SignedInUser, build_system_actor
from app.accounts.models import User
from app.accounts.proofs import Proof
from app.audit import service as audit
from app.database import transaction
from app.exceptions import ConflictError, FieldError, ValidationError
from app.extensions import db
from app.language import say

# How long a key that is on the screen may wait for its first code.
_SETUP_LIFETIME = timedelta(hours=1)
_WRONG_CODE = say("This code does not belong to the key above. Is the clock of your phone right?")
_CHANGED = say("This was changed in another window meanwhile. Look at what is set now.")
_SETUP_OVER = say("This page was open for too long. Begin anew: there is another key.")


@dataclass(frozen=True, slots=True)
class TwoFactorState:
    """What a user's page of security shows: since when it is on, and how many recovery codes are left."""

    confirmed_at: datetime | None
    codes_left: int
    codes_count: int = recovery.CODE_COUNT


def get_state(user: SignedInUser) -> TwoFactorState:
    """Gives how a user's second factor stands."""
    query = select(User.totp_confirmed_at).where(User.tenant_id == user.tenant_id, User.id == user.id)
    return TwoFactorState(db.session.scalar(query), second_factor.count_codes(user.tenant_id, user.id))


def begin_setup(user: SignedInUser) -> None:
    """Makes the key that is then shown. One that this session has begun with stays, so that it may be asked twice.

    Raises ConflictError if there is a second factor already.
    """
    with transaction() as session:
        row = proofs.lock_user(session, user.tenant_id, user.id)
        if second_factor.is_on(row):
            raise ConflictError(say("Two-factor sign-in is on already."))
        if _read_pending(user, row.totp_secret) is None:
            begun = int(times.now().timestamp())
            row.totp_secret = second_factor.seal(f"{user.session_id} {begun} {totp.generate_secret()}")
            row.updated_at = times.now()


def find_pending_secret(user: SignedInUser) -> str | None:
    """Gives the key that waits for its first code, None if this session has not begun with one."""
    query = select(User.totp_secret).where(
        User.tenant_id == user.tenant_id, User.id == user.id, User.totp_confirmed_at.is_(None)
    )
    return _read_pending(user, db.session.scalar(query))


def confirm_setup(user: SignedInUser, code: str, password: str, form_key: str, address: str) -> None:
    """Switches the second factor on, once a code of the key and the password show that both are at hand.

    The recovery codes are those of the form's key. The same form sent twice does so once. Raises ValidationError on
    ``code`` and ``password``, ConflictError if it is on already, ThrottledError.
    """
    codes = _build_codes(user, form_key)
    if second_factor.has_codes(user.tenant_id, user.id, codes):
        return
    secret = find_pending_secret(user)
    if secret is None:
        _refuse_setup(user)
    moment = times.now()
    step, proof = _check_both(user, secret, code, password, moment, address)
    with transaction() as session:
        # Who has no password shows nothing else: their provider guards them, whatever is set up here.
        row = proofs.settle(session, user, proof) if proof else proofs.lock_user(session, user.tenant_id, user.id)
        if second_factor.is_on(row) or _read_pending(user, row.totp_secret) != secret:
            raise ConflictError(_CHANGED)
        row.totp_secret = second_factor.seal(secret)
        row.totp_confirmed_at, row.totp_last_step, row.updated_at = moment, step, moment
        second_factor.store_codes(session, row, codes, moment)
        audit.record(session, user.actor, "user.two_factor_enabled", user.id, {})
        letters.tell_two_factor(session, row, queries.get_tenant(user.tenant_id), is_on=True)


def cancel_setup(user: SignedInUser) -> None:
    """Forgets a key that was never confirmed."""
    with transaction() as session:
        row = proofs.lock_user(session, user.tenant_id, user.id)
        if not second_factor.is_on(row):
            row.totp_secret = None


def switch_off(user: SignedInUser, typed: str, address: str) -> None:
    """Takes the password or a code; from then on there is no second factor, and there are no recovery codes.

    Raises ValidationError on ``proof``, ThrottledError. Does nothing if it is off already.
    """
    _require_proof(typed, "proof")
    if get_state(user).confirmed_at is None:
        return
    proof = proofs.check(user, typed, "proof", address)
    with transaction() as session:
        row = proofs.settle(session, user, proof, takes_codes=True)
        second_factor.remove(session, row)
        row.updated_at = times.now()
        audit.record(session, user.actor, "user.two_factor_disabled", user.id, {})
        letters.tell_two_factor(session, row, queries.get_tenant(user.tenant_id), is_on=False)


def renew_codes(user: SignedInUser, typed: str, form_key: str, address: str) -> None:
    """Takes the password or a code; replaces the recovery codes by those of the form's key, once however often sent.

    Raises ValidationError on ``codesProof``, ConflictError if there is no second factor, ThrottledError.
    """
    codes = _build_codes(user, form_key)
    _require_proof(typed, "codesProof")
    if second_factor.has_codes(user.tenant_id, user.id, codes):
        return
    proof = proofs.check(user, typed, "codesProof", address)
    with transaction() as session:
        row = proofs.settle(session, user, proof, takes_codes=True)
        if not second_factor.is_on(row):
            raise ConflictError(say("Two-factor sign-in is off: there is nothing to recover."))
        second_factor.store_codes(session, row, codes, times.now())
        audit.record(session, user.actor, "user.recovery_codes_created", user.id, {"count": len(codes)})


def list_new_codes(user: SignedInUser, form_key: str) -> list[str]:
    """Takes the key of the form that made recovery codes; gives them, none if they are not the user's any more."""
    codes = second_factor.build_codes(user.id, form_key) or []
    return codes if codes and second_factor.has_codes(user.tenant_id, user.id, codes) else []


def reset_two_factor(actor: Actor) -> None:
    """Switches a user's second factor off for whoever runs commands here: for one who has lost phone and codes."""
    with transaction() as session:
        row = proofs.lock_user(session, actor.tenant_id, actor.user_id)
        if not second_factor.is_on(row):
            raise ConflictError("This user has no two-factor sign-in.")
        second_factor.remove(session, row)
        row.updated_at = times.now()
        audit.record(session, build_system_actor(row.tenant_id), "user.two_factor_disabled", row.id, {})
        letters.tell_two_factor(session, row, queries.get_tenant(row.tenant_id), is_on=False)


def _check_both(
    user: SignedInUser, secret: str, code: str, password: str, moment: datetime, address: str
) -> tuple[int, Proof | None]:
    needs_password = proofs.has_password(user.tenant_id, user.id)
    errors = []
    folded = totp.fold_code(code)
    step = totp.find_step(secret, folded, moment) if folded else None
    if not code.strip():
        errors.append(FieldError("code", "required", say("Code is required.")))
    elif step is None:
        errors.append(FieldError("code", "wrong_code", _WRONG_CODE))
    proof = None
    if needs_password and not password:
        errors.append(FieldError("password", "required", say("Current password is required.")))
    elif needs_password:
        proof = proofs.check(user, password, "password", address)
        if not proof.is_password:
            errors.append(proofs.build_refusal("password"))
    if errors or step is None:
        raise ValidationError(errors)
    return step, proof


def _build_codes(user: SignedInUser, form_key: str) -> list[str]:
    codes = second_factor.build_codes(user.id, form_key)
    if codes is None:
        raise ValidationError([FieldError("", "invalid_key", _SETUP_OVER)])
    return codes


def _require_proof(typed: str, field: str) -> None:
    if not typed.strip():
        raise ValidationError([FieldError(field, "required", say("Password or code is required."))])


def _refuse_setup(user: SignedInUser) -> NoReturn:
    if get_state(user).confirmed_at is not None:
        raise ConflictError(say("Two-factor sign-in is on already."))
    raise ValidationError([FieldError("", "setup_over", _SETUP_OVER)])


def _read_pending(user: SignedInUser, stored: bytes | None) -> str | None:
    """Gives the key that this session has begun with: nobody else may have seen it, and not for long."""
    if stored is None:
        return None
    session_id, second, secret = [*second_factor.unseal(stored).split(" "), "", ""][:3]
    if session_id != user.session_id or times.now().timestamp() - int(second) > _SETUP_LIFETIME.total_seconds():
        return None
    return secret
