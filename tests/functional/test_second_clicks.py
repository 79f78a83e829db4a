"""A form that is sent twice, by a second click or by going back, does one thing; and the answer tells the truth."""

from __future__ import annotations

import re
import threading
from datetime import timedelta
from typing import Any

import pytest

from app import times
from app.database import transaction
from app.replays.models import Replay
from app.webhooks import pausing, sealing
from app.webhooks.headers import MASK
from app.webhooks.models import Delivery, FormerSecret, Webhook
from tests.factories import Factory, Organisation
from tests.portal import URL, Site, get_webhook, list_all, read_text
from tests.replaying import age, fill

TOKEN = "a-token-of-28-characters-now"


@pytest.fixture
def site(make: Factory, owner: Organisation) -> Site:
    """The portal, seen by its owner."""
    return Site(make, owner)


@pytest.fixture
def webhook(make: Factory, owner: Organisation) -> Webhook:
    """A webhook."""
    return make.webhook(owner, URL, token=TOKEN, headers={"X-A": "1"})


def read_key(page: str, action: str) -> str:
    """Gives the key in the form on a page that is sent to a path which ends like this."""
    found = re.search(
        rf'action="[^"]*{action}".*?name="(?:clickKey|idempotencyKey)"\s+value="([^"]+)"', page, re.DOTALL
    )
    assert found is not None, page
    return found[1]


def test_a_second_click_on_rotate_makes_no_second_secret(site: Site, webhook: Webhook) -> None:
    path = f"/webhooks/{webhook.id}"
    form = {"clickKey": read_key(site.get(path), "/rotate"), "overlapHours": "24"}
    assert site.post(f"{path}/rotate", **form).status_code == 303
    token = get_webhook().token
    assert site.post(f"{path}/rotate", **form).status_code == 303
    assert (get_webhook().token, len(list_all(FormerSecret.id))) == (token, 1)
    assert "There is a new secret. The former one stays good for 24 hours." in site.get(path)


@pytest.mark.parametrize("second", [{"overlapHours": "1"}, {"clickKey": "another"}, {"clickKey": ""}], ids=str)
def test_another_order_rotates_again(site: Site, webhook: Webhook, second: dict[str, str]) -> None:
    path = f"/webhooks/{webhook.id}"
    form = {"clickKey": "once", "overlapHours": "24"}
    for fields in (form, {**form, **second}):
        assert site.post(f"{path}/rotate", **fields).status_code == 303
    assert len(list_all(FormerSecret.id)) == 2


def test_a_key_speaks_of_one_webhook(site: Site, make: Factory, owner: Organisation, webhook: Webhook) -> None:
    for one in (webhook, make.webhook(owner, URL)):
        for what in ("rotate", "test"):
            assert site.post(f"/webhooks/{one.id}/{what}", clickKey="once", overlapHours="24").status_code == 303
    assert (len(list_all(FormerSecret.id)), len(list_all(Delivery.id))) == (2, 2)


def test_a_second_click_on_send_a_test_leads_to_the_test_of_the_first(site: Site, webhook: Webhook) -> None:
    path = f"/webhooks/{webhook.id}"
    page = site.get(path)
    key = read_key(page, "/test")
    assert key not in page.replace(key, "", 1)
    first, second = (site.post(f"{path}/test", clickKey=key) for _ in range(2))
    assert (first.status_code, second.headers["Location"]) == (303, first.headers["Location"])
    assert len(list_all(Delivery.id)) == 1
    assert "A test is on its way. What came back shows up here." in site.get(first.headers["Location"])
    assert site.post(f"{path}/test", clickKey=read_key(site.get(path), "/test")).status_code == 303
    assert len(list_all(Delivery.id)) == 2


def test_of_two_clicks_at_the_same_moment_one_counts(make: Factory, owner: Organisation, webhook: Webhook) -> None:
    sites = [Site(make, owner) for _ in range(4)]
    start = threading.Barrier(len(sites))
    places: list[str] = []

    def click(site: Site) -> None:
        start.wait()
        site.post(f"/webhooks/{webhook.id}/rotate", clickKey="once", overlapHours="24")
        places.append(site.post(f"/webhooks/{webhook.id}/test", clickKey="once").headers["Location"])

    threads = [threading.Thread(target=click, args=(site,)) for site in sites]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert (len(places), len(set(places))) == (4, 1)
    assert (len(list_all(FormerSecret.id)), len(list_all(Delivery.id))) == (1, 1)


def test_a_second_click_on_a_replay_leads_to_the_one_of_the_first(site: Site, webhook: Webhook) -> None:
    fill(age(webhook), 10, dead=6)
    path = f"/webhooks/{webhook.id}/replays"
    since = (times.now() - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M")
    page = site.get(f"{path}/new?since={since}")
    form = {"since": since, "until": "", "idempotencyKey": read_key(page, "/replays")}
    first, second = (site.post(path, **form) for _ in range(2))
    assert (first.status_code, second.headers["Location"]) == (303, first.headers["Location"])
    assert len(list_all(Replay.id)) == 1
    # What was chosen is another order, and is told so.
    refused = site.post(path, **{**form, "events": ["release.created"]})
    assert (refused.status_code, "no two over the same time and events" in refused.text) == (409, True)
    assert f'value="{form["idempotencyKey"]}"' in refused.text


SAVED: dict[str, dict[str, Any]] = {
    "everything": {
        "name": "Renamed", "url": "http://127.0.0.1:9/other", "events": ["release.deleted"], "scheme": "standard",
        "maxConcurrency": "3", "ratePerSecond": "7", "headerName": ["X-A", "X-B"], "headerValue": [MASK, "2"],
        "active": "",
    },
    "another host": {"url": "http://127.0.0.2:9/", "headerName": "X-A", "headerValue": "3"},
    "a token": {"token": "another-token-of-its-owner"},
    "a key pair": {"scheme": "asymmetric", "name": "Renamed"},
    "no headers": {"headerName": "", "headerValue": ""},
}  # fmt: skip


@pytest.mark.parametrize("what", SAVED)
def test_a_second_click_on_save_is_a_success(site: Site, webhook: Webhook, what: str) -> None:
    path = f"/webhooks/{webhook.id}"
    form = {"updatedAt": times.format_time(webhook.updated_at), "headerName": "X-A", "headerValue": MASK, **SAVED[what]}
    assert site.send(path, **form).status_code == 303
    stored = get_webhook()
    assert site.send(path, **form).status_code == 303
    again = get_webhook()
    assert (again.token, again.headers, again.updated_at) == (stored.token, stored.headers, stored.updated_at)
    refused = site.send(path, **{**form, "name": "Somebody else's"})
    assert (refused.status_code, "was changed meanwhile" in refused.text) == (409, True)


@pytest.mark.parametrize(
    "changed",
    [
        {"name": "B"}, {"url": f"{URL}/b"}, {"events": ["release.deleted"]}, {"scheme": "standard"}, {"active": ""},
        {"maxConcurrency": "3"}, {"ratePerSecond": "7"}, {"token": TOKEN}, {"headerName": "X-A", "headerValue": "1"},
    ],
    ids=str,
)  # fmt: skip
def test_a_form_that_was_sent_and_changed_makes_one_more_however_often_it_is_clicked(
    site: Site, changed: dict[str, str]
) -> None:
    key = read_key(site.get("/webhooks/new"), "/webhooks")
    first = site.create(idempotencyKey=key)
    second = site.create(idempotencyKey=key, **changed)
    assert second != first
    assert site.create(idempotencyKey=key, **changed) == second
    assert site.create(idempotencyKey=key) == first
    assert len(list_all(Webhook.id)) == 2
    assert "Nothing was doubled." in site.get(first)


def test_a_release_form_that_was_sent_and_changed_makes_one_more(
    make: Factory, owner: Organisation, site: Site
) -> None:
    product = make.product(owner)
    form = {"productId": product.id, "channel": "stable", "name": "A", "version": "1.0", "idempotencyKey": "once"}
    first = site.post("/releases", **form).headers["Location"]
    places = [site.post("/releases", **{**form, "version": "2.0"}).headers["Location"] for _ in range(2)]
    assert places[0] == places[1] != first


def test_switched_on_while_paused_it_says_that_events_are_held(site: Site, webhook: Webhook) -> None:
    path = f"/webhooks/{webhook.id}"
    for step in ("pause", "switch-on"):
        if step == "switch-on":
            site.send(path, active="", headerName="X-A", headerValue=MASK)
            assert "Resume" not in read_text(site.get(path)).partition("Health")[0].replace("Resumed", "")
        assert site.post(f"{path}/{step}").status_code == 303
    page = site.get(path)
    assert "The webhook is switched on, and still paused. Events are held until you resume it." in page
    assert "goes out now" not in page


def test_resumed_while_switched_off_it_says_so_and_what_is_held_says_why(
    make: Factory, owner: Organisation, site: Site, webhook: Webhook
) -> None:
    path = f"/webhooks/{webhook.id}"
    fill(webhook, 1)
    with transaction() as session:
        session.query(Delivery).update({"state": "pending"})
    site.post(f"{path}/pause")
    site.send(path, active="", headerName="X-A", headerValue=MASK)
    assert list_all(Delivery.reason) == [pausing.PAUSED]
    site.post(f"{path}/resume")
    assert "It is switched off: what it is owed waits until you switch it on." in site.get(path)
    assert list_all(Delivery.reason) == [pausing.SWITCHED_OFF]
    site.post(f"{path}/pause")
    assert "It is switched off, too" in site.get(path)
    site.post(f"{path}/switch-on")
    assert (list_all(Delivery.state), list_all(Delivery.reason)) == (["held"], [pausing.PAUSED])


def test_of_a_key_pair_nobody_says_that_it_is_a_secret(make: Factory, owner: Organisation, site: Site) -> None:
    webhook = make.webhook(owner, URL)
    path = f"/webhooks/{webhook.id}"
    site.send(path, scheme="asymmetric")
    assert "It has a new key pair: the receiver needs the public key." in site.get(path)
    told = {"24": "There is a new key pair. The former one stays good for 24 hours.", "0": "There is a new key pair"}
    for hours, words in told.items():
        answer = site.post(f"{path}/rotate", overlapHours=hours)
        assert answer.headers["Location"] == path
        page = site.get(path)
        assert words in page
        assert "secret" not in read_text(page).partition("Health")[0]
    site.post(f"{path}/cut-over")
    assert "Only the newest key signs from now on." in site.get(path)
    assert sealing.open_token(get_webhook().token)
