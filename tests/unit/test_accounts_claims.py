"""What a token must say, and in which spelling, before a word of it is believed."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

import pytest
from joserfc.jwk import RSAKey

from app.accounts.claims import AUDIENCE, ISSUER, Claims, read_claims, sign_claims
from app.exceptions import AuthenticationError

KID = "the-key-id"
KEY = RSAKey.generate_key(2048)
TOKEN_ID, USER_ID, TENANT_ID = (f"{digit * 8}-0000-4000-8000-000000000000" for digit in "abc")


def find_key(kid: str) -> RSAKey | None:
    """Knows one key."""
    return KEY if kid == KID else None


def sign(**changes: Any) -> str:
    """Gives a token that is good but for the changes."""
    now = int(time.time())
    claims = {
        "sub": USER_ID, "jti": TOKEN_ID, "tenantid": TENANT_ID, "iat": now, "exp": now + 60,
        "email": "a@b.test", "scope": ["release:read"],
    }  # fmt: skip
    return sign_claims(KID, KEY, {**claims, **changes})


def test_a_token_says_what_the_contract_asks_for() -> None:
    header, payload, _ = (base64.urlsafe_b64decode(part + "==") for part in sign().split("."))
    assert json.loads(header) == {"alg": "RS256", "typ": "at+jwt", "kid": KID}
    claims = json.loads(payload)
    assert set(claims) == {"sub", "jti", "iat", "exp", "iss", "aud", "email", "scope", "tenantid", "token_usage"}
    assert (claims["iss"], claims["aud"], claims["token_usage"]) == (ISSUER, AUDIENCE, "personal_access_token")
    assert isinstance(claims["scope"], list)


def test_a_good_token_is_believed() -> None:
    expected = Claims(TOKEN_ID, USER_ID, TENANT_ID, KID, frozenset({"release:read"}))
    assert read_claims(sign(), find_key) == expected


def test_no_character_of_a_token_can_be_changed() -> None:
    token = sign()
    for index, character in enumerate(token):
        changed = token[:index] + ("A" if character != "A" else "B") + token[index + 1 :]
        with pytest.raises(AuthenticationError):
            read_claims(changed, find_key)


def test_the_last_character_has_one_spelling() -> None:
    token = sign()
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    believed = []
    for character in alphabet:
        try:
            read_claims(token[:-1] + character, find_key)
        except AuthenticationError:
            continue
        believed.append(character)
    assert believed == [token[-1]]


@pytest.mark.parametrize(
    "changes",
    [
        {"token_usage": "session"},
        {"token_usage": None},
        {"jti": TOKEN_ID.upper()},
        {"tenantid": TENANT_ID.replace("-", "")},
        {"tenantid": [TENANT_ID]},
        {"sub": USER_ID + "\n"},
        {"aud": [AUDIENCE, 1]},
        {"aud": []},
        {"exp": True},
        {"iat": None},
        {"nbf": 4102444800.5},
        {"nbf": "0"},
    ],
    ids=str,
)
def test_a_claim_of_another_kind_is_refused_though_the_signature_is_right(changes: dict[str, Any]) -> None:
    with pytest.raises(AuthenticationError):
        read_claims(sign(**changes), find_key)


@pytest.mark.parametrize(("seconds", "is_good"), [(-1, False), (2, True)])
def test_there_is_no_leeway_after_the_end(seconds: int, is_good: bool) -> None:
    token = sign(exp=time.time() + seconds)
    if is_good:
        read_claims(token, find_key)
    else:
        with pytest.raises(AuthenticationError):
            read_claims(token, find_key)


def test_clocks_may_differ_a_little_at_the_beginning() -> None:
    read_claims(sign(iat=time.time() + 20, nbf=time.time() + 20), find_key)


@pytest.mark.parametrize(
    ("scope", "expected"),
    [
        ("release:read release:write", {"release:read", "release:write"}),
        (["release:read", 1, None, ["release:write"]], {"release:read"}),
        ({"release:read": True}, set()),
        (None, set()),
        (7, set()),
    ],
)
def test_scopes_are_read_from_an_array_or_a_string(scope: Any, expected: set[str]) -> None:
    assert read_claims(sign(scope=scope), find_key).scopes - {""} == expected


def test_all_refusals_are_one() -> None:
    messages = set()
    for token in ("", "a.b.c", sign(exp=1), sign()[:-4], sign(iss="x"), sign_claims("x", KEY, {}), "x" * 10_000):
        with pytest.raises(AuthenticationError) as caught:
            read_claims(token, find_key)
        messages.add((caught.value.message, caught.value.code, caught.value.status))
    assert len(messages) == 1


def test_a_token_that_is_bound_to_one_product_may_nothing() -> None:
    assert read_claims(sign(product=TENANT_ID), find_key).scopes == frozenset()


def test_a_token_that_comes_again_is_judged_again_in_all_but_its_signature(monkeypatch: pytest.MonkeyPatch) -> None:
    token = sign()
    assert read_claims(token, find_key) == read_claims(token, find_key)
    other = RSAKey.generate_key(2048)
    for find in (lambda _: None, lambda _: other):
        with pytest.raises(AuthenticationError):
            read_claims(token, find)
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 61)
    with pytest.raises(AuthenticationError):
        read_claims(token, find_key)
