"""The pages of replays: the form that says what it would send, the list, and how far a replay is."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app import times
from app.accounts.models import User, UserSession
from app.database import transaction
from app.extensions import db
from app.replays import service
from app.replays.models import Replay
from app.webhooks import pausing
from app.webhooks.models import Delivery, Webhook
from tests.factories import PASSWORD, Factory, Organisation, find_csrf_token
from tests.replaying import age, count_states, end_all, fill, hurry
from tests.working import claim

pytestmark = pytest.mark.once


@pytest.fixture(autouse=True)
def no_ramp(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody waits for the ramp."""
    hurry(monkeypatch)


@pytest.fixture
def webhook(make: Factory, owner: Organisation) -> Webhook:
    """A webhook with 1,200 deliveries of an hour ago, 270 of them dead."""
    webhook = make.webhook(owner, "http://127.0.0.1:9/hook", name="Deploys")
    fill(webhook, 1200, dead=270)
    return webhook


@pytest.fixture
def browser(make: Factory, owner: Organisation) -> FlaskClient:
    """A browser in which the owner is signed in."""
    return make.browser(owner)


def read(page: str) -> str:
    """Gives the words of a page."""
    return " ".join(html.unescape(re.sub(r"<[^>]+>", " ", page)).split())


def build_form(browser: FlaskClient, webhook: Webhook, **changes: Any) -> dict[str, Any]:
    """Gives the form that a preview leads to."""
    since = (times.now() - timedelta(hours=2)).strftime("%Y-%m-%dT%H:%M")
    token = find_csrf_token(browser.get(f"/webhooks/{webhook.id}/replays/new").text)
    return {"csrf_token": token, "since": since, "until": "", **changes}


def list_replays() -> list[Replay]:
    """Gives all replays."""
    db.session.rollback()
    return list(db.session.scalars(select(Replay)))


def test_the_form_says_what_it_would_send_before_anything_is_sent(browser: FlaskClient, webhook: Webhook) -> None:
    path = f"/webhooks/{webhook.id}/replays/new"
    empty = browser.get(path).text
    assert "Would send" not in empty
    since = re.findall(r'name="since"[^>]*value="([^"]+)"', empty)[0]
    assert datetime.fromisoformat(since).replace(tzinfo=UTC) < times.now() - timedelta(hours=23)
    page = browser.get(f"{path}?since={since}")
    assert page.status_code == 200
    assert "Would send 270 of 1,200." in read(page.text)
    assert "Send 270 deliveries again" in read(page.text)
    assert list_replays() == []


def test_a_link_may_give_its_times_by_rfc_3339(browser: FlaskClient, webhook: Webhook) -> None:
    since = times.now().replace(second=0, microsecond=0) - timedelta(hours=2)
    query = {"since": times.format_time(since), "events": "release.published", "includeMissed": "on"}
    page = browser.get(f"/webhooks/{webhook.id}/replays/new", query_string=query).text
    assert f'value="{since:%Y-%m-%dT%H:%M}"' in page
    assert "Would send 0 of 1,200." in read(page)
    assert "There is nothing to send again in this time." in read(page)
    assert re.search(r'value="release.published"[^>]*checked', page)
    assert re.search(r'name="includeMissed"[^>]*checked', page)


def test_missed_events_are_told_of_and_counted_if_they_are_wanted(
    browser: FlaskClient, make: Factory, owner: Organisation, webhook: Webhook
) -> None:
    age(webhook)
    fill(webhook, 2, is_owed=False)
    query = {"since": times.format_time(times.now() - timedelta(hours=2))}
    path = f"/webhooks/{webhook.id}/replays/new"
    page = read(browser.get(path, query_string=query).text)
    assert '2 events were missed: the webhook was never owed them. Tick "Missed events, too" to send them.' in page
    assert "Send 270 deliveries again" in page
    page = read(browser.get(path, query_string={**query, "includeMissed": "on"}).text)
    assert "Would send 270 of 1,200, and 2 that were missed." in page
    assert "Send 272 deliveries again" in page


def test_what_happens_after_the_preview_is_none_of_what_it_promised(browser: FlaskClient, webhook: Webhook) -> None:
    path = f"/webhooks/{webhook.id}/replays"
    since = times.format_time(times.now() - timedelta(hours=2))
    page = browser.get(f"{path}/new", query_string={"since": since}).text
    assert "Send 270 deliveries again" in read(page)
    fields = dict(re.findall(r'type="hidden"\s+name="([^"]+)"\s+value="([^"]*)"', page))
    assert times.parse_time(fields["until"]) is not None
    fill(webhook, 3, dead=3, at=times.now())
    browser.post(path, data=fields)
    (replay,) = list_replays()
    assert replay.total == 270
    assert (times.format_time(replay.since_at), times.format_time(replay.until_at)) == (since, fields["until"])


def test_a_replay_is_ordered_and_its_page_tells_how_far_it_is(browser: FlaskClient, webhook: Webhook) -> None:
    answer = browser.post(f"/webhooks/{webhook.id}/replays", data=build_form(browser, webhook))
    assert answer.status_code == 303
    (replay,) = list_replays()
    path = f"/webhooks/{webhook.id}/replays/{replay.id}"
    assert answer.headers["Location"].endswith(path)
    page = read(browser.get(path).text)
    assert "The replay has begun." in page
    assert "0 of 270 queued" in page
    service.take_steps()
    service.take_steps()
    chosen = select(Delivery.id).where(Delivery.state == "pending").order_by(Delivery.created_at)
    with transaction() as session:
        first, second, third, *_ = session.scalars(chosen)
        for delivery_id, values in (
            (first, {"state": "delivered"}),
            (second, {"state": "dead"}),
            (third, {"attempt_count": 11}),
        ):
            session.execute(update(Delivery).where(Delivery.id == delivery_id).values(**values))
    page = read(browser.get(path).text)
    assert "Running" in page
    assert "20 of 270 queued" in page
    assert "Delivered 1 Still failing 2 On their way 17 Left to queue 250" in page
    listed = read(browser.get(f"/webhooks/{webhook.id}/replays").text)
    assert "20 of 270 queued 1 delivered 2 still failing" in listed


def test_a_replay_is_cancelled_and_its_page_says_what_still_goes_on(browser: FlaskClient, webhook: Webhook) -> None:
    form = build_form(browser, webhook)
    browser.post(f"/webhooks/{webhook.id}/replays", data=form)
    (replay,) = list_replays()
    service.take_steps()
    claim(3)
    path = f"/webhooks/{webhook.id}/replays/{replay.id}"
    for words in ("The replay was cancelled.", "This replay is not running any more: it is cancelled."):
        answer = browser.post(f"{path}/cancel", data={"csrf_token": form["csrf_token"]})
        assert answer.status_code == 303
        page = read(browser.get(path).text)
        assert words in page
        assert "7 that were queued and not tried yet were taken back, and are dead again." in page
        assert "What was under way goes on: 3 are still owed." in page
        assert "Cancel the replay" not in page
    end_all("delivered")
    page = read(browser.get(path).text)
    assert "7 that were queued" in page
    assert "Nothing that it has queued is still owed." in page


def test_a_running_replay_is_followed_by_the_script_and_looked_at_again_without(
    browser: FlaskClient, webhook: Webhook
) -> None:
    answer = browser.post(f"/webhooks/{webhook.id}/replays", data=build_form(browser, webhook))
    while count_states().get("dead"):
        service.take_steps()
    running = browser.get(answer.headers["Location"]).text
    assert 'data-under-way="replay" data-is-followed' in running
    assert re.search(r"<noscript>\s*<a[^>]*>Look again</a>\s*</noscript>", running)
    assert "Running" in running
    assert "Until each was tried once, no other one over the same time can be ordered." in read(running)
    with transaction() as session:
        session.execute(update(Delivery).where(Delivery.state == "pending").values(attempt_count=11))
    tried = read(browser.get(answer.headers["Location"]).text)
    assert "Everything was sent once." in tried
    assert "Another one over the same time can be ordered meanwhile." in tried
    end_all("delivered")
    service.take_steps()
    done = browser.get(answer.headers["Location"]).text
    assert "data-under-way" not in done
    assert "Look again" not in done
    assert re.search(r"<dt>Done</dt>\s*<dd>\s*<time", done)


def test_a_replay_that_waits_says_for_what(
    browser: FlaskClient, owner: Organisation, make: Factory, webhook: Webhook
) -> None:
    pausing.pause_webhook(owner.actor, webhook.id)
    query = {"since": times.format_time(times.now() - timedelta(hours=2))}
    page = read(browser.get(f"/webhooks/{webhook.id}/replays/new", query_string=query).text)
    assert "The webhook is paused: the replay waits until it is resumed." in page
    answer = browser.post(f"/webhooks/{webhook.id}/replays", data=build_form(browser, webhook))
    assert "Waiting: the webhook is paused" in read(browser.get(answer.headers["Location"]).text)


def test_what_is_wrong_is_said_at_its_field_and_nothing_typed_is_lost(browser: FlaskClient, webhook: Webhook) -> None:
    wrong = {"since": "2999-01-01T00:00", "until": "2998-01-01T00:00:30", "events": "release.created"}
    shown = browser.get(f"/webhooks/{webhook.id}/replays/new", query_string=wrong)
    sent = browser.post(f"/webhooks/{webhook.id}/replays", data=build_form(browser, webhook, **wrong))
    for answer in (shown, sent):
        assert answer.status_code == 400
        found = re.findall(r'href="#field-([a-z]+)">([^<]+)<', answer.text)
        assert found == [("since", "Since must not be in the future."), ("until", "Until must be later than since.")]
        assert 'value="2999-01-01T00:00"' in answer.text
        assert 'value="2998-01-01T00:00:30"' in answer.text
        assert re.search(r'value="release.created"[^>]*checked', answer.text)
    assert list_replays() == []


def test_a_replay_that_overlaps_is_refused_in_words_and_can_be_sent_once_more(
    browser: FlaskClient, webhook: Webhook
) -> None:
    form = build_form(browser, webhook)
    answers = [browser.post(f"/webhooks/{webhook.id}/replays", data=form) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 409]
    (replay,) = list_replays()
    page = read(answers[1].text)
    assert "Another replay is in the way" in page
    assert "Wait until one has sent everything once, or cancel it." in page
    # What it is called means nothing to people, and where it is does.
    assert replay.id not in answers[1].text
    assert re.search(rf'<a href="/webhooks/{webhook.id}/replays">See the replays that there are</a>', answers[1].text)
    assert re.search(r'<button class="button" type="submit">Send 270 deliveries again</button>', answers[1].text)


def test_one_that_would_send_nothing_is_refused_in_words(browser: FlaskClient, webhook: Webhook) -> None:
    form = build_form(browser, webhook, events="release.deleted")
    answer = browser.post(f"/webhooks/{webhook.id}/replays", data=form)
    assert answer.status_code == 400
    assert 'href="#field-since">There is nothing to send again in this time.<' in answer.text
    assert list_replays() == []


def test_after_the_session_ended_one_signs_in_within_the_form(
    browser: FlaskClient, owner: Organisation, webhook: Webhook
) -> None:
    form = build_form(browser, webhook, events=["release.created"], includeMissed="on")
    with transaction() as session:
        session.execute(update(UserSession).values(revoked_at=times.now()))
    answer = browser.post(f"/webhooks/{webhook.id}/replays", data=form)
    assert answer.status_code == 400
    assert "Your session has ended. What you typed is still here." in answer.text
    fields = dict(re.findall(r'type="hidden" name="([^"]+)" value="([^"]*)"', answer.text))
    assert {name: fields[name] for name in ("since", "events", "includeMissed")} == {
        "since": form["since"],
        "events": "release.created",
        "includeMissed": "on",
    }
    again = browser.post(
        f"/webhooks/{webhook.id}/replays",
        data={**fields, "signInEmail": owner.email, "signInPassword": PASSWORD},
    )
    assert again.status_code == 303
    assert [(replay.event_types, replay.includes_missed) for replay in list_replays()] == [(["release.created"], True)]


@pytest.mark.parametrize("role", ["editor", "viewer"])
def test_who_may_not_see_webhooks_sees_no_replays(browser: FlaskClient, webhook: Webhook, role: str) -> None:
    form = build_form(browser, webhook)
    browser.post(f"/webhooks/{webhook.id}/replays", data=form)
    (replay,) = list_replays()
    with transaction() as session:
        session.execute(update(User).values(role=role))
    path = f"/webhooks/{webhook.id}/replays"
    since = form["since"]
    for target in (path, f"{path}/new", f"{path}/new?since={since}", f"{path}/{replay.id}"):
        assert browser.get(target).status_code == 403
    for refused in (form, {**form, "since": "noon"}, {**form, "csrf_token": ""}):
        answer = browser.post(path, data=refused)
        assert answer.status_code == 403
        assert webhook.name not in answer.text
    assert browser.post(f"{path}/{replay.id}/cancel", data=form).status_code == 403
    assert [it.state for it in list_replays()] == ["running"]
