"""A forgotten password: a link by e-mail, once, and no word on whether there is an account."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app import times
from app.accounts import attempts, links, passwords, resets
from app.accounts.models import SignInAttempt, User
from app.audit.models import AuditEntry
from app.database import transaction
from app.languages import LOCALE_COOKIE
from tests.factories import Factory, Organisation, find_csrf_token
from tests.people import Person, change_user, get_user, list_actions, list_mails, sign_in, switch_two_factor_on
from tests.portal import list_all

pytestmark = pytest.mark.once

NEW = "another good password"


@pytest.fixture
def mailing(build_app: Callable[..., Flask]) -> Flask:
    """An application that sends e-mail."""
    return build_app(SMTP_URL="smtp://127.0.0.1:9")


def ask(app: Flask, email: str, client: FlaskClient | None = None) -> TestResponse:
    """Asks for a link in a new browser."""
    client = client or app.test_client()
    token = find_csrf_token(client.get("/sign-in/forgot").text)
    answer = client.post("/sign-in/forgot", data={"csrf_token": token, "email": email})
    # As a server does once it has sent an answer: only then somebody is looked for.
    answer.close()
    return answer


def read_link() -> str:
    """Gives the path of the link in the newest e-mail."""
    return str(re.findall(r"http://localhost:8000(/sign-in/reset/\S+)", list_mails()[-1].body)[0])


def choose(app: Flask, path: str, password: str = NEW) -> TestResponse:
    """Opens a link in a new browser and chooses a password."""
    client = app.test_client()
    token = find_csrf_token(client.get(path).text)
    return client.post(path, data={"csrf_token": token, "password": password})


def test_the_answer_is_the_same_whoever_asks_and_comes_before_anybody_is_looked_for(
    mailing: Flask, owner: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_for: list[str] = []
    monkeypatch.setattr(resets, "send_links", lambda email, _: looked_for.append(email))
    answers = []
    for email in (owner.email, "nobody@example.test"):
        client = mailing.test_client()
        token = find_csrf_token(client.get("/sign-in/forgot").text)
        answer = client.post("/sign-in/forgot", data={"csrf_token": token, "email": email})
        answers.append((answer.status_code, answer.headers["Location"], answer.text))
        assert email not in looked_for
        answer.close()
        assert looked_for[-1] == email
    assert answers[0] == answers[1]


def test_a_link_lets_one_choose_another_password_once(mailing: Flask, make: Factory, owner: Organisation) -> None:
    person = Person(make, owner)
    assert ask(mailing, f" {owner.email.upper()}").headers["Location"] == "/sign-in/forgot/sent"
    (mail,) = list_mails()
    assert (mail.recipient, mail.tenant_id) == (owner.email, owner.tenant_id)
    path = read_link()
    short = choose(mailing, path, "short")
    assert (short.status_code, "at least 10 characters" in short.text, 'value="short"' in short.text) == (
        400,
        True,
        False,
    )
    answer = choose(mailing, path)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")
    assert not person.is_signed_in()
    assert sign_in(mailing, owner)[1].status_code == 400
    assert sign_in(mailing, owner, NEW)[1].status_code == 303
    for again in (mailing.test_client().get(path), choose(mailing, path, "and a third password")):
        assert (again.status_code, "older than an hour" in again.text) == (404, True)
    assert passwords.is_password(get_user(owner).password_hash, NEW)
    assert list_actions(owner)[-3:-1] == ["user.password_reset_requested", "user.password_reset"]
    assert list_mails()[-1].subject == "Your password was changed"
    # No link stands in the audit log.
    assert path.rpartition("/")[2] not in str(list_all(AuditEntry.details))


def test_it_does_not_lead_around_the_second_factor(mailing: Flask, owner: Organisation) -> None:
    switch_two_factor_on(owner)
    ask(mailing, owner.email)
    assert choose(mailing, read_link()).status_code == 303
    assert sign_in(mailing, owner, NEW)[1].headers["Location"] == "/sign-in/second-step"


OVER: dict[str, dict[str, Any]] = {
    "password changed": {"password_hash": passwords.hash_password("changed meanwhile")},
    "address changed": {"email": "elsewhere@example.test"},
    "user switched off": {"is_active": False},
}


@pytest.mark.parametrize("end", [*OVER, "an hour later", "changed on the way", "for something else"])
def test_a_link_that_is_over_opens_nothing(
    mailing: Flask, owner: Organisation, end: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(mailing, owner.email)
    path = read_link()
    client = mailing.test_client()
    token = find_csrf_token(client.get(path).text)
    if end in OVER:
        change_user(owner, **OVER[end])
    elif end == "an hour later":
        monkeypatch.setattr(links, "LIFETIME_SECONDS", -1)
    elif end == "changed on the way":
        # Of the last character not every bit counts, so it is changed by more than one.
        path = path[:-1] + ("A" if path[-1] != "A" else "Q")
    else:
        user = get_user(owner)
        path = f"/sign-in/reset/{links.sign('email', user.tenant_id, user.id, links.mark(user))}"
    before = get_user(owner).password_hash
    assert client.get(path).status_code == 404
    assert client.post(path, data={"csrf_token": token, "password": NEW}).status_code == 404
    assert get_user(owner).password_hash == before


def test_each_organisation_of_an_address_gets_a_link_of_its_own(mailing: Flask, make: Factory) -> None:
    first, second, gone = make.organisation(), make.organisation(), make.organisation()
    with transaction() as session:
        session.execute(update(User).values(email="both@example.test"))
        session.execute(update(User).where(User.tenant_id == gone.tenant_id).values(is_active=False))
    ask(mailing, "both@example.test")
    assert {mail.tenant_id for mail in list_mails()} == {first.tenant_id, second.tenant_id}
    assert all(name in str([mail.body for mail in list_mails()]) for name in (first.name, second.name))


def test_links_are_few_and_the_count_says_nothing(mailing: Flask, owner: Organisation) -> None:
    for email in (owner.email, "nobody@example.test"):
        assert [ask(mailing, email).status_code for _ in range(4)] == [303, 303, 303, 429]
    assert len(list_mails()) == 3


def test_what_is_no_address_is_said_to_be_none(mailing: Flask, owner: Organisation) -> None:
    answer = ask(mailing, "no address")
    assert (answer.status_code, 'href="#field-email"' in answer.text, 'value="no address"' in answer.text) == (
        400,
        True,
        True,
    )
    stale = mailing.test_client().post("/sign-in/forgot", data={"email": owner.email})
    assert (stale.status_code, "open for too long" in stale.text, f'value="{owner.email}"' in stale.text) == (
        400,
        True,
        True,
    )


def test_tries_of_a_link_are_throttled(mailing: Flask, owner: Organisation) -> None:
    ask(mailing, owner.email)
    path = read_link()
    with transaction() as session:
        for number in range(attempts.ACCOUNT_LIMIT):
            attempts.admit_attempt(session, f"reset link {owner.actor.user_id}", f"192.0.2.{number}")
    assert choose(mailing, path).status_code == 429
    with transaction() as session:
        for row in session.scalars(select(SignInAttempt)):
            row.attempted_at = times.now() - timedelta(seconds=attempts.WINDOW_SECONDS + 1)
    assert choose(mailing, path).status_code == 303


def test_without_e_mail_the_page_says_who_can_help(app: Flask, owner: Organisation) -> None:
    page = app.test_client().get("/sign-in/forgot").text
    assert "flask --app wsgi user reset-password" in page
    assert 'name="email"' not in page
    token = find_csrf_token(app.test_client().get("/sign-in").text)
    assert (
        app.test_client().post("/sign-in/forgot", data={"csrf_token": token, "email": owner.email}).status_code == 400
    )
    assert list_mails() == []


def test_letters_are_in_the_language_of_who_reads_them(mailing: Flask, owner: Organisation) -> None:
    asked: list[str] = []
    client = mailing.test_client()
    client.set_cookie(LOCALE_COOKIE, "de")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resets, "send_links", lambda _, locale: asked.append(locale))
        ask(mailing, owner.email, client)
    assert asked == ["de"]


def test_an_operator_makes_a_link_or_switches_the_second_factor_off(app: Flask, owner: Organisation) -> None:
    switch_two_factor_on(owner)
    runner = app.test_cli_runner()
    made = runner.invoke(args=["user", "reset-password", "--email", owner.email])
    assert made.exit_code == 0
    path = made.stdout.strip().removeprefix("http://localhost:8000")
    assert choose(app, path).status_code == 303
    off = runner.invoke(args=["user", "reset-two-factor", "--email", owner.email])
    assert (off.exit_code, off.stdout.strip()) == (0, owner.actor.user_id)
    assert sign_in(app, owner, NEW)[1].headers["Location"] == "/releases"
    for arguments in (["reset-two-factor", "--email", owner.email], ["reset-password", "--email", "x@example.test"]):
        refused = runner.invoke(args=["user", *arguments])
        assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
