"""The steps in a release's life by both doors: archiving with a reason, publishing at a time, and what pages say."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select, update

from app import times
from app.accounts.models import User
from app.database import transaction
from app.extensions import db
from app.releases.models import Release
from tests.factories import PASSWORD, Caller, Factory, Organisation, find_csrf_token
from tests.portal import Site, read_text
from tests.receivers import Receiver
from tests.recorded import list_event_types, read_last_audit, read_last_event
from tests.working import deliver_all, get_delivery

LATER = times.format_time((times.now() + timedelta(days=3)).replace(microsecond=0))


@pytest.fixture
def site(make: Factory, owner: Organisation) -> Site:
    """The portal, seen by its owner."""
    return Site(make, owner)


@pytest.fixture
def release(caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
    """A draft."""
    created: dict[str, Any] = caller.post("/v3/releases", json=body).get_json()
    return created


@pytest.fixture
def other(caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
    """Another one of the same product."""
    created: dict[str, Any] = caller.post("/v3/releases", json={**body, "version": "1.3.0"}).get_json()
    return created


def read(release: dict[str, Any]) -> Release:
    """Gives the release as it is stored now."""
    db.session.rollback()
    return db.session.scalars(select(Release).where(Release.id == release["id"])).one()


@pytest.mark.parametrize("door", ["form", "api"])
def test_a_release_is_archived_with_a_reason_and_a_replacement(
    site: Site, caller: Caller, release: dict[str, Any], other: dict[str, Any], door: str
) -> None:
    sent = {"reason": "It drops\r\nthe <last> packet. ", "replacementId": other["id"]}
    path = f"/releases/{release['id']}"
    if door == "form":
        assert site.post(f"{path}/archive", **sent).status_code == 303
    else:
        assert caller.post(f"/v3{path}/archive", json=sent).status_code == 200
    event, data = read_last_event()
    assert (event, data) == ("release.archived", caller.get(f"/v3{path}").get_json())
    assert set(data) == set(release)
    said = {"reason": "It drops\nthe <last> packet.", "replacementId": other["id"]}
    assert read_last_audit()[2] == {"version": "1.2.0", **said}
    page = site.get(path)
    assert "Replaced by <a" in page
    assert f'href="/releases/{other["id"]}">1.3.0</a>' in page
    assert "It drops\nthe <last> packet." in page

    site.post(f"{path}/unarchive")
    assert read_last_audit()[2] == {"before": {"archived": True, **said}, "after": {"archived": False}}
    assert (read(release).archive_reason, read(release).replacement_id) == ("", None)
    assert "Replaced by" not in read_text(site.get(path)).partition("History")[0]


def test_what_is_wrong_with_an_archiving_is_told_at_once_by_both_doors(
    make: Factory, owner: Organisation, site: Site, caller: Caller, body: dict[str, Any], release: dict[str, Any]
) -> None:
    stranger = make.organisation()
    elsewhere = caller.post("/v3/releases", json={**body, "productId": make.product(owner).id}).get_json()["id"]
    foreign = (
        make.caller(stranger).post("/v3/releases", json={**body, "productId": make.product(stranger).id}).get_json()
    )
    for replacement_id in (release["id"], elsewhere, foreign["id"], "0f8fad5b-d9cb-469f-a165-70867728950e", "1.3.0"):
        sent = {"reason": "x" * 1025, "replacementId": replacement_id}
        refused = caller.post(f"/v3/releases/{release['id']}/archive", json=sent)
        errors = refused.get_json()["errors"]
        assert (refused.status_code, [error["field"] for error in errors]) == (400, ["reason", "replacementId"])
        answer = site.post(f"/releases/{release['id']}/archive", **sent)
        assert answer.status_code == 400
        for error in errors:
            assert error["message"] in answer.text
            assert f'href="#field-{error["field"]}"' in answer.text
        assert "x" * 1025 in answer.text
        assert f'value="{replacement_id}" selected' in answer.text
    assert caller.post(f"/v3/releases/{release['id']}/archive", json={"reasons": "x"}).status_code == 400
    assert not read(release).archived


@pytest.mark.parametrize("step", ["archive", "plan"])
def test_what_was_typed_survives_the_end_of_the_session(
    make: Factory, owner: Organisation, release: dict[str, Any], step: str
) -> None:
    client = make.app.test_client()
    typed = {"reason": "Typed", "publishDate": "2030-01-01T10:00", "publishZone": "+05:45"}
    path = f"/releases/{release['id']}/{step}"
    refused = client.post(path, data={**typed, "csrf_token": ""})
    assert refused.status_code == 400
    for kept in (
        "Nothing is lost",
        "Sign in again",
        ">\nTyped</textarea>" if step == "archive" else "2030-01-01T10:00",
    ):
        assert kept in refused.text
    date = (times.now() + timedelta(days=1)).strftime("%Y-%m-%dT%H:%M")
    again = {"signInEmail": owner.email, "signInPassword": PASSWORD, "csrf_token": find_csrf_token(refused.text)}
    assert client.post(path, data={**typed, "publishDate": date, **again}).status_code == 303
    assert read(release).archive_reason == ("Typed" if step == "archive" else "")
    assert (read(release).publish_at is not None) == (step == "plan")


@pytest.mark.parametrize("door", ["form", "api"])
def test_a_draft_is_planned_moved_and_taken_back_and_nobody_is_told(
    site: Site, caller: Caller, owner: Organisation, release: dict[str, Any], door: str
) -> None:
    path, later = f"/releases/{release['id']}", times.parse_time(LATER)
    assert later is not None

    def plan(moment: str) -> int:
        if door == "api":
            return caller.post(f"/v3{path}/publish", json={"publishAt": moment}).status_code
        return site.post(f"{path}/plan", publishDate=moment[:-1], publishZone="+00:00").status_code

    won = 200 if door == "api" else 303
    assert plan(LATER) == won
    assert (read(release).publish_at, read(release).publish_by) == (later, owner.actor.user_id)
    planned = {"before": {"publishAt": None}, "after": {"publishAt": LATER}}
    assert read_last_audit() == ("release.planned", release["id"], {"version": "1.2.0", **planned})
    # It is a draft like others, and what GET answers has not changed; so nobody has to be told.
    answer = caller.get(f"/v3{path}")
    assert (answer.get_json(), answer.headers["Slipway-Publish-At"]) == (release, LATER)
    assert list_event_types() == ["release.created"]
    page = read_text(site.get(path))
    assert "Planned for" in page
    assert f"It will be published at {later.day} " in page

    moved = times.format_time(later + timedelta(hours=1))
    assert plan(moved) == won
    assert plan(moved) == won
    assert read_last_audit()[2] == {"version": "1.2.0", "before": {"publishAt": LATER}, "after": {"publishAt": moved}}
    assert "moved its publication from" in site.get(path)
    if door == "api":
        assert caller.request("DELETE", f"/v3{path}/publish").status_code == 204
        assert caller.request("DELETE", f"/v3{path}/publish").status_code == 409
    else:
        site.post(f"{path}/plan/cancel")
        assert "stays a draft until somebody publishes it." in site.get(path)
        site.post(f"{path}/plan/cancel")
        assert "This release is not planned to be published." in site.get(path)
    assert read_last_audit()[0] == "release.unplanned"
    assert "Slipway-Publish-At" not in caller.get(f"/v3{path}").headers
    assert list_event_types() == ["release.created"]


@pytest.mark.parametrize(
    ("sent", "message"),
    [
        ({"publishAt": ""}, "Publish at is required."),
        ({"publishAt": "2020-01-01T00:00:00Z"}, "Publish at must be in the future."),
        ({"publishAt": "2099-01-01T00:00:00Z"}, "Publish at must be within the next 366 days."),
        ({"publishAt": "2020-01-01"}, "Publish at must be a date and time by RFC 3339"),
    ],
    ids=["nothing", "past", "too far", "no time"],
)
def test_a_time_that_cannot_be_is_refused_in_the_same_words_by_both_doors(
    site: Site, caller: Caller, release: dict[str, Any], sent: dict[str, str], message: str
) -> None:
    refused = caller.post(f"/v3/releases/{release['id']}/publish", json=sent)
    assert (refused.status_code, message in refused.get_json()["message"]) == (400, True)
    date = sent["publishAt"].removesuffix("Z")
    answer = site.post(f"/releases/{release['id']}/plan", publishDate=date, publishZone="")
    assert (answer.status_code, message in answer.text) == (400, True)
    assert 'href="#field-publishDate"' in answer.text
    assert f'value="{date}"' in answer.text
    assert not read(release).published


@pytest.mark.parametrize("body_sent", [b"null", b"{", b'{"publishAt": null}'], ids=["null", "half", "no time"])
def test_a_body_that_is_not_understood_never_publishes(
    caller: Caller, release: dict[str, Any], body_sent: bytes
) -> None:
    answer = caller.post(f"/v3/releases/{release['id']}/publish", data=body_sent, content_type="application/json")
    assert answer.status_code == 400
    assert not read(release).published


def test_what_else_happens_to_a_release_ends_its_plan(
    site: Site, caller: Caller, body: dict[str, Any], release: dict[str, Any], other: dict[str, Any]
) -> None:
    third = caller.post("/v3/releases", json={**body, "version": "3.0"}).get_json()
    for planned, step, door in ((release, "publish", "POST"), (other, "archive", "POST"), (third, "", "DELETE")):
        path = f"/v3/releases/{planned['id']}"
        assert caller.post(f"{path}/publish", json={"publishAt": LATER}).status_code == 200
        assert caller.request(door, f"{path}/{step}".rstrip("/")).status_code in (200, 204)
        if step:
            assert (read(planned).publish_at, read(planned).publish_by) == (None, None)
        refused = caller.post(f"{path}/publish", json={"publishAt": LATER})
        assert refused.status_code == (409 if step else 404)
    assert read_last_audit()[2]["before"] == {"publishAt": LATER}
    assert "It will not be published" not in site.get(f"/releases/{other['id']}")


def test_each_step_says_who_sees_it_where_and_which_webhooks_hear_of_it(
    make: Factory, owner: Organisation, site: Site, caller: Caller, body: dict[str, Any]
) -> None:
    product = make.product(owner, "Rocket")
    bare = caller.post("/v3/releases", json={**body, "notes": "", "productId": product.id}).get_json()
    secret = caller.post("/v3/releases", json={**body, "version": "2.0", "private": True}).get_json()
    for name, events in (
        ("B <i>", ["release.published"]),
        ("A", ["release.published", "release.deleted"]),
        ("Off", ["release.published"]),
    ):
        webhook = make.webhook(owner, "http://127.0.0.1:9/", name=name, events=events, active=name != "Off")
        if name == "A":
            caller.post(f"/v3/webhooks/{webhook.id}/pause")
    path = f"/releases/{bare['id']}"
    page = read_text(site.get(f"{path}/publish"))
    for said in (
        "It has no notes and no files, and none can be added afterwards.",
        "It will appear on the customer page at once, for everybody.",
        f"Its address is localhost:8000/{owner.slug}/rocket",
        "From then on it is read-only",
        "These webhooks are told: A (once it is resumed),",
    ):
        assert said in page
    assert "B <i>" not in site.browser.get(f"{path}/publish").text
    assert "Off" not in page
    for step, said in (
        ("archive", "No webhook fires."),
        ("delete", "For 7 days it can be brought back as it was. Then it is gone for good."),
        ("delete", "This webhook is told: A (once it is resumed)."),
        ("plan", "Until then it stays a draft: nobody outside sees it, and it can be changed."),
    ):
        assert said in read_text(site.get(f"{path}/{step}"))
    assert "It is private: it will not appear on the customer page." in site.get(f"/releases/{secret['id']}/publish")
    caller.post(f"/v3{path}/publish")
    assert "Customers will not see it any more." in site.get(f"{path}/archive")


def test_who_may_only_look_sees_everything_and_no_way_to_change_it(
    site: Site, owner: Organisation, caller: Caller, release: dict[str, Any]
) -> None:
    path = f"/releases/{release['id']}"
    caller.post(f"/v3{path}/publish", json={"publishAt": LATER})
    caller.request("PATCH", f"/v3{path}", json={"notes": "# other"})
    with transaction() as session:
        session.execute(update(User).where(User.email == owner.email).values(role="viewer"))
    page = site.get(path)
    for way in (
        "Publish…",
        "Archive…",
        "Delete…",
        "Plan…",
        "Cancel the plan",
        "Change the time…",
        "Add a file",
        "Edit",
    ):
        assert f">{way}<" not in page
    assert "It will be published at" in page
    assert "Removed: # hi Added: # other" in read_text(page)
    assert "planned to publish it at" in page
    for step in ("publish", "plan", "archive", "delete"):
        site.get(f"{path}/{step}", 403)
        assert site.post(f"{path}/{step}", publishDate=LATER[:-1]).status_code == 403
    for step in ("plan/cancel", "restore", "unarchive"):
        assert site.post(f"{path}/{step}").status_code == 403


def test_a_delivery_is_resent_from_the_page_of_its_release_and_a_second_click_sends_nothing(
    app: Flask, make: Factory, owner: Organisation, site: Site, caller: Caller, body: dict[str, Any]
) -> None:
    with Receiver(statuses=[500]) as receiver:
        make.webhook(owner, receiver.url, name="Deploys")
        release = caller.post("/v3/releases", json=body).get_json()
        deliver_all(app)
        path, delivery_id = f"/releases/{release['id']}", get_delivery().id
        page = read_text(site.get(path))
        for told in ("0 of 1 delivered, 1 under way", "Retrying at", "(attempt 2 of 10)", "The receiver answered 500."):
            assert told in page
        target = f"{path}/deliveries/{delivery_id}/resend"
        for said in ("release.created goes to Deploys again.", "It is on its way already."):
            assert site.post(target).headers["Location"] == f"{path}#deliveries"
            assert said in site.get(path)
        # Whoever has the page open sees the rest of it without the page.
        part = site.get(f"{path}/deliveries")
        assert "<html" not in part
        assert 'data-pace="fast"' in part
        db.session.rollback()
        deliver_all(app)
    assert len(receiver.requests) == 2
    part = site.get(f"{path}/deliveries")
    assert "data-live" not in part
    assert "1 receiver told" in read_text(part)
    other = caller.post("/v3/releases", json={**body, "version": "7.0"}).get_json()
    assert site.post(f"/releases/{other['id']}/deliveries/{delivery_id}/resend").status_code == 404
