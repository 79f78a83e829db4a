"""No more tries than the limit, from whichever side, process and instant they come."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import select

from app import times
from app.accounts import attempts, passwords, service
from app.accounts.models import SignInAttempt
from app.database import transaction
from app.exceptions import ThrottledError, ValidationError
from tests.factories import PASSWORD, Factory, Organisation
from tests.functional.test_signing_in import count_attempts, sign_in


def age_attempts(seconds: int) -> None:
    """Lets time pass for the tries that were counted."""
    with transaction() as session:
        for row in session.scalars(select(SignInAttempt)):
            row.attempted_at -= timedelta(seconds=seconds)


def test_the_eleventh_try_on_one_account_waits_though_it_is_right(
    app: Flask, owner: Organisation, build_app: Callable[..., Flask]
) -> None:
    for number in range(10):
        assert sign_in(app, f"192.0.2.{number}", email=owner.email, password="wrong").status_code == 400
    # Another process, another address, another spelling: the count is the same.
    for answer in (
        sign_in(app, "198.51.100.1", email=owner.email, password=PASSWORD),
        sign_in(build_app(), "198.51.100.2", email=owner.email.upper(), password=PASSWORD),
    ):
        assert answer.status_code == 429
        assert 1 <= int(answer.headers["Retry-After"]) <= 300
        assert "Too many attempts" in answer.text
    assert count_attempts() == 20
    age_attempts(attempts.WINDOW_SECONDS + 1)
    assert sign_in(app, "198.51.100.1", email=owner.email, password=PASSWORD).status_code == 303


def test_a_success_starts_the_account_anew_and_forgives_the_address_one_try_only(
    app: Flask, owner: Organisation
) -> None:
    for _ in range(9):
        sign_in(app, email=owner.email, password="wrong")
    assert sign_in(app, email=owner.email, password=PASSWORD).status_code == 303
    assert count_attempts() == 9
    assert sign_in(app, email=owner.email, password="wrong").status_code == 400


def test_whoever_has_the_same_address_elsewhere_starts_nobody_elses_account_anew(
    app: Flask, make: Factory, owner: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody is asked whether an address that is invited is theirs, who joins by the link.
    twin = make.member(make.organisation(), "viewer", owner.email)
    monkeypatch.setattr(passwords, "is_password", lambda _, typed: typed == PASSWORD)
    for number in range(5):
        answers = [
            sign_in(app, f"192.0.2.{number}", email=owner.email, password="wrong", organisation=owner.slug)
            for _ in range(2)
        ]
        assert [answer.status_code for answer in answers] == [400, 400]
        own = sign_in(app, f"192.0.2.{number}", email=twin.email, password=PASSWORD, organisation=twin.slug)
        assert own.status_code == (303 if number < 4 else 429)
    assert sign_in(app, "198.51.100.1", email=owner.email, password="wrong").status_code == 429


@pytest.mark.parametrize(
    ("address", "neighbour", "other"),
    [("192.0.2.1", "192.0.2.1", "192.0.2.2"), ("2001:db8:0:1::1", "2001:db8:0:1:ffff::2", "2001:db8:0:2::1")],
)
def test_a_hundred_tries_from_one_address_are_enough_for_five_minutes(
    app: Flask, owner: Organisation, address: str, neighbour: str, other: str
) -> None:
    with transaction() as session:
        for number in range(100):
            attempts.admit_attempt(session, f"account {number}", address)
    assert sign_in(app, neighbour, email=owner.email, password=PASSWORD).status_code == 429
    assert sign_in(app, other, email=owner.email, password=PASSWORD).status_code == 303


def test_of_many_tries_at_the_same_instant_no_more_than_the_limit_are_checked(
    app: Flask, owner: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    checked, outcomes = [], []
    monkeypatch.setattr(passwords, "is_password", lambda *_: checked.append(1))
    start = threading.Barrier(24)

    def try_once() -> None:
        start.wait()
        with app.app_context():
            try:
                service.sign_in(owner.email, "wrong password", None, "192.0.2.1")
            except (ValidationError, ThrottledError) as error:
                outcomes.append(error.code)

    threads = [threading.Thread(target=try_once) for _ in range(24)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(checked) == attempts.ACCOUNT_LIMIT
    assert sorted(set(outcomes)) == ["too_many_requests", "validation_failed"]
    assert len(outcomes) == 24


def test_tries_of_yesterday_are_swept_up(app: Flask, owner: Organisation) -> None:
    with transaction() as session:
        yesterday = times.now() - timedelta(days=1)
        session.add_all(SignInAttempt(subject="account:x", attempted_at=yesterday) for _ in range(50))
    sign_in(app, email="nobody@example.test", password="wrong")
    assert count_attempts() == 2
