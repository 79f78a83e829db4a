"""The settings of a webhook beside the contract's: scheme, token, concurrency, rate."""

from __future__ import annotations

import base64
from typing import Any

import pytest
from sqlalchemy import select, update

from app.database import transaction
from app.extensions import db
from app.webhooks.models import FormerSecret, Webhook
from app.webhooks.signing import can_sign
from tests.factories import Caller

BODY: dict[str, Any] = {"name": "CI", "url": "http://127.0.0.1:9/hook", "events": ["release.created"]}
PLAIN = "a-token-of-28-characters-now"


def spell(count: int) -> str:
    """Gives a secret of so many bytes in the spelling of Standard Webhooks."""
    return "whsec_" + base64.b64encode(bytes(count)).decode()


def create(caller: Caller, **members: Any) -> dict[str, Any]:
    """Makes a webhook; gives what the API answers."""
    answer = caller.post("/v3/webhooks", json={**BODY, **members})
    assert answer.status_code == 201, answer.text
    webhook: dict[str, Any] = answer.get_json()
    return webhook


def change(caller: Caller, webhook: dict[str, Any], **members: Any) -> dict[str, Any]:
    """Changes a webhook; gives what the API answers."""
    answer = caller.request("PATCH", f"/v3/webhooks/{webhook['id']}", json=members)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.get_json()
    return changed


def list_errors(answer: Any) -> list[tuple[str, str]]:
    """Gives field and code of each error."""
    assert answer.status_code == 400, answer.text
    return [(error["field"], error["code"]) for error in answer.get_json()["errors"]]


def test_without_settings_a_webhook_is_what_the_contract_says(caller: Caller) -> None:
    webhook = create(caller, scheme=None, headers=None, maxConcurrency=None, ratePerSecond=None, ping=None)
    assert {name: webhook[name] for name in list(webhook)[8:]} == {
        "scheme": "cryptlex",
        "headers": {},
        "maxConcurrency": 8,
        "ratePerSecond": None,
        "paused": False,
        "disabledReason": None,
        "formerTokenExpiresAt": None,
    }
    # What was answered can be sent back as it is, and changes nothing.
    changed = change(caller, webhook, **webhook)
    assert {**changed, "updatedAt": ""} == {**webhook, "updatedAt": ""}


@pytest.mark.parametrize("scheme", ["cryptlex", "standard", "asymmetric"])
def test_a_webhook_of_any_scheme_can_be_sent_back_as_it_was_answered(caller: Caller, scheme: str) -> None:
    webhook = create(caller, scheme=scheme, headers={"X-A": "1"}, ratePerSecond=5, maxConcurrency=64)
    assert {**change(caller, webhook, **webhook), "updatedAt": ""} == {**webhook, "updatedAt": ""}


@pytest.mark.parametrize(
    ("member", "value", "code"),
    [
        ("scheme", "hmac", "unknown_scheme"),
        ("scheme", "Standard", "unknown_scheme"),
        ("scheme", 1, "wrong_type"),
        ("maxConcurrency", 0, "out_of_range"),
        ("maxConcurrency", 65, "out_of_range"),
        ("maxConcurrency", "8", "wrong_type"),
        ("maxConcurrency", 8.0, "wrong_type"),
        ("maxConcurrency", True, "wrong_type"),
        ("maxConcurrency", 10**40, "out_of_range"),
        ("ratePerSecond", -1, "out_of_range"),
        ("ratePerSecond", 1001, "out_of_range"),
        ("ratePerSecond", [], "wrong_type"),
        ("token", "x" * 23, "invalid_token"),
        ("token", "x" * 257, "invalid_token"),
        ("token", "with a space inside of its text", "invalid_token"),
        ("token", "größer größer größer größer", "invalid_token"),
        ("token", "x" * 24 + "\n", "invalid_token"),
        ("token", spell(23), "invalid_token"),
        ("token", spell(65), "invalid_token"),
        ("token", "whsec_" + "!" * 40, "invalid_token"),
        ("token", 5, "wrong_type"),
        ("token", "whpk_" + "A" * 43 + "=", "not_allowed"),
        ("token", "whsk_" + "A" * 86 + "==", "not_allowed"),
    ],
)
def test_a_setting_that_breaks_its_rule_is_refused_when_created_and_when_changed(
    caller: Caller, member: str, value: Any, code: str
) -> None:
    webhook = create(caller)
    assert list_errors(caller.post("/v3/webhooks", json={**BODY, member: value})) == [(member, code)]
    refused = caller.request("PATCH", f"/v3/webhooks/{webhook['id']}", json={member: value})
    assert list_errors(refused) == [(member, code)]
    assert caller.get(f"/v3/webhooks/{webhook['id']}").get_json() == webhook


@pytest.mark.parametrize("token", ["x" * 24, "x" * 256, spell(24), spell(64), spell(32).rstrip("="), "!~" * 12])
def test_a_token_by_the_rules_is_taken_as_it_is(caller: Caller, token: str) -> None:
    assert create(caller, token=token)["token"] == token


@pytest.mark.parametrize(
    ("scheme", "token", "code"),
    [
        ("standard", PLAIN, "wrong_spelling"),
        # It is base64, which the public libraries would decode; what the owner takes for the key is not what they do.
        ("standard", "A" * 32, "wrong_spelling"),
        ("asymmetric", PLAIN, "not_allowed"),
        ("asymmetric", spell(32), "not_allowed"),
    ],
)
def test_a_token_must_fit_its_scheme(caller: Caller, scheme: str, token: str, code: str) -> None:
    refused = caller.post("/v3/webhooks", json={**BODY, "name": "", "scheme": scheme, "token": token})
    assert list_errors(refused) == [("name", "required"), ("token", code)]
    webhook = create(caller, scheme=scheme)
    refused = caller.request("PATCH", f"/v3/webhooks/{webhook['id']}", json={"token": token})
    assert list_errors(refused) == [("token", code)]


def test_nought_takes_the_rate_away_and_null_leaves_it(caller: Caller) -> None:
    webhook = create(caller, ratePerSecond=10)
    assert change(caller, webhook, ratePerSecond=None)["ratePerSecond"] == 10
    assert change(caller, webhook, ratePerSecond=0)["ratePerSecond"] is None
    assert create(caller, ratePerSecond=0)["ratePerSecond"] is None


def test_a_member_is_known_by_the_wires_name_alone(caller: Caller) -> None:
    assert create(caller, max_concurrency=3, rate_per_second=3)["maxConcurrency"] == 8


def test_cryptlex_and_standard_share_a_secret_that_both_can_sign_with(caller: Caller) -> None:
    webhook = create(caller, token=spell(32))
    for scheme in ("standard", "cryptlex"):
        changed = change(caller, webhook, scheme=scheme)
        assert (changed["scheme"], changed["token"]) == (scheme, webhook["token"])


def test_a_scheme_that_cannot_sign_with_the_secret_gets_a_new_one(caller: Caller) -> None:
    webhook = create(caller, token=PLAIN)
    changed = change(caller, webhook, scheme="standard")
    assert changed["token"] != PLAIN
    assert can_sign("standard", changed["token"])


@pytest.mark.parametrize("scheme", ["cryptlex", "standard"])
def test_to_and_from_the_asymmetric_scheme_every_secret_is_new(caller: Caller, scheme: str) -> None:
    webhook = create(caller, scheme=scheme)
    path = f"/v3/webhooks/{webhook['id']}"
    caller.post(f"{path}/rotate", json={"overlapHours": 5})
    # The whole of what was answered goes back with the one change, as some clients do.
    public = change(caller, webhook, **{**caller.get(path).get_json(), "scheme": "asymmetric"})["token"]
    assert public.startswith("whpk_")
    assert db.session.scalars(select(FormerSecret)).all() == []
    back = change(caller, webhook, **{**caller.get(path).get_json(), "scheme": scheme})
    assert back["token"] not in (webhook["token"], public)
    assert can_sign(scheme, back["token"])
    assert "secret" not in caller.get(path).text


def test_former_secrets_stay_good_for_a_scheme_that_can_sign_with_them(caller: Caller) -> None:
    webhook = create(caller, token=PLAIN)
    for _ in range(2):
        caller.post(f"/v3/webhooks/{webhook['id']}/rotate", json={"overlapHours": 5})
    change(caller, webhook, scheme="standard")
    assert len(db.session.scalars(select(FormerSecret)).all()) == 1


def test_a_new_token_is_an_immediate_rotation(caller: Caller) -> None:
    webhook = create(caller)
    caller.post(f"/v3/webhooks/{webhook['id']}/rotate", json={"overlapHours": 5})
    assert change(caller, webhook, token=PLAIN)["token"] == PLAIN
    assert db.session.scalars(select(FormerSecret)).all() == []


@pytest.mark.parametrize(
    ("method", "suffix", "body"),
    [("PATCH", "", {"token": PLAIN}), ("POST", "/rotate", {"immediate": True, "token": PLAIN})],
)
def test_a_secret_that_cannot_be_read_any_more_can_be_replaced(
    caller: Caller, method: str, suffix: str, body: dict[str, Any]
) -> None:
    path = f"/v3/webhooks/{create(caller)['id']}"
    with transaction() as session:
        session.execute(update(Webhook).values(token=b"damaged"))
    assert caller.get(path).status_code == 503
    assert caller.request(method, f"{path}{suffix}", json=body).get_json()["token"] == PLAIN


def test_why_slipway_switched_a_webhook_off_is_told_until_it_is_on_again(caller: Caller) -> None:
    webhook = create(caller, active=False)
    with transaction() as session:
        session.execute(update(Webhook).values(disabled_reason="It failed for 5 days.", failure_count=40))
    path = f"/v3/webhooks/{webhook['id']}"
    assert caller.get(path).get_json()["disabledReason"] == "It failed for 5 days."
    assert change(caller, webhook, active=True)["disabledReason"] is None
    db.session.rollback()
    stored = db.session.scalars(select(Webhook)).one()
    assert (stored.failure_count, stored.failing_since, stored.disabled_at, stored.warned_at) == (0, None, None, None)
