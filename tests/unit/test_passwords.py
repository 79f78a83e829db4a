"""Which passwords are taken, and how they are compared."""

from __future__ import annotations

import unicodedata

import pytest
from argon2 import PasswordHasher

from app.accounts import passwords

KNOWN = passwords.hash_password("correct horse battery staple")


@pytest.mark.parametrize(
    ("password", "code"),
    [
        ("", "required"),
        ("a" * 9, "too_short"),
        ("a" * 10, None),
        ("\N{GRINNING FACE}" * 10, None),
        (" " * 10, None),
        ("a" * 64, None),
        ("a" * 1024, None),
        ("a" * 1025, "too_long"),
        ("\x00" * 10, None),
        ("half a pair \ud83d", "invalid_character"),
    ],
)
def test_a_password_is_judged_by_its_length_alone(password: str, code: str | None) -> None:
    error = passwords.find_password_error(password)
    assert (error and error.code) == code


@pytest.mark.parametrize(
    ("chosen", "typed"),
    [
        ("a" * 72 + "b", "a" * 72 + "c"),
        ("a" * 72 + "b", "a" * 72),
        ("before\x00after it", "before\x00another"),
        (" spaces around ", "spaces around"),
        ("Capital letters", "capital letters"),
        ("full width \uff11", "full width 1"),
    ],
)
def test_nothing_is_cut_trimmed_or_folded(chosen: str, typed: str) -> None:
    stored = passwords.hash_password(chosen)
    assert passwords.is_password(stored, chosen)
    assert not passwords.is_password(stored, typed)


def test_two_keyboards_spell_the_same_letters_the_same() -> None:
    composed = "crème brûlée"
    stored = passwords.hash_password(unicodedata.normalize("NFD", composed))
    assert passwords.is_password(stored, unicodedata.normalize("NFC", composed))


@pytest.mark.parametrize("typed", ["", "a" * 1025, "a" * 1_000_000, "\ud83d" * 12])
def test_what_can_be_nobodys_password_is_refused_and_raises_nothing(typed: str) -> None:
    assert not passwords.is_password(KNOWN, typed)


@pytest.mark.parametrize("stored", ["", "plain text", "$argon2id$v=19$m=19456,t=2,p=1$AAAA$", "x" * 300])
def test_a_stored_hash_that_is_damaged_fits_no_password(stored: str) -> None:
    assert not passwords.is_password(stored, "correct horse battery staple")


def test_hashes_have_salt_and_at_least_the_cost_that_owasp_asks_for() -> None:
    kind, _, cost = KNOWN.split("$")[1:4]
    values = {name: int(value) for name, value in (part.split("=") for part in cost.split(","))}
    assert kind == "argon2id"
    assert values["m"] >= 19 * 1024
    assert values["t"] >= 2
    assert passwords.hash_password("correct horse battery staple") != KNOWN


def test_a_hash_of_yesterdays_cost_is_outdated() -> None:
    assert passwords.is_outdated(PasswordHasher(time_cost=1, memory_cost=8 * 1024, parallelism=1).hash("x"))
    assert not passwords.is_outdated(KNOWN)


def test_pretending_is_the_work_of_checking(monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[tuple[list[str], bytes]] = []

    def verify(hasher: PasswordHasher, password_hash: str, password: bytes) -> bool:
        checked.append((password_hash.split("$")[1:4], password))
        return really_verify(hasher, password_hash, password)

    really_verify = PasswordHasher.verify
    monkeypatch.setattr(PasswordHasher, "verify", verify)
    passwords.is_password(KNOWN, "wrong password")
    passwords.pretend_check("wrong password")
    known, pretended = checked
    assert known == pretended
