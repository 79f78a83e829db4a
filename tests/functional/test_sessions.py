"""The cookie of a signed-in browser: what it is worth, for how long, and what a forged one is worth."""

from __future__ import annotations

import base64
import zlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from flask.json.tag import TaggedJSONSerializer
from flask.testing import FlaskClient
from itsdangerous import TimestampSigner, URLSafeTimedSerializer
from sqlalchemy import select, update

from app import times
from app.accounts import passwords
from app.accounts.models import User, UserSession
from app.database import transaction
from app.extensions import db
from tests.conftest import SECRET_KEY
from tests.factories import PASSWORD, Factory, Organisation, find_csrf_token

COOKIE = "slipway_session"


def read_cookie(client: FlaskClient) -> str:
    """Gives the session cookie of a browser."""
    cookie = client.get_cookie(COOKIE)
    assert cookie is not None
    return str(cookie.value)


def is_signed_in(app: Flask, cookie: str, name: str = COOKIE) -> bool:
    """Whether a cookie opens the releases; it may be worth nothing, and never breaks anything."""
    client = app.test_client(use_cookies=False)
    answer = client.get("/releases", environ_overrides={"HTTP_COOKIE": f"{name}={cookie}"})
    assert answer.status_code in (200, 302), (cookie[:80], answer.status_code)
    return answer.status_code == 200


def sign_cookie(value: Any, *, key: str = SECRET_KEY, salt: str = "cookie-session") -> str:
    """Signs a session's content as Flask does."""
    signer = {"key_derivation": "hmac", "digest_method": "sha1"}
    serializer = URLSafeTimedSerializer(key, salt, TaggedJSONSerializer(), signer_kwargs=signer)
    return str(serializer.dumps(value))


def read_content(cookie: str) -> dict[str, Any]:
    """Gives what a cookie holds, as anybody who finds one can read it."""
    raw = base64.urlsafe_b64decode(cookie.removeprefix(".").split(".")[0] + "===")
    content = TaggedJSONSerializer().loads((zlib.decompress(raw) if cookie.startswith(".") else raw).decode())
    assert isinstance(content, dict)
    return content


def change_row(table: Any, **values: Any) -> None:
    """Changes the rows of a table, as another process would."""
    with transaction() as session:
        session.execute(update(table).values(**values))


def give_to_another(owner: Organisation) -> None:
    """Makes another user the owner of all sessions."""
    other = db.session.scalars(select(User.id).where(User.id != owner.actor.user_id)).one()
    change_row(UserSession, user_id=other)


ENDS: dict[str, Callable[[Organisation], None]] = {
    "password changed": lambda _: change_row(User, password_hash=passwords.hash_password("another good password")),
    "same password set anew": lambda _: change_row(User, password_hash=passwords.hash_password(PASSWORD)),
    "user switched off": lambda _: change_row(User, is_active=False),
    "session revoked": lambda _: change_row(UserSession, revoked_at=times.now()),
    "idle for a week": lambda _: change_row(UserSession, last_seen_at=times.now() - timedelta(days=7, seconds=1)),
    "a month old": lambda _: change_row(UserSession, expires_at=times.now() - timedelta(seconds=1)),
    "given to another user": give_to_another,
}


@pytest.mark.parametrize("end", ENDS)
def test_a_session_ends_from_the_next_request_on(app: Flask, make: Factory, end: str) -> None:
    owner = make.organisation()
    make.organisation()
    cookie = read_cookie(make.browser(owner))
    assert is_signed_in(app, cookie)
    ENDS[end](owner)
    assert not is_signed_in(app, cookie)


def test_a_user_who_moved_to_another_tenant_is_signed_out(app: Flask, make: Factory) -> None:
    owner, other = make.organisation(), make.organisation()
    cookie = read_cookie(make.browser(owner))
    change_row(User, tenant_id=other.tenant_id)
    assert not is_signed_in(app, cookie)


def test_a_lower_role_counts_at_once(make: Factory) -> None:
    browser = make.browser(make.organisation())
    change_row(User, role="viewer")
    assert browser.get("/releases").status_code == 200
    assert browser.get("/webhooks").status_code == 403
    form = {"csrf_token": find_csrf_token(browser.get("/products").text), "name": "New"}
    assert browser.post("/products", data=form).status_code == 403


def test_signing_out_ends_every_copy_of_the_cookie(app: Flask, make: Factory) -> None:
    browser = make.browser(make.organisation())
    copy = read_cookie(browser)
    token = find_csrf_token(browser.get("/products").text)
    latest = read_cookie(browser)
    assert is_signed_in(app, copy)
    assert is_signed_in(app, latest)
    browser.post("/sign-out", data={"csrf_token": token})
    assert not is_signed_in(app, copy)
    assert not is_signed_in(app, latest)
    assert browser.get("/releases").status_code == 302


def test_what_was_planted_in_a_browser_is_gone_after_signing_in(app: Flask, make: Factory, client: FlaskClient) -> None:
    owner = make.organisation()
    attacker = app.test_client()
    planted_token = find_csrf_token(attacker.get("/sign-in").text)
    planted = read_cookie(attacker)
    client.set_cookie(COOKIE, planted)
    client.post("/sign-in", data={"csrf_token": planted_token, "email": owner.email, "password": PASSWORD})
    assert is_signed_in(app, read_cookie(client))
    assert not is_signed_in(app, planted)
    assert read_content(planted)["csrf_token"] not in str(read_content(read_cookie(client)))


def test_signing_in_as_somebody_else_ends_the_session_before(app: Flask, make: Factory) -> None:
    first, second = make.organisation(), make.organisation()
    browser = make.browser(first)
    copy = read_cookie(browser)
    token = find_csrf_token(browser.get("/products").text)
    browser.post("/sign-in", data={"csrf_token": token, "email": second.email, "password": PASSWORD})
    assert second.email in browser.get("/releases").text
    assert not is_signed_in(app, copy)


def test_each_browser_has_a_session_of_its_own(app: Flask, make: Factory) -> None:
    owner = make.organisation()
    first, second = read_cookie(make.browser(owner)), read_cookie(make.browser(owner))
    ids = [read_content(cookie)["_user_id"].partition(".") for cookie in (first, second)]
    assert not is_signed_in(app, sign_cookie({"_user_id": f"{ids[0][0]}.{ids[1][2]}", "_fresh": True}))
    with transaction() as session:
        session.execute(update(UserSession).where(UserSession.id == ids[0][0]).values(revoked_at=times.now()))
    assert [is_signed_in(app, cookie) for cookie in (first, second)] == [False, True]


def test_the_database_does_not_hold_what_a_cookie_proves_itself_by(make: Factory) -> None:
    secret = read_content(read_cookie(make.browser(make.organisation())))["_user_id"].partition(".")[2]
    assert len(base64.urlsafe_b64decode(secret + "==")) == 32
    db.session.rollback()
    row = db.session.execute(select(UserSession.__table__)).one()
    assert secret not in str(row)
    assert secret.encode() not in row.secret_hash


def test_no_character_of_a_cookie_can_be_changed(app: Flask, make: Factory) -> None:
    cookie = read_cookie(make.browser(make.organisation()))
    assert is_signed_in(app, cookie)
    for index, character in enumerate(cookie[:-1]):
        assert not is_signed_in(app, cookie[:index] + ("A" if character != "A" else "B") + cookie[index + 1 :])


UNKNOWN = "0f8fad5b-d9cb-469f-a165-70867728950e"


@pytest.mark.parametrize(
    "value",
    [
        [], 1, None, "text", {"_user_id": 1}, {"_user_id": None}, {"_user_id": ["x"]}, {"_user_id": {"a": 1}},
        {"_user_id": ""}, {"_user_id": "."}, {"_user_id": UNKNOWN}, {"_user_id": f"{UNKNOWN}."},
        {"_user_id": "a\x00b.c"}, {"_user_id": "\ud800.x"}, {"_user_id": "é.é"}, {"_user_id": "x" * 3000},
        {"_user_id": UNKNOWN, "_id": 7}, {"_fresh": "yes"}, {"csrf_token": 5}, {"csrf_token": None},
        {"csrf_token": "é"}, {"_flashes": "x"}, {"_flashes": [1]}, {"_flashes": [("a", 2)]}, {"_permanent": []},
        {"_remember": "set"}, {"_remember_seconds": -1}, {"unheard": "of"},
    ],
    ids=ascii,
)  # fmt: skip
def test_a_cookie_of_another_shape_is_no_session_though_its_signature_is_right(app: Flask, value: Any) -> None:
    cookie = sign_cookie(value)
    assert not is_signed_in(app, cookie)
    answer = app.test_client(use_cookies=False).get("/sign-in", environ_overrides={"HTTP_COOKIE": f"{COOKIE}={cookie}"})
    assert answer.status_code == 302


def build_forgeries(content: dict[str, Any]) -> dict[str, str]:
    """Takes the content of a good cookie; gives cookies that say the same and are not ours, and some that say nothing.

    A good signature under what cannot be read stands for a key that was used for something else, too.
    """
    payload = base64.urlsafe_b64encode(TaggedJSONSerializer().dumps(content).encode()).decode().rstrip("=")
    bomb = base64.urlsafe_b64encode(zlib.compress(bytes(10_000_000))).decode().rstrip("=")
    signer = TimestampSigner(SECRET_KEY, "cookie-session", key_derivation="hmac")
    return {
        "no signature": payload,
        "empty signature": f"{payload}..",
        "other key": sign_cookie(content, key="some other key that is long enough"),
        "other salt": sign_cookie(content, salt="itsdangerous"),
        "not base64": signer.sign("!!!").decode(),
        "not JSON": signer.sign("bm90IGpzb24").decode(),
        "not compressed": signer.sign(".bm90IHpsaWI").decode(),
        "not UTF-8": signer.sign("__79").decode(),
        "unknown tag": signer.sign(base64.urlsafe_b64encode(b'{" d":"never"}').decode().rstrip("=")).decode(),
        "nested": signer.sign(base64.urlsafe_b64encode(b"[" * 2500).decode().rstrip("=")).decode(),
        "bomb": f".{bomb}.aaaa.bbbb",
        "4 KB": "a" * 4096,
        "64 KB": "a" * 65_536,
        "empty": "",
        "bytes": "\xff\xfe\x80",
        "dots": "." * 50,
    }


def test_a_forged_cookie_is_no_session(app: Flask, make: Factory) -> None:
    content = read_content(read_cookie(make.browser(make.organisation())))
    assert is_signed_in(app, sign_cookie(content))
    found = {name: is_signed_in(app, cookie) for name, cookie in build_forgeries(content).items()}
    assert found == dict.fromkeys(found, False)


@pytest.mark.parametrize("value", ["x|y", "x|\xc3\xa9", "\xff|\xff", "|", "x", "", "a.b|" + "0" * 128])
def test_the_remember_cookie_of_flask_login_opens_and_breaks_nothing(app: Flask, value: str) -> None:
    assert not is_signed_in(app, value, "remember_token")


def test_sessions_outlive_a_rotation_of_the_secret_key(make: Factory, build_app: Callable[..., Flask]) -> None:
    cookie = read_cookie(make.browser(make.organisation()))
    new = "a-new-secret-key-of-the-installation-0123456789"
    assert is_signed_in(build_app(SECRET_KEY=new, SECRET_KEY_FALLBACKS=SECRET_KEY), cookie)
    assert not is_signed_in(build_app(SECRET_KEY=new), cookie)


def test_being_there_is_written_down_every_five_minutes(app: Flask, make: Factory) -> None:
    cookie = read_cookie(make.browser(make.organisation()))

    def visit() -> Any:
        assert is_signed_in(app, cookie)
        db.session.rollback()
        return db.session.scalars(select(UserSession.last_seen_at)).one()

    first = visit()
    assert visit() == first
    change_row(UserSession, last_seen_at=first - timedelta(minutes=6))
    assert visit() > first


def test_without_a_database_a_signed_in_browser_gets_a_page_that_says_so(
    make: Factory, build_app: Callable[..., Flask]
) -> None:
    cookie = read_cookie(make.browser(make.organisation()))
    client = build_app(DATABASE_URL="postgresql://nobody:x@127.0.0.1:9/x").test_client(use_cookies=False)
    answer = client.get("/releases", environ_overrides={"HTTP_COOKIE": f"{COOKIE}={cookie}"})
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert "Nothing was changed" in answer.text
