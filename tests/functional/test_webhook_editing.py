"""The form that changes a webhook: nothing that others have done is lost, and what is wrong is marked where it is."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from typing import Any

import pytest

from app import times
from app.database import transaction
from app.extensions import db
from app.webhooks import health, pausing, rotation, sealing
from app.webhooks.headers import MASK
from app.webhooks.models import Webhook
from tests.factories import Factory, Organisation
from tests.portal import URL, Site, change, get_webhook, read_headers

OTHER = "http://127.0.0.2:9/hook"


@pytest.fixture
def site(make: Factory, owner: Organisation) -> Site:
    """The portal, seen by its owner."""
    return Site(make, owner)


@pytest.fixture
def webhook(make: Factory, owner: Organisation) -> Webhook:
    """A webhook that there is already."""
    return make.webhook(owner, URL)


def read_seen(page: str) -> str:
    """Gives which state of the webhook the form on a page was made from."""
    found = re.search(r'name="updatedAt"\s+value="([^"]*)"', page)
    assert found is not None, page
    return found[1]


def read_inputs(page: str) -> list[tuple[str, str, tuple[str, ...]]]:
    """Gives of each input of a header that is marked: its name, its value, and the messages that it is tied to."""
    messages = dict(re.findall(r'id="(error-headers-\d+)">([^<]*)<', page))
    found = []
    for name, value, rest in re.findall(r'<input name="(header\w+)" value="([^"]*)"([^>]*)>', page):
        ties = re.search(r'aria-describedby="([^"]*)"', rest)
        assert ('aria-invalid="true"' in rest) == bool(ties)
        if ties:
            told = tuple(html.unescape(messages[tie]) for tie in ties[1].split())
            found.append((name, html.unescape(value), told))
    return found


def switch_off(webhook: Webhook) -> None:
    """Switches a webhook off as Slipway does after five days of failures."""
    with transaction() as session:
        assert health.switch_off(session, webhook.tenant_id, webhook.id, "It failed for 5 days.")


MEANWHILE: dict[str, tuple[Any, str]] = {
    "saved": (lambda _, webhook: change(webhook, name="Theirs", updated_at=times.now()), ""),
    "switched off by Slipway": (lambda _, webhook: switch_off(webhook), " (Slipway switched it off)"),
    "paused": (lambda actor, webhook: pausing.pause_webhook(actor, webhook.id), " (it was paused)"),
    "rotated": (lambda actor, webhook: rotation.rotate_secret(actor, webhook.id, 24), ""),
}


@pytest.mark.parametrize("what", MEANWHILE)
def test_what_was_changed_meanwhile_is_replaced_only_by_whoever_knows_of_it(
    site: Site, owner: Organisation, webhook: Webhook, what: str
) -> None:
    act, words = MEANWHILE[what]
    path = f"/webhooks/{webhook.id}"
    seen = read_seen(site.get(f"{path}/edit"))
    act(owner.actor, webhook)
    before = get_webhook()
    stored = (before.name, before.active, before.updated_at)
    typed = {"name": "Mine", "maxConcurrency": "3", "headerName": "X-A", "headerValue": "1"}
    refused = site.send(path, updatedAt=seen, **typed)
    assert refused.status_code == 409
    page = html.unescape(refused.text)
    message = f"The webhook was changed meanwhile{words}. Look at what is stored, and save again to replace it."
    assert message in page
    assert f'href="{path}"' in page.partition('id="webhook-form"')[0]
    assert ('value="Mine"' in page, read_headers(page)[0]) == (True, ("X-A", "1"))
    after = get_webhook()
    assert (after.name, after.active, after.updated_at) == stored
    assert site.send(path, updatedAt=read_seen(page), **typed).status_code == 303
    after = get_webhook()
    assert (after.name, after.active, after.max_concurrency) == ("Mine", True, 3)


def test_a_form_that_comes_back_for_another_reason_still_knows_what_was_seen(site: Site, webhook: Webhook) -> None:
    path = f"/webhooks/{webhook.id}"
    seen = read_seen(site.get(f"{path}/edit"))
    change(webhook, updated_at=datetime(2030, 1, 1, tzinfo=UTC))
    assert read_seen(site.send(path, updatedAt=seen, name="").text) == seen
    assert read_seen(site.send(path, updatedAt=seen, action="add-header").text) == seen
    assert site.send(path, updatedAt=seen).status_code == 409


def test_of_two_who_edit_at_once_the_second_is_told(site: Site, webhook: Webhook) -> None:
    path = f"/webhooks/{webhook.id}"
    seen = read_seen(site.get(f"{path}/edit"))
    assert site.send(path, updatedAt=seen, name="First").status_code == 303
    assert site.send(path, updatedAt=seen, name="Second").status_code == 409
    assert get_webhook().name == "First"


def test_headers_do_not_follow_the_url_to_another_host_and_nothing_that_was_typed_is_lost(
    site: Site, make: Factory, owner: Organisation
) -> None:
    path = f"/webhooks/{make.webhook(owner, URL, headers={'X-A': 'one', 'X-B': 'two'}).id}"
    rows = {"headerName": ["X-A", "X-B"], "headerValue": [MASK, "new"]}
    refused = site.send(path, name="Typed", url=OTHER, **rows)
    page = html.unescape(refused.text)
    message = "Headers must be given anew, because the URL leads to another host."
    assert (refused.status_code, f'<a href="#field-headers">{message}</a>' in page) == (400, True)
    assert f'value="{OTHER}"' in page
    assert read_inputs(page) == [("headerValue", MASK, (message,))]
    assert get_webhook().url == URL
    assert site.send(path, url=OTHER, headerName=["X-A", "X-B"], headerValue=["1", "2"]).status_code == 303
    assert sealing.open_headers(get_webhook().headers) == {"X-A": "1", "X-B": "2"}
    assert site.send(path, url=URL, headerName=["", ""], headerValue=["", ""]).status_code == 303
    assert get_webhook().headers is None


def test_what_is_wrong_with_a_header_is_marked_at_its_input(site: Site) -> None:
    rows = [
        ("X-Good", "1"), ("Host", "a"), (' X"Y ', "b"), ("X-A", "c"), ("X-Empty", ""), ("x-a", "d"), ("", "e"),
        ("X-Mask", MASK),
    ]  # fmt: skip
    names, values = map(list, zip(*rows, strict=True))
    refused = site.send("/webhooks", name="", headerName=names, headerValue=values)
    marked = read_inputs(refused.text)
    assert [(name, value) for name, value, _ in marked] == [
        ("headerName", "Host"),
        ("headerName", ' X"Y '),
        ("headerName", "X-A"),
        ("headerValue", ""),
        ("headerName", "x-a"),
        ("headerName", ""),
        ("headerValue", MASK),
    ]
    assert all(len(messages) == 1 for _, _, messages in marked)
    assert '"X-Empty"' in marked[3][2][0]
    # Of two that are one, both are marked, by the same message.
    assert marked[2][2] == marked[4][2]


def test_a_header_that_is_named_twice_or_has_nothing_stored_is_marked(site: Site, webhook: Webhook) -> None:
    twice = site.send("/webhooks", headerName=["X-A", "X-B", "X-A "], headerValue=["1", "2", "3"])
    assert [(name, value) for name, value, _ in read_inputs(twice.text)] == [
        ("headerName", "X-A"),
        ("headerName", "X-A "),
    ]
    kept = site.send(f"/webhooks/{webhook.id}", headerName=["X-A", "X-B"], headerValue=["1", MASK])
    assert [(name, value) for name, value, _ in read_inputs(kept.text)] == [("headerValue", MASK)]


def test_what_is_wrong_with_all_headers_together_marks_none(site: Site) -> None:
    names = [f"X-{number}" for number in range(51)]
    refused = site.send("/webhooks", headerName=names, headerValue=["v"] * 51)
    assert refused.status_code == 400
    assert read_inputs(refused.text) == []


def test_the_form_says_how_a_header_is_removed(site: Site, webhook: Webhook) -> None:
    hint = "Empty both boxes to remove a header."
    assert hint in site.get(f"/webhooks/{webhook.id}/edit")


@pytest.mark.parametrize("token", ["short", "x" * 24, "x" * 300, "with a space", "whsec_!"])
def test_with_a_public_key_a_token_must_not_be_given_whatever_its_length(
    site: Site, webhook: Webhook, token: str
) -> None:
    message = "Token must not be given: a key pair is made for the asymmetric scheme."
    for path in ("/webhooks", f"/webhooks/{webhook.id}"):
        refused = site.send(path, scheme="asymmetric", token=token)
        assert refused.status_code == 400
        assert re.findall(r'<a href="#field-(\w+)">([^<]*)</a>', html.unescape(refused.text)) == [("token", message)]
    db.session.rollback()
    assert get_webhook().scheme == "cryptlex"
