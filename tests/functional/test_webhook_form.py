"""The form of a webhook: what is typed into it is what is stored, or comes back with what is wrong."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from app.webhooks import sealing
from app.webhooks.events import ALL_EVENT_TYPES
from app.webhooks.headers import MASK
from app.webhooks.models import Delivery
from app.webhooks.pages import EVENT_SENTENCES, SCHEMES
from app.webhooks.signing import SCHEMES as SIGNING_SCHEMES
from tests.factories import Caller, Factory, Organisation
from tests.portal import URL, Site, get_webhook, list_all, read_headers

pytestmark = pytest.mark.once

TOKEN = "a-token-of-28-characters-now"


@pytest.fixture
def site(make: Factory, owner: Organisation) -> Site:
    """The portal, seen by its owner."""
    return Site(make, owner)


def test_what_the_form_offers_is_explained() -> None:
    assert tuple(EVENT_SENTENCES) == ALL_EVENT_TYPES
    assert tuple(SCHEMES) == SIGNING_SCHEMES


def test_a_webhook_with_every_setting_is_created_and_shown(site: Site) -> None:
    fields = {"events": ["release.deleted", "release.created"], "scheme": "standard", "ratePerSecond": " 50 "}
    headers = {"headerName": [" X-Api-Key", "", "X-Team"], "headerValue": ["s3cret ", "", "web"]}
    path = site.create(**fields, **headers, maxConcurrency="3")
    webhook = get_webhook()
    assert (webhook.scheme, webhook.max_concurrency, webhook.rate_per_second) == ("standard", 3, 50)
    assert sealing.open_headers(webhook.headers) == {"X-Api-Key": "s3cret", "X-Team": "web"}
    page = site.get(path)
    for shown in ("Standard Webhooks", "3 at once", "50 a second", "release.deleted", "X-Team", URL):
        assert shown in page
    assert "s3cret" not in page
    assert sealing.open_token(webhook.token) in page


def test_saving_the_form_as_it_is_shown_changes_nothing(site: Site, make: Factory, owner: Organisation) -> None:
    webhook = make.webhook(
        owner, URL, scheme="standard", headers={"X-A": "1", "X-B": "2"}, ratePerSecond=7, maxConcurrency=64
    )
    path = f"/webhooks/{webhook.id}"
    page = site.get(f"{path}/edit")
    assert read_headers(page) == [("X-A", MASK), ("X-B", MASK), ("", "")]
    assert sealing.open_token(webhook.token) not in page
    names, values = map(list, zip(*read_headers(page), strict=True))
    sent = site.send(
        path, name="Receiver", scheme="standard", maxConcurrency="64", ratePerSecond="7", headerName=names,
        headerValue=values,
    )  # fmt: skip
    assert sent.status_code == 303
    after = get_webhook()
    for column in ("name", "url", "scheme", "active", "max_concurrency", "rate_per_second", "events"):
        assert getattr(after, column) == getattr(webhook, column), column
    assert sealing.open_token(after.token) == sealing.open_token(webhook.token)
    assert sealing.open_headers(after.headers) == {"X-A": "1", "X-B": "2"}


def test_what_is_emptied_in_the_form_is_taken_away_and_no_secret_is(
    site: Site, make: Factory, owner: Organisation
) -> None:
    webhook = make.webhook(owner, URL, headers={"X-A": "1"}, ratePerSecond=7, maxConcurrency=64, token=TOKEN)
    assert site.send(f"/webhooks/{webhook.id}", maxConcurrency="", headerName="", headerValue="").status_code == 303
    after = get_webhook()
    assert (after.rate_per_second, after.max_concurrency, after.headers) == (None, 8, None)
    assert sealing.open_token(after.token) == TOKEN


BROKEN: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"name": ""}, {"name": ""}),
    ({"url": "ftp://example.com/"}, {"url": "ftp://example.com/"}),
    ({"url": "http://10.0.0.1/"}, {"url": "http://10.0.0.1/"}),
    ({"events": []}, {"events": []}),
    ({"events": ["nothing"]}, {"events": ["nothing"]}),
    ({"scheme": "hmac"}, {"scheme": "hmac"}),
    ({"token": "short"}, {"token": "short"}),
    ({"scheme": "standard", "token": TOKEN}, {"scheme": "standard", "token": TOKEN}),
    ({"scheme": "asymmetric", "token": TOKEN}, {"scheme": "asymmetric", "token": TOKEN}),
    ({"headerName": "Host", "headerValue": "x"}, {"headers": {"Host": "x"}}),
    ({"headerName": "", "headerValue": "x"}, {"headers": {"": "x"}}),
    ({"headerName": "X-A", "headerValue": ""}, {"headers": {"X-A": ""}}),
    ({"headerName": ["X-A", "x-a"], "headerValue": ["1", "2"]}, {"headers": {"X-A": "1", "x-a": "2"}}),
    ({"headerName": "X-A", "headerValue": "größe"}, {"headers": {"X-A": "größe"}}),
    ({"headerName": "X-A", "headerValue": MASK}, {"headers": {"X-A": MASK}}),
    ({"maxConcurrency": "0"}, {"maxConcurrency": 0}),
    ({"maxConcurrency": "65"}, {"maxConcurrency": 65}),
    ({"maxConcurrency": "8.0"}, {"maxConcurrency": "8.0"}),
    ({"maxConcurrency": "٨"}, {"maxConcurrency": "٨"}),
    ({"ratePerSecond": "1001"}, {"ratePerSecond": 1001}),
    ({"ratePerSecond": "-1"}, {"ratePerSecond": "-1"}),
    ({"ratePerSecond": "9" * 400}, {"ratePerSecond": "9" * 400}),
]


@pytest.mark.parametrize(("fields", "members"), BROKEN, ids=[str(members)[:60] for _, members in BROKEN])
def test_a_change_that_the_api_refuses_is_refused_by_the_form_in_the_same_words_and_nothing_is_lost(
    site: Site, make: Factory, owner: Organisation, caller: Caller, fields: dict[str, Any], members: dict[str, Any]
) -> None:
    path = f"/webhooks/{make.webhook(owner, URL).id}"
    refused = caller.request("PATCH", f"/v3{path}", json=members)
    answer = site.send(path, **{"name": "Typed", **fields})
    assert (refused.status_code, answer.status_code) == (400, 400)
    page = html.unescape(answer.text)
    for error in refused.get_json()["errors"]:
        assert f'<a href="#field-{error["field"]}">{error["message"]}</a>' in page
        assert f'id="field-{error["field"]}"' in page
    # What may be chosen only among what is offered is not typed.
    for typed in (value for name, value in fields.items() if name not in ("events", "scheme")):
        assert all(f'value="{text}"' in page for text in ([typed] if isinstance(typed, str) else typed))
    assert get_webhook().name == "Receiver"


def test_a_header_named_in_two_rows_is_refused_with_everything_else(site: Site) -> None:
    answer = site.send("/webhooks", name="", headerName=["X-A", "X-A "], headerValue=["1", "2"])
    page = html.unescape(answer.text)
    assert re.findall(r'<a href="#field-(\w+)">', page) == ["name", "headers"]
    assert 'Headers must not name "X-A" twice.' in page
    assert read_headers(page)[:2] == [("X-A", "1"), ("X-A ", "2")]


def test_a_row_for_a_header_can_be_added_without_script_and_nothing_is_saved(
    site: Site, make: Factory, owner: Organisation
) -> None:
    for path in ("/webhooks", f"/webhooks/{make.webhook(owner, URL).id}"):
        headers = {"headerName": ["X-A", ""], "headerValue": ["1", ""]}
        answer = site.send(path, name="Typed", events=["release.deleted"], action="add-header", **headers)
        assert answer.status_code == 200
        assert read_headers(answer.text) == [("X-A", "1"), ("", ""), ("", "")]
        assert 'value="Typed"' in answer.text
        assert re.search(r'value="release.deleted"\s+checked', answer.text)
        assert "error-summary" not in answer.text
    assert get_webhook().name == "Receiver"


def test_a_test_is_sent_at_once_where_it_is_wanted(site: Site) -> None:
    assert re.search(r'name="ping" value="on"\s+checked', site.get("/webhooks/new"))
    site.create()
    assert list_all(Delivery.id) == []
    page = site.get(site.create(ping="on"))
    assert "A test is on its way" in page
    assert list_all(Delivery.is_test) == [True]
    assert "webhook.test" in page


@pytest.mark.parametrize(("scheme", "is_new"), [("cryptlex", False), ("standard", False), ("asymmetric", True)])
def test_a_change_of_the_scheme_says_whether_the_secret_is_a_new_one(
    site: Site, make: Factory, owner: Organisation, scheme: str, is_new: bool
) -> None:
    path = f"/webhooks/{make.webhook(owner, URL).id}"
    assert site.send(path, scheme=scheme).status_code == 303
    assert ("It has a new key pair" in site.get(path)) is is_new
