"""What the form of a release says of its fields before it is sent: to its script, and in the page without one."""

from __future__ import annotations

import html
from typing import Any

import pytest
from werkzeug.test import TestResponse

from app.products.models import Product
from tests.factories import Caller, Factory, Organisation
from tests.portal import Site, read_text

pytestmark = pytest.mark.once

GRAMMAR = "Version must be two to four numbers with dots between them: x.x, x.x.x or x.x.x.x, such as 1.4.0."
RELEASES: tuple[dict[str, Any], ...] = (
    {"version": "1.4.0", "platforms": ["windows", "linux"]},
    {"version": "1.3.9", "platforms": ["windows"]},
    {"version": "2.0", "channel": "beta"},
)


@pytest.fixture
def product(make: Factory, owner: Organisation) -> Product:
    """A product."""
    return make.product(owner, "Rocket")


@pytest.fixture
def ids(caller: Caller, product: Product) -> list[str]:
    """Its releases."""
    body = {"name": "Rocket <1>", "productId": product.id}
    return [caller.post("/v3/releases", json={**body, **more}).get_json()["id"] for more in RELEASES]


@pytest.fixture
def site(make: Factory, owner: Organisation, ids: list[str]) -> Site:
    """The portal, seen by its owner."""
    return Site(make, owner)


def ask(site: Site, **fields: Any) -> dict[str, str]:
    """Asks as the form's script does; gives what stands at each place as it reads."""
    answer = site.browser.get("/releases/hints", query_string={"channel": "stable", **fields})
    assert answer.status_code == 200, answer.text
    return {place: html.unescape(read_text(part)) for place, part in answer.get_json().items()}


@pytest.mark.parametrize(
    ("version", "platforms", "said"),
    [
        ("", [], ""),
        ("1.", [], ""),
        ("1.4", ["linux"], "Taken. Rocket <1> has version 1.4.0 on channel stable for linux."),
        ("1.4.0.0", ["macos"], "Free. Rocket <1> has this version for other platforms: windows, linux."),
        ("1.4", [], "Free. Rocket <1> has this version for other platforms: windows, linux."),
        ("1.5", [], "Free. It will be the newest on channel stable."),
        ("1.3.8", [], "Free, but lower than the newest. Rocket <1> has version 1.4.0 on channel stable."),
        ("1.10", [], "Free. It will be the newest on channel stable."),
        ("v1.5", [], "A version is numbers alone, without a v in front: 1.5."),
        ("1.5-rc1", [], GRAMMAR),
        ("1.18446744073709551616", [], "Version must not have a number larger than 18446744073709551615 (64 bits)."),
        ("1.5\x00", [], GRAMMAR),
    ],
)  # fmt: skip
def test_a_version_is_taken_free_or_lower_than_the_newest(
    site: Site, product: Product, version: str, platforms: list[str], said: str
) -> None:
    assert ask(site, productId=product.id, version=version, platforms=platforms)["state-version"] == said


def test_what_has_the_version_is_a_link_and_what_was_typed_is_escaped(
    site: Site, product: Product, ids: list[str]
) -> None:
    fields = {"productId": product.id, "version": "2.0.0", "channel": "beta"}
    places = site.browser.get("/releases/hints", query_string=fields).get_json()
    link = f'<a href="/releases/{ids[2]}">Rocket &lt;1&gt;</a>'
    assert f"{link} has version 2.0 on channel beta." in places["state-version"]
    places = site.browser.get("/releases/hints", query_string={**fields, "channel": "<b>"}).get_json()
    assert "<b>" not in "".join(places.values())


@pytest.mark.parametrize(
    ("channel", "said"),
    [
        ("stable", "Newest on stable: 1.4.0. Next: 1.4.1 patch 1.5.0 minor 2.0.0 major"),
        ("beta", "Newest on beta: 2.0. Next: 2.0.1 patch 2.1 minor 3.0 major"),
        ("nightly", "1.0.0 first"),
    ],
)
def test_the_versions_that_may_come_next_are_offered(site: Site, product: Product, channel: str, said: str) -> None:
    assert ask(site, productId=product.id, channel=channel)["take-version"] == said


@pytest.mark.parametrize(
    ("channel", "said", "offered"),
    [
        ("stable", "", ""),
        ("beta", "", ""),
        ("canary", "New channel: nobody has released on it yet.", ""),
        ("Beta ", "New channel: nobody has released on it yet. There is one that looks like it: beta.", "Use beta"),
        ("", "", ""),
        ("a\x00b", "", ""),
        ("c" * 257, "", ""),
    ],
    ids=ascii,
)
def test_a_new_channel_is_said_to_be_new_and_what_it_looks_like(
    site: Site, product: Product, channel: str, said: str, offered: str
) -> None:
    places = ask(site, productId=product.id, channel=channel)
    assert (places["state-channel"], places["take-channel"]) == (said, offered)


def test_another_product_has_versions_of_its_own(site: Site, make: Factory, owner: Organisation) -> None:
    places = ask(site, productId=make.product(owner, "Lander").id, channel="beta", version="2.0")
    assert places["state-version"] == "Free. It will be the first release of Lander on channel beta."
    assert places["state-channel"] == "No release of Lander is on this channel yet."
    assert "http://localhost:8000/" in places["effect-private"]
    assert "/lander" in places["effect-private"]


def test_platforms_that_look_alike_are_suggested(site: Site, product: Product) -> None:
    places = ask(site, productId=product.id, platformsOther="win64, bee os, Linux")
    assert places["state-platforms"] == (
        "New platform: win64. There is one that looks like it: windows. "
        "New platform: Linux. There is one that looks like it: linux."
    )
    assert places["take-platforms"] == "Use windows for win64 Use linux for Linux"


@pytest.mark.parametrize(
    ("date", "said"),
    [
        ("", "It will be shown as Historic , with this date in the place of today."),
        ("2019-08-24T14:15", "It will be shown as Historic , released 24 Aug 2019, 12:15 UTC ."),
        ("2999-08-24T14:15", "Created at must not be in the future: it is only for old releases."),
        ("2019-02-30T14:15", "Created at must be a date and time by RFC 3339, such as 2019-08-24T14:15:22Z."),
    ],
)
def test_the_date_of_an_old_release_is_judged_at_once(site: Site, product: Product, date: str, said: str) -> None:
    assert ask(site, productId=product.id, oldDate=date, oldZone="+02:00")["state-oldDate"] == said


def test_nothing_of_another_tenant_is_told(site: Site, make: Factory) -> None:
    stranger = make.organisation()
    theirs = make.product(stranger, "Hidden")
    body = {"name": "Secret", "version": "9.9", "channel": "hidden", "productId": theirs.id, "platforms": ["secretos"]}
    release_id = make.caller(stranger).post("/v3/releases", json=body).get_json()["id"]
    for product_id in (theirs.id, theirs.id.upper(), "", "nobody", "\x00"):
        fields = {"productId": product_id, "channel": "hidden", "version": "9.9", "platformsOther": "secretos1"}
        said = " ".join(ask(site, **fields, releaseId=release_id).values())
        for secret in ("Secret", "Hidden", release_id, "Taken", "looks like it"):
            assert secret not in said


def test_a_draft_that_is_changed_has_its_own_version_free(site: Site, product: Product, ids: list[str]) -> None:
    page = site.get(f"/releases/{ids[0]}/edit")
    assert "Newest on stable: 1.3.9" in read_text(page)
    # It keeps what it has: nothing is free, and nothing taken.
    assert ask(site, productId=product.id, version="1.4", releaseId=ids[0])["state-version"] == ""
    said = ask(site, productId=product.id, version="1.4.1", releaseId=ids[0])["state-version"]
    assert said == "Free. It will be the newest on channel stable."
    fields = {"productId": product.id, "version": "1.3.9", "platforms": ["windows"]}
    assert "Taken." in ask(site, **fields, releaseId=ids[0])["state-version"]
    assert "Taken." not in ask(site, **fields, releaseId=ids[1])["state-version"]
    for odd in ("\x00", "x", ids[0].upper()):
        assert "Taken." in ask(site, **fields, releaseId=odd)["state-version"]


def send(site: Site, path: str, take: str, **fields: Any) -> TestResponse:
    """Presses the button of a suggestion where there is no script."""
    typed = {"name": "Typed & kept", "channel": "stable", "notes": "# Kept", "platformsOther": "win64, bee os"}
    return site.post(path, take=take, **{**typed, **fields})


def test_without_script_a_suggestion_is_a_button_that_keeps_everything_else(
    site: Site, product: Product, ids: list[str]
) -> None:
    page = site.get("/releases/new")
    assert 'value="field=version&value=1.4.1" formaction="/releases/hints"' in page
    for path, heading in (("/releases/hints", "New release"), (f"/releases/{ids[0]}/hints", "Edit release")):
        answer = send(site, path, "field=version&value=1.4.1", productId=product.id)
        page = html.unescape(answer.text)
        assert (answer.status_code, heading in page) == (200, True)
        for kept in ('value="Typed & kept"', 'value="1.4.1"', "# Kept</textarea>", 'value="win64, bee os"'):
            assert kept in page
    assert "Free. It will be the newest on channel stable." in read_text(page)
    take = "field=platforms&value=windows&typed=win64"
    page = html.unescape(send(site, "/releases/hints", take, productId=product.id, platforms=["linux"]).text)
    for platform in ("linux", "windows"):
        assert f'name="platforms" value="{platform}"  checked' in page
    assert 'value="bee os"' in page
    assert 'value="beta"' in send(site, "/releases/hints", "field=channel&value=beta", channel="Beta").text


@pytest.mark.parametrize(
    "take", ["", "field=version", "field=notes&value=x", "field=version&value=", "%00&&==", "x" * 999]
)
def test_a_suggestion_that_says_nothing_changes_nothing(site: Site, product: Product, take: str) -> None:
    page = html.unescape(send(site, "/releases/hints", take, productId=product.id, version="7.7").text)
    for kept in ('value="7.7"', 'value="stable"', "# Kept</textarea>", 'value="win64, bee os"'):
        assert kept in page


def test_a_version_with_a_v_comes_back_with_its_number_at_one_click(site: Site, product: Product) -> None:
    answer = site.post("/releases", name="R", version="v1.5", channel="stable", productId=product.id)
    page = html.unescape(answer.text)
    assert answer.status_code == 400
    assert 'value="field=version&value=1.5"' in page
    assert "Use 1.5" in read_text(page)
    # What is wrong is said at the field already.
    assert "without a v in front" not in page


def test_the_form_begins_with_the_product_that_this_user_released_last(
    site: Site, make: Factory, owner: Organisation, caller: Caller, product: Product
) -> None:
    other = make.product(owner, "Lander")

    def read_chosen() -> str:
        return site.get("/releases/new").partition("selected>")[0].rpartition('value="')[2].partition('"')[0]

    # Until this user has released anything it is the one that was released last.
    assert read_chosen() == product.id
    assert site.post("/releases", name="L", version="1.0", channel="stable", productId=other.id).status_code == 303
    caller.post("/v3/releases", json={"name": "R", "version": "5.0", "productId": product.id})
    assert read_chosen() == other.id
    assert site.post("/releases", name="R", version="1.0", channel="x", productId=product.id).status_code == 303
    assert read_chosen() == product.id
    assert "selected" in site.get(f"/releases/new?product={other.id}").partition(other.id)[2][:20]


def test_whoever_is_signed_out_gets_no_hints_and_a_form_that_keeps_what_was_typed(
    site: Site, make: Factory, product: Product
) -> None:
    stranger = make.app.test_client()
    assert stranger.get("/releases/hints").status_code == 302
    answer = stranger.post("/releases/hints", data={"take": "field=version&value=1.4.1", "name": "Typed"})
    assert (answer.status_code, 'value="Typed"' in answer.text) == (400, True)
    assert "Nothing is lost" in answer.text
