"""The rotation of a webhook's secret, and the public keys of those that have one."""

from __future__ import annotations

import base64
import threading
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.audit.models import AuditEntry
from app.database import clock, transaction
from app.extensions import db
from app.times import parse_time
from app.webhooks import rotation, sealing
from app.webhooks.models import FormerSecret, Webhook
from tests.counting import watching_statements
from tests.factories import Caller, Factory, Organisation

URL = "http://127.0.0.1:9/hook"
PLAIN = "a-token-of-28-characters-now"


def rotate(caller: Caller, webhook: Webhook, **members: Any) -> dict[str, Any]:
    """Rotates a webhook's secret; gives what the API answers."""
    answer = caller.post(f"/v3/webhooks/{webhook.id}/rotate", json=members)
    assert answer.status_code == 200, answer.text
    changed: dict[str, Any] = answer.get_json()
    return changed


def list_valid(webhook: Webhook) -> list[str]:
    """Gives the secrets that are good now, the newest first."""
    db.session.rollback()
    db.session.expire_all()
    current = db.session.scalars(select(Webhook.token).where(Webhook.id == webhook.id)).one()
    former = [secret.token for secret in rotation.list_former(webhook.tenant_id, webhook.id)]
    return [sealing.open_token(token) for token in (current, *former)]


def list_details() -> list[tuple[str, dict[str, Any]]]:
    """Gives the audit entries about secrets."""
    query = select(AuditEntry).where(AuditEntry.action.startswith("webhook.secret")).order_by(AuditEntry.id)
    return [(entry.action, entry.details) for entry in db.session.scalars(query)]


def test_without_a_body_the_former_secret_stays_good_for_a_day(
    make: Factory, owner: Organisation, caller: Caller
) -> None:
    webhook = make.webhook(owner, URL, token=PLAIN)
    answer = caller.post(f"/v3/webhooks/{webhook.id}/rotate")
    assert answer.status_code == 200
    new = answer.get_json()["token"]
    assert list_valid(webhook) == [new, PLAIN]
    (former,) = rotation.list_former(webhook.tenant_id, webhook.id)
    assert 86_000 < (former.expires_at - former.created_at).total_seconds() < 87_000
    assert list_details() == [("webhook.secret_rotated", {"overlapHours": 24})]


def test_those_before_stay_good_until_their_own_time_is_over(
    make: Factory, owner: Organisation, caller: Caller
) -> None:
    webhook = make.webhook(owner, URL, token=PLAIN)
    first = rotate(caller, webhook, overlapHours=1)["token"]
    second = rotate(caller, webhook, overlapHours=168, token="another-token-of-its-owner")["token"]
    assert list_valid(webhook) == ["another-token-of-its-owner", first, PLAIN]
    with transaction() as session:
        oldest = select(FormerSecret.id).order_by(FormerSecret.id).limit(1).scalar_subquery()
        session.execute(update(FormerSecret).where(FormerSecret.id == oldest).values(expires_at=clock(-1)))
    assert list_valid(webhook) == [second, first]


@pytest.mark.parametrize("body", [{"immediate": True}, {"overlapHours": 0}, {"immediate": True, "overlapHours": 24}])
def test_at_once_nothing_but_the_new_secret_is_good(
    make: Factory, owner: Organisation, caller: Caller, body: dict[str, Any]
) -> None:
    webhook = make.webhook(owner, URL)
    rotate(caller, webhook)
    new = rotate(caller, webhook, **body)["token"]
    assert list_valid(webhook) == [new]


def test_cut_over_ends_the_overlap_and_twice_is_once(make: Factory, owner: Organisation, caller: Caller) -> None:
    webhook = make.webhook(owner, URL)
    new = rotate(caller, webhook)["token"]
    for _ in range(2):
        answer = caller.post(f"/v3/webhooks/{webhook.id}/cut-over")
        assert (answer.status_code, answer.get_json()["token"]) == (200, new)
        assert list_valid(webhook) == [new]
    assert list_details() == [
        ("webhook.secret_rotated", {"overlapHours": 24}),
        ("webhook.secret_cut_over", {"dropped": 1}),
    ]


def test_a_webhook_says_until_when_a_former_secret_is_good(make: Factory, owner: Organisation, caller: Caller) -> None:
    webhook = make.webhook(owner, URL)
    path = f"/v3/webhooks/{webhook.id}"
    assert caller.get(path).get_json()["formerTokenExpiresAt"] is None
    # The last one counts, and that is not always the newest.
    first = rotate(caller, webhook, overlapHours=168)["formerTokenExpiresAt"]
    ends = [former.expires_at for former in rotation.list_former(webhook.tenant_id, webhook.id)]
    assert [parse_time(first)] == ends
    assert rotate(caller, webhook, overlapHours=1)["formerTokenExpiresAt"] == first
    assert caller.get(path).get_json()["formerTokenExpiresAt"] == first
    with transaction() as session:
        session.execute(update(FormerSecret).values(expires_at=clock(-1)))
    assert caller.get(path).get_json()["formerTokenExpiresAt"] is None
    assert rotate(caller, webhook)["formerTokenExpiresAt"] is not None
    assert caller.post(f"{path}/cut-over").get_json()["formerTokenExpiresAt"] is None


def test_a_list_asks_once_for_the_former_secrets_of_all_webhooks(
    make: Factory, owner: Organisation, caller: Caller
) -> None:
    webhooks = [make.webhook(owner, URL) for _ in range(3)]
    other = make.organisation()
    rotate(make.caller(other), make.webhook(other, URL))
    expected = [None, rotate(caller, webhooks[1])["formerTokenExpiresAt"], None]
    with watching_statements() as asked:
        found = caller.get("/v3/webhooks").get_json()
    assert [webhook["formerTokenExpiresAt"] for webhook in found] == expected
    assert sum("webhook_former_secrets" in statement for statement in asked) == 1


def test_a_sixth_former_secret_is_a_conflict_and_drops_none(make: Factory, owner: Organisation, caller: Caller) -> None:
    webhook = make.webhook(owner, URL, token=PLAIN)
    for _ in range(5):
        rotate(caller, webhook)
    before = list_valid(webhook)
    answer = caller.post(f"/v3/webhooks/{webhook.id}/rotate")
    assert (answer.status_code, answer.get_json()["code"]) == (409, "conflict")
    assert list_valid(webhook) == before
    assert before[-1] == PLAIN


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"overlapHours": 169}, "overlapHours", "out_of_range"),
        ({"overlapHours": -1}, "overlapHours", "out_of_range"),
        ({"overlapHours": "24"}, "overlapHours", "wrong_type"),
        ({"immediate": "yes"}, "immediate", "wrong_type"),
        ({"token": "short"}, "token", "invalid_token"),
        ({"token": PLAIN}, "token", "unchanged"),
    ],
)
def test_a_rotation_that_makes_no_sense_is_refused_by_name(
    make: Factory, owner: Organisation, caller: Caller, body: dict[str, Any], field: str, code: str
) -> None:
    webhook = make.webhook(owner, URL, token=PLAIN)
    answer = caller.post(f"/v3/webhooks/{webhook.id}/rotate", json=body)
    assert answer.status_code == 400
    assert [(error["field"], error["code"]) for error in answer.get_json()["errors"]] == [(field, code)]
    assert list_valid(webhook) == [PLAIN]


def test_a_key_pair_is_made_and_never_given(make: Factory, owner: Organisation, caller: Caller) -> None:
    webhook = make.webhook(owner, URL, scheme="asymmetric")
    answer = caller.post(f"/v3/webhooks/{webhook.id}/rotate", json={"token": PLAIN})
    assert [error["field"] for error in answer.get_json()["errors"]] == ["token"]
    assert rotate(caller, webhook)["token"].startswith("whpk_")


@pytest.mark.parametrize("action", ["rotate", "cut-over"])
def test_whoever_may_only_read_rotates_nothing(make: Factory, owner: Organisation, action: str) -> None:
    webhook = make.webhook(owner, URL)
    reader = make.caller(owner, "webhook:read")
    assert reader.post(f"/v3/webhooks/{webhook.id}/{action}").status_code == 403
    assert list_details() == []


def test_of_two_rotations_at_once_no_secret_is_lost(app: Flask, make: Factory, owner: Organisation) -> None:
    webhook = make.webhook(owner, URL, token=PLAIN)
    together = threading.Barrier(2)
    made: list[str] = []

    def run(token: str) -> None:
        with app.app_context():
            together.wait(10)
            rotation.rotate_secret(owner.actor, webhook.id, 24, token)
            made.append(token)
            db.session.remove()

    threads = [threading.Thread(target=run, args=(f"the-token-of-the-thread-{name}",)) for name in "ab"]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list_valid(webhook) == [*reversed(made), PLAIN] or list_valid(webhook) == [*made, PLAIN]
    assert len(made) == 2


def test_the_key_set_has_all_keys_that_are_still_good_and_needs_no_token(
    app: Flask, make: Factory, owner: Organisation, caller: Caller
) -> None:
    webhook = make.webhook(owner, URL, scheme="asymmetric")
    shown = [caller.get(f"/v3/webhooks/{webhook.id}").get_json()["token"], rotate(caller, webhook)["token"]]
    answer = app.test_client().get(f"/.well-known/webhooks/{webhook.id}/jwks.json")
    assert (answer.status_code, answer.headers["Cache-Control"]) == (200, "public, max-age=300")
    keys = answer.get_json()["keys"]
    published = [base64.b64encode(base64.urlsafe_b64decode(key["x"] + "=")).decode() for key in keys]
    assert [f"whpk_{key}" for key in published] == list(reversed(shown))
    assert len({key["kid"] for key in keys}) == 2
    assert all(set(key) == {"kty", "crv", "kid", "use", "alg", "x"} for key in keys)
    caller.post(f"/v3/webhooks/{webhook.id}/cut-over")
    assert app.test_client().get(f"/.well-known/webhooks/{webhook.id}/jwks.json").get_json()["keys"] == keys[:1]


def test_no_other_webhook_has_a_key_set(app: Flask, make: Factory, owner: Organisation, caller: Caller) -> None:
    deleted = make.webhook(owner, URL, scheme="asymmetric")
    caller.request("DELETE", f"/v3/webhooks/{deleted.id}")
    symmetric = make.webhook(owner, URL, scheme="standard")
    for webhook_id in (symmetric.id, deleted.id, "0f8fad5b-d9cb-469f-a165-70867728950e", "nothing"):
        answer = app.test_client().get(f"/.well-known/webhooks/{webhook_id}/jwks.json")
        assert (answer.status_code, answer.content_type) == (404, "application/problem+json")


def test_two_webhooks_never_share_a_key(make: Factory, owner: Organisation) -> None:
    first, second = (make.webhook(owner, URL, scheme="asymmetric") for _ in range(2))
    assert list_valid(first) != list_valid(second)
