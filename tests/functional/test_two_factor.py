"""Signing in with a second factor: how it is set up, asked for and switched off, and that no code counts twice."""

from __future__ import annotations

import html
import re
import threading
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from app import times
from app.accounts import attempts, passwords, second_factor, second_step
from app.accounts.models import RecoveryCode, SignInAttempt, UserSession
from app.accounts.second_step import PendingSignIn
from app.database import transaction
from app.exceptions import ValidationError
from tests.factories import PASSWORD, Factory, Organisation
from tests.people import (
    RECOVERY_CODES,
    Person,
    change_user,
    enter_code,
    get_user,
    list_actions,
    make_code,
    read_errors,
    sign_in,
    switch_two_factor_on,
)
from tests.portal import list_all

SECURITY = "/settings/security"
SETUP = "/settings/security/two-factor"


@pytest.fixture
def person(make: Factory, owner: Organisation) -> Person:
    """The owner, signed in."""
    return Person(make, owner)


def begin(person: Person) -> dict[str, str]:
    """Begins to set up; gives the key and the hidden fields of the form."""
    assert person.post(f"{SETUP}/begin").headers["Location"] == SETUP
    page = person.get(SETUP)
    groups = re.findall(r"<span>([A-Z2-7]{4})</span>", page)
    return {"secret": "".join(groups), "clickKey": re.findall(r'name="clickKey" value="([^"]+)"', page)[0]}


def read_codes(page: str) -> list[str]:
    """Gives the recovery codes that a page shows."""
    return re.findall(r"<li><code>([0-9a-z-]{19})</code></li>", page)


def test_it_counts_once_a_code_confirms_it_and_the_codes_are_shown_once(app: Flask, person: Person) -> None:
    begun = begin(person)
    # Reloaded or begun again, the key stays: whoever has scanned it need not do so again.
    assert begin(person)["secret"] == begun["secret"]
    assert sign_in(app, person.owner)[1].headers["Location"] == "/releases"
    form = {"clickKey": begun["clickKey"], "code": make_code(0, begun["secret"]), "password": PASSWORD}
    answer = person.post(SETUP, **form)
    assert (answer.status_code, answer.headers["Location"]) == (303, f"{SECURITY}/recovery-codes")
    codes = read_codes(person.get(f"{SECURITY}/recovery-codes"))
    assert len(codes) == 10
    assert person.browser.get(f"{SECURITY}/recovery-codes").headers["Location"] == SECURITY
    page = person.get(SECURITY)
    assert "10 recovery codes left" in page
    assert begun["secret"] not in page + person.get("/settings/account")
    assert list_actions(person.owner)[-1] == "user.two_factor_enabled"
    stored = b"".join(list_all(RecoveryCode.code_hash)) + (get_user(person.owner).totp_secret or b"")
    for secret in (begun["secret"], *codes, codes[0].replace("-", "")):
        assert secret.encode() not in stored
    assert sign_in(app, person.owner)[1].headers["Location"] == "/sign-in/second-step"


def test_a_second_click_switches_it_on_once_and_shows_the_same_codes(person: Person) -> None:
    begun = begin(person)
    form = {"clickKey": begun["clickKey"], "code": make_code(0, begun["secret"]), "password": PASSWORD}
    shown = []
    for _ in range(2):
        assert person.post(SETUP, **form).headers["Location"] == f"{SECURITY}/recovery-codes"
        shown.append(read_codes(person.get(f"{SECURITY}/recovery-codes")))
    assert shown[0] == shown[1]
    assert list_actions(person.owner).count("user.two_factor_enabled") == 1
    assert len(list_all(RecoveryCode.id)) == 10


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"code": "", "password": ""}, ["code", "password"]),
        ({"code": "123"}, ["code"]),
        ({"password": "wrong password"}, ["password"]),
        ({"clickKey": "nonsense"}, []),
    ],
    ids=["empty", "no code", "wrong password", "no key"],
)
def test_what_is_wrong_with_the_setup_is_said_at_once_and_the_key_stays(
    person: Person, changes: dict[str, str], named: list[str]
) -> None:
    begun = begin(person)
    form = {"clickKey": begun["clickKey"], "code": make_code(0, begun["secret"]), "password": PASSWORD}
    answer = person.post(SETUP, **{**form, **changes})
    assert answer.status_code == 400
    assert read_errors(answer.text) == named
    assert get_user(person.owner).totp_confirmed_at is None
    assert person.post(SETUP, **form).status_code == 303


def test_a_key_that_somebody_else_may_have_seen_is_not_gone_on_with(make: Factory, person: Person) -> None:
    begun = begin(person)
    other = Person(make, person.owner)
    assert "show the key" in other.get(SETUP)
    assert begin(other)["secret"] != begun["secret"]
    # Nor is one that has been there for long, and a key can be given up.
    with transaction() as session:
        user = session.merge(get_user(person.owner))
        session_id, _, secret = second_factor.unseal(user.totp_secret or b"").split()
        old = int((times.now() - timedelta(hours=2)).timestamp())
        user.totp_secret = second_factor.seal(f"{session_id} {old} {secret}")
    assert "show the key" in other.get(SETUP)
    begin(other)
    other.post(f"{SETUP}/cancel")
    assert get_user(person.owner).totp_secret is None


def test_nobody_is_signed_in_before_the_second_step(app: Flask, owner: Organisation) -> None:
    switch_two_factor_on(owner)
    browser, answer = sign_in(app, owner, next="/releases/new?product=x")
    assert answer.headers["Location"] == "/sign-in/second-step?next=/releases/new?product%3Dx"
    assert browser.get("/releases").status_code == 302
    assert list_all(UserSession.id) == []
    page = browser.get(answer.headers["Location"]).text
    assert 'name="next" value="/releases/new?product=x"' in page
    wrong = enter_code(browser, code="000000" if make_code() != "000000" else "111111")
    assert (wrong.status_code, read_errors(wrong.text)) == (400, ["code"])
    assert browser.get("/releases").status_code == 302
    right = enter_code(browser, code=f" {make_code()[:3]} {make_code()[3:]}", next="/releases/new?product=x")
    assert (right.status_code, right.headers["Location"]) == (303, "/releases/new?product=x")
    assert browser.get("/releases").status_code == 200
    assert list_actions(owner)[-2:] == ["user.second_factor_refused", "user.signed_in"]


def test_a_wrong_password_is_answered_as_ever_and_nothing_tells_of_a_second_factor(
    app: Flask, owner: Organisation
) -> None:
    switch_two_factor_on(owner)
    browser, answer = sign_in(app, owner, "wrong password")
    assert (answer.status_code, "E-mail address or password is wrong." in answer.text) == (400, True)
    assert browser.get("/sign-in/second-step").headers["Location"] == "/sign-in"


def test_each_code_counts_once_and_no_earlier_one_after_it(app: Flask, owner: Organisation) -> None:
    switch_two_factor_on(owner)
    earlier, later = make_code(), make_code(1)
    for code, status in ((later, 303), (later, 400), (earlier, 400)):
        browser, _ = sign_in(app, owner)
        assert enter_code(browser, code=code).status_code == status
    browser, _ = sign_in(app, owner)
    assert enter_code(browser, recoveryCode=RECOVERY_CODES[3].upper().replace("-", " ")).status_code == 303
    browser, _ = sign_in(app, owner)
    used = enter_code(browser, recoveryCode=RECOVERY_CODES[3])
    assert (used.status_code, read_errors(used.text)) == (400, ["recoveryCode"])
    assert '<details class="disclosure" open>' in used.text
    assert second_factor.count_codes(owner.tenant_id, owner.actor.user_id) == 9


@pytest.mark.parametrize("kind", ["code", "recovery code"])
def test_of_many_who_send_the_same_code_at_the_same_instant_one_gets_in(
    app: Flask, owner: Organisation, kind: str
) -> None:
    switch_two_factor_on(owner)
    pending = PendingSignIn.begin(get_user(owner))
    typed = make_code() if kind == "code" else RECOVERY_CODES[0]
    outcomes: list[str] = []
    start = threading.Barrier(6)

    def try_once() -> None:
        start.wait()
        with app.app_context():
            try:
                second_step.finish_sign_in(pending, typed, "code", "192.0.2.1")
            except ValidationError as error:
                outcomes.append(error.errors[0].code)
            else:
                outcomes.append("signed in")

    threads = [threading.Thread(target=try_once) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(outcomes) == ["signed in", *["wrong_code"] * 5]
    assert len(list_all(UserSession.id)) == 1


ENDS: dict[str, dict[str, Any]] = {
    "password changed": {"password_hash": passwords.hash_password("another good password")},
    "user switched off": {"is_active": False},
    "second factor gone": {"totp_confirmed_at": None},
}


@pytest.mark.parametrize("end", ENDS)
def test_the_second_step_is_over_when_the_first_is_not_worth_anything_any_more(
    app: Flask, owner: Organisation, end: str
) -> None:
    switch_two_factor_on(owner)
    browser, _ = sign_in(app, owner)
    change_user(owner, **ENDS[end])
    answer = enter_code(browser, code=make_code())
    assert (answer.status_code, answer.headers["Location"]) == (303, "/sign-in")
    assert "Too much time has passed" in browser.get("/sign-in").text
    assert list_all(UserSession.id) == []


def test_the_second_step_must_be_taken_within_ten_minutes(
    app: Flask, owner: Organisation, monkeypatch: pytest.MonkeyPatch
) -> None:
    switch_two_factor_on(owner)
    browser, _ = sign_in(app, owner)
    monkeypatch.setattr(second_step, "LIFETIME", timedelta(0))
    assert browser.get("/sign-in/second-step?next=/products").headers["Location"] == "/sign-in?next=/products"
    monkeypatch.undo()
    assert enter_code(browser, code=make_code()).status_code == 303


@pytest.mark.parametrize("text", ["", "x", "a b c d", "0f8fad5b-d9cb-469f-a165-70867728950e " * 2 + "9999999999999 x"])
def test_what_the_cookie_holds_must_have_the_shape_of_a_pending_sign_in(text: str) -> None:
    assert PendingSignIn.parse(text) is None


def test_codes_are_throttled_for_the_account_from_wherever_they_come(app: Flask, owner: Organisation) -> None:
    switch_two_factor_on(owner)
    browser, _ = sign_in(app, owner)
    with transaction() as session:
        for number in range(attempts.ACCOUNT_LIMIT):
            attempts.admit_attempt(session, second_step.name_attempts(owner.actor.user_id), f"192.0.2.{number}")
    answer = enter_code(browser, code=make_code())
    assert (answer.status_code, "Too many attempts" in answer.text) == (429, True)
    assert int(answer.headers["Retry-After"]) > 0
    with transaction() as session:
        for row in session.scalars(select(SignInAttempt)):
            row.attempted_at -= timedelta(seconds=attempts.WINDOW_SECONDS + 1)
    assert enter_code(browser, code=make_code()).status_code == 303


@pytest.mark.parametrize("proof", ["password", "code", "recovery code"])
def test_it_is_switched_off_by_the_password_or_a_code(app: Flask, person: Person, proof: str) -> None:
    switch_two_factor_on(person.owner)
    typed = {"password": PASSWORD, "code": make_code(), "recovery code": RECOVERY_CODES[9]}[proof]
    for wrong in ("", "wrong password", "000000" if make_code() != "000000" else "111111"):
        answer = person.post(f"{SETUP}/switch-off", proof=wrong)
        assert (answer.status_code, read_errors(answer.text)) == (400, ["proof"])
    assert person.post(f"{SETUP}/switch-off", proof=typed).status_code == 303
    assert get_user(person.owner).totp_secret is None
    assert list_all(RecoveryCode.id) == []
    assert list_actions(person.owner)[-1] == "user.two_factor_disabled"
    assert sign_in(app, person.owner)[1].headers["Location"] == "/releases"
    # A second click finds it done.
    assert person.post(f"{SETUP}/switch-off", proof=typed).status_code == 303
    assert list_actions(person.owner).count("user.two_factor_disabled") == 1


def test_new_recovery_codes_replace_the_old_ones_once_however_often_the_form_is_sent(person: Person) -> None:
    switch_two_factor_on(person.owner)
    key = re.findall(r'name="clickKey" value="([^"]+)"', person.get(SECURITY))[0]
    refused = person.post(f"{SECURITY}/recovery-codes", clickKey=key, codesProof="wrong")
    assert (refused.status_code, read_errors(refused.text)) == (400, ["codesProof"])
    shown = []
    for _ in range(2):
        answer = person.post(f"{SECURITY}/recovery-codes", clickKey=key, codesProof=make_code())
        assert answer.headers["Location"] == f"{SECURITY}/recovery-codes"
        shown.append(read_codes(person.get(f"{SECURITY}/recovery-codes")))
    assert shown[0] == shown[1]
    assert len(shown[0]) == 10
    assert list_actions(person.owner).count("user.recovery_codes_created") == 1
    with transaction() as session:
        user = session.merge(get_user(person.owner))
        assert second_factor.take_code(session, user, RECOVERY_CODES[0], times.now()) is None
        assert second_factor.take_code(session, user, shown[0][0], times.now()) == "recovery_code"


def test_nobody_is_shown_the_codes_of_another_form(person: Person) -> None:
    switch_two_factor_on(person.owner)
    assert second_factor.build_codes(person.owner.actor.user_id, "not a key") is None
    assert "Recovery codes are shown once" in html.unescape(
        person.browser.get(f"{SECURITY}/recovery-codes", follow_redirects=True).text
    )
