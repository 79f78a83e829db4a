"""What the notes of a release can begin with: those of the release before it, and a template of its product."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest

from app.note_templates import schema, service
from app.products.models import Product
from tests.factories import PASSWORD, Caller, Factory, Organisation
from tests.portal import Site, read_text

pytestmark = pytest.mark.once


@pytest.fixture
def product(make: Factory, owner: Organisation) -> Product:
    """A product."""
    return make.product(owner, "Rocket")


@pytest.fixture
def site(make: Factory, owner: Organisation) -> Site:
    """The portal, seen by its owner."""
    return Site(make, owner)


def create(caller: Caller, product: Product, version: str, **members: Any) -> str:
    """Makes a release whose notes name its version; gives its id."""
    body = {"name": "Rocket", "version": version, "notes": f"notes of {version}", "productId": product.id}
    answer = caller.post("/v3/releases", json={**body, **members})
    assert answer.status_code == 201, answer.text
    release_id: str = answer.get_json()["id"]
    return release_id


def find(site: Site, product_id: str, **wanted: str) -> str | None:
    """Asks as the form's script does; gives the version that comes before."""
    query = {"productId": product_id, "channel": "stable", "version": "", **wanted}
    answer = site.browser.get("/releases/previous-notes", query_string=query)
    assert answer.status_code == 200
    previous = answer.get_json()["previous"]
    return previous and str(previous["version"])


def read_notes(page: str) -> str:
    """Gives the notes in the form on a page."""
    found = re.search(r'<textarea id="field-notes"[^>]*>\n(.*?)</textarea>', page, re.DOTALL)
    assert found is not None
    return html.unescape(found[1])


def test_the_release_before_is_the_newest_by_number_that_is_older_than_what_is_typed(
    site: Site, caller: Caller, product: Product, make: Factory, owner: Organisation
) -> None:
    assert find(site, product.id) is None
    ids = {version: create(caller, product, version) for version in ("1.9", "1.10", "1.2.0")}
    create(caller, product, "3.0", channel="beta")
    create(caller, make.product(owner, "Booster"), "4.0")
    assert find(site, product.id) == "1.10"
    assert find(site, product.id, version="2.0") == "1.10"
    assert find(site, product.id, version="1.10.0") == "1.9"
    assert find(site, product.id, version="1.9.1") == "1.9"
    # Nothing comes before it, or nobody can say: the newest is the best guess.
    for version in ("1.0", "v1", "1." + "9" * 40, "\x00"):
        assert find(site, product.id, version=version) == "1.10"
    assert find(site, product.id, channel="beta") == "3.0"
    assert find(site, product.id, channel="Stable") is None
    # A draft does not begin with itself.
    assert find(site, product.id, version="1.10", releaseId=ids["1.10"]) == "1.9"
    assert find(site, product.id, releaseId=ids["1.10"]) == "1.9"


def test_what_no_database_can_look_up_and_what_is_not_mine_is_not_there(
    site: Site, make: Factory, caller: Caller, product: Product
) -> None:
    create(caller, product, "1.0")
    theirs = make.organisation()
    foreign = make.product(theirs)
    create(make.caller(theirs), foreign, "1.0")
    for product_id in (foreign.id, "", "x", "\x00", product.id.upper()):
        assert find(site, product_id) is None
    assert find(site, product.id, channel="\x00") is None
    assert find(site, product.id, releaseId="\x00") == "1.0"


def test_a_script_whose_session_has_ended_is_told_so(make: Factory) -> None:
    headers = {"Content-Type": "application/json"}
    assert make.app.test_client().get("/releases/previous-notes", headers=headers).status_code == 401


def test_without_script_a_button_fills_the_notes_and_keeps_everything_else(
    site: Site, caller: Caller, product: Product, owner: Organisation
) -> None:
    create(caller, product, "1.0", notes="## Old\n\n- <b> & \u00e9\n")
    typed: dict[str, Any] = {
        "productId": product.id, "version": "1.1", "channel": "stable", "name": "Kept <b>", "private": "on",
        "notes": "", "platformsOther": "linux, os", "idempotencyKey": "kept-key",
    }  # fmt: skip
    answer = site.post("/releases/notes", **typed, beginWith="previous")
    assert answer.status_code == 200
    assert read_notes(answer.text) == "## Old\n\n- <b> & \u00e9\n"
    for kept in ('value="Kept &lt;b&gt;"', 'value="linux, os"', 'value="1.1"', 'value="kept-key"'):
        assert kept in answer.text
    template = service.create_template(
        owner.actor, product.id, schema.parse_note_template({"name": "Minor", "notes": "from a template"})
    )
    answer = site.post("/releases/notes", **typed, beginWith="template", noteTemplate=template.id)
    assert read_notes(answer.text) == "from a template"
    assert 'id="preview" dir="auto"><p>from a template</p></div>' in answer.text
    # What comes back is the same form: sent from there, it makes the release.
    assert site.post("/releases", **{**typed, "notes": "from a template"}).status_code == 303


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        ({"notes": "typed"}, "Notes hold text already, and nothing was put in its place. Empty them first."),
        ({"channel": "none"}, "Notes cannot begin with those of another release: this channel has none."),
        ({"version": "2.1"}, "Release 2.0 comes before this one, and has no notes."),
        ({"beginWith": "template"}, "Notes cannot begin with this template: the product does not have it."),
    ],
    ids=["typed", "none", "empty", "template"],
)
def test_without_script_what_cannot_be_filled_in_is_told_and_nothing_typed_is_lost(
    site: Site, caller: Caller, product: Product, typed: dict[str, str], message: str
) -> None:
    create(caller, product, "2.0", notes="")
    form = {"productId": product.id, "version": "1.0", "channel": "stable", "name": "Kept", "notes": ""}
    answer = site.post("/releases/notes", **{**form, "beginWith": "previous", **typed})
    assert answer.status_code == 400
    assert message in read_text(answer.text)
    assert 'value="Kept"' in answer.text
    assert read_notes(answer.text) == typed.get("notes", "")


def test_a_draft_begins_with_the_release_before_it_and_stays_as_it_is_until_it_is_saved(
    site: Site, caller: Caller, product: Product
) -> None:
    create(caller, product, "1.0")
    draft = create(caller, product, "1.1", notes="stored")
    form = {"productId": product.id, "version": "1.1", "channel": "stable", "name": "Rocket", "notes": ""}
    answer = site.post(f"/releases/{draft}/notes", **form, beginWith="previous")
    assert read_notes(answer.text) == "notes of 1.0"
    assert f'action="/releases/{draft}/edit"' in answer.text
    assert caller.get(f"/v3/releases/{draft}").get_json()["notes"] == "stored"


def test_the_button_of_a_form_whose_session_has_ended_signs_in_too(
    make: Factory, owner: Organisation, caller: Caller, product: Product
) -> None:
    create(caller, product, "1.0")
    client = make.app.test_client()
    form = {"productId": product.id, "channel": "stable", "name": "Kept", "beginWith": "previous"}
    ended = client.post("/releases/notes", data=form)
    assert (ended.status_code, 'value="Kept"' in ended.text) == (400, True)
    token = ended.text.partition('name="csrf_token" value="')[2].partition('"')[0]
    credentials = {"signInEmail": owner.email, "signInPassword": PASSWORD, "csrf_token": token}
    assert read_notes(client.post("/releases/notes", data={**form, **credentials}).text) == "notes of 1.0"
