"""Uploads in a real browser: how far each is, what is wrong with one, and that the others are there."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import BrowserContext, expect

from tests.browser.conftest import sign_in
from tests.factories import Caller, Factory, Organisation


def test_files_are_uploaded_one_by_one_and_what_is_wrong_with_one_stops_no_other(
    open_context: Callable[..., BrowserContext],
    make: Factory,
    owner: Organisation,
    caller: Caller,
    body: dict[str, Any],
    tmp_path: Path,
) -> None:
    release_id = caller.post("/v3/releases", json=body).get_json()["id"]
    rocket, refused = tmp_path / "my rocket.bin", tmp_path / "con.txt"
    rocket.write_bytes(b"rocket" * 500_000)
    refused.write_bytes(b"x")
    page = sign_in(open_context().new_page(), owner)
    page.goto(f"/releases/{release_id}")
    page.get_by_label("Files to upload").set_input_files([refused, rocket])
    page.get_by_label("Secured").check()
    page.get_by_role("button", name="Upload", exact=True).click()
    items = page.locator(".upload-list li")
    expect(items.nth(0)).to_contain_text("Name must not be one that Windows keeps for a device.")
    expect(items.nth(1)).to_contain_text("Uploaded")
    expect(page.get_by_role("link", name="my-rocket.bin")).to_be_visible()
    assert Axe().run(page).violations_count == 0

    # The page has stayed; once all is well it tells of what was added, and lists it.
    page.get_by_label("Files to upload").set_input_files([rocket])
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.get_by_text("File my-rocket.bin was there already, and is the same.")).to_be_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="my-rocket.bin").click()
    assert Path(download.value.path()).read_bytes() == rocket.read_bytes()
    (file,) = caller.get(f"/v3/releases/{release_id}").get_json()["files"]
    assert (file["name"], file["secured"], file["downloads"]) == ("my-rocket.bin", True, 1)

    # A connection that breaks off is told, and what was chosen can be sent again.
    page.route("**/files/content/**", lambda route: route.abort())
    page.get_by_text("Upload files").click()
    page.get_by_label("Files to upload").set_input_files([rocket])
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(items.nth(0)).to_contain_text("This did not arrive.")
    expect(page.get_by_role("button", name="Upload", exact=True)).to_be_enabled()
