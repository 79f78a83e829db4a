"""Dead letters: what was given up, and can be sent again; and why it was, in the lists."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from app import times
from app.database import transaction
from app.webhooks.models import Attempt, Delivery
from tests.factories import Factory, Organisation
from tests.history import add_delivery, change_webhook
from tests.portal import read_text

LIST = "/webhooks/deliveries"


@pytest.fixture
def browser(make: Factory, owner: Organisation) -> FlaskClient:
    """A browser in which the owner is signed in."""
    return make.browser(owner)


def read_ids(browser: FlaskClient, query: str) -> list[str]:
    """Gives the ids of the deliveries that the list holds."""
    page = browser.get(f"{LIST}?{query}").text
    return re.findall(rf'<a class="row-title" href="{LIST}/([0-9a-f-]{{36}})">', page)


def read_counts(browser: FlaskClient) -> list[str]:
    """Gives the numbers at the links to the dead letters: on the list of deliveries, and on that of webhooks."""
    pages = [browser.get(path).text for path in (LIST, "/webhooks")]
    return [re.findall(r'Dead letters <span class="count[^>]*>([^<]*)<', page)[0] for page in pages]


def set_reason(delivery_id: str, reason: str) -> None:
    """Writes why a delivery is where it is."""
    with transaction() as session:
        session.execute(update(Delivery).where(Delivery.id == delivery_id).values(reason=reason))


def test_the_list_promises_only_what_can_be_sent_again(
    make: Factory, owner: Organisation, browser: FlaskClient
) -> None:
    kept, other = (make.webhook(owner, f"http://127.0.0.1:9/{name}") for name in ("kept", "other"))
    letter, _ = add_delivery(kept, "dead"), add_delivery(other, "dead")

    def read(query: str) -> str:
        return read_text(browser.get(f"{LIST}?state=dead{query}").text)

    assert "Each of them can be sent again." in read("")
    change_webhook(kept, active=False)
    assert "It can be sent again while its webhook is there and switched on." in read("")
    change_webhook(kept, deleted_at=times.now())
    assert "Each of them can be sent again." in read("")
    page = read(f"&webhook={kept.id}")
    assert "Each of them can be sent again." not in page
    assert "It was for a webhook that is deleted, so it cannot be sent again." in page
    assert "Its webhook is deleted, so it cannot be sent again." in read_text(browser.get(f"{LIST}/{letter}").text)


def test_tests_and_what_a_deleted_webhook_was_owed_are_no_dead_letters(
    make: Factory, owner: Organisation, browser: FlaskClient
) -> None:
    kept, deleted = (make.webhook(owner, f"http://127.0.0.1:9/{name}") for name in ("kept", "deleted"))
    letter = add_delivery(kept, "dead", seconds_ago=3)
    test = add_delivery(kept, "dead", is_test=True, seconds_ago=2)
    nobodys = add_delivery(deleted, "dead", seconds_ago=1)
    change_webhook(deleted, deleted_at=times.now(), active=False)
    assert read_ids(browser, "state=dead") == [letter]
    assert read_counts(browser) == ["1", "1"]
    # Asked for by name, both are there; and the whole log leaves out nothing.
    assert read_ids(browser, f"state=dead&webhook={kept.id}") == [test, letter]
    assert read_ids(browser, f"state=dead&webhook={deleted.id}") == [nobodys]
    assert read_ids(browser, "") == [nobodys, test, letter]


def test_the_lists_say_why_something_is_dead_or_held_and_else_what_went_wrong_last(
    make: Factory, owner: Organisation, browser: FlaskClient
) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/")
    attempts = [("failed", 3)]
    states = {"dead": "Held for 30 days.", "held": "The webhook is paused.", "pending": ""}
    for state, reason in states.items():
        delivery_id = add_delivery(webhook, state, attempts=attempts)
        set_reason(delivery_id, reason)
        with transaction() as session:
            session.execute(update(Attempt).values(error_message="The receiver answered 500."))
    cells = re.findall(r'<td class="break cell-state">(.*?)</td>', browser.get(LIST).text, re.DOTALL)
    assert [read_text(cell) for cell in cells] == [
        "Retrying 1 attempt: The receiver answered 500.",
        "Held 1 attempt: The webhook is paused.",
        "Dead 1 attempt: Held for 30 days.",
    ]
