"""Who was told of a release, and what came back: on the pages of release and webhook, and on the delivery's own."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import update

from app import times
from app.accounts.models import User
from app.database import transaction
from app.extensions import db
from app.webhooks.models import Attempt, Delivery
from tests.factories import Caller, Factory, Organisation, find_csrf_token
from tests.history import add_delivery, change_webhook
from tests.portal import read_text
from tests.receivers import Receiver
from tests.working import claim, create_release, deliver_all, get_delivery, make_due

# The queries behind these pages are tested with both databases by those of the lists.
pytestmark = pytest.mark.once


@pytest.fixture
def browser(make: Factory, owner: Organisation) -> FlaskClient:
    """A browser in which the owner is signed in."""
    return make.browser(owner)


def change(model: Any, **values: Any) -> None:
    """Changes the one row that there is of a model."""
    with transaction() as session:
        session.execute(update(model).values(**values))


def read_badges(page: str) -> list[str]:
    """Gives the words of all badges of a page's deliveries."""
    deliveries = page.partition('<ul class="deliveries">')[2]
    return [" ".join(words.split()) for words in re.findall(r'<span class="badge[^>]*>([^<]*)</span>', deliveries)]


def test_each_state_of_a_delivery_is_told_in_words_on_both_pages(
    make: Factory, owner: Organisation, caller: Caller, browser: FlaskClient
) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/hook", name="Receiver")
    release = create_release(make, owner, caller)
    own_page = f"/webhooks/deliveries/{get_delivery().id}"

    def expect(pattern: str) -> None:
        page = browser.get(f"/webhooks/{webhook.id}").text
        (words,) = read_badges(page)
        assert re.fullmatch(pattern, words), words
        assert own_page in page
        # There the time is one that a script can turn, and a reason stands below.
        page = browser.get(f"/releases/{release['id']}").text
        words = read_text(page.partition('class="receiver-head"')[2].partition("</form>")[0])
        told = pattern.replace(r", \d\d:\d\d:\d\d UTC", r" \d{4}, \d\d:\d\d UTC").replace(
            ": ", " http://127.0.0.1:9/hook "
        )
        assert re.search(f"Receiver {told}", words), words
        assert own_page in page
        assert re.search(pattern, browser.get(own_page).text)
        assert re.search(pattern, browser.get("/webhooks").text)

    expect("Queued")
    claim(1)
    expect(r"Delivering \(attempt 1 of 10\)")
    change(Delivery, is_claimed=False)
    expect(r"Retrying at \d+ \w{3}, \d\d:\d\d:\d\d UTC \(attempt 2 of 10\)")
    change(Delivery, state="held", next_attempt_at=None)
    expect(r"Held: The webhook is switched off\.")
    change(Delivery, state="dead", reason="All 10 attempts failed.")
    expect(r"Dead: All 10 attempts failed\.")


def test_each_attempt_is_shown_with_its_time_its_parts_and_both_sides_words(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, browser: FlaskClient
) -> None:
    with Receiver(statuses=[500]) as receiver:
        webhook = make.webhook(owner, receiver.url, name="Deploys")
        release = create_release(make, owner, caller)
        deliver_all(app)
    change(
        Attempt,
        response_snippet="<script>alert(1)</script> out of disk",
        request_headers={"X-Own": "••••••", "webhook-id": "<b>"},
        phases={"dns": 1, "connect": 2, "first_byte": 30, "head": 4, "total": 40},
    )
    delivery = get_delivery()
    page = browser.get(f"/webhooks/deliveries/{delivery.id}").text
    assert "The receiver answered 500." in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt; out of disk" in page
    assert "X-Own: ••••••\nwebhook-id: &lt;b&gt;" in page
    assert re.findall(r"<d[td][^>]*>(DNS|Connect|First byte|Head|Body|Total|\d+&nbsp;ms)</d", page) == [
        "DNS", "1&nbsp;ms", "Connect", "2&nbsp;ms", "First byte", "30&nbsp;ms", "Head", "4&nbsp;ms",
        "Body", "3&nbsp;ms", "Total", "40&nbsp;ms",
    ]  # fmt: skip
    assert re.findall(r'x="(\d+)" y="0" width="(\d+)"', page) == [
        ("0", "25"), ("25", "50"), ("75", "750"), ("825", "100"), ("925", "75"),
    ]  # fmt: skip
    assert "The next attempt was set for" in page
    # The body as it is sent, whose notes are "größer 😀".
    assert "größer 😀" in page
    for link in (f"/webhooks/{webhook.id}", f"/releases/{release['id']}"):
        assert f'href="{link}"' in page
    for shown in (delivery.id, receiver.url, "127.0.0.1</code>"):
        assert shown in page


def test_each_attempt_is_shown_with_what_it_has_called_whatever_the_webhooks_url_is_now(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, browser: FlaskClient
) -> None:
    with Receiver(statuses=[500]) as receiver:
        webhook = make.webhook(owner, receiver.url)
        release = create_release(make, owner, caller)
        deliver_all(app)
    change(Attempt, url="http://127.0.0.1:9/called")
    change_webhook(webhook, url="http://127.0.0.1:9/present")
    page = browser.get(f"/webhooks/deliveries/{get_delivery().id}").text
    assert "POST <code>http://127.0.0.1:9/called</code>" in page
    assert "<code>http://127.0.0.1:9/present</code>" in page
    assert "http://127.0.0.1:9/called" in browser.get(f"/releases/{release['id']}").text
    change(Attempt, url=None)
    page = browser.get(f"/webhooks/deliveries/{get_delivery().id}").text
    assert "POST <code>http://127.0.0.1:9/present</code>" in page
    assert "http://127.0.0.1:9/present" in browser.get(f"/releases/{release['id']}").text


def test_what_is_under_way_or_never_came_that_far_is_shown_without_what_is_not_known(
    make: Factory, owner: Organisation, caller: Caller, browser: FlaskClient
) -> None:
    make.webhook(owner, "http://127.0.0.1:9/hook")
    create_release(make, owner, caller)
    path = f"/webhooks/deliveries/{get_delivery().id}"
    assert "Nothing has been sent yet." in browser.get(path).text
    claim(1)
    page = browser.get(path).text
    assert "Under way" in page
    assert '<svg class="timing-bar"' not in page
    make_due()
    claim(1)
    page = browser.get(path).text
    assert "The worker died during this attempt, or could not record what came of it." in page
    assert "It was tried again." in page


def test_the_page_of_a_release_leads_to_all_its_deliveries_for_whoever_may_read_webhooks(
    make: Factory, owner: Organisation, caller: Caller, browser: FlaskClient
) -> None:
    make.webhook(owner, "http://127.0.0.1:9/hook")
    release = create_release(make, owner, caller)
    path, link = f"/releases/{release['id']}", f"/webhooks/deliveries?release={release['id']}"
    assert f'<a href="{link}">All deliveries of this release</a>' in browser.get(path).text
    assert get_delivery().id in browser.get(link).text
    change(User, role="viewer")
    assert "All deliveries" not in browser.get(path).text


def test_buttons_that_send_again_are_told_apart_by_the_version(
    make: Factory, owner: Organisation, caller: Caller, browser: FlaskClient
) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/hook", name="Deploys")
    for version in ("1.0", "1.1"):
        create_release(make, owner, caller, version)
    change(Delivery, state="dead", next_attempt_at=None)
    labels = re.findall(r'aria-label="(Resend [^"]+)"', browser.get(f"/webhooks/{webhook.id}").text)
    assert labels == [f"Resend release.created of {version} to Deploys" for version in ("1.1", "1.0")]


def test_an_age_says_in_its_title_when_that_was(make: Factory, owner: Organisation, browser: FlaskClient) -> None:
    delivery_id = add_delivery(make.webhook(owner, "http://127.0.0.1:9/hook"), seconds_ago=7300)
    change(Delivery, created_at=times.now().replace(year=2025, month=3, day=4, hour=5, minute=6, second=7))
    page = browser.get("/webhooks/deliveries").text
    assert delivery_id in page
    assert re.search(
        r'<time datetime="2025-03-04T05:06:07[^"]*" title="4 Mar 2025, 05:06:07 UTC">\d+ days ago</time>', page
    )


def test_a_form_on_each_page_sends_a_delivery_again(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, browser: FlaskClient
) -> None:
    with Receiver(statuses=[410]) as receiver:
        webhook = make.webhook(owner, receiver.url)
        release = create_release(make, owner, caller)
        deliver_all(app)
        path = f"/webhooks/deliveries/{get_delivery().id}"
        pages = (path, f"/releases/{release['id']}", f"/webhooks/{webhook.id}")
        # 410 has switched the webhook off: no button, and no use in sending what the button would.
        resend = f"{path.rpartition('/')[2]}/resend"
        assert [resend in browser.get(page).text for page in pages] == [False] * 3
        assert "To send it again, switch the webhook on." in browser.get(path).text
        assert browser.post(f"{path}/resend").status_code == 400
        form = {"csrf_token": find_csrf_token(browser.get(path).text)}
        refused = browser.post(f"{path}/resend", data=form)
        assert (refused.status_code, refused.headers["Location"]) == (303, path)
        assert "The webhook is switched off. Switch it on, then send this again." in browser.get(path).text
        assert caller.request("PATCH", f"/v3/webhooks/{webhook.id}", json={"active": True}).status_code == 200
        assert [resend in browser.get(page).text for page in pages] == [True] * 3
        assert browser.post(f"{path}/resend", data=form).status_code == 303
        assert "It is sent again" in browser.get(path).text
        db.session.rollback()
        deliver_all(app)
    assert [request.headers["webhook-attempt"] for request in receiver.requests] == ["1", "2"]
    assert "2, 1 since it was sent again" in " ".join(browser.get(path).text.split())


def test_a_test_can_be_sent_again_whatever_the_switch_says_and_nothing_to_a_deleted_webhook(
    make: Factory, owner: Organisation, browser: FlaskClient
) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/hook")
    test, event = add_delivery(webhook, "dead", is_test=True), add_delivery(webhook, "dead")
    change_webhook(webhook, active=False)
    page = browser.get(f"/webhooks/{webhook.id}").text
    assert [f"{delivery_id}/resend" in page for delivery_id in (test, event)] == [True, False]
    assert f"{test}/resend" in browser.get(f"/webhooks/deliveries/{test}").text
    change_webhook(webhook, deleted_at=times.now())
    for delivery_id in (test, event):
        page = browser.get(f"/webhooks/deliveries/{delivery_id}").text
        assert "(deleted)" in page
        assert "/resend" not in page
        assert "switch the webhook on" not in page


def test_who_may_not_see_webhooks_sees_that_one_was_told_and_no_address_or_answer(
    app: Flask, make: Factory, owner: Organisation, caller: Caller, browser: FlaskClient
) -> None:
    with Receiver() as receiver:
        webhook = make.webhook(owner, f"{receiver.url}?key=s3cret", name="Deploys")
        release = create_release(make, owner, caller)
        deliver_all(app)
    change(
        Attempt,
        response_snippet="answered in confidence",
        request_headers={"X-Confidential": "yes"},
        address="127.0.0.77",
    )
    delivery_id = get_delivery().id
    form = {"csrf_token": find_csrf_token(browser.get("/releases/new").text)}
    change(User, role="viewer")
    for path in (f"/releases/{release['id']}", f"/webhooks/deliveries/{delivery_id}"):
        page = browser.get(path).text
        assert "Delivered at" in page
        assert "Deploys" in page
        for secret in ("s3cret", "answered in confidence", "X-Confidential", "127.0.0.77", webhook.id, "/resend"):
            assert secret not in page
    assert browser.post(f"/webhooks/deliveries/{delivery_id}/resend", data=form).status_code == 403
    for path in ("/webhooks", f"/webhooks/{webhook.id}", "/webhooks/new", "/webhooks/deliveries"):
        assert browser.get(path).status_code == 403
