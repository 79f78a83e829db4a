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

WINDOW_SECONDS = 300
ACCOUNT_LIMIT = 10
ADDRESS_LIMIT = 100
_CLEANUP_ROWS = 200
# Who holds an IPv6 address holds at least a /64 of them (RFC 6177).
_IPV6_PREFIX = 64


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try that was admitted: its account, and its row under the address it came from."""

    account_subject: str
    address_row_id: int


def admit_attempt(session: Session, account: str, address: str) -> Attempt:
    """Takes the session of a transaction, what is tried and from where; writes the try down.

    Raises ThrottledError if the account or the address has used up its tries. One that is refused does not count,
    so that nobody can keep somebody else out for good.
    """
    moment = times.now()
    limits = {_name_account(account): ACCOUNT_LIMIT, _name_address(address): ADDRESS_LIMIT}
    # Always the account first: two tries never wait for each other crosswise.
    for subject in limits:
        lock_name(session, subject)
    _delete_old(session, moment)
    for subject, limit in limits.items():
        _check_limit(session, subject, limit, moment)
    rows = [SignInAttempt(subject=subject, attempted_at=moment) for subject in limits]
    session.add_all(rows)
    session.flush()
    return Attempt(rows[0].subject, rows[1].id)


def clear_attempt(session: Session, attempt: Attempt) -> None:
    """Takes the try that succeeded: the account starts anew; of the address only this one is forgiven.

    Else whoever has one account of their own could try those of others without end.
    """
    session.execute(delete(SignInAttempt).where(SignInAttempt.subject == attempt.account_subject))
    session.execute(delete(SignInAttempt).where(SignInAttempt.id == attempt.address_row_id))


def _check_limit(session: Session, subject: str, limit: int, moment: datetime) -> None:
    begin = moment - timedelta(seconds=WINDOW_SECONDS)
    counted, oldest = session.execute(
        select(func.count(), func.min(SignInAttempt.attempted_at)).where(
            SignInAttempt.subject == subject, SignInAttempt.attempted_at > begin
        )
    ).one()
    if counted >= limit:
        wait = max(1, int((oldest - begin).total_seconds()) + 1)
        raise ThrottledError(f"Too many attempts. Try again in {_describe_wait(wait)}.", wait)


def _describe_wait(seconds: int) -> str:
    minutes = -(-seconds // 60)
    return "a minute" if minutes == 1 else f"{minutes} minutes"


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
    return f"account:{hashlib.sha256(account.encode('utf-8', 'surrogatepass')).hexdigest()}"


def _name_address(address: str) -> str:
    try:
        parsed = ip_address(address)
    except ValueError:
        return "address:unknown"
    if parsed.version == 6:
        return f"address:{ip_network((parsed, _IPV6_PREFIX), strict=False)}"
    return f"address:{parsed}"
