"""The page of a release in a real browser: its steps in dialogs, deliveries as they go, a plan that comes true."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, Page, expect
from sqlalchemy import select, update

from app import times
from app.database import clock, transaction
from app.extensions import db
from app.releases.models import Release
from tests.browser.conftest import sign_in
from tests.factories import Caller, Factory, Organisation
from tests.receivers import Receiver
from tests.recorded import FILE
from tests.stack import wait_until

# Worker and relay may just be starting.
PATIENCE = 20_000
OpenContext = Callable[..., BrowserContext]
EVENTS = ["release.created", "release.updated", "release.published", "release.archived", "release.deleted"]


@pytest.fixture
def draft(make: Factory, owner: Organisation, caller: Caller) -> dict[str, Any]:
    """What a draft is created with."""
    return {
        "name": "Rocket 1.4",
        "version": "1.4.0",
        "notes": "# New\n\nIt lands.",
        "productId": make.product(owner, "Rocket").id,
    }


def create(caller: Caller, body: dict[str, Any]) -> str:
    """Creates a release; gives the path of its page."""
    return f"/releases/{caller.post('/v3/releases', json=body).get_json()['id']}"


def open_step(page: Page, label: str) -> None:
    """Opens the dialog of a step."""
    page.get_by_role("link", name=label, exact=True).click()
    expect(page.locator("dialog[open]")).to_be_visible()


def test_publishing_is_asked_once_and_told_as_it_goes(
    open_context: OpenContext, make: Factory, owner: Organisation, caller: Caller, draft: dict[str, Any]
) -> None:
    page = sign_in(open_context().new_page(), owner)
    with Receiver(statuses=[200, 503, 200]) as receiver:
        make.webhook(owner, receiver.url, name="Deploys", events=EVENTS)
        page.goto(create(caller, draft))
        page.evaluate("window.isStillHere = true")
        events = page.locator("#events")
        expect(events.get_by_text("1 receiver told")).to_be_visible(timeout=PATIENCE)
        expect(events.get_by_text("Delivered at")).to_be_visible()
        expect(events).not_to_have_attribute("data-live", re.compile(".*"))
        assert page.evaluate("window.isStillHere")

        opener = page.get_by_role("link", name="Publish…")
        opener.focus()
        page.keyboard.press("Enter")
        dialog = page.get_by_role("dialog", name="Publish 1.4.0")
        expect(dialog.get_by_text("It has no files, and none can be added afterwards.")).to_be_visible()
        expect(dialog.get_by_text("This webhook is told: Deploys.")).to_be_visible()
        expect(dialog.get_by_role("link", name=f"/{owner.slug}/rocket")).to_be_visible()
        # What has not been read yet is not done by a second Enter, and Escape leads back to where one was.
        expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
        page.keyboard.press("Escape")
        expect(dialog).to_have_count(0)
        expect(opener).to_be_focused()
        opener.click()
        dialog.get_by_role("button", name="Publish 1.4.0").dblclick()
        expect(page.get_by_text("Release 1.4.0 is published.")).to_be_visible()

        failed = events.locator("details", has_text="release.published")
        expect(failed.get_by_text("0 of 1 delivered, 1 under way")).to_be_visible()
        expect(failed.get_by_text("(attempt 2 of 10)")).to_be_visible(timeout=PATIENCE)
        expect(failed.get_by_text("The receiver answered 503.")).to_be_visible()
        failed.get_by_role("button", name="Resend release.published to Deploys").click()
        expect(page.get_by_text("release.published goes to Deploys again.")).to_be_visible()
        expect(failed.get_by_text("1 receiver told")).to_be_visible(timeout=PATIENCE)
    assert len(receiver.requests) == 3
    page.get_by_role("link", name="See it as a customer").click()
    customers_width = page.locator(".customer-release .notes").bounding_box()
    page.go_back()
    shown_width = page.locator("#notes").bounding_box()
    assert customers_width
    assert shown_width
    assert shown_width["width"] == customers_width["width"]


def test_a_plan_is_made_in_the_readers_own_time_and_comes_true_on_the_open_page(
    open_context: OpenContext, make: Factory, owner: Organisation, caller: Caller, draft: dict[str, Any]
) -> None:
    page = sign_in(open_context(timezone_id="America/St_Johns").new_page(), owner)
    with Receiver() as receiver:
        make.webhook(owner, receiver.url, name="Deploys", events=["release.published"])
        path = create(caller, draft)
        page.goto(path)
        open_step(page, "Plan…")
        # In half a year the clocks there may be changed; what counts is the offset of that day.
        summer = datetime(times.now().year + (times.now().month >= 6), 7, 15, 9, 30, tzinfo=UTC)
        within = summer if summer < times.now() + timedelta(days=365) else summer - timedelta(days=365)
        page.get_by_label("Publish at").fill(f"{within:%Y-%m-%dT%H:%M}")
        page.get_by_label("Publish at").press("Tab")
        expect(page.get_by_label("UTC offset")).to_have_value("-02:30")
        expect(page.get_by_text(re.compile("In your time zone: .*9:30"))).to_be_visible()
        page.get_by_role("button", name="Plan the publication of 1.4.0").click()
        expect(page.get_by_text("The publication of release 1.4.0 is planned.")).to_be_visible()
        notice = page.get_by_role("region", name="Planned publication")
        expect(notice.get_by_text("9:30")).to_be_visible()
        stored = db.session.scalars(select(Release.publish_at)).one()
        assert stored == within.replace(hour=12, minute=0)

        page.get_by_role("link", name="Change the time…").click()
        expect(page.get_by_label("Publish at")).to_have_value(f"{within:%Y-%m-%dT%H:%M}")
        expect(page.get_by_label("UTC offset")).to_have_value("-02:30")
        page.get_by_label("Publish at").fill("2020-01-01T10:00")
        page.get_by_role("button", name="Plan the publication of 1.4.0").click()
        expect(page.locator("#error-summary")).to_be_focused()
        expect(page.get_by_label("Publish at")).to_have_value("2020-01-01T10:00")
        page.get_by_role("link", name="Cancel", exact=True).click()

        with transaction() as session:
            session.execute(update(Release).values(publish_at=clock(3)))
        page.goto(path)
        # Nobody touches the page.
        expect(page.get_by_text("had planned.")).to_be_visible(timeout=PATIENCE)
        expect(page.locator(".release-title").get_by_text("Published")).to_be_visible()
        wait_until(lambda: len(receiver.requests) == 1, 10, "the one webhook of that moment")


def test_a_draft_is_deleted_and_comes_back_by_one_click(
    open_context: OpenContext, owner: Organisation, caller: Caller, draft: dict[str, Any]
) -> None:
    path = create(caller, draft)
    caller.post("/v3/release-files", json={**FILE, "releaseId": path.rpartition("/")[2]})
    page = sign_in(open_context().new_page(), owner)
    page.goto(path)
    open_step(page, "Delete…")
    page.get_by_role("button", name="Delete 1.4.0").click()
    expect(page.get_by_text("Release 1.4.0 was deleted.")).to_be_visible()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("Release 1.4.0 is back, as it was.")).to_be_visible()
    expect(page.get_by_role("link", name=FILE["name"])).to_be_visible()
    expect(page.locator("#notes")).to_contain_text("It lands.")

    # The same without script, by pages of their own.
    page = sign_in(open_context(java_script_enabled=False).new_page(), owner)
    page.goto(path)
    page.get_by_role("link", name="Archive…").click()
    page.get_by_label("Reason").fill("x" * 1025)
    page.get_by_role("button", name="Archive 1.4.0").click()
    expect(page.get_by_role("alert")).to_contain_text("Reason must have at most 1024 characters; it has 1025.")
    page.get_by_label("Reason").fill("It does not land.")
    page.get_by_role("button", name="Archive 1.4.0").click()
    expect(page.get_by_text("It is archived: customers do not see it.")).to_be_visible()
    page.get_by_role("link", name="Delete…").click()
    page.get_by_role("button", name="Delete 1.4.0").click()
    page.get_by_role("link", name="Recently deleted").click()
    page.get_by_role("button", name="Bring back 1.4.0").click()
    expect(page.get_by_role("region", name="Archived").get_by_text("It does not land.")).to_be_visible()


@pytest.mark.parametrize(("theme", "width"), [("dark", 360), ("light", 1280)])
def test_its_dialogs_and_pages_break_no_rule_of_accessibility_and_stick_out_nowhere(
    open_context: OpenContext, owner: Organisation, caller: Caller, draft: dict[str, Any], theme: str, width: int
) -> None:
    long = {**draft, "version": "1." + "9" * 19, "name": "N" * 256, "channel": "C" * 256}
    path, gone = create(caller, draft), create(caller, long)
    caller.request("PATCH", f"/v3{path}", json={"notes": "# New\n\n" + "x" * 300, "channel": "b" * 256})
    caller.request("DELETE", f"/v3{gone}")
    page = sign_in(open_context(color_scheme=theme, viewport={"width": width, "height": 800}).new_page(), owner)
    problems: list[str] = []

    def check(name: str) -> None:
        problems.extend(
            f"{name}: {it['id']}: {it['nodes'][0]['html'][:200]}" for it in Axe().run(page).response["violations"]
        )
        overhang = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        if overhang > 0:
            problems.append(f"{name}: sticks out by {overhang} pixels")

    page.goto(path)
    page.get_by_text("Notes: what has changed").click()
    check("release")
    for label in ("Publish…", "Plan…", "Archive…", "Delete…"):
        open_step(page, label)
        check(label)
        page.get_by_role("link", name="Cancel", exact=True).click()
    for name in (f"{path}/archive", f"{path}/history", "/releases/deleted", gone):
        page.goto(name)
        check(name)
    assert not problems
    # On paper it is what is read, without what can be pressed.
    page.goto(path)
    page.emulate_media(media="print")
    expect(page.locator("#notes")).to_be_visible()
    for left_out in ("#deliveries", "#history", ".page-actions"):
        expect(page.locator(left_out)).to_be_hidden()
