"""The portal's pages of imports: what is sent comes back, is previewed, run, and can be taken along."""

from __future__ import annotations

import csv
import html
import io
import json

import pytest
from flask.testing import FlaskClient

from tests.factories import PASSWORD, Factory, Organisation, find_csrf_token
from tests.importing import CHANGELOG, build_lines, finish
from tests.portal import Site, read_text

pytestmark = pytest.mark.once

FORM = {"state": "published", "webhooks": "told", "format": "auto", "channel": "stable"}


def upload(content: str | bytes, name: str = "CHANGELOG.md") -> tuple[io.BytesIO, str]:
    return io.BytesIO(content.encode() if isinstance(content, str) else content), name


def test_a_file_is_previewed_run_and_shown(make: Factory, owner: Organisation) -> None:
    site, product = Site(make, owner), make.product(owner, "Rocket")
    assert f"/imports/new?product={product.id}" in site.get(f"/products/{product.id}")
    assert "No imports yet" in site.get(f"/imports?product={product.id}")
    answer = site.post("/imports", **FORM, productId=product.id, file=upload(CHANGELOG))
    assert answer.status_code == 303
    path = answer.headers["Location"]
    page = read_text(site.get(path))
    for words in (
        "CHANGELOG.md Preview",
        "3 releases would be created. Nothing has happened yet.",
        "Import 3 releases",
    ):
        assert words in page
    assert "- Second." not in page
    assert site.post(f"{path}/run").status_code == 303
    running = site.get(path)
    assert 'http-equiv="refresh"' in running
    assert 'data-under-way="import"' in running
    assert "0 of 4" not in read_text(running)
    site.post(f"{path}/stop")
    assert "Stopped" in site.get(path)
    for _ in range(2):
        site.post(f"{path}/run")
    finish()
    done = site.get(path)
    assert "3 releases were created." in read_text(done)
    assert done.count('class="row-title version" href="/releases/') == 3
    assert "This is not released yet." in site.get(f"{path}?show=skip")
    assert "1.2.0" not in site.get(f"{path}?show=skip")
    assert "No such rows" in site.get(f"{path}?show=conflict")
    # An import that is done has no options any more, and is not stopped.
    assert site.browser.get(f"{path}/options").status_code == 303
    site.post(f"{path}/stop")
    site.post(f"{path}/choose", prereleases="skip")
    assert "This import was run already" in site.get("/imports")


def test_results_can_be_taken_along(make: Factory, owner: Organisation) -> None:
    site, product = Site(make, owner), make.product(owner, "Rocket")
    lines = build_lines([{"version": "1.0", "name": "=1+1", "date": "2024-01-01"}, {"version": "x"}])
    path = site.post("/imports", **FORM, productId=product.id, file=upload(lines, "a.jsonl")).headers["Location"]
    table = site.browser.get(f"{path}/rows.csv")
    assert table.headers["Content-Disposition"].endswith('.csv"')
    header, first, second = csv.reader(io.StringIO(table.text))
    assert header[:4] == ["number", "line", "state", "version"]
    assert (first[2:5], second[2]) == (["create", "1.0", "'=1+1"], "error")
    assert second[-1].startswith("Version must be")
    rows = [json.loads(line) for line in site.browser.get(f"{path}/rows.jsonl").text.splitlines()]
    assert [row["state"] for row in rows] == ["create", "error"]
    assert site.browser.get(f"{path}/rows.exe").status_code == 404


def test_the_preview_offers_what_would_let_more_in(make: Factory, owner: Organisation) -> None:
    site, product = Site(make, owner), make.product(owner, "Rocket")
    lines = build_lines([{"version": "1.0-rc.1", "date": "2024-01-01"}, {"version": "1.0", "notes": "x" * 5000}])
    path = site.post("/imports", **FORM, productId=product.id, content=lines.decode()).headers["Location"]
    page = read_text(site.get(path))
    assert "Nothing would be created." in page
    assert "1 release is a prerelease: versions have numbers only." in page
    site.post(f"{path}/choose", prereleases="channel")
    site.post(f"{path}/choose", longNotes="cut")
    page = read_text(site.get(path))
    assert "2 releases would be created." in page
    assert "A prerelease: it goes to the channel rc." in page
    form = site.get(f"{path}/options")
    assert '<option value="cut" selected>' in form
    changed = site.post(f"{path}/options", **{**FORM, "state": "drafts", "webhooks": "quiet"}, platforms="linux, macos")
    assert changed.status_code == 303
    page = read_text(site.get(path))
    assert "become drafts · webhooks are not told" in page
    # What the form leaves empty is not chosen any more.
    assert "Product is required." in page
    refused = site.post(f"{path}/options", **{**FORM, "channel": "x" * 300})
    assert refused.status_code == 400
    assert "Channel must have at most 256 characters" in refused.text


def test_a_file_that_is_refused_comes_back_as_text(make: Factory, owner: Organisation, client: FlaskClient) -> None:
    site, product = Site(make, owner), make.product(owner, "Rocket")
    refused = site.post("/imports", **FORM, productId=product.id, file=upload("Über\nalles", "a.txt"))
    assert refused.status_code == 400
    page = html.unescape(refused.text)
    for kept in ("The format cannot be told from the file. Choose it.", "Über\nalles", 'value="a.txt"'):
        assert kept in page
    assert "The file is empty." in site.post("/imports", **FORM, productId=product.id).text
    # Whose session has ended signs in where the file is.
    token = find_csrf_token(client.get("/sign-in").text)
    form = {**FORM, "productId": product.id, "file": upload(CHANGELOG), "csrf_token": token}
    ended = client.post("/imports", data=form)
    assert ended.status_code == 400
    page = html.unescape(ended.text)
    assert "Your session has ended. Nothing is lost" in page
    assert CHANGELOG.strip() in page
    again = {**FORM, "productId": product.id, "content": CHANGELOG, "fileName": "CHANGELOG.md"}
    sent = client.post(
        "/imports",
        data={
            **again,
            "csrf_token": find_csrf_token(ended.text),
            "signInEmail": owner.email,
            "signInPassword": PASSWORD,
        },
    )
    assert sent.status_code == 303
    assert "3 releases would be created." in read_text(client.get(sent.headers["Location"]).text)


def test_a_reader_sees_imports_and_begins_none(make: Factory, owner: Organisation) -> None:
    product = make.product(owner, "Rocket")
    path = Site(make, owner).post("/imports", **FORM, productId=product.id, content=CHANGELOG).headers["Location"]
    reader = Site.__new__(Site)
    reader.browser = make.browser(make.member(owner, "viewer"))
    reader.csrf_token = find_csrf_token(reader.browser.get("/releases").text)
    assert "Import 3 releases" not in reader.get(path)
    assert "CHANGELOG.md" not in reader.get("/imports")
    assert "Pasted text" in reader.get("/imports")
    for method, url in (("GET", "/imports/new"), ("POST", f"{path}/run"), ("POST", f"{path}/choose")):
        data = {"csrf_token": reader.csrf_token} if method == "POST" else None
        assert reader.browser.open(url, method=method, data=data).status_code == 403, url
