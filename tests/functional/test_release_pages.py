"""What people see of a release: its page and the customer page, and private stays private.

That both show what was previewed is a matter for tests/hostile/test_preview_parity.py.
"""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from app import notes
from app.database import transaction
from app.extensions import db
from app.releases.models import Release
from app.webhooks.models import Webhook
from tests.factories import PASSWORD, Caller, Factory, Organisation, find_csrf_token


@pytest.fixture
def owner(make: Factory) -> Organisation:
    """An organisation."""
    return make.organisation("Acme")


@pytest.fixture
def browser(make: Factory, owner: Organisation) -> FlaskClient:
    """A browser in which its owner is signed in."""
    return make.browser(owner)


def preview(browser: FlaskClient, text: object) -> dict[str, Any]:
    """Asks for the preview as the form's script does."""
    token = find_csrf_token(browser.get("/releases/new").text)
    answer = browser.post("/releases/preview", json={"notes": text}, headers={"X-CSRFToken": token})
    assert answer.status_code == 200
    body: dict[str, Any] = answer.get_json()
    return body


def create(caller: Caller, product_id: str, version: str = "1.0", **members: Any) -> dict[str, Any]:
    """Makes a release."""
    body = {"name": f"Rocket {version}", "version": version, "productId": product_id, **members}
    answer = caller.post("/v3/releases", json=body)
    assert answer.status_code == 201, answer.text
    release: dict[str, Any] = answer.get_json()
    return release


def test_the_preview_gives_the_verdict_of_both_doors(browser: FlaskClient) -> None:
    assert preview(browser, "a" * 4097) == {
        "html": "",
        "length": 4097,
        "errors": [
            {
                "field": "notes",
                "code": "too_long",
                "message": "Notes must have at most 4096 characters; they have 4097.",
            }
        ],
    }
    assert preview(browser, "a\r\nb")["length"] == 3
    assert preview(browser, 5) == {"html": "", "length": 0, "errors": []}


def test_creating_does_not_wait_for_rendering_and_the_first_view_keeps_it(
    make: Factory, owner: Organisation, browser: FlaskClient, caller: Caller, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    render = notes.render

    def count(text: str) -> str:
        calls.append(text)
        return render(text)

    monkeypatch.setattr("app.notes.render", count)
    release = create(caller, make.product(owner).id, notes="**kept**")
    assert calls == []
    for _ in range(2):
        assert "<strong>kept</strong>" in browser.get(f"/releases/{release['id']}").text
    assert calls == ["**kept**"]
    db.session.rollback()
    stored = db.session.scalars(select(Release)).one()
    assert (stored.notes, stored.notes_html) == ("**kept**", "<p><strong>kept</strong></p>")
    assert stored.notes_renderer == notes.RENDERER_VERSION


def test_html_of_an_older_renderer_is_made_anew(
    make: Factory, owner: Organisation, browser: FlaskClient, caller: Caller
) -> None:
    release = create(caller, make.product(owner).id, notes="new")
    with transaction() as session:
        session.execute(update(Release).values(notes_html="<p>old</p>", notes_renderer=notes.RENDERER_VERSION - 1))
    page = browser.get(f"/releases/{release['id']}").text
    assert "<p>new</p>" in page
    assert "<p>old</p>" not in page


def test_customers_see_what_is_published_and_not_private_the_newest_first(
    make: Factory, client: FlaskClient, owner: Organisation, caller: Caller
) -> None:
    product = make.product(owner, "Rocket")
    path = f"/{owner.slug}/{product.slug}"
    assert "Nothing released yet" in client.get(path).text
    shown = [create(caller, product.id, f"1.{number}", notes=f"notes of {number}") for number in range(25)]
    hidden = create(caller, product.id, "2.0", private=True, notes="a secret")
    create(caller, product.id, "3.0", notes="a draft")
    for release in [*shown, hidden]:
        assert caller.post(f"/v3/releases/{release['id']}/publish").status_code == 200

    first = client.get(path).text
    following = first.rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    second = client.get(following).text
    for page in (first, second):
        assert "a secret" not in page
        assert "a draft" not in page
    names = [f"Rocket 1.{number}<" for number in reversed(range(25))]
    assert [name for name in names if name in first] == names[:20]
    assert [name for name in names if name in second] == names[20:]


def test_the_link_to_the_customer_page_leads_to_the_page_that_shows_the_release(
    make: Factory, owner: Organisation, browser: FlaskClient, caller: Caller
) -> None:
    product = make.product(owner, "Rocket")
    releases = [create(caller, product.id, f"1.{number}") for number in range(22)]
    for release in releases:
        caller.post(f"/v3/releases/{release['id']}/publish")
    for release in (releases[0], releases[1], releases[2], releases[21]):
        page = browser.get(f"/releases/{release['id']}").text
        link = page.partition("See it as a customer")[0].rpartition('href="')[2].partition('"')[0]
        path, _, anchor = link.replace("&amp;", "&").partition("#")
        assert f'id="{anchor}"' in browser.get(path).text


@pytest.mark.parametrize("path", ["/acme/nothing", "/nobody/rocket", "/acme/rocket?cursor=x", "/acme/%00", "/%ff/x"])
def test_a_customer_page_that_is_not_there_is_a_404(make: Factory, client: FlaskClient, path: str) -> None:
    make.product(make.organisation("Acme"), "Rocket")
    assert client.get(path).status_code == 404


def test_publishing_is_a_button_that_says_who_will_see_it(
    make: Factory, owner: Organisation, browser: FlaskClient, caller: Caller
) -> None:
    make.webhook(owner, "http://127.0.0.1:9/", events=["release.published"])
    release = create(caller, make.product(owner).id)
    path = f"/releases/{release['id']}"
    assert f'href="{path}/publish"' in browser.get(path).text
    page = browser.get(f"{path}/publish").text
    assert "It will appear on the customer page at once, for everybody." in page
    assert "This webhook is told:" in page
    token = find_csrf_token(page)
    assert browser.post(f"{path}/publish", data={"csrf_token": token}).status_code == 303
    assert "Publish…" not in browser.get(path).text
    assert browser.post(f"{path}/publish", data={"csrf_token": token}).status_code == 303
    assert "This release is published already." in browser.get(path).text


def test_a_private_release_says_so_before_it_is_published(
    make: Factory, owner: Organisation, browser: FlaskClient, caller: Caller
) -> None:
    release = create(caller, make.product(owner).id, private=True)
    path = f"/releases/{release['id']}"
    assert "It is private: it will not appear on the customer page." in browser.get(f"{path}/publish").text
    assert "See it as a customer" not in browser.get(path).text


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["1.0", "1.1", "2.0"]),
        ("?state=published", ["1.0"]),
        ("?state=draft", ["1.1", "2.0"]),
        ("?state=private", ["2.0"]),
        ("?channel=beta", ["1.1"]),
        ("?query=ROCKET+2", ["2.0"]),
        ("?state=odd&cursor=%00&product_id=x%00", ["1.0", "1.1", "2.0"]),
    ],
)
def test_the_list_is_filtered_by_its_address(
    make: Factory, owner: Organisation, browser: FlaskClient, caller: Caller, query: str, expected: list[str]
) -> None:
    product = make.product(owner)
    first = create(caller, product.id, "1.0")
    create(caller, product.id, "1.1", channel="beta")
    create(caller, product.id, "2.0", private=True)
    caller.post(f"/v3/releases/{first['id']}/publish")
    page = browser.get(f"/releases{query}").text
    assert [version for version in ("1.0", "1.1", "2.0") if f">{version}</a>" in page] == expected


def test_the_list_goes_on_where_a_page_ends(
    make: Factory, owner: Organisation, browser: FlaskClient, caller: Caller
) -> None:
    product = make.product(owner)
    for number in range(52):
        create(caller, product.id, f"7.{number}")
    first = browser.get("/releases").text
    following = first.rpartition('rel="next"')[0].rpartition('href="')[2].partition('"')[0].replace("&amp;", "&")
    second = browser.get(following).text
    assert (first.count(">7."), second.count(">7.")) == (50, 2)


def test_webhook_pages_create_change_and_delete(make: Factory, owner: Organisation, browser: FlaskClient) -> None:
    token = find_csrf_token(browser.get("/webhooks/new").text)
    form = {"csrf_token": token, "name": "CI", "url": "http://127.0.0.1:9/", "events": ["release.created"]}
    refused = browser.post("/webhooks", data={**form, "url": "http://10.0.0.1/", "events": []})
    assert refused.status_code == 400
    assert 'href="#field-url"' in refused.text
    assert 'href="#field-events"' in refused.text
    assert 'value="CI"' in refused.text

    path = browser.post("/webhooks", data={**form, "active": "on", "token": "s3cret-of-the-page-tests"}).headers[
        "Location"
    ]
    assert "s3cret-of-the-page-tests" in browser.get(path).text
    refused = browser.post(path, data={**form, "name": ""})
    assert (refused.status_code, 'href="#field-name"' in refused.text) == (400, True)
    assert browser.post(path, data={**form, "name": "Other", "token": "s3cret-of-the-page-tests"}).status_code == 303
    assert "Switched off" in browser.get("/webhooks").text
    assert browser.post(f"{path}/delete", data={"csrf_token": token}).status_code == 303
    assert "No webhooks yet" in browser.get("/webhooks").text
    db.session.rollback()
    assert db.session.scalars(select(Webhook.deleted_at)).one() is not None


def test_the_form_offers_the_channels_and_platforms_that_are_used_most(
    make: Factory, owner: Organisation, browser: FlaskClient, caller: Caller
) -> None:
    product = make.product(owner)
    for number in range(3):
        create(caller, product.id, f"1.{number}", platforms=["linux", "win64"], channel="beta")
    create(caller, product.id, "2.0", platforms=[f"odd{number}" for number in range(40)])
    page = browser.get("/releases/new").text
    offered = re.findall(r'name="platforms" value="([^"]+)"', page)
    assert len(offered) == 12
    assert {"linux", "win64"} <= set(offered)
    assert re.findall(r'<option value="(\w+)"></option>', page) == ["beta", "stable"]


@pytest.mark.parametrize("is_signed_in", [True, False])
def test_what_was_typed_into_any_form_survives_the_end_of_its_token_and_session(
    make: Factory, owner: Organisation, client: FlaskClient, browser: FlaskClient, is_signed_in: bool
) -> None:
    sender = browser if is_signed_in else client
    webhook = make.webhook(owner, "http://127.0.0.1:9/")
    forms: dict[str, dict[str, Any]] = {
        "/products": {"name": "Typed", "displayName": "", "description": "Typed, too"},
        "/webhooks": {
            "name": "Typed",
            "url": "http://127.0.0.1:9/too",
            "events": ["release.published"],
            "token": "typed-" * 4,
        },
        f"/webhooks/{webhook.id}": {"name": "Typed", "url": "http://127.0.0.1:9/", "events": ["release.published"]},
    }
    for path, form in forms.items():
        refused = sender.post(path, data=form)
        assert refused.status_code == 400
        assert "Nothing is lost" in refused.text
        assert 'value="Typed"' in refused.text
        assert ('name="signInPassword"' in refused.text) is not is_signed_in
        again = {} if is_signed_in else {"signInEmail": owner.email, "signInPassword": PASSWORD}
        sent = sender.post(path, data={**form, **again, "csrf_token": find_csrf_token(refused.text)})
        assert sent.status_code == 303
        # Signed in by the first form, the client is to be nobody again before the next.
        if not is_signed_in:
            client.delete_cookie("slipway_session")


def test_products_are_created_on_their_page(make: Factory, owner: Organisation, browser: FlaskClient) -> None:
    token = find_csrf_token(browser.get("/products").text)
    form = {"csrf_token": token, "name": "Rocket", "displayName": "", "description": "Flies"}
    assert browser.post("/products", data=form).status_code == 303
    assert "/acme/rocket" in browser.get("/products").text
    taken = browser.post("/products", data=form)
    assert (taken.status_code, "Name is taken" in taken.text) == (400, True)
    wrong = browser.post(
        "/products", data={**form, "name": "\x00", "displayName": "x" * 257, "description": "y" * 4097}
    )
    assert all(f'id="error-{name}-1"' in wrong.text for name in ("name", "displayName", "description"))
