"""The codes of a second factor: which are good when, and how they may be typed."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qs, unquote, urlsplit

import pytest

from app.accounts import recovery, totp

pytestmark = pytest.mark.once

# The secret of the test vectors of RFC 6238, appendix B, and the last six digits of some of them.
SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"
VECTORS = {59: "287082", 1111111109: "081804", 1111111111: "050471", 1234567890: "005924", 20000000000: "353130"}
MOMENT = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


@pytest.mark.parametrize(("second", "code"), VECTORS.items())
def test_codes_are_those_of_the_standard(second: int, code: str) -> None:
    moment = datetime.fromtimestamp(second, UTC)
    assert totp.generate_code(SECRET, moment) == code
    assert totp.find_step(SECRET, code, moment) == second // 30


@pytest.mark.parametrize(
    ("seconds", "is_good"), [(-31, False), (-30, True), (-1, True), (0, True), (29, True), (59, True), (60, False)]
)
def test_a_code_is_good_in_its_own_step_and_in_the_ones_beside_it(seconds: int, is_good: bool) -> None:
    code = totp.generate_code(SECRET, MOMENT)
    step = totp.find_step(SECRET, code, MOMENT + timedelta(seconds=seconds))
    assert step == (int(MOMENT.timestamp()) // 30 if is_good else None)


@pytest.mark.parametrize("typed", ["123456", " 123 456 ", "123\u00a0456", "123-456", "\t123456"])
def test_a_code_may_be_typed_as_apps_show_it(typed: str) -> None:
    assert totp.fold_code(typed) == "123456"


@pytest.mark.parametrize("typed", ["", "12345", "1234567", "12345a", "12345\uff16", "1" * 10_000])
def test_what_is_no_code_is_not_looked_up(typed: str) -> None:
    assert totp.fold_code(typed) is None


def test_secrets_are_long_and_differ() -> None:
    first, second = totp.generate_secret(), totp.generate_secret()
    assert first != second
    assert len(first) == 32


def test_the_address_names_account_and_organisation() -> None:
    parts = urlsplit(totp.build_address(SECRET, "ada+x@example.test", "Müller & Co: <b>"))
    assert (parts.scheme, parts.netloc) == ("otpauth", "totp")
    assert unquote(parts.path).endswith("ada+x@example.test")
    query = parse_qs(parts.query)
    assert query["secret"] == [SECRET]
    assert query["issuer"] == ["Slipway (Müller & Co: <b>)"]


def test_recovery_codes_follow_from_their_key_and_differ() -> None:
    codes = recovery.build_codes(b"k" * 32)
    assert codes == recovery.build_codes(b"k" * 32)
    assert len(set(codes)) == 10
    assert not set(codes) & set(recovery.build_codes(b"l" * 32))
    assert all(len(code) == 19 and code.count("-") == 3 for code in codes)


def test_a_recovery_code_may_be_typed_carelessly() -> None:
    assert recovery.fold_code(" O1IL-abcd EFGH-JKMN\t") == "0111abcdefghjkmn"


@pytest.mark.parametrize("typed", ["", "abcd", "abcd-efgh-jkmn-pqr", "abcd-efgh-jkmn-pqru", "é" * 16, "a" * 10_000])
def test_what_is_no_recovery_code_is_not_looked_up(typed: str) -> None:
    assert recovery.fold_code(typed) is None


def test_the_same_code_of_two_users_is_stored_differently() -> None:
    assert recovery.hash_code("one", "0111abcdefghjkmn") != recovery.hash_code("two", "0111abcdefghjkmn")
