"""What finding and claiming costs the database, counted in rows or steps and not in time."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from sqlalchemy import select, text, update
from sqlalchemy.orm import Session

from app.database import clock, is_sqlite, transaction
from app.extensions import db
from app.gauges import read_gauges
from app.webhooks import claims, due
from app.webhooks.due import LEASE_SECONDS
from app.webhooks.models import Delivery
from app.webhooks.rounds import RETRY
from tests.factories import Caller, Factory, Organisation
from tests.working import claim, create_release, first_come, get_delivery, list_attempts, owe

URL = "http://127.0.0.1:9/"
ROWS_READ = text("SELECT sum(seq_tup_read + coalesce(idx_tup_fetch, 0)) FROM pg_stat_xact_user_tables")
ROWS_CHANGED = text("SELECT n_tup_upd, n_tup_hot_upd FROM pg_stat_xact_user_tables WHERE relname = 'deliveries'")
_STEPS = 100


def measure(act: Callable[[Session], object]) -> int:
    """Gives how many rows PostgreSQL reads for it, or how many hundreds of steps SQLite takes."""
    with transaction() as session:
        if not is_sqlite():
            before = session.scalar(ROWS_READ) or 0
            act(session)
            return int(session.scalar(ROWS_READ) or 0) - int(before)
        steps: list[int] = []
        driver = session.connection().connection.dbapi_connection
        assert driver is not None
        driver.set_progress_handler(lambda: steps.append(1), _STEPS)
        try:
            act(session)
        finally:
            driver.set_progress_handler(None, _STEPS)
        return len(steps)


def claim_two(session: Session) -> None:
    """Claims two deliveries."""
    assert len(claims.claim_due(session, first_come(2))) == 2


def find_nothing(session: Session) -> None:
    """Looks whether anything is due."""
    assert not due.has_due(session)


def test_a_claim_costs_the_same_however_much_waits_for_one_webhook(make: Factory, owner: Organisation) -> None:
    webhook = make.webhook(owner, URL)
    owe(webhook, 50)
    little = measure(claim_two)
    owe(webhook, 5000)
    assert measure(claim_two) < 2 * little + 50


def test_a_look_costs_the_same_however_many_retries_are_to_come(make: Factory, owner: Organisation) -> None:
    webhook = make.webhook(owner, URL)
    owe(webhook, 50, RETRY, seconds=3600)
    little = measure(find_nothing)
    owe(webhook, 5000, RETRY, seconds=3600)
    assert measure(find_nothing) < 2 * little + 50


def test_a_look_passes_over_what_is_claimed(make: Factory, owner: Organisation) -> None:
    webhook = make.webhook(owner, URL, maxConcurrency=64)
    owe(webhook, 60)
    assert len(claim(100)) == 60
    with transaction() as session:
        find_nothing(session)
    owe(webhook, 1)
    assert len(claim(100)) == 1


def test_a_claim_changes_rows_where_they_are_and_no_index(make: Factory, owner: Organisation) -> None:
    if is_sqlite():
        pytest.skip("SQLite always writes a row where it is, and no index whose columns stay the same.")
    webhook = make.webhook(owner, URL, maxConcurrency=64)
    # More than fit into one page.
    owe(webhook, 200)
    with transaction() as session:
        changed, in_place = session.execute(ROWS_CHANGED).one()
        assert len(claims.claim_due(session, first_come(64))) == 64
        assert tuple(session.execute(ROWS_CHANGED).one()) == (changed + 64, in_place + 64)


def test_what_is_under_way_is_pending_and_not_due(make: Factory, owner: Organisation) -> None:
    owe(make.webhook(owner, URL), 3)
    assert len(claim(2)) == 2
    gauges = read_gauges(db.session())
    assert (gauges.deliveries["pending"], gauges.due_count) == (3, 1)
    assert len(claim(2)) == 1
    gauges = read_gauges(db.session())
    assert (gauges.deliveries["pending"], gauges.due_count, gauges.oldest_due_seconds) == (3, 0, 0.0)


def test_what_the_version_before_has_claimed_is_claimed_until_its_lease_ends(
    make: Factory, owner: Organisation, caller: Caller
) -> None:
    make.webhook(owner, URL)
    create_release(make, owner, caller)
    claim(1)
    for seconds, expected in ((LEASE_SECONDS, 0), (-1, 1)):
        with transaction() as session:
            # It moved the time of the next attempt instead.
            session.execute(update(Delivery).values(leased_until=None, next_attempt_at=clock(seconds)))
        assert len(claim(1)) == expected
    assert db.session.scalars(select(Delivery.lost_count)).one() == 1
    assert [attempt.outcome for attempt in list_attempts()] == ["lost", "started"]
    assert get_delivery().is_claimed
