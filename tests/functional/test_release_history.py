"""The history of a release tells who did what, when, and what was before and after it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from sqlalchemy import update

from app.accounts.models import User
from app.database import clock, transaction
from app.releases import planning
from app.releases.models import Release
from tests.factories import Caller, Factory, Organisation
from tests.portal import Site, read_text
from tests.recorded import FILE


@pytest.fixture
def site(make: Factory, owner: Organisation) -> Site:
    """The portal, seen by its owner."""
    return Site(make, owner)


def read_entries(page: str) -> list[str]:
    """Gives the text of each entry, its time left out."""
    entries = re.findall(r'<li class="entry".*?</li>', page, re.DOTALL)
    return [read_text(re.sub(r"<time.*?</time>", "TIME", entry)) for entry in entries]


def test_everything_that_was_done_is_told_newest_first(
    site: Site, owner: Organisation, caller: Caller, body: dict[str, Any]
) -> None:
    release_id = caller.post("/v3/releases", json={**body, "notes": "one\ntwo <b>"}).get_json()["id"]
    path = f"/releases/{release_id}"
    change = {"name": "<i>", "platforms": [], "private": True, "notes": "one\ntwo <u>", "channel": "beta"}
    caller.request("PATCH", f"/v3{path}", json=change)
    added = caller.post("/v3/release-files", json={**FILE, "releaseId": release_id}).get_json()
    site.post(f"{path}/files/{added['id']}/delete")
    site.post(f"{path}/archive", reason="Because <of> it")
    site.post(f"{path}/unarchive")
    site.post(f"{path}/publish")
    entries = read_entries(site.get(f"{path}/history"))
    mail = owner.email
    assert entries == [
        f"{mail} published it. TIME",
        f"{mail} took it out of the archive. TIME",
        f"{mail} archived it. TIME Because it",
        f"{mail} removed the file rocket-1.2.tar.gz . TIME",
        f"A token of {mail} added the file rocket-1.2.tar.gz . TIME",
        entries[5],
        f"A token of {mail} created it as version 1.2.0 . TIME",
    ]
    assert entries[5].startswith(f"A token of {mail} changed it. TIME Name: My App 1.2 →")
    for told in (
        "Channel: stable → beta",
        "Platforms: linux, windows → All platforms",
        "Who sees it: Customers, once it is published → Private",
        "Notes: what has changed one Removed: two",
    ):
        assert told in entries[5]
    assert "<u>" not in site.browser.get(f"{path}/history").text
    # The page of the release shows the newest, and leads to the rest.
    page = site.get(path)
    assert read_entries(page) == entries[:5]
    assert f'href="{path}/history"' in page


def test_it_goes_on_by_pages_and_stays_after_a_delete(
    site: Site, caller: Caller, body: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("app.releases.page_views.PAGE_SIZE", 2)
    release_id = caller.post("/v3/releases", json=body).get_json()["id"]
    for name in ("a", "b"):
        caller.request("PATCH", f"/v3/releases/{release_id}", json={"name": name})
    caller.request("DELETE", f"/v3/releases/{release_id}")
    path = f"/releases/{release_id}/history"
    first = site.get(path)
    assert [" deleted it." in first, "→ b" in read_text(first), "→ a" in read_text(first)] == [True, True, False]
    address = first.partition(f'href="{path}?')[2].partition('"')[0]
    second = site.get(f"{path}?{address}")
    assert len(read_entries(second)) == 2
    assert "created it as version" in second
    assert f'href="{path}"' in second
    for nonsense in ("before=x", "before=-1", "before=99999999999999999999"):
        assert read_entries(site.get(f"{path}?{nonsense}")) == read_entries(first)


def test_what_slipway_did_itself_is_told_as_such(
    site: Site, owner: Organisation, caller: Caller, body: dict[str, Any]
) -> None:
    release_ids = [caller.post("/v3/releases", json={**body, "version": v}).get_json()["id"] for v in ("1.0", "2.0")]

    def publish_planned(release_id: str, role: str) -> str:
        with transaction() as session:
            session.execute(update(User).values(role=role))
            plan = {"publish_at": clock(-5), "publish_by": owner.actor.user_id}
            session.execute(update(Release).where(Release.id == release_id).values(**plan))
        planning.publish_due()
        with transaction() as session:
            session.execute(update(User).values(role="owner"))
        return read_text(site.get(f"/releases/{release_id}"))

    assert f"It was published as {owner.email} had planned." in publish_planned(release_ids[0], "editor")
    page = publish_planned(release_ids[1], "viewer")
    assert "whoever had planned it may not publish any more." in page
    assert f"{owner.email} may not publish any more. Publish it, or plan it anew." in page
    assert "Not published as planned" in page
    site.post(f"/releases/{release_ids[1]}/plan/cancel")
    assert "Not published as planned" not in read_text(site.get(f"/releases/{release_ids[1]}"))
