"""The way from one SECRET_KEY to the next: every stored secret is encrypted anew, and the earlier key is given up."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from flask import Flask
from sqlalchemy import select, update

from app import rekeying
from app.accounts import keys
from app.accounts.models import SigningKey, User
from app.crypto import Cipher
from app.database import transaction
from app.extensions import db
from app.webhooks import rotation
from app.webhooks.models import FormerSecret, Webhook
from tests.conftest import SECRET_KEY
from tests.factories import Factory, Organisation
from tests.people import switch_two_factor_on

NEW_KEY = "the-secret-key-of-tomorrow-0123456789abcdef"
HEADERS = {"Authorization": "Bearer of-the-receiver"}


def store_secrets(make: Factory, owner: Organisation) -> str:
    """Stores one secret of each kind; gives the webhook's id."""
    webhook = make.webhook(owner, "http://127.0.0.1:9/", headers=HEADERS)
    rotation.rotate_secret(owner.actor, webhook.id, 24)
    switch_two_factor_on(owner)
    keys.get_signing_key()
    return webhook.id


def read_all(cipher: Cipher) -> list[bytes]:
    """Gives everything that is stored encrypted, decrypted and sorted."""
    db.session.rollback()
    columns = (Webhook.token, Webhook.headers, FormerSecret.token, SigningKey.private_pem, User.totp_secret)
    stored = [value for column in columns for value in db.session.scalars(select(column)) if value]
    return sorted(cipher.decrypt(value) for value in stored)


def rotate(app: Flask) -> tuple[int, str, str]:
    """Runs the command; gives its exit code, the last line of what it prints, and what it complains of."""
    result = app.test_cli_runner().invoke(args=["secrets", "rotate"])
    return result.exit_code, result.stdout.splitlines()[-1], result.stderr


def restore_signing_keys() -> None:
    """Encrypts the signing keys, which all tests share, with their own key again."""
    cipher = Cipher([SECRET_KEY, NEW_KEY])
    with transaction() as session:
        for key in session.scalars(select(SigningKey)):
            key.private_pem = cipher.renew(key.private_pem) or key.private_pem


def test_after_the_command_the_earlier_key_is_needed_no_more(
    make: Factory, owner: Organisation, build_app: Callable[..., Flask]
) -> None:
    store_secrets(make, owner)
    before = read_all(Cipher([SECRET_KEY]))
    later = build_app(SECRET_KEY=NEW_KEY, SECRET_KEY_FALLBACKS=SECRET_KEY)
    try:
        with later.app_context():
            count = len(before)
            assert rotate(later)[:2] == (0, str(count))
            # Run again, there is nothing left to do.
            assert rotate(later)[:2] == (0, "0")
        assert read_all(Cipher([NEW_KEY])) == before
    finally:
        restore_signing_keys()


def test_what_was_broken_off_is_continued_and_what_cannot_be_read_is_named(
    make: Factory, owner: Organisation, build_app: Callable[..., Flask]
) -> None:
    broken, half = store_secrets(make, owner), store_secrets(make, owner)
    with transaction() as session:
        session.execute(update(Webhook).where(Webhook.id == broken).values(token=b"damaged"))
        done = Cipher([NEW_KEY]).encrypt(b"done-already")
        session.execute(update(Webhook).where(Webhook.id == half).values(token=done))
    later = build_app(SECRET_KEY=NEW_KEY, SECRET_KEY_FALLBACKS=SECRET_KEY)
    try:
        with later.app_context():
            code, last_line, complaint = rotate(later)
        signing_keys = len(db.session.scalars(select(SigningKey.kid)).all())
        # Two of each kind, less the token that is damaged and the one that was done before; one user's second factor.
        assert (code, last_line) == (1, str(5 + signing_keys))
        assert "1 stored secrets cannot be decrypted" in complaint
        assert db.session.scalars(select(Webhook.token).where(Webhook.id == half)).one() == done
    finally:
        restore_signing_keys()


def test_more_rows_than_one_transaction_takes_are_all_gone_through(
    make: Factory, owner: Organisation, build_app: Callable[..., Flask], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rekeying, "_BATCH_SIZE", 2)
    for _ in range(5):
        make.webhook(owner, "http://127.0.0.1:9/")
    before = read_all(Cipher([SECRET_KEY]))
    later = build_app(SECRET_KEY=NEW_KEY, SECRET_KEY_FALLBACKS=SECRET_KEY)
    try:
        with later.app_context():
            assert rekeying.renew_secrets().renewed == len(before)
        assert read_all(Cipher([NEW_KEY])) == before
    finally:
        restore_signing_keys()


def test_a_secret_that_was_replaced_meanwhile_stays(make: Factory, owner: Organisation) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/")
    assert rekeying._write_batch(Webhook.id, Webhook.token, {webhook.id: b"as read"}, {webhook.id: b"anew"}) == 0
    assert db.session.scalars(select(Webhook.token)).one() == webhook.token
