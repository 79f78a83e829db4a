"""Create and publish: asked for once, done in one transaction or not at all, and never twice."""

from __future__ import annotations

import html
import json
import re
import threading
from typing import Any

import pytest
from sqlalchemy import select, update
from werkzeug.test import TestResponse

from app.accounts.models import User
from app.audit.models import AuditEntry
from app.database import transaction
from app.extensions import db
from app.releases import rows, service
from app.releases.forms import build_raw
from app.releases.models import Release
from tests.factories import Caller, Factory, Organisation
from tests.portal import URL, Site, read_text
from tests.recorded import list_event_types, list_events

CREATED, PUBLISHED = "release.created", "release.published"
NO_DATE = {"isOld": False, "oldDate": ""}


@pytest.fixture
def site(make: Factory, owner: Organisation) -> Site:
    """The portal, seen by its owner."""
    return Site(make, owner)


@pytest.fixture
def form(make: Factory, owner: Organisation) -> dict[str, Any]:
    """A form that is filled in."""
    product_id = make.product(owner, "Rocket").id
    typed = {"name": "Rocket 1.4", "version": "1.4.0", "channel": "stable", "notes": "# <b>hi</b>"}
    return {**typed, "platforms": ["linux"], "productId": product_id, "idempotencyKey": "once"}


def ask(site: Site, form: dict[str, Any], **button: str) -> tuple[str, str]:
    """Presses the button; gives the question as it reads, and what the button says that confirms it."""
    answer = site.post("/releases", **form, **(button or {"action": "publish"}))
    assert answer.status_code == 200, answer.text
    question = answer.text.partition('id="question"')[2].partition("</section>")[0].partition(">")[2]
    return html.unescape(read_text(question)), re.findall(r'name="confirmed" value="([^"]+)"', question)[0]


def confirm(site: Site, form: dict[str, Any]) -> TestResponse:
    """Presses the button, and the one that confirms."""
    return site.post("/releases", **form, confirmed=ask(site, form)[1])


def get_release() -> Release:
    """Gives the one release that there is, as it is stored now."""
    db.session.rollback()
    db.session.expire_all()
    return db.session.scalars(select(Release)).one()


def list_actions() -> list[str]:
    """Gives what the audit log says of releases."""
    entries = db.session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    return [action for action in entries if action.startswith("release.")]


def test_one_question_says_who_will_see_it_and_who_will_be_told(
    site: Site, make: Factory, owner: Organisation, form: dict[str, Any]
) -> None:
    make.webhook(owner, URL, name="Both <1>", events=[CREATED, PUBLISHED])
    make.webhook(owner, URL, name="Deploys", events=[PUBLISHED])
    make.webhook(owner, URL, name="Neither", events=["release.archived"])
    make.webhook(owner, URL, name="Silent", events=[PUBLISHED], active=False)
    question, _ = ask(site, form)
    assert question.startswith(
        "Create and publish Rocket 1.4.0? Everybody will see it at once at http://localhost:8000/"
    )
    assert f"{CREATED} : Both <1>" in question
    assert f"{PUBLISHED} : Both <1>, Deploys" in question
    assert "Neither" not in question
    assert "Silent" not in question
    private, _ = ask(site, {**form, "private": "on"})
    assert "Nobody outside will see it: it is private." in private
    assert list_event_types() == []


def test_what_was_typed_stays_in_the_form_that_asks(site: Site, form: dict[str, Any]) -> None:
    page = html.unescape(site.post("/releases", **form, platformsOther="bee os", action="publish").text)
    for kept in ('value="Rocket 1.4"', 'value="1.4.0"', "# <b>hi</b></textarea>", 'value="bee os"', 'value="once"'):
        assert kept in page
    assert "No webhook fires" in page


def test_both_are_done_in_one_transaction_and_each_event_tells_of_its_moment(
    site: Site, make: Factory, owner: Organisation, form: dict[str, Any]
) -> None:
    make.webhook(owner, URL, events=[CREATED, PUBLISHED])
    answer = confirm(site, form)
    assert answer.status_code == 303
    assert "Release 1.4.0 was created and published." in site.get(answer.headers["Location"])
    created, published = (json.loads(event.body)["data"] for event in list_events())
    assert list_event_types() == [CREATED, PUBLISHED] == list_actions()
    assert (created["published"], created["publishedAt"]) == (False, None)
    assert (published["published"], published["publishedAt"]) == (True, published["updatedAt"])
    stored = make.caller(owner).get(f"/v3/releases/{created['id']}").get_json()
    assert stored == published
    changed = {name: stored[name] for name in ("published", "publishedAt", "updatedAt")}
    assert {**created, **changed} == stored


def test_if_it_cannot_be_published_it_is_not_created(
    site: Site, form: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    _, answer = ask(site, form)

    def fail(*_: Any) -> None:
        raise RuntimeError("on purpose")

    monkeypatch.setattr(rows, "publish", fail)
    assert site.post("/releases", **form, confirmed=answer).status_code == 500
    assert (list_event_types(), list_actions()) == ([], [])


def test_sent_twice_it_is_one_release_that_was_published_once(site: Site, form: dict[str, Any]) -> None:
    _, answer = ask(site, form)
    first, second = (site.post("/releases", **form, confirmed=answer) for _ in range(2))
    assert first.headers["Location"] == second.headers["Location"]
    assert "Nothing was doubled." in site.get(second.headers["Location"])
    # Nor by pressing the first button again: there is nothing left to ask.
    assert site.post("/releases", **form, action="publish").status_code == 303
    assert site.post("/releases", **form).status_code == 303
    assert list_event_types() == [CREATED, PUBLISHED]


@pytest.mark.parametrize("wishes", [(True, True), (True, False, True, False)], ids=str)
def test_at_the_same_instant_it_is_created_and_published_once(
    make: Factory, owner: Organisation, form: dict[str, Any], wishes: tuple[bool, ...]
) -> None:
    draft = service.parse_release(owner.actor, build_raw({**form, "platformsOther": "", "private": False, **NO_DATE}))
    start, made = threading.Barrier(len(wishes)), []

    def create(publishes: bool) -> None:
        with make.app.app_context():
            start.wait()
            creation = service.create_release(owner.actor, draft, "once", publishes=publishes)
            made.append((creation.release.id, creation.is_replay))
            db.session.remove()

    threads = [threading.Thread(target=create, args=(publishes,)) for publishes in wishes]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({release_id for release_id, _ in made}) == 1
    assert sorted(is_replay for _, is_replay in made) == [False, *[True] * (len(wishes) - 1)]
    assert sorted(list_event_types()) == [CREATED, PUBLISHED]
    assert get_release().published


@pytest.mark.parametrize("key", ["once", "another", ""])
def test_a_draft_that_was_created_just_so_is_published(site: Site, form: dict[str, Any], key: str) -> None:
    # Who has created it, goes back and presses the other button means it.
    assert site.post("/releases", **form).status_code == 303
    again = {**form, "idempotencyKey": key}
    question, _ = ask(site, again)
    assert question.startswith("Publish Rocket 1.4.0?")
    assert "It will not be created again." in question
    answer = confirm(site, again)
    assert "It is published now." in site.get(answer.headers["Location"])
    assert list_event_types() == [CREATED, PUBLISHED]
    assert get_release().published


def test_a_draft_that_was_changed_since_is_not_published_unseen(
    site: Site, caller: Caller, form: dict[str, Any]
) -> None:
    location = site.post("/releases", **form).headers["Location"]
    caller.request("PATCH", f"/v3{location}", json={"version": "1.4.1"})
    # The place is free again, but the key has led to a release: it is not what was sent any more.
    answer = confirm(site, form)
    assert answer.status_code == 409
    assert "This release was changed after it was created: look at it before you publish it." in answer.text
    assert f'href="{location}">See the release that exists' in answer.text
    caller.request("PATCH", f"/v3{location}", json={"version": "1.4.0", "notes": "other"})
    assert site.post("/releases", **form, action="publish").status_code == 409
    assert not get_release().published


def test_an_archived_draft_is_not_published(site: Site, caller: Caller, form: dict[str, Any]) -> None:
    location = site.post("/releases", **form).headers["Location"]
    caller.post(f"/v3{location}/archive")
    answer = confirm(site, form)
    assert answer.status_code == 409
    assert "take it out of the archive before you publish it." in answer.text


def test_what_is_wrong_is_said_before_anything_is_asked(site: Site, caller: Caller, form: dict[str, Any]) -> None:
    body = {"name": "Other", "version": "1.4", "platforms": ["linux"], "productId": form["productId"]}
    caller.post("/v3/releases", json=body)
    for wrong, status in (({"version": "x", "name": ""}, 400), ({}, 409)):
        answer = site.post("/releases", **{**form, **wrong}, action="publish")
        assert (answer.status_code, 'id="question"' in answer.text) == (status, False)
        assert 'href="#field-version"' in answer.text
    assert list_event_types() == [CREATED]


def test_a_yes_is_to_what_was_asked_and_to_nothing_else(
    site: Site, make: Factory, owner: Organisation, form: dict[str, Any]
) -> None:
    _, private = ask(site, {**form, "private": "on"})
    # Ticked off since: now everybody would see it.
    question, public = ask(site, form, confirmed=private)
    assert "Everybody will see it at once" in question
    assert ask(site, {**form, "version": "1.4.1"}, confirmed=public)[0].startswith("Create and publish Rocket 1.4.1?")
    make.webhook(owner, URL, name="Late", events=[PUBLISHED])
    question, answer = ask(site, form, confirmed=public)
    assert "Late" in question
    for odd in ("", "on", "\x00", answer.upper()):
        assert ask(site, form, confirmed=odd)[1] == answer
    assert list_event_types() == []
    assert site.post("/releases", **form, confirmed=answer).status_code == 303


def test_a_script_is_told_the_same_question(
    site: Site, make: Factory, owner: Organisation, form: dict[str, Any]
) -> None:
    make.webhook(owner, URL, name="<Deploys>", events=[PUBLISHED])
    shown = site.post("/releases/confirmation", **form).get_json()["html"]
    question, answer = ask(site, form)
    # Its way back is a button.
    assert html.unescape(read_text(shown)) == question
    assert f'value="{answer}"' in shown
    assert "&lt;Deploys&gt;" in shown
    assert site.post("/releases/confirmation", **{**form, "version": "x"}).status_code == 400
    assert site.post("/releases", **form, confirmed=answer).status_code == 303
    assert site.post("/releases/confirmation", **form).get_json() == {"html": None}
    assert make.app.test_client().post("/releases/confirmation", data=form).status_code in (303, 400)


def test_who_may_only_look_publishes_nothing(site: Site, owner: Organisation, form: dict[str, Any]) -> None:
    _, answer = ask(site, form)
    with transaction() as session:
        session.execute(update(User).where(User.email == owner.email).values(role="viewer"))
    assert site.post("/releases", **form, confirmed=answer).status_code == 403
    assert site.post("/releases/confirmation", **form).status_code == 403
    assert list_event_types() == []
