"""The filter by webhook on the page of deliveries: by id, by name and by URL, however many webhooks there are."""

from __future__ import annotations

import html
import re
from urllib.parse import quote

import pytest
from sqlalchemy import select

from app.deliveries import queries, webhook_choice
from app.extensions import db
from app.webhooks.models import Delivery, Webhook
from tests.factories import Factory, Organisation
from tests.history import add_delivery, change_webhook
from tests.portal import Site, read_rows

LIST = "/webhooks/deliveries"


@pytest.fixture
def site(make: Factory, owner: Organisation) -> Site:
    """A browser in which the owner is signed in."""
    return Site(make, owner)


@pytest.fixture
def webhooks(make: Factory, owner: Organisation) -> dict[str, Webhook]:
    """Webhooks that were each sent one delivery, by a word for each of them."""
    made = {
        "build": make.webhook(owner, "http://127.0.0.1:9/build?key=s3cret", name="Build"),
        "builds": make.webhook(owner, "http://127.0.0.1:9/other", name="Builds"),
        "chat": make.webhook(owner, "http://127.0.0.1:9/chat", name="Größe 100%"),
        "twin": make.webhook(owner, "http://127.0.0.1:9/twin/1", name="Twin"),
        "twins": make.webhook(owner, "http://127.0.0.1:9/twin/2", name="Twin"),
    }
    for webhook in made.values():
        add_delivery(webhook)
    return made


def find(site: Site, text: str) -> set[str]:
    """Gives the names of the webhooks whose deliveries the page lists for a filter."""
    page = site.get(f"{LIST}?webhook={quote(text)}")
    ids = re.findall(rf'<a class="row-title" href="{LIST}/([0-9a-f-]{{36}})">', page)
    query = select(Webhook.url).join(Delivery, Delivery.webhook_id == Webhook.id).where(Delivery.id.in_(ids))
    return {url.partition("?")[0].removeprefix("http://127.0.0.1:9/") for url in db.session.scalars(query)}


def read_field(site: Site, text: str) -> tuple[str, str]:
    """Gives what stands in the field for a filter, and what is said below it."""
    page = site.get(f"{LIST}?webhook={quote(text)}")
    value = re.search(r'<input id="field-webhook" name="webhook" type="search" value="([^"]*)"', page)
    hint = re.search(r'id="hint-webhook">([^<]*)<', page)
    return value[1] if value else "", hint[1] if hint else ""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Build", {"build"}),
        ("Builds", {"other"}),
        ("build", {"build", "other"}),
        ("uild", {"build", "other"}),
        ("größe", {"chat"}),
        ("100%", {"chat"}),
        ("100_", set()),
        ("Twin", {"twin/1", "twin/2"}),
        ("9/TWIN/2", {"twin/2"}),
        ("nothing like it", set()),
    ],
)
@pytest.mark.parametrize("few", [500, 1], ids=["few", "many"])
@pytest.mark.usefixtures("webhooks")
def test_a_webhook_is_found_by_its_name_and_else_by_what_is_in_its_name_or_url(
    site: Site, text: str, found: set[str], few: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(queries, "_FEW", few)
    assert find(site, text) == found


def test_an_id_in_the_address_names_any_webhook_and_is_shown_by_its_name(
    site: Site, webhooks: dict[str, Webhook]
) -> None:
    for word, found in {"build": "build", "twin": "twin/1", "chat": "chat"}.items():
        assert find(site, webhooks[word].id) == {found}
    # A query may hold a secret, and is left out.
    assert read_field(site, webhooks["build"].id) == ("Build", "Build, 127.0.0.1:9/build")
    # The name would mean both of them.
    assert read_field(site, webhooks["twin"].id) == (webhooks["twin"].id, "Twin, 127.0.0.1:9/twin/1")
    # Only their addresses tell these apart.
    assert read_field(site, "Twin") == ("Twin", "Twin at 127.0.0.1:9/twin/1, Twin at 127.0.0.1:9/twin/2")
    assert read_field(site, "127.0.0.1") == ("127.0.0.1", "Build, Builds, Größe 100% and others")
    change_webhook(webhooks["chat"], deleted_at=webhooks["chat"].created_at, active=False)
    assert find(site, webhooks["chat"].id) == find(site, "Größe 100%") == {"chat"}
    assert read_field(site, webhooks["chat"].id) == ("Größe 100%", "Größe 100% (deleted), 127.0.0.1:9/chat")


@pytest.mark.parametrize("count", [1, 2], ids=["one", "two of one name"])
def test_of_a_long_name_and_a_long_address_both_ends_are_named(
    site: Site, make: Factory, owner: Organisation, count: int
) -> None:
    for number in range(count):
        make.webhook(owner, f"http://127.0.0.1:9/{'path/' * 180}{number}", name=f"From {'x' * 245} to")
    _, hint = read_field(site, "xxx")
    assert len(hint) < 100 * count
    assert hint.startswith("From xxx")
    assert "xxx to" in hint
    assert "127.0.0.1:9/path/" in hint
    assert hint.endswith(f"/path/{count - 1}")


@pytest.mark.usefixtures("webhooks")
def test_each_row_says_where_its_webhook_sends_to(site: Site) -> None:
    page = site.get(LIST)
    rows = " ".join(read_rows(page)).replace("/ ", "/")
    for path in ("build", "other", "chat", "twin/1", "twin/2"):
        assert f"127.0.0.1:9/{path}" in rows
    assert "s3cret" not in page


def test_what_no_webhook_has_finds_nothing_and_says_so_and_what_is_too_long_is_refused(
    site: Site, owner: Organisation
) -> None:
    for text in ("mine", owner.tenant_id):
        assert "Nothing fits" in site.get(f"{LIST}?webhook={text}")
        assert read_field(site, text) == (text, "No webhook has this as its id, or in its name or URL.")
    assert "Webhook must be an id" in site.get(f"{LIST}?webhook={'x' * 2049}", 400)
    assert "Webhook must not contain the character NUL" in site.get(f"{LIST}?webhook=%00", 400)


def test_names_are_offered_and_where_a_name_stands_for_two_the_ids(
    site: Site, webhooks: dict[str, Webhook], monkeypatch: pytest.MonkeyPatch
) -> None:
    offered = re.findall(r'<option value="([^"]*)">([^<]*)</option>', site.get(LIST).partition("<datalist")[2])
    assert dict(offered[:5]) == {
        "Build": "127.0.0.1:9/build",
        "Builds": "127.0.0.1:9/other",
        "Größe 100%": "127.0.0.1:9/chat",
        webhooks["twin"].id: "Twin, 127.0.0.1:9/twin/1",
        webhooks["twins"].id: "Twin, 127.0.0.1:9/twin/2",
    }
    # Of more than can be offered the newest are, and the others are found by what is typed.
    monkeypatch.setattr(webhook_choice, "OFFERED", 1)
    page = html.unescape(site.get(LIST))
    assert page.count("<option value=") - page.partition("<datalist")[0].count("<option value=") == 1
    assert find(site, "Build") == {"build"}


def test_dead_letters_of_a_webhook_are_found_by_its_name_also_once_it_is_deleted(
    site: Site, webhooks: dict[str, Webhook]
) -> None:
    dead = add_delivery(webhooks["chat"], "dead")
    change_webhook(webhooks["chat"], deleted_at=webhooks["chat"].created_at, active=False)
    assert dead in site.get(f"{LIST}?state=dead&webhook={quote('Größe 100%')}")
    assert dead not in site.get(f"{LIST}?state=dead")
