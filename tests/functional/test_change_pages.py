"""The pages that change a release: nothing typed is lost, and each says what comes of it before it is done."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import update

from app.accounts.models import User
from app.database import transaction
from tests.factories import PASSWORD, Caller, Factory, Organisation, find_csrf_token
from tests.recorded import FILE, list_event_types


@pytest.fixture
def browser(make: Factory, owner: Organisation) -> FlaskClient:
    """A browser in which the owner is signed in."""
    return make.browser(owner)


@pytest.fixture
def release(caller: Caller, body: dict[str, Any]) -> dict[str, Any]:
    """A draft."""
    created: dict[str, Any] = caller.post("/v3/releases", json={**body, "notes": "# <b>hi</b>"}).get_json()
    return created


def submit(browser: FlaskClient, path: str, **form: Any) -> str:
    """Sends a form from the release's page; gives the page that follows."""
    token = find_csrf_token(browser.get("/products").text)
    answer = browser.post(path, data={**form, "csrf_token": token}, follow_redirects=True)
    assert answer.status_code == 200, answer.text
    return html.unescape(answer.text)


def read_form(page: str) -> dict[str, Any]:
    """Takes the page of the form; gives what a browser would send of it, untouched."""
    found: dict[str, Any] = {
        "notes": html.unescape(re.findall(r"<textarea[^>]*>\n?(.*?)</textarea>", page, re.DOTALL)[0])
    }
    for tag in re.findall(r"<input[^>]+>", page):
        attributes = {name: html.unescape(value) for name, value in re.findall(r'(\w+)="([^"]*)"', tag)}
        if "name" not in attributes:
            # Browsers send no field without a name.
            continue
        if attributes.get("type") != "checkbox":
            found[attributes["name"]] = attributes.get("value", "")
        elif re.search(r"\schecked", tag):
            found.setdefault(attributes["name"], []).append(attributes["value"])
    for name, options in re.findall(r'<select[^>]+name="(\w+)".*?>(.*?)</select>', page, re.DOTALL):
        values = re.findall(r'value="([^"]*)"', options)
        chosen = re.findall(r'value="([^"]*)" selected', options) or values[:1]
        found |= {name: chosen[0]} if chosen else {}
    return found


def test_a_form_that_is_sent_untouched_changes_nothing(
    browser: FlaskClient, caller: Caller, release: dict[str, Any]
) -> None:
    path = f"/releases/{release['id']}"
    page = browser.get(f"{path}/edit").text
    assert f'href="{path}/edit"' in browser.get(path).text
    assert "<title>" in page
    assert "Edit release" in page
    assert "This is an old release" not in page
    answer = browser.post(f"{path}/edit", data=read_form(page))
    assert answer.headers["Location"] == path
    assert caller.get(f"/v3{path}").get_json() == release
    assert list_event_types() == ["release.created"]


def test_what_was_typed_comes_back_with_what_is_wrong(
    browser: FlaskClient, caller: Caller, body: dict[str, Any], release: dict[str, Any]
) -> None:
    other = caller.post("/v3/releases", json={**body, "version": "7.0"}).get_json()
    path = f"/releases/{release['id']}/edit"
    form = {**read_form(browser.get(path).text), "name": "Typed & kept", "platformsOther": "typed, too"}
    wrong = browser.post(path, data={**form, "version": "v1"})
    taken = browser.post(path, data={**form, "version": "7.0"})
    for refused, status in ((wrong, 400), (taken, 409)):
        assert refused.status_code == status
        shown = read_form(refused.text)
        assert (shown["name"], shown["platformsOther"]) == ("Typed & kept", "typed, too")
        assert "Save changes" in refused.text
    assert f'href="/releases/{other["id"]}">See the release that exists' in taken.text
    saved = browser.post(path, data=form)
    assert saved.status_code == 303
    stored = caller.get(f"/v3/releases/{release['id']}").get_json()
    assert (stored["name"], stored["platforms"]) == ("Typed & kept", ["linux", "windows", "typed", "too"])


def test_without_script_the_preview_is_a_button(browser: FlaskClient, release: dict[str, Any]) -> None:
    path = f"/releases/{release['id']}/edit"
    form = {**read_form(browser.get(path).text), "notes": "**shown**", "action": "preview"}
    page = browser.post(path, data=form)
    assert (page.status_code, "<strong>shown</strong>" in page.text) == (200, True)
    assert "Edit release" in page.text
    assert list_event_types() == ["release.created"]


@pytest.mark.parametrize("is_signed_in", [True, False])
def test_what_was_typed_survives_the_end_of_token_and_session(
    client: FlaskClient, browser: FlaskClient, owner: Organisation, release: dict[str, Any], is_signed_in: bool
) -> None:
    sender = browser if is_signed_in else client
    path = f"/releases/{release['id']}"
    edited = {**read_form(browser.get(f"{path}/edit").text), "name": "Typed", "csrf_token": ""}
    forms = {f"{path}/edit": edited, f"{path}/files": {**FILE, "name": "Typed"}}
    for action, form in forms.items():
        refused = sender.post(action, data=form)
        assert refused.status_code == 400
        assert "Nothing is lost" in refused.text
        assert 'value="Typed"' in refused.text
        assert f'action="{action}"' in refused.text
        again = {} if is_signed_in else {"signInEmail": owner.email, "signInPassword": PASSWORD}
        sent = sender.post(action, data={**form, **again, "csrf_token": find_csrf_token(refused.text)})
        assert sent.status_code == 303
        if not is_signed_in:
            client.delete_cookie("slipway_session")
    assert list_event_types() == ["release.created", "release.updated", "release.file.created"]


def test_each_step_says_what_comes_of_it_and_then_what_came(
    make: Factory, owner: Organisation, browser: FlaskClient, release: dict[str, Any]
) -> None:
    make.webhook(owner, "http://127.0.0.1:9/", events=["release.archived"])
    path = f"/releases/{release['id']}"
    page = browser.get(f"{path}/archive").text
    assert "It keeps its version, and can be taken out of the archive again." in page
    assert "This webhook is told:" in page
    page = browser.get(f"{path}/delete").text
    assert "For 7 days it can be brought back as it was." in page
    assert "No webhook fires." in page
    page = submit(browser, f"{path}/archive")
    assert "Release 1.2.0 is archived." in page
    assert "Archived: customers read them no more" in page
    assert '<span class="badge">Archived</span>' in page
    assert "Publish…" not in page
    assert "This release is archived already." in submit(browser, f"{path}/archive")
    assert "unarchive it before you publish it." in submit(browser, f"{path}/publish")
    assert "Release 1.2.0 is out of the archive again." in submit(browser, f"{path}/unarchive")
    page = submit(browser, f"{path}/publish")
    assert "Customers will not see it any more." in browser.get(f"{path}/archive").text
    for gone in ("Delete…", f"{path}/edit", "Add a file"):
        assert gone not in page
    assert "archive it instead." in submit(browser, f"{path}/delete")
    assert "and read-only from then on." in html.unescape(browser.get(f"{path}/edit", follow_redirects=True).text)


def test_a_change_that_comes_too_late_keeps_what_was_typed(browser: FlaskClient, release: dict[str, Any]) -> None:
    path = f"/releases/{release['id']}"
    form = {**read_form(browser.get(f"{path}/edit").text), "name": "Typed too late"}
    submit(browser, f"{path}/publish")
    refused = browser.post(f"{path}/edit", data=form)
    assert (refused.status_code, read_form(refused.text)["name"]) == (409, "Typed too late")
    assert "This release is published, and read-only from then on." in refused.text
    late = browser.post(f"{path}/files", data={**FILE, "csrf_token": form["csrf_token"]})
    assert (late.status_code, f'value="{FILE["name"]}"' in late.text) == (403, True)


def test_why_a_change_is_refused_is_said_in_the_language_of_the_page(
    browser: FlaskClient, caller: Caller, body: dict[str, Any], release: dict[str, Any]
) -> None:
    caller.post("/v3/releases", json={**body, "version": "7.0"})
    path = f"/releases/{release['id']}"
    form = read_form(browser.get(f"{path}/edit").text)
    browser.set_cookie("slipway_locale", "de")
    taken = browser.post(f"{path}/edit", data={**form, "version": "7.0"})
    assert "Version 7.0 gibt es im Kanal stable schon als anderes Release." in taken.text
    caller.post(f"/v3{path}/publish")
    late = browser.post(f"{path}/edit", data={**form, "name": "Late"})
    assert "Dieses Release ist veröffentlicht und damit schreibgeschützt." in late.text


def test_a_draft_is_deleted_on_its_page_and_its_deliveries_stay(
    make: Factory, owner: Organisation, browser: FlaskClient, caller: Caller, release: dict[str, Any]
) -> None:
    webhook = make.webhook(owner, "http://127.0.0.1:9/", events=["release.deleted"])
    caller.post("/v3/release-files", json={**FILE, "releaseId": release["id"]})
    path = f"/releases/{release['id']}"
    assert "Its 1 file goes with it." in browser.get(f"{path}/delete").text
    assert "Release 1.2.0 was deleted." in submit(browser, f"{path}/delete")
    assert browser.get(path).status_code == 404
    assert "release.deleted" in browser.get(f"/webhooks/{webhook.id}").text


def test_files_are_links_that_lend_nothing_and_can_be_removed(
    browser: FlaskClient, caller: Caller, release: dict[str, Any]
) -> None:
    path = f"/releases/{release['id']}"
    assert "This release has no files." in browser.get(path).text
    page = submit(browser, f"{path}/files", **FILE)
    assert f"File {FILE['name']} was added." in page
    link = f'<a class="row-title" href="{FILE["url"]}" rel="nofollow noopener noreferrer">{FILE["name"]}</a>'
    assert link in page
    for told in ("1.5\N{NO-BREAK SPACE}MB", "MD5", FILE["checksum"], "Secured"):
        assert told in page
    file_id = caller.get(f"/v3/release-files?releaseId={release['id']}").get_json()[0]["id"]
    assert f"File {FILE['name']} was removed." in submit(browser, f"{path}/files/{file_id}/delete")


def test_a_file_is_removed_on_the_page_of_its_own_release_only(
    browser: FlaskClient, caller: Caller, body: dict[str, Any], release: dict[str, Any]
) -> None:
    other = caller.post("/v3/releases", json={**body, "version": "2.0"}).get_json()
    added = caller.post("/v3/release-files", json={**FILE, "releaseId": other["id"]}).get_json()
    token = find_csrf_token(browser.get("/products").text)
    answer = browser.post(f"/releases/{release['id']}/files/{added['id']}/delete", data={"csrf_token": token})
    assert answer.status_code == 404
    assert caller.get(f"/v3/release-files/{added['id']}").status_code == 200


def test_who_may_only_look_finds_no_way_to_change(
    browser: FlaskClient, owner: Organisation, release: dict[str, Any]
) -> None:
    path = f"/releases/{release['id']}"
    token = find_csrf_token(browser.get("/products").text)
    with transaction() as session:
        session.execute(update(User).where(User.email == owner.email).values(role="viewer"))
    page = browser.get(path).text
    for way in ("Edit", "Delete…", "Archive…", "Publish…", "Add a file"):
        assert f">{way}<" not in page
    for target in ("edit", "files/new"):
        assert browser.get(f"{path}/{target}").status_code == 403
    for target in ("edit", "files", "archive", "unarchive", "delete", "publish"):
        assert browser.post(f"{path}/{target}", data={"csrf_token": token}).status_code == 403, target
    assert list_event_types() == ["release.created"]
