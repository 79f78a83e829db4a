"""What accounts are made from: e-mail addresses, names, scopes; and what a role may do."""

from __future__ import annotations

import pytest

from app.accounts.actors import ROLE_SCOPES, SCOPES, Actor
from app.accounts.schema import is_email, normalize_email, parse_organisation, parse_token
from app.exceptions import PermissionDeniedError, ValidationError

PASSWORD = "correct horse battery staple"
ALL = frozenset(SCOPES)


@pytest.mark.parametrize(
    "address",
    ["a@b.test", "first.last+tag@sub.example.com", "o'hara@example.com", "a@localhost", "a" * 64 + "@example.com"],
)
def test_plain_addresses_are_taken(address: str) -> None:
    assert is_email(address)


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a",
        "@b.test",
        "a@",
        "a@b@c.test",
        "a b@c.test",
        "a@b..test",
        "a@-b.test",
        "a@b.test\n",
        "a@b.test\u200b",
        "a\uff20b.test",
        "\u0430@b.test",
        "a@b\u00fc.test",
        "a" * 65 + "@b.test",
        "a@" + "b" * 64 + ".test",
        "a@" + "b." * 130 + "test",
        "a\x00@b.test",
        '"a"@b.test',
        "a@[127.0.0.1]",
    ],
    ids=ascii,
)
def test_what_is_no_address_or_could_pass_for_another_is_refused(address: str) -> None:
    assert not is_email(address)


def test_an_address_has_one_spelling() -> None:
    assert normalize_email("  Owner@Example.COM\n") == "owner@example.com"
    # A capital letter that becomes an ASCII one in lower case must not make two people one.
    assert normalize_email("\u212aate@b.test") == "\u212aate@b.test"


def test_all_errors_of_an_organisation_come_at_once() -> None:
    with pytest.raises(ValidationError) as caught:
        parse_organisation("\x1b[31mred", "nobody", "short")
    assert [(error.field, error.code) for error in caught.value.errors] == [
        ("organisation", "invalid_character"),
        ("email", "invalid_format"),
        ("password", "too_short"),
    ]


@pytest.mark.parametrize(
    ("name", "code"),
    [("", "required"), ("a" * 257, "too_long"), ("\u200b", "blank"), ("a\ud800", "invalid_character")],
)
def test_a_name_is_a_line_that_can_be_seen(name: str, code: str) -> None:
    with pytest.raises(ValidationError) as caught:
        parse_organisation(name, "a@b.test", PASSWORD)
    assert [(error.field, error.code) for error in caught.value.errors] == [("organisation", code)]


def test_a_token_has_each_scope_once_in_the_usual_order() -> None:
    draft = parse_token("ci", ["release:write", "release:read", "release:write"], 90, ALL)
    assert draft.scopes == ("release:read", "release:write")


@pytest.mark.parametrize(
    ("scopes", "days", "expected"),
    [
        ([], 90, [("scopes", "required")]),
        (["release:*"], 90, [("scopes", "unknown_scope")]),
        (["RELEASE:READ", "a\ud800"], 90, [("scopes", "unknown_scope")]),
        (["webhook:read"], 90, [("scopes", "not_allowed")]),
        (["release:read"], 0, [("expiresInDays", "out_of_range")]),
        (["release:read"], 366, [("expiresInDays", "out_of_range")]),
        (["release:read"], 10**30, [("expiresInDays", "out_of_range")]),
        (
            ["x", "webhook:read"],
            -1,
            [("scopes", "unknown_scope"), ("scopes", "not_allowed"), ("expiresInDays", "out_of_range")],
        ),
    ],
)
def test_what_a_token_may_not_have_is_named(scopes: list[str], days: int, expected: list[tuple[str, str]]) -> None:
    with pytest.raises(ValidationError) as caught:
        parse_token("ci", scopes, days, ROLE_SCOPES["editor"])
    assert [(error.field, error.code) for error in caught.value.errors] == expected
    assert caught.value.message.isascii()


def test_a_role_may_what_its_name_says() -> None:
    assert ROLE_SCOPES["owner"] == ROLE_SCOPES["admin"] == ALL
    assert ROLE_SCOPES["viewer"] < ROLE_SCOPES["editor"] < ALL
    assert not any(scope.endswith(":write") for scope in ROLE_SCOPES["viewer"])
    assert not ROLE_SCOPES["editor"] & {"webhook:write", "user:write"}


def test_an_actor_without_a_scope_is_told_which_one() -> None:
    viewer = Actor("tenant", "user", "a@b.test", "viewer", ROLE_SCOPES["viewer"])
    viewer.require("release:read")
    with pytest.raises(PermissionDeniedError) as caught:
        viewer.require("release:write")
    assert caught.value.scope == "release:write"
