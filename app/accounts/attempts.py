"""Counts tries to sign in, in the database: the count holds over restarts, and needs no Redis.

A try is written before the password is looked at, and tries of one account wait for each other. So however many come
at the same instant, no more than the limit are ever checked. Nothing here commits.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime, timedelta
from ipaddress import ip_address, ip_network

from sqlalchemy import delete, func, select
from sqlalchemy.orm import Session

from app import times
from app.accounts.models import SignInAttempt
from app.database import lock_name
from app.exceptions import ThrottledError
from app.language import Message, say

WINDOW_SECONDS = 300
ACCOUNT_LIMIT = 10
ADDRESS_LIMIT = 100
_CLEANUP_ROWS = 200
# Who holds an IPv6 address holds at least a /64 of them (RFC 6177).
_IPV6_PREFIX = 64


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try that was admitted: its account, and its rows under that and under the address it came from."""

    account_subject: str
    account_row_id: int
    address_row_id: int


def admit_attempt(session: Session, account: str, address: str, limit: int = ACCOUNT_LIMIT) -> Attempt:
    """Takes the session of a transaction, what is tried, from where and how often it may be; writes the try down.

    Raises ThrottledError if the account or the address has used up its tries. One that is refused does not count,
    so that nobody can keep somebody else out for good.
    """
    moment = times.now()
    limits = {_name_account(account): limit, _name_address(address): ADDRESS_LIMIT}
    # Always the account first: two tries never wait for each other crosswise.
    for subject in limits:
        lock_name(session, subject)
    _delete_old(session, moment)
    for subject, allowed in limits.items():
        _check_limit(session, subject, allowed, moment)
    rows = [SignInAttempt(subject=subject, attempted_at=moment) for subject in limits]
    session.add_all(rows)
    session.flush()
    return Attempt(rows[0].subject, rows[0].id, rows[1].id)


def clear_attempt(session: Session, attempt: Attempt, *, is_shared: bool = False) -> None:
    """Takes the try that succeeded: the account starts anew; of the address only this one is forgiven.

    Else whoever has one account of their own could try those of others without end. For the same reason only this one
    is forgiven of an account that ``is_shared``, an e-mail address that users of several organisations have.
    """
    rows = [attempt.account_row_id, attempt.address_row_id]
    session.execute(delete(SignInAttempt).where(SignInAttempt.id.in_(rows)))
    if not is_shared:
        session.execute(delete(SignInAttempt).where(SignInAttempt.subject == attempt.account_subject))


def use_once(session: Session, name: str, seconds: int) -> bool:
    """Takes the session of a transaction, and the name of what may count once, such as the state of a sign-in.

    Gives whether it comes for the first time within so many seconds. The caller has admitted a try under this name,
    so that two at the same instant wait for each other.
    """
    subject = f"once:{_hash(name)}"
    if session.scalar(select(SignInAttempt.id).where(SignInAttempt.subject == subject).limit(1)) is not None:
        return False
    # It is deleted with the old tries, a while after its time.
    session.add(SignInAttempt(subject=subject, attempted_at=times.now() + timedelta(seconds=seconds)))
    return True


def _check_limit(session: Session, subject: str, limit: int, moment: datetime) -> None:
    begin = moment - timedelta(seconds=WINDOW_SECONDS)
    counted, oldest = session.execute(
        select(func.count(), func.min(SignInAttempt.attempted_at)).where(
            SignInAttempt.subject == subject, SignInAttempt.attempted_at > begin
        )
    ).one()
    if counted >= limit:
        wait = max(1, int((oldest - begin).total_seconds()) + 1)
        raise ThrottledError(_describe_wait(wait), wait)


def _describe_wait(seconds: int) -> Message:
    minutes = -(-seconds // 60)
    if minutes == 1:
        return say("Too many attempts. Try again in a minute.")
    return say("Too many attempts. Try again in {minutes} minutes.", minutes=minutes)


def _delete_old(session: Session, moment: datetime) -> None:
    # Rows that another transaction is deleting are left to it.
    old = (
        select(SignInAttempt.id)
        .where(SignInAttempt.attempted_at < moment - timedelta(seconds=WINDOW_SECONDS))
        .limit(_CLEANUP_ROWS)
        .with_for_update(skip_locked=True)
    )
    session.execute(delete(SignInAttempt).where(SignInAttempt.id.in_(session.scalars(old).all())))


def _name_account(account: str) -> str:
    # A hash: the table need not be a list of who signs in, and any text has the same length.
    return f"account:{_hash(account)}"


def _hash(name: str) -> str:
    return hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()


def _name_address(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return "address:unknown"
    if parsed.version == 6:
        return f"address:{ip_network((parsed, _IPV6_PREFIX), strict=False)}"
    return f"address:{parsed}"
