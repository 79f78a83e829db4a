"""The form of a webhook and its API are twins: the same input gets the same verdict, in the same words."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from sqlalchemy import delete, select

from app.extensions import db
from app.webhooks import sealing
from app.webhooks.models import Delivery, Event, Webhook
from tests.factories import Factory, find_csrf_token

pytestmark = pytest.mark.once

VALID: dict[str, Any] = {
    "name": "CI",
    "url": "http://127.0.0.1:9/hook",
    "events": ["release.created"],
    "scheme": "cryptlex",
    "maxConcurrency": 8,
    "ratePerSecond": 0,
    "active": True,
}
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"

# One table, through both doors: what is changed in a valid webhook.
TABLE: list[dict[str, Any]] = [
    {"token": SECRET},
    {"token": SECRET, "scheme": "standard"},
    {"token": "x" * 24, "scheme": "standard"},
    {"token": SECRET, "scheme": "asymmetric"},
    {"token": "short"},
    {"token": "x" * 257},
    {"token": "größer " * 5},
    {"token": "whsec_" + "A" * 20},
    {"scheme": "rot13"},
    {"scheme": "asymmetric", "ping": True},
    {"name": ""},
    {"name": "a\x00b"},
    {"url": "http://10.0.0.1/"},
    {"url": "ftp://example.com/"},
    {"events": []},
    {"events": ["release.exploded"]},
    {"events": ["webhook.test"]},
    {"maxConcurrency": 0},
    {"maxConcurrency": 64},
    {"maxConcurrency": 65},
    {"maxConcurrency": "many"},
    {"ratePerSecond": 1000},
    {"ratePerSecond": 1001},
    {"ratePerSecond": "fast"},
    {"headers": {"Authorization": "Bearer secret", "X-Team": "blue"}},
    {"headers": {"X-Team": ""}},
    {"headers": {"Host": "a", "X A": "b", "X-B": "ä"}},
    {"headers": {"X-A": "1", "x-a": "2"}},
    {"headers": {"X-A": "••••••"}},
    {"headers": {f"X-{number}": "v" for number in range(51)}},
    {"active": False},
    {"name": "", "url": "nothing", "events": [], "token": " ", "headers": {"TE": "v"}, "maxConcurrency": 99},
]


def build_form(raw: dict[str, Any]) -> dict[str, Any]:
    """Takes the members of an API body; gives the form that says the same."""
    form = {name: raw.get(name, "") for name in ("name", "url", "token", "scheme", "events")}
    form |= {name: str(raw[name]) for name in ("maxConcurrency", "ratePerSecond")}
    form |= {name: "on" for name in ("active", "ping") if raw.get(name)}
    headers = raw.get("headers", {})
    return {**form, "headerName": list(headers), "headerValue": list(headers.values())}


def read_form_errors(page: str) -> list[tuple[str, str]]:
    """Takes the page of a refused form; gives field and message of each entry of its summary."""
    summary = re.search(r'<[^>]+id="error-summary".*?</ul>', page, re.DOTALL)
    assert summary is not None, page
    found = re.findall(r'<a[^>]+href="#field-([A-Za-z]+)"[^>]*>(.*?)</a>', summary[0], re.DOTALL)
    return [(field, html.unescape(message).strip()) for field, message in found]


def take_stored() -> tuple[dict[str, Any], int] | None:
    """Gives what is stored of the one webhook that there may be, and how many deliveries it is owed; deletes both."""
    db.session.rollback()
    webhook = db.session.scalars(select(Webhook)).one_or_none()
    if webhook is None:
        return None
    names = ("name", "url", "events", "scheme", "active", "max_concurrency", "rate_per_second")
    stored = {name: getattr(webhook, name) for name in names}
    stored |= {
        "headers": sealing.open_headers(webhook.headers),
        "token": sealing.open_token(webhook.token).partition("_")[0],
    }
    count = len(db.session.scalars(select(Delivery.id)).all())
    for model in (Delivery, Event):
        db.session.execute(delete(model))
    db.session.delete(webhook)
    db.session.commit()
    return stored, count


@pytest.mark.parametrize("changes", TABLE, ids=lambda changes: ascii(changes)[:60])
def test_both_doors_give_one_verdict_in_one_voice(make: Factory, changes: dict[str, Any]) -> None:
    owner = make.organisation()
    raw = {**VALID, **changes}
    by_api = make.caller(owner).post("/v3/webhooks", json=raw)
    api_stored = take_stored()
    browser = make.browser(owner)
    token = find_csrf_token(browser.get("/webhooks/new").text)
    by_form = browser.post("/webhooks", data={**build_form(raw), "csrf_token": token})
    if by_api.status_code == 201:
        assert by_form.status_code == 303, by_form.text
        assert api_stored is not None
    else:
        assert (by_api.status_code, by_form.status_code) == (400, 400)
        expected = [(item["field"], item["message"]) for item in by_api.get_json()["errors"]]
        assert read_form_errors(by_form.text) == expected
    assert take_stored() == api_stored
