"""What a receiver can tell from the headers, checked with code that is not ours."""

from __future__ import annotations

import base64
import hashlib
import hmac
import time

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from joserfc.jwk import OKPKey
from standardwebhooks import Webhook, WebhookVerificationError

from app.webhooks.signing import SCHEMES, build_headers, build_jwk, can_sign, generate_token, show_token

BODY = '{"event":"release.created","data":{"notes":"größer 😀"}}'.encode()
ID = "5c1f0c1e-3a55-4f0e-9d55-0d0f5cf1a001"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
MADE = generate_token()
PAIR = generate_token("asymmetric")


def verify_asymmetric(public: str, headers: dict[str, str], body: bytes) -> bool:
    """Does what a receiver does who has the public key, by the text of Standard Webhooks 1.0."""
    key = Ed25519PublicKey.from_public_bytes(base64.b64decode(public.removeprefix("whpk_"), validate=True))
    message = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    for version, _, signature in (part.partition(",") for part in headers["Webhook-Signature"].split(" ")):
        try:
            key.verify(base64.b64decode(signature, validate=True), message)
        except InvalidSignature:
            continue
        return version == "v1a"
    return False


def test_the_headers_name_delivery_time_and_attempt() -> None:
    headers = build_headers("cryptlex", ["s3cret"], ID, 1700000000, 3, BODY)
    assert headers["Content-Type"] == "application/json; charset=utf-8"
    assert headers["User-Agent"].startswith("Slipway")
    assert (headers["webhook-id"], headers["webhook-timestamp"], headers["webhook-attempt"]) == (ID, "1700000000", "3")


@pytest.mark.parametrize("token", ["s3cret", "größer 😀", SECRET])
def test_cryptlex_signs_the_raw_body_with_the_tokens_characters(token: str) -> None:
    expected = base64.b64encode(hmac.new(token.encode("utf-8"), BODY, hashlib.sha256).digest()).decode()
    first, second = (build_headers("cryptlex", [token], ID, moment, 1, BODY) for moment in (1, 2))
    assert first["Webhook-Signature"] == second["Webhook-Signature"] == expected


def test_cryptlex_signs_with_the_oldest_secret_until_it_is_cut_over() -> None:
    both, old = (build_headers("cryptlex", tokens, ID, 1, 1, BODY) for tokens in (["newer", "older"], ["older"]))
    assert both == old


@pytest.mark.parametrize("token", [SECRET, MADE, MADE.rstrip("=")], ids=["given", "made", "without padding"])
def test_standard_webhooks_own_library_verifies_what_the_standard_scheme_signs(token: str) -> None:
    headers = build_headers("standard", [token], ID, int(time.time()), 1, BODY)
    assert Webhook(token).verify(BODY, headers)["event"] == "release.created"


@pytest.mark.parametrize("token", [SECRET, MADE], ids=["newer", "older"])
def test_every_secret_that_is_valid_verifies_the_standard_scheme(token: str) -> None:
    headers = build_headers("standard", [SECRET, MADE], ID, int(time.time()), 1, BODY)
    assert Webhook(token).verify(BODY, headers)["event"] == "release.created"


@pytest.mark.parametrize(
    "change", [{"webhook-id": "other"}, {"webhook-timestamp": str(int(time.time()) - 1)}, {"body": BODY + b" "}]
)
def test_both_standard_schemes_protect_id_time_and_body(change: dict[str, str | bytes]) -> None:
    for scheme, token in (("standard", SECRET), ("asymmetric", PAIR)):
        sent: dict[str, str | bytes] = {"body": BODY, **build_headers(scheme, [token], ID, int(time.time()), 1, BODY)}
        sent |= change
        body = sent["body"]
        assert isinstance(body, bytes)
        headers = {name: value for name, value in sent.items() if isinstance(value, str)}
        if scheme == "asymmetric":
            assert not verify_asymmetric(show_token(token), headers, body)
        else:
            with pytest.raises(WebhookVerificationError):
                Webhook(token).verify(body, headers)


def test_the_public_key_verifies_the_asymmetric_scheme_and_tells_nothing_of_the_private_one() -> None:
    other = generate_token("asymmetric")
    headers = build_headers("asymmetric", [other, PAIR], ID, int(time.time()), 1, BODY)
    for token in (PAIR, other):
        public = show_token(token)
        assert verify_asymmetric(public, headers, BODY)
        assert len(base64.b64decode(public.removeprefix("whpk_"), validate=True)) == 32
    assert not verify_asymmetric(show_token(generate_token("asymmetric")), headers, BODY)


def test_a_public_key_is_published_as_a_jwk_that_others_read() -> None:
    jwk = build_jwk(PAIR)
    read = OKPKey.import_key({**jwk})
    assert read.thumbprint() == jwk["kid"]
    assert (jwk["kty"], jwk["crv"], jwk["alg"], jwk["use"]) == ("OKP", "Ed25519", "EdDSA", "sig")
    assert "d" not in jwk
    raw = base64.urlsafe_b64decode(jwk["x"] + "=")
    assert raw == base64.b64decode(show_token(PAIR).removeprefix("whpk_"))


@pytest.mark.parametrize(
    ("scheme", "token"),
    [
        ("rot13", SECRET),
        ("standard", "whsec_"),
        ("standard", "whsec_not base64!"),
        ("standard", "whsec_c2hvcnQ="),
        ("standard", "plain"),
        ("standard", PAIR),
        ("asymmetric", SECRET),
        ("asymmetric", show_token(PAIR)),
    ],
    # The pair is another one in each run.
    ids=["scheme", "nothing", "no base64", "short", "plain", "pair", "secret", "public key"],
)
def test_what_cannot_be_signed_is_refused(scheme: str, token: str) -> None:
    with pytest.raises(ValueError, match="cannot sign"):
        build_headers(scheme, [token], ID, 1700000000, 1, BODY)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_nothing_is_signed_without_a_secret(scheme: str) -> None:
    with pytest.raises(ValueError, match="no secret"):
        build_headers(scheme, [], ID, 1700000000, 1, BODY)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_made_token_has_256_bits_no_other_is_like_it_and_its_scheme_can_sign_with_it(scheme: str) -> None:
    tokens = {generate_token(scheme) for _ in range(20)}
    assert len(tokens) == 20
    assert all(can_sign(scheme, token) for token in tokens)
    length = 64 if scheme == "asymmetric" else 32
    assert all(len(base64.b64decode(token.partition("_")[2], validate=True)) == length for token in tokens)
