"""The list of deliveries, on the page and in the API: filters, order, pages, and what makes no sense."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from urllib.parse import quote

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app.database import transaction
from app.deliveries import queries
from app.extensions import db
from app.times import format_time
from app.webhooks import samples
from app.webhooks.models import Delivery, Webhook
from tests.factories import Caller, Factory, Organisation
from tests.working import claim, create_release

LIST = "/webhooks/deliveries"


@pytest.fixture
def browser(make: Factory, owner: Organisation) -> FlaskClient:
    """A browser in which the owner is signed in."""
    return make.browser(owner)


@pytest.fixture
def webhook(make: Factory, owner: Organisation) -> Webhook:
    """A webhook that nothing is sent to."""
    return make.webhook(owner, "http://127.0.0.1:9/", events=["release.created", "release.published"])


def list_ids() -> list[str]:
    """Gives the ids of all deliveries, the oldest first."""
    db.session.rollback()
    return list(db.session.scalars(select(Delivery.id).order_by(Delivery.created_at, Delivery.id)))


def read_rows(page: str) -> list[str]:
    """Gives the ids of the deliveries that a page lists."""
    return re.findall(rf'<a class="row-title" href="{LIST}/([0-9a-f-]{{36}})">', page)


def follow(caller: Caller, url: str) -> Iterable[list[dict[str, Any]]]:
    """Gives the pages of a list of the API, following its links."""
    while url:
        answer = caller.get(url)
        assert answer.status_code == 200
        yield answer.get_json()
        url = answer.headers.get("Link", "").partition(">")[0].removeprefix("<http://localhost:8000")


def put_in_state(delivery_id: str, **values: Any) -> None:
    """Changes a delivery."""
    with transaction() as session:
        session.execute(update(Delivery).where(Delivery.id == delivery_id).values(**values))


def put_in_each_state(make: Factory, owner: Organisation, caller: Caller) -> dict[str, str]:
    """Makes a delivery in each state; gives their ids by state."""
    for number in range(5):
        create_release(make, owner, caller, f"1.{number}")
    states = ("delivered", "retrying", "dead", "held", "queued", "delivering")
    named = dict(zip(states, list_ids(), strict=False))
    put_in_state(named["delivered"], state="delivered", next_attempt_at=None)
    put_in_state(named["dead"], state="dead", next_attempt_at=None, reason="All 10 attempts failed.")
    put_in_state(named["held"], state="held", next_attempt_at=None)
    # Sent again after three attempts, it waits for the first one of a new round.
    put_in_state(named["queued"], attempt_count=3, attempts_before=3, priority=2)
    put_in_state(named["retrying"], attempt_count=2, attempts_before=1, priority=1)
    create_release(make, owner, caller, "1.5")
    (claimed,) = claim(1)
    return {**named, "delivering": claimed.delivery_id}


@pytest.mark.usefixtures("webhook")
def test_each_state_can_be_asked_for_at_both_doors(
    make: Factory, owner: Organisation, caller: Caller, browser: FlaskClient
) -> None:
    named = put_in_each_state(make, owner, caller)
    webhook_id = db.session.scalars(select(Webhook.id)).one()
    for state, delivery_id in named.items():
        found = caller.get(f"/v3/webhooks/{webhook_id}/deliveries?state={state}").get_json()
        assert [(row["id"], row["state"]) for row in found] == [(delivery_id, state)]
        assert read_rows(browser.get(f"{LIST}?state={state}").text) == [delivery_id]
    everything = caller.get(f"/v3/webhooks/{webhook_id}/deliveries").get_json()
    assert [row["id"] for row in everything] == list_ids()


def test_deliveries_are_found_by_event_release_webhook_and_time(
    make: Factory, owner: Organisation, caller: Caller, browser: FlaskClient, webhook: Webhook
) -> None:
    other = make.webhook(owner, "http://127.0.0.1:9/other")
    release = create_release(make, owner, caller, "1.2.0")
    caller.request("PATCH", f"/v3/releases/{release['id']}", json={"name": "Größe 100%"})
    caller.post(f"/v3/releases/{release['id']}/publish")
    create_release(make, owner, caller, "2.0")
    samples.send_test(owner.actor, webhook.id)
    first, second, third, fourth, fifth, test = list_ids()
    db.session.rollback()
    moment = db.session.scalars(select(Delivery.created_at).where(Delivery.id == third)).one()
    spelt, local = format_time(moment), f"{moment + timedelta(hours=1):%Y-%m-%dT%H:%M:%S}"
    expected = {
        "": [test, fifth, fourth, third, second, first],
        "event=release.published": [third],
        "event=webhook.test": [test],
        f"release={release['id']}": [third, second, first],
        "release=1.2": [third, second, first],
        f"release={quote('größe')}": [third, second, first],
        "release=%25": [third, second, first],
        "release=100_": [],
        f"release={owner.tenant_id}": [],
        "release=nothing": [],
        f"webhook={other.id}": sorted(db.session.scalars(select(Delivery.id).where(Delivery.webhook_id == other.id))),
        f"since={spelt}&until={format_time(moment + timedelta(microseconds=1))}": [third],
        f"until={spelt}": [second, first],
        f"since={local}": [],
        f"event=release.created&release=1.2.0&webhook={webhook.id}&state=queued": [
            db.session.scalars(
                select(Delivery.id).where(Delivery.webhook_id == webhook.id, Delivery.id.in_([first, second]))
            ).one()
        ],
    }
    for query, ids in expected.items():
        found = read_rows(browser.get(f"{LIST}?{query}").text)
        assert (sorted(found) if "webhook=" in query else found) == ids, query
    page = browser.get(f"{LIST}?event=webhook.test").text
    assert '<span class="badge">Test</span>' in page


@pytest.mark.parametrize(
    ("field", "query"),
    [
        ("state", "state=lost"),
        ("event", "event=release.exploded"),
        ("since", "since=yesterday"),
        ("until", "until=2019-13-01T00:00:00Z"),
        ("until", "since=2020-01-02T00:00:00Z&until=2020-01-01T00:00:00Z"),
        ("release", "release=%00"),
        ("release", f"release={'x' * 257}"),
        ("cursor", "cursor=x"),
    ],
)
def test_what_makes_no_sense_is_refused_at_both_doors(
    caller: Caller, browser: FlaskClient, webhook: Webhook, field: str, query: str
) -> None:
    answer = caller.get(f"/v3/webhooks/{webhook.id}/deliveries?{query}")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.get_json()["errors"]] == [field]
    page = browser.get(f"{LIST}?{query}")
    assert page.status_code == 400
    assert "Nothing was looked for" in page.text
    label = "The page that you asked for" if field == "cursor" else field.capitalize()
    assert re.search(rf'id="error-summary".*>\s*{label} (must|is not)', page.text, re.DOTALL)


@pytest.mark.parametrize("query", ["state=dead&state=held", "limit=0", "page=x", "sort=state"])
def test_the_api_refuses_what_makes_no_sense_by_name(caller: Caller, webhook: Webhook, query: str) -> None:
    answer = caller.get(f"/v3/webhooks/{webhook.id}/deliveries?{query}")
    assert answer.status_code == 400
    assert [error["field"] for error in answer.get_json()["errors"]] == [query.partition("=")[0]]


def test_pages_hold_each_delivery_once_while_others_are_made(
    make: Factory, owner: Organisation, caller: Caller, browser: FlaskClient, webhook: Webhook,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr("app.deliveries.pages.PAGE_SIZE", 2)
    for number in range(5):
        create_release(make, owner, caller, f"1.{number}")
    # All at one moment: the ids alone tell them apart.
    with transaction() as session:
        session.execute(update(Delivery).values(created_at=select(Delivery.created_at).limit(1).scalar_subquery()))
    before = list_ids()
    seen, url = [], f"{LIST}?event=release.created"
    for number in range(3):
        page = browser.get(url).text
        seen += read_rows(page)
        match = re.search(r'href="([^"]+)" rel="next"', page)
        assert (match is None) == (number == 2)
        url = match[1].replace("&amp;", "&") if match else ""
        create_release(make, owner, caller, f"2.{number}")
    assert seen == before[::-1]

    path = f"/v3/webhooks/{webhook.id}/deliveries"
    pages = [[row["id"] for row in rows] for rows in follow(caller, f"{path}?limit=3&sort=-createdAt")]
    assert [len(rows) for rows in pages] == [3, 3, 2]
    assert [delivery_id for rows in pages for delivery_id in rows] == list_ids()[::-1]
    assert [row["id"] for row in caller.get(f"{path}?limit=3&page=3").get_json()] == list_ids()[6:]
    assert caller.get(f"{path}?limit=3&page=4").get_json() == []


@pytest.mark.usefixtures("webhook")
def test_dead_letters_are_a_link_with_their_number(
    make: Factory, owner: Organisation, caller: Caller, browser: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read_count() -> str:
        page = browser.get(LIST).text
        match = re.search(r'state=dead"[^>]*>\s*Dead letters <span class="count[^>]*>([^<]*)</span>', page)
        return match[1] if match else ""

    assert read_count() == "0"
    assert "No dead letters" in browser.get(f"{LIST}?state=dead").text
    for number in range(3):
        create_release(make, owner, caller, f"1.{number}")
    with transaction() as session:
        session.execute(update(Delivery).values(state="dead", next_attempt_at=None, reason="All 10 attempts failed."))
    assert read_count() == "3"
    assert "<h1>Dead letters</h1>" in browser.get(f"{LIST}?state=dead").text
    monkeypatch.setattr("app.deliveries.queries.COUNT_LIMIT", 2)
    monkeypatch.setattr("app.deliveries.pages.COUNT_LIMIT", 2)
    assert read_count() == "2+"


def test_events_that_are_many_are_found_as_well_as_a_few(
    make: Factory, owner: Organisation, caller: Caller, webhook: Webhook, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        create_release(make, owner, caller, f"1.{number}")
    path = f"/v3/webhooks/{webhook.id}/deliveries"
    ways = [f"{path}?event=release.created", f"{path}?release=App", "/v3/webhook-event-logs?event=release.created"]
    claim(4)
    few = [caller.get(url).get_json() for url in ways]
    assert [len(rows) for rows in few] == [4, 4, 4]
    monkeypatch.setattr(queries, "_FEW", 1)
    assert [caller.get(url).get_json() for url in ways] == few
    assert caller.get(f"{path}?event=release.created&release=1.2").get_json() == [few[0][2]]


def test_the_page_holds_nothing_of_another_tenant(
    make: Factory, owner: Organisation, caller: Caller, webhook: Webhook
) -> None:
    release = create_release(make, owner, caller)
    stranger = make.browser(make.organisation())
    for query in ("", f"?release={release['id']}", "?release=App", f"?webhook={webhook.id}", "?event=release.created"):
        page = stranger.get(f"{LIST}{query}")
        assert page.status_code == 200
        assert read_rows(page.text) == []
        assert webhook.name not in page.text
