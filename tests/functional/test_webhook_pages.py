"""The pages of webhooks: the list, the page of one, and what its buttons do."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select, update

from app import times
from app.accounts.models import User
from app.audit.models import AuditEntry
from app.crypto import derive_key
from app.database import clock, transaction
from app.extensions import db
from app.webhooks import health, sealing
from app.webhooks.models import Delivery, FormerSecret, Webhook
from app.webhooks.signing import ASYMMETRIC
from tests.factories import Caller, Factory, Organisation
from tests.portal import URL, Site, change, get_webhook, list_all, read_rows, read_text
from tests.receivers import Receiver
from tests.working import create_release, deliver_all

TOKEN = "a-token-of-28-characters-now"


@pytest.fixture
def site(make: Factory, owner: Organisation) -> Site:
    """The portal, seen by its owner."""
    return Site(make, owner)


@pytest.mark.parametrize("values", [{}, {"active": False}, {"paused_at": times.now()}], ids=["on", "off", "paused"])
def test_a_test_leads_to_the_page_of_its_delivery(
    app: Flask, site: Site, make: Factory, owner: Organisation, values: dict[str, Any]
) -> None:
    with Receiver() as receiver:
        webhook = make.webhook(owner, receiver.url)
        change(webhook, **values)
        answer = site.post(f"/webhooks/{webhook.id}/test")
        (delivery_id,) = list_all(Delivery.id)
        assert (answer.status_code, answer.headers["Location"]) == (303, f"/webhooks/deliveries/{delivery_id}")
        deliver_all(app)
    assert [json.loads(request.body)["event"] for request in receiver.requests] == ["webhook.test"]
    # It says nothing of the webhook's health.
    assert "Nothing has been sent yet; tests do not count" in site.get(f"/webhooks/{webhook.id}")


def test_paused_it_says_so_and_resumed_what_was_held_is_owed(
    site: Site, make: Factory, owner: Organisation, caller: Caller
) -> None:
    webhook = make.webhook(owner, URL)
    path = f"/webhooks/{webhook.id}"
    assert site.post(f"{path}/pause").headers["Location"] == path
    assert "Events are held until you resume it." in site.get(path)
    create_release(make, owner, caller)
    assert "Paused Since" in read_rows(site.get("/webhooks"))[0]
    assert f'action="{path}/pause"' not in site.get(path)
    assert site.post(f"{path}/resume").headers["Location"] == path
    assert f'action="{path}/resume"' not in site.get(path)
    assert "Paused" not in site.get("/webhooks")
    assert list_all(Delivery.state) == ["pending"]


@pytest.mark.parametrize("overlap_hours", [0, 1, 24, 72, 168])
def test_a_secret_is_rotated_with_the_overlap_that_was_chosen(
    site: Site, make: Factory, owner: Organisation, overlap_hours: int
) -> None:
    webhook = make.webhook(owner, URL, token=TOKEN)
    path = f"/webhooks/{webhook.id}"
    assert site.post(f"{path}/rotate", overlapHours=overlap_hours).headers["Location"] == path
    page = site.get(path)
    assert sealing.open_token(get_webhook().token) in page
    assert TOKEN not in page
    assert ("A rotation is under way" in page) is (overlap_hours > 0)
    former = list_all(FormerSecret)
    assert [round((it.expires_at - times.now()).total_seconds() / 3600) for it in former] == [overlap_hours][
        : len(former)
    ]
    assert len(former) == (overlap_hours > 0)
    assert site.post(f"{path}/cut-over").status_code == 303
    assert "A rotation is under way" not in site.get(path)
    assert list_all(FormerSecret.id) == []


def test_a_rotation_that_cannot_be_is_told_on_the_page(site: Site, make: Factory, owner: Organisation) -> None:
    path = f"/webhooks/{make.webhook(owner, URL).id}"
    for _ in range(5):
        assert site.post(f"{path}/rotate", overlapHours="24").status_code == 303
    assert site.post(f"{path}/rotate", overlapHours="24").status_code == 303
    assert "5 former secrets are still good. Cut over to the newest one first" in site.get(path)
    assert [site.post(f"{path}/rotate", overlapHours=hours).status_code for hours in ("169", "-1", "x")] == [400] * 3
    assert len(list_all(FormerSecret.id)) == 5


def read_replacements(page: str) -> list[str]:
    """Gives when each of several former secrets was replaced, as the page says it."""
    return re.findall(r"The one that was replaced on (.+? UTC) is good until", read_text(page))


@pytest.mark.parametrize(("scheme", "count"), [("cryptlex", 1), ("standard", 0)])
def test_of_several_former_secrets_each_is_told_apart_and_the_one_that_signs_is_named(
    site: Site, make: Factory, owner: Organisation, scheme: str, count: int
) -> None:
    webhook = make.webhook(owner, URL, scheme=scheme)
    path = f"/webhooks/{webhook.id}"
    for _ in range(3):
        site.post(f"{path}/rotate", overlapHours="24")
    start = datetime(2026, 1, 1, tzinfo=UTC)
    with transaction() as session:
        for number, former in enumerate(session.scalars(select(FormerSecret).order_by(FormerSecret.id))):
            former.created_at = start + timedelta(minutes=number)
    page = site.get(path)
    assert read_replacements(page) == [f"1 Jan 2026, 00:0{minute}:00 UTC" for minute in (2, 1, 0)]
    text = read_text(page)
    assert text.count("signs for now") == count
    assert ("the oldest of them alone signs" in text) is bool(count)
    # The oldest comes last.
    assert not count or text.index("00:00:00") < text.index("signs for now")


def test_of_a_key_pair_the_public_half_is_shown_with_the_address_of_the_key_set(
    site: Site, make: Factory, owner: Organisation
) -> None:
    webhook = make.webhook(owner, URL, scheme=ASYMMETRIC)
    page = site.get(f"/webhooks/{webhook.id}")
    address = f"http://localhost:8000/.well-known/webhooks/{webhook.id}/jwks.json"
    assert address in page
    assert len(site.browser.get(address).get_json()["keys"]) == 1
    assert "whpk_" in page
    assert "whsk_" not in page


def test_a_secret_that_cannot_be_read_any_more_can_be_replaced(site: Site, make: Factory, owner: Organisation) -> None:
    webhook = make.webhook(owner, URL, headers={"X-A": "1"})
    # As if SECRET_KEY had been lost and another one set.
    change(webhook, token=derive_key("lost", "test"), headers=derive_key("lost", "test"))
    path = f"/webhooks/{webhook.id}"
    assert "It was stored with another SECRET_KEY and cannot be read." in site.get(path)
    assert site.get(f"{path}/edit")
    assert site.post(f"{path}/rotate", overlapHours="0").status_code == 303
    assert sealing.open_token(get_webhook().token) in site.get(path)


def age(days: float) -> Any:
    """Gives the time so many days ago."""
    return times.now() - timedelta(days=days)


FAILING = {"failing_since": age(4.1), "failure_count": 34}
REASON = "All 47 attempts since 1 Jan 2026, 10:00 UTC failed."
DISABLED = {"active": False, "disabled_at": age(1), "disabled_reason": REASON, "failure_count": 47}
MARK = 'class="nav-mark"'


@pytest.mark.parametrize(
    ("values", "state", "notice"),
    [
        ({}, "New", ""),
        ({"active": False}, "Switched off", ""),
        (FAILING, "Failing Since", ""),
        ({**FAILING, "warned_at": age(0.1)}, "Failing Since", "has failed since"),
        ({**FAILING, "warned_at": age(0.1), "paused_at": age(0.05)}, "Paused Since", ""),
        (DISABLED, f"Switched off {REASON}", "was switched off by Slipway on"),
        ({**DISABLED, "disabled_at": age(31)}, f"Switched off {REASON}", ""),
        ({**DISABLED, "deleted_at": age(0.5)}, "", ""),
    ],
)
def test_a_webhook_that_needs_its_owner_is_told_of_on_the_list_and_marked_on_every_page(
    site: Site, make: Factory, owner: Organisation, values: dict[str, Any], state: str, notice: str
) -> None:
    change(make.webhook(owner, URL), **values)
    page = site.get("/webhooks")
    assert [row for row in read_rows(page) if state and state not in row] == []
    assert ("One webhook needs you" in page) is bool(notice)
    assert notice in read_text(page)
    for path in ("/webhooks", "/releases", "/products"):
        assert (MARK in site.get(path)) is bool(notice)
    # What went wrong may be the database itself, so an error's page does not ask it.
    assert MARK not in site.get("/no/such/page", 404)


@pytest.mark.parametrize("place", ["list", "page", "api"])
def test_a_notice_that_is_dismissed_comes_again_only_with_the_next_switching_off(
    site: Site, make: Factory, owner: Organisation, caller: Caller, place: str
) -> None:
    webhook, other = make.webhook(owner, URL, name="First"), make.webhook(owner, URL, name="Second")
    for it in (webhook, other):
        change(it, **DISABLED)
    path = f"/webhooks/{webhook.id}"
    assert f'action="{path}/dismiss-notice"' in site.get("/webhooks")
    assert f'action="{path}/dismiss-notice"' in site.get(path)
    if place == "api":
        answer = caller.post(f"/v3{path}/dismiss-notice")
        assert answer.status_code == 200
        assert answer.get_json()["noticeDismissedAt"] is not None
    else:
        answer = site.post(f"{path}/dismiss-notice", **{"from": place})
        assert answer.status_code == 303
        assert answer.headers["Location"] == ("/webhooks" if place == "list" else path)
    page = site.get("/webhooks")
    assert f'action="{path}/dismiss-notice"' not in page
    assert f'action="/webhooks/{other.id}/dismiss-notice"' in page
    assert "One webhook needs you" in page
    assert MARK in page
    # It is off all the same, as its own page says.
    assert REASON in site.get(path)
    assert f'action="{path}/dismiss-notice"' not in site.get(path)
    told = caller.get(f"/v3{path}/health").get_json()
    assert (told["state"], told["noticeDismissedAt"] is None) == ("disabled", False)
    assert caller.post(f"/v3{path}/dismiss-notice").get_json() == told
    entries = select(func.count()).where(AuditEntry.action == "webhook.notice_dismissed")
    assert db.session.scalar(entries) == 1

    caller.post(f"/v3/webhooks/{other.id}/dismiss-notice")
    assert MARK not in site.get("/webhooks")
    site.post(f"{path}/switch-on")
    assert caller.get(f"/v3{path}/health").get_json()["noticeDismissedAt"] is None
    with transaction() as session:
        health.switch_off(session, owner.tenant_id, webhook.id, REASON)
    page = site.get("/webhooks")
    assert f'action="{path}/dismiss-notice"' in page
    assert MARK in page


def test_a_notice_is_dismissed_by_whoever_may_change_webhooks_and_there_must_be_one(
    site: Site, make: Factory, owner: Organisation, caller: Caller
) -> None:
    webhook = make.webhook(owner, URL)
    path = f"/v3/webhooks/{webhook.id}"
    before = caller.get(path).get_json()
    assert caller.post(f"{path}/dismiss-notice").get_json()["noticeDismissedAt"] is None
    assert caller.get(path).get_json() == before
    change(webhook, **DISABLED)
    assert make.caller(owner, "webhook:read").post(f"{path}/dismiss-notice").status_code == 403
    stranger = make.caller(make.organisation())
    assert stranger.post(f"{path}/dismiss-notice").status_code == 404
    assert get_webhook().dismissed_at is None
    # Whoever has the form open meanwhile can save it.
    form = read_form(site, webhook)
    assert caller.post(f"{path}/dismiss-notice").status_code == 200
    assert site.send(f"/webhooks/{webhook.id}", **form).status_code == 303


def read_form(site: Site, webhook: Webhook) -> dict[str, str]:
    """Gives what the form of a webhook says of when it was made."""
    match = re.search(r'name="updatedAt" value="([^"]+)"', site.get(f"/webhooks/{webhook.id}/edit"))
    return {"updatedAt": match[1] if match else "", "active": ""}


def test_others_hear_nothing_of_a_webhook_in_trouble(make: Factory, owner: Organisation) -> None:
    change(make.webhook(owner, URL), **DISABLED)
    assert MARK not in Site(make, make.organisation()).get("/webhooks")
    browser = make.browser(owner)
    with transaction() as session:
        session.execute(update(User).where(User.tenant_id == owner.tenant_id).values(role="editor"))
    assert MARK not in browser.get("/releases").text


def test_its_own_page_says_what_to_do_and_switches_it_on(
    site: Site, make: Factory, owner: Organisation, caller: Caller
) -> None:
    webhook = make.webhook(owner, URL)
    path = f"/webhooks/{webhook.id}"
    change(webhook, **FAILING)
    assert "34 attempts in a row failed. It will be switched off on" in site.get(path)
    create_release(make, owner, caller)
    with transaction() as session:
        session.execute(update(Delivery).values(state="held", held_at=clock(), next_attempt_at=None))
    change(webhook, **DISABLED)
    assert REASON in site.get(path)
    assert site.post(f"{path}/switch-on").status_code == 303
    page = site.get(path)
    assert REASON not in page
    assert f'action="{path}/switch-on"' not in page
    assert (get_webhook().active, get_webhook().disabled_at) == (True, None)
    assert list_all(Delivery.state) == ["pending"]


def test_health_is_told_in_figures(app: Flask, site: Site, make: Factory, owner: Organisation, caller: Caller) -> None:
    with Receiver(statuses=[200, 200, 500]) as receiver:
        webhook = make.webhook(owner, receiver.url)
        for version in ("1.0", "1.1", "1.2"):
            create_release(make, owner, caller, version)
            deliver_all(app)
    # Cut off, not rounded: 66.7 %.
    assert "66 % of 3 attempts" in read_rows(site.get("/webhooks"))[0].replace("success ", "")
    page = site.get(f"/webhooks/{webhook.id}")
    assert "66 %" in page
    assert re.search(r"\d+ ms</dd>", page)


def test_who_may_not_see_webhooks_sees_and_does_nothing(make: Factory, owner: Organisation) -> None:
    path = f"/webhooks/{make.webhook(owner, URL).id}"
    site = Site(make, owner)
    with transaction() as session:
        session.execute(update(User).values(role="viewer"))
    for page in ("/webhooks", "/webhooks/new", path, f"{path}/edit"):
        site.get(page, 403)
    assert [site.send(it).status_code for it in ("/webhooks", path)] == [403, 403]
    for action in ("test", "pause", "resume", "switch-on", "dismiss-notice", "rotate", "cut-over", "delete"):
        assert site.post(f"{path}/{action}").status_code == 403, action
    assert len(list_all(Webhook.id)) == 1
