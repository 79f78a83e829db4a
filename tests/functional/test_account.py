"""The page of one's own account: the name, what pages look like, the e-mail address, and the password."""

from __future__ import annotations

import dataclasses
import html
import re
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import update

from app import times
from app.accounts import account_service, attempts, passwords, queries, user_sessions
from app.accounts.actors import SignedInUser
from app.accounts.models import User, UserSession
from app.database import transaction
from app.exceptions import ValidationError
from tests.factories import PASSWORD, Factory, Organisation, find_csrf_token
from tests.people import Person, change_user, get_last_details, get_user, list_actions, list_mails, read_errors, sign_in

NEW = "another good password"


@pytest.fixture
def person(make: Factory, owner: Organisation) -> Person:
    """The owner, signed in."""
    return Person(make, owner)


def end_sessions() -> None:
    """Ends all sessions, as time or somebody else would."""
    with transaction() as session:
        session.execute(update(UserSession).values(revoked_at=times.now()))


def test_name_language_and_appearance_are_kept_and_so_are_they_before_the_sign_in(person: Person) -> None:
    answer = person.post("/settings/account", name="Ada Lovelace", locale="de", theme="dark")
    assert (answer.status_code, answer.headers["Location"]) == (303, "/settings/account")
    row = get_user(person.owner)
    assert (row.name, row.locale, row.theme) == ("Ada Lovelace", "de", "dark")
    assert '<html lang="de" data-theme="dark">' in person.get("/releases")
    end_sessions()
    assert '<html lang="de" data-theme="dark">' in person.get("/sign-in")
    assert get_last_details(person.owner) == {
        "before": {"name": "", "locale": "", "theme": ""},
        "after": {"name": "Ada Lovelace", "locale": "de", "theme": "dark"},
    }


def test_left_to_the_browser_nothing_is_remembered_in_it(person: Person) -> None:
    person.post("/settings/account", name="", locale="de", theme="light")
    person.post("/settings/account", name="", locale="", theme="")
    assert person.browser.get_cookie("slipway_locale") is None
    assert person.browser.get_cookie("slipway_theme") is None
    # What was not changed is not written down.
    count = list_actions(person.owner).count("user.profile_changed")
    person.post("/settings/account", name="", locale="", theme="")
    assert list_actions(person.owner).count("user.profile_changed") == count


def test_what_is_wrong_comes_back_with_what_was_typed(person: Person) -> None:
    answer = person.post("/settings/account", name="A" * 257, locale="tlh", theme="pink")
    assert (answer.status_code, read_errors(answer.text)) == (400, ["name", "locale", "theme"])
    assert f'value="{"A" * 257}"' in answer.text
    assert get_user(person.owner).name == ""


def test_a_session_that_has_ended_costs_nothing_that_was_typed(person: Person) -> None:
    token = find_csrf_token(person.get("/settings/account"))
    end_sessions()
    typed = {"name": "Ada & Co", "locale": "de", "theme": "dark"}
    answer = person.browser.post("/settings/account", data={"csrf_token": token, **typed})
    page = html.unescape(answer.text)
    assert answer.status_code == 400
    assert 'value="Ada & Co"' in page
    assert re.search(r'value="dark" checked', page)
    again = {"signInEmail": person.owner.email, "signInPassword": PASSWORD, "csrf_token": find_csrf_token(page)}
    assert person.browser.post("/settings/account", data={**typed, **again}).status_code == 303
    assert get_user(person.owner).name == "Ada & Co"


def test_the_address_needs_the_password_and_must_be_free_in_the_organisation(make: Factory, person: Person) -> None:
    other = make.organisation()
    with transaction() as session:
        colleague = session.get_one(User, other.actor.user_id)
        colleague.tenant_id = person.owner.tenant_id
        colleague.email = "colleague@example.test"
    cases: tuple[tuple[dict[str, str], list[str]], ...] = (
        ({"email": "", "password": ""}, ["email", "password"]),
        ({"email": "no address", "password": PASSWORD}, ["email"]),
        ({"email": "Colleague@Example.test", "password": PASSWORD}, ["email"]),
        ({"email": "new@example.test", "password": "wrong password"}, ["password"]),
    )
    for fields, named in cases:
        answer = person.post("/settings/account/email", **fields)
        assert (answer.status_code, read_errors(answer.text)) == (400, named), fields
    assert person.post("/settings/account/email", email=" New@Example.test", password=PASSWORD).status_code == 303
    assert get_user(person.owner).email == "new@example.test"
    details = get_last_details(person.owner)
    assert details == {"before": {"email": person.owner.email}, "after": {"email": "new@example.test"}}
    assert person.is_signed_in()


def test_with_e_mail_a_new_address_counts_once_its_link_is_opened(
    build_app: Callable[..., Flask], make: Factory, owner: Organisation
) -> None:
    app = build_app(SMTP_URL="smtp://127.0.0.1:9")
    person = Person(make, owner, sign_in(app, owner)[0])
    assert person.post("/settings/account/email", email="new@example.test", password=PASSWORD).status_code == 303
    assert get_user(owner).email == owner.email
    (mail,) = list_mails()
    assert mail.recipient == "new@example.test"
    path = re.findall(r"http://localhost:8000(/settings/account/email/\S+)", mail.body)[0]
    # Neither another user nor whoever guesses gets anywhere with it.
    stranger = Person(make, make.organisation())
    assert stranger.get(path, 404) != ""
    assert person.browser.get(f"{path}x").status_code == 404
    assert "new@example.test" in person.get(path)
    assert get_user(owner).email == owner.email
    assert person.post(path, path).status_code == 303
    assert get_user(owner).email == "new@example.test"
    assert person.browser.get(path).status_code == 404
    assert [mail.recipient for mail in list_mails()] == ["new@example.test", owner.email]


def test_letters_to_new_addresses_are_few(build_app: Callable[..., Flask], make: Factory, owner: Organisation) -> None:
    person = Person(make, owner, sign_in(build_app(SMTP_URL="smtp://127.0.0.1:9"), owner)[0])
    statuses = [
        person.post("/settings/account/email", email=f"new{number}@example.test", password=PASSWORD).status_code
        for number in range(6)
    ]
    assert statuses == [303] * 5 + [429]
    assert len(list_mails()) == 5


def change_password(person: Person, current: str = PASSWORD, new: str = NEW) -> Any:
    """Sends the form."""
    return person.post("/settings/security/password", currentPassword=current, newPassword=new)


def test_another_password_ends_all_sessions_but_this_one(app: Flask, make: Factory, person: Person) -> None:
    other = Person(make, person.owner)
    before = person.browser.get_cookie("slipway_session")
    answer = change_password(person)
    assert (answer.status_code, answer.headers["Location"]) == (303, "/settings/security")
    assert "All other browsers are signed out" in person.get("/settings/security")
    assert person.is_signed_in()
    assert not other.is_signed_in()
    assert before is not None
    copy = app.test_client(use_cookies=False)
    cookie = {"HTTP_COOKIE": f"slipway_session={before.value}"}
    assert copy.get("/releases", environ_overrides=cookie).status_code == 302
    assert "/revoke" not in person.get("/settings/sessions")
    assert sign_in(app, person.owner)[1].status_code == 400
    assert sign_in(app, person.owner, NEW)[1].status_code == 303
    assert "user.password_changed" in list_actions(person.owner)


@pytest.mark.parametrize(
    ("current", "new", "named"),
    [
        ("", "", ["currentPassword", "newPassword"]),
        ("wrong password", NEW, ["currentPassword"]),
        ("wrong password", "short", ["currentPassword", "newPassword"]),
        (PASSWORD, "a" * 1025, ["newPassword"]),
        (PASSWORD, PASSWORD, ["newPassword"]),
    ],
    ids=["empty", "wrong", "wrong and short", "too long", "the same"],
)
def test_everything_that_is_wrong_with_a_password_is_said_at_once(
    person: Person, current: str, new: str, named: list[str]
) -> None:
    answer = change_password(person, current, new)
    assert (answer.status_code, read_errors(answer.text)) == (400, named)
    assert not any(f'value="{typed}"' in answer.text for typed in (current, new) if typed)
    assert passwords.is_password(get_user(person.owner).password_hash, PASSWORD)


def test_tries_of_the_current_password_are_throttled(person: Person) -> None:
    for _ in range(attempts.ACCOUNT_LIMIT):
        assert change_password(person, "wrong password").status_code == 400
    answer = change_password(person)
    assert (answer.status_code, "Too many attempts" in answer.text) == (429, True)
    # That somebody sits at this browser keeps nobody from signing in elsewhere.
    assert passwords.is_password(get_user(person.owner).password_hash, PASSWORD)


def test_of_two_changes_at_once_the_second_finds_the_password_changed(
    app: Flask, person: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed, real = passwords.hash_password("changed meanwhile"), passwords.hash_password

    def hash_slowly(password: str) -> str:
        with app.app_context():
            change_user(person.owner, password_hash=changed)
        return real(password)

    monkeypatch.setattr(passwords, "hash_password", hash_slowly)
    answer = change_password(person)
    assert (answer.status_code, read_errors(answer.text)) == (400, ["currentPassword"])
    assert get_user(person.owner).password_hash == changed


def open_session_without_password(owner: Organisation) -> SignedInUser:
    """Gives a session as a provider begins it, of a user who has no password."""
    change_user(owner, password_hash=passwords.UNUSABLE)
    with transaction() as session:
        row = session.get_one(User, owner.actor.user_id)
        return user_sessions.open_session(session, row, queries.get_tenant(owner.tenant_id), method="oidc")


def test_whoever_signs_in_by_a_provider_sets_a_first_password_soon_after_that(app: Flask, owner: Organisation) -> None:
    user = open_session_without_password(owner)
    assert sign_in(app, owner, passwords.UNUSABLE)[1].status_code == 400
    late = dataclasses.replace(user, signed_in_at=times.now() - timedelta(minutes=16))
    with pytest.raises(ValidationError, match="Sign in again first"):
        account_service.change_password(late, "", NEW)
    with pytest.raises(ValidationError, match="Set a password first"):
        account_service.change_email(user, "new@example.test", "", "192.0.2.1")
    assert account_service.change_password(user, "", NEW).method == "oidc"
    assert sign_in(app, owner, NEW)[1].status_code == 303
    # From then on the password is needed.
    with pytest.raises(ValidationError, match="Current password is required"):
        account_service.change_password(user, "", "and another password")
