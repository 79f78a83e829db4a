"""The list of webhooks: its rows, its pages, and how many of them need their owner."""

from __future__ import annotations

import re

import pytest

from app import times
from tests.factories import Factory, Organisation
from tests.portal import URL, Site, change, read_rows, read_text


@pytest.fixture
def site(make: Factory, owner: Organisation) -> Site:
    """The portal, seen by its owner."""
    return Site(make, owner)


@pytest.mark.parametrize(("count", "more"), [(10, []), (12, ["2"])])
def test_of_many_in_trouble_the_list_names_the_first_and_counts_all(
    site: Site, make: Factory, owner: Organisation, count: int, more: list[str]
) -> None:
    for number in range(count):
        webhook = make.webhook(owner, URL, name=f"Hook {number}")
        change(webhook, active=False, disabled_at=times.now(), disabled_reason="It answered 410.")
    page = read_text(site.get("/webhooks"))
    assert f"{count} webhooks need you" in page
    assert page.count("was switched off by Slipway on") == 10
    assert re.findall(r"And (\d+) more\.", page) == more
    assert "Webhooks , at least one needs you" in page


def test_webhooks_on_one_host_are_told_apart_by_their_paths_and_no_query_is_shown(
    site: Site, make: Factory, owner: Organisation
) -> None:
    for path in ("/", "/builds/", "/chat?key=s3cret"):
        make.webhook(owner, f"http://127.0.0.1:9{path}")
    rows = read_rows(site.get("/webhooks"))
    assert [row.split()[1] for row in rows] == ["127.0.0.1:9", "127.0.0.1:9/builds", "127.0.0.1:9/chat"]


def test_a_long_list_goes_on_on_a_second_page(site: Site, make: Factory, owner: Organisation) -> None:
    for number in range(52):
        make.webhook(owner, URL, name=f"Hook {number}")
    first = site.get("/webhooks")
    second = site.get(re.findall(r'href="([^"]+)">More webhooks', first)[0])
    assert (len(read_rows(first)), len(read_rows(second))) == (50, 2)
    assert "More webhooks" not in second
    assert len(read_rows(site.get("/webhooks?page=nonsense"))) == 50


def test_a_list_that_ends_with_a_full_page_leads_to_no_empty_one(
    site: Site, make: Factory, owner: Organisation
) -> None:
    for number in range(50):
        make.webhook(owner, URL, name=f"Hook {number}")
    page = site.get("/webhooks")
    assert len(read_rows(page)) == 50
    assert "More webhooks" not in page
    beyond = site.get("/webhooks?page=2")
    assert "No webhooks yet" not in beyond
    assert "The list ends before this page." in beyond
    assert "To the first page" in beyond
