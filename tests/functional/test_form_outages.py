"""A form that is sent while the database is away comes back with everything that was typed, and says what it may."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import event
from sqlalchemy.exc import OperationalError

from app.accounts import user_sessions
from app.extensions import db
from app.times import format_time, now
from app.webhooks import creation
from app.webhooks.models import Webhook
from tests.factories import Caller, Factory, Organisation
from tests.portal import URL, Site, get_webhook, list_all, read_headers, read_text
from tests.replaying import age, fill

UNCHANGED = "The database cannot be reached or is busy. Nothing was changed; try again."
UNKNOWN = "The database went away: it is not known whether this was saved. Send it again: nothing is made twice."
TOKEN = "a-token-of-28-characters-now"
KEY = 'name="idempotencyKey" value="once"'
HEADERS = {"headerName": ["X-A", "X-B"], "headerValue": ["one", "two"]}


def go_away(*_: Any, **__: Any) -> None:
    """Fails as whatever asks a database that has gone."""
    raise OperationalError("SELECT 1", {}, Exception("gone"), connection_invalidated=True)


@pytest.fixture
def site(make: Factory, owner: Organisation) -> Site:
    """The portal, seen by its owner."""
    return Site(make, owner)


@pytest.fixture(params=["before anything is asked", "before anything is written"])
def break_down(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[], None]]:
    """Lets the database go away; from then on nothing can be asked either."""
    gone: list[bool] = []

    def fail(*arguments: Any) -> None:
        if gone or arguments[2].startswith(("INSERT", "UPDATE", "WITH")):
            gone.append(True)
            go_away()

    def arm() -> None:
        if request.param == "before anything is asked":
            monkeypatch.setattr(user_sessions, "find_user", go_away)
        event.listen(db.engine, "before_cursor_execute", fail)

    yield arm
    if event.contains(db.engine, "before_cursor_execute", fail):
        event.remove(db.engine, "before_cursor_execute", fail)


def test_a_new_webhook_comes_back_whole(site: Site, break_down: Callable[[], None]) -> None:
    typed = {"name": "Typed", "token": TOKEN, "maxConcurrency": "3", "ratePerSecond": "7", "idempotencyKey": "once"}
    break_down()
    answer = site.send("/webhooks", **typed, **HEADERS)
    assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
    assert UNCHANGED in read_text(answer.text)
    assert read_headers(answer.text)[:2] == [("X-A", "one"), ("X-B", "two")]
    for value in ("Typed", URL, TOKEN, "3", "7"):
        assert f'value="{value}"' in answer.text
    assert KEY in answer.text
    assert "Sign in again" not in answer.text


def test_a_change_of_a_webhook_comes_back_whole(
    site: Site, make: Factory, owner: Organisation, break_down: Callable[[], None]
) -> None:
    webhook = make.webhook(owner, URL)
    path, seen = f"/webhooks/{webhook.id}", format_time(webhook.updated_at)
    break_down()
    answer = site.send(path, name="Typed", updatedAt=seen, **HEADERS)
    assert answer.status_code == 503
    assert UNCHANGED in read_text(answer.text)
    assert read_headers(answer.text)[:2] == [("X-A", "one"), ("X-B", "two")]
    assert 'value="Typed"' in answer.text
    assert f'name="updatedAt" value="{seen}"' in answer.text
    assert f'action="{path}"' in answer.text


RELEASE = {
    "name": "Typed", "version": "1.2", "channel": "nightly", "notes": "# Kept", "platforms": ["bee os"],
    "platformsOther": "linux", "private": "on", "idempotencyKey": "once",
}  # fmt: skip


def test_a_release_comes_back_whole(
    site: Site, make: Factory, owner: Organisation, caller: Caller, body: dict[str, Any],
    break_down: Callable[[], None],
) -> None:  # fmt: skip
    release_id = caller.post("/v3/releases", json=body).get_json()["id"]
    product_id = make.product(owner).id
    break_down()
    for path in ("/releases", f"/releases/{release_id}/edit"):
        answer = site.post(path, **RELEASE, productId=product_id)
        assert (answer.status_code, answer.headers["Retry-After"]) == (503, "2")
        page = answer.text
        assert UNCHANGED in read_text(page)
        for value in ("Typed", "1.2", "nightly", "bee os", "linux"):
            assert f'value="{value}"' in page
        assert "\n# Kept</textarea>" in page
        assert f'<option value="{product_id}" selected>The product that you chose</option>' in page
        assert KEY in page
        assert 'name="signInPassword"' not in page
        assert "create one" not in page


def test_what_may_have_been_saved_is_sent_again_safely(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    form = {"name": "Typed", "idempotencyKey": "once"}
    create = creation.create_webhook

    def create_and_go(*arguments: Any) -> None:
        create(*arguments)
        go_away()

    with monkeypatch.context() as patch:
        patch.setattr(creation, "create_webhook", create_and_go)
        answer = site.send("/webhooks", **form)
    assert (answer.status_code, 'value="Typed"' in answer.text) == (503, True)
    assert UNKNOWN in read_text(answer.text)
    assert site.send("/webhooks", **form).status_code == 303
    assert (len(list_all(Webhook.id)), get_webhook().name) == (1, "Typed")


def test_a_page_that_cannot_show_what_was_sent_says_that_it_is_still_there(
    site: Site, make: Factory, owner: Organisation, break_down: Callable[[], None]
) -> None:
    webhook = age(make.webhook(owner, URL))
    fill(webhook, 1, dead=1)
    break_down()
    since = format_time(now() - timedelta(hours=2))
    answer = site.post(f"/webhooks/{webhook.id}/replays", since=since, idempotencyKey="once")
    assert answer.status_code == 503
    text = read_text(answer.text)
    assert f"{UNCHANGED} Go back: what you filled in is still there." in text
    plain = site.post("/products", name="Rocket", displayName="", description="")
    assert (plain.status_code, "Go back" in plain.text) == (503, False)


def test_a_form_whose_session_has_ended_says_so_and_asks_to_sign_in(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The cookie and the form's token are as good as before.
    monkeypatch.setattr(user_sessions, "find_user", lambda _: None)
    answer = site.send("/webhooks", name="Typed")
    text = read_text(answer.text)
    assert answer.status_code == 400
    assert "Your session has ended. Nothing is lost: sign in below, and send this again." in text
    assert "is required" not in text
    empty = site.send("/webhooks", name="Typed", signInEmail="", signInPassword="")
    assert "E-mail address is required." in read_text(empty.text)
