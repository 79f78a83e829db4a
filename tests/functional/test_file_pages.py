"""The portal's side of files: uploaded with and without a script, listed, downloaded, and shown to customers."""

from __future__ import annotations

import hashlib
import io
from typing import Any

import pytest
from sqlalchemy import select
from werkzeug.datastructures import FileStorage
from werkzeug.test import encode_multipart

from app.extensions import db
from app.files.models import ReleaseFile
from tests.factories import Caller, Factory, Organisation
from tests.portal import Site, list_all, read_rows, read_text
from tests.recorded import FILE

# The services behind these pages are tested with both databases by those of the API.
pytestmark = [pytest.mark.once, pytest.mark.usefixtures("storage")]

CONTENT = b"rocket " * 300_000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def site(make: Factory, owner: Organisation) -> Site:
    """A browser in which the owner is signed in."""
    return Site(make, owner)


@pytest.fixture
def path(caller: Caller, body: dict[str, Any]) -> str:
    """The page of a draft."""
    return f"/releases/{caller.post('/v3/releases', json=body).get_json()['id']}"


def send(site: Site, path: str, *files: tuple[bytes, str], **fields: str) -> Any:
    """Sends the form with files, as a browser without a script does."""
    chosen = [FileStorage(io.BytesIO(content), name) for content, name in files]
    boundary, data = encode_multipart({"csrf_token": site.csrf_token, "file": chosen, **fields})
    return site.browser.post(
        f"{path}/files/upload", data=data, content_type=f"multipart/form-data; boundary={boundary}"
    )


def test_files_are_uploaded_by_a_form_and_those_that_cannot_be_are_told_of(
    site: Site, make: Factory, path: str
) -> None:
    # More than any other form may hold.
    answer = send(site, path, (CONTENT, "rocket.zip"), (b"x", "Über uns (1).txt"), secured="on")
    assert (answer.status_code, answer.headers["Location"]) == (303, path)
    page = site.get(path)
    assert "File rocket.zip was added." in page
    rows = read_rows(page)
    assert f"rocket.zip Secured SHA-256 {SHA256} 2.1 MB 0 downloads Remove… rocket.zip" in rows[0]
    assert [row.partition(" ")[0] for row in rows] == ["rocket.zip", "Uber-uns-(1).txt"]

    again = send(site, path, (b"other", "ROCKET.zip"), (b"y", "new.bin"), (b"", "empty.bin"), (b"x", "con.txt"))
    assert again.status_code == 400
    text = read_text(again.text)
    assert "ROCKET.zip: This release has a file with the name ROCKET.zip already." in text
    assert "empty.bin: The file is empty" in text
    assert "con.txt: Name must not be one that Windows keeps for a device." in text
    assert "File new.bin was added." in text
    assert list_all(ReleaseFile.name) == ["rocket.zip", "Uber-uns-(1).txt", "new.bin"]
    assert "Choose at least one file." in read_text(send(site, path).text)
    assert send(Site(make, make.organisation()), path, (b"x", "a.zip")).status_code == 404
    viewer = Site(make, make.member(make.organisation(), "viewer"))
    assert send(viewer, path, (b"x", "a.zip")).status_code == 403
    visitor = make.app.test_client().post(f"{path}/files/upload", data={"file": (io.BytesIO(b"x"), "a.zip")})
    assert (visitor.status_code, visitor.headers["Location"].partition("?")[0]) == (303, "/sign-in")


def test_a_script_sends_a_file_as_it_is_and_is_told_what_is_wrong(site: Site, make: Factory, path: str) -> None:
    def post(name: str, data: bytes, query: str = "?secured=false", token: str = site.csrf_token) -> Any:
        headers = {"X-CSRFToken": token, "Content-Type": "application/octet-stream", "Accept": "application/json"}
        url = f"{path}/files/content/{name}{query}"
        return site.browser.post(url, data=data, headers=headers)

    answer = post("my%20rocket.zip", CONTENT)
    assert (answer.status_code, answer.get_json()) == (200, {"name": "my-rocket.zip", "size": len(CONTENT)})
    # Sent again because the answer was lost.
    assert post("my%20rocket.zip", CONTENT).status_code == 200
    for status, code, refused in (
        (409, "duplicate_file", post("my-rocket.zip", b"other")),
        (400, "invalid_request", post("empty.zip", b"")),
        (400, "validation_failed", post("%00", b"x")),
        (400, "validation_failed", post("a.zip", b"x", "?secured=perhaps")),
        (400, "validation_failed", post("a.zip", b"x", token="other")),
    ):
        assert (refused.status_code, refused.get_json()["code"]) == (status, code)
        assert refused.get_json()["message"]
    visitor = make.app.test_client().post(f"{path}/files/content/a.zip", data=b"x")
    assert (visitor.status_code, visitor.get_json()["code"]) == (401, "authentication_required")
    assert db.session.scalars(select(ReleaseFile.secured)).all() == [False]


def test_whoever_is_signed_in_downloads_files_of_drafts_and_is_led_to_those_that_lie_elsewhere(
    site: Site, make: Factory, caller: Caller, path: str
) -> None:
    send(site, path, (CONTENT, "rocket.zip"), secured="on")
    release_id = path.rpartition("/")[2]
    caller.post("/v3/release-files", json={**FILE, "releaseId": release_id})
    files = caller.get(f"/v3/releases/{release_id}").get_json()["files"]
    uploaded, external = (f"{path}/files/{file['id']}/download" for file in files)
    assert uploaded in site.get(path)
    answer = site.browser.get(uploaded)
    assert (answer.data, answer.headers["Content-Disposition"]) == (CONTENT, 'attachment; filename="rocket.zip"')
    assert site.browser.get(external).headers["Location"] == FILE["url"]
    assert site.browser.get(uploaded.replace(release_id, "0f8fad5b-d9cb-469f-a165-70867728950e")).status_code == 404
    assert Site(make, make.organisation()).browser.get(uploaded).status_code == 404
    assert make.app.test_client().get(uploaded).status_code == 302
    assert list_all(ReleaseFile.downloads) == [1, 1]


def test_customers_find_the_files_of_what_is_released(
    site: Site, make: Factory, owner: Organisation, caller: Caller, body: dict[str, Any], path: str
) -> None:
    send(site, path, (CONTENT, "open.zip"))
    send(site, path, (b"x", "secured.zip"), secured="on")
    release_id = path.rpartition("/")[2]
    caller.post("/v3/release-files", json={**FILE, "secured": False, "releaseId": release_id})
    caller.post(f"/v3/releases/{release_id}/publish")
    slug = caller.get(f"/v3/products/{body['productId']}").get_json()["name"].lower().replace(" ", "-")
    visitor = make.app.test_client()
    page = visitor.get(f"/{owner.slug}/{slug}").text
    base = f"/v3/{owner.tenant_id}/{release_id}"
    text = read_text(page)
    assert f"open.zip 2.1 MB SHA-256 open.zip {SHA256}" in text.replace("\xa0", " ")
    assert "secured.zip 1 byte · needs a download key" in text.replace("\xa0", " ")
    assert (f'href="{base}/open.zip"' in page, f'href="{base}/secured.zip"' in page) == (True, False)
    assert visitor.get(f"{base}/open.zip").data == CONTENT
    assert visitor.get(f"{base}/{FILE['name']}").headers["Location"] == FILE["url"]
