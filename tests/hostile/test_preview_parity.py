"""What is previewed is what every reader gets: the same bytes in the preview, on the release page and for customers."""

from __future__ import annotations

import re

import pytest
from flask.testing import FlaskClient

from app.releases.schema import find_notes_error
from tests.factories import Factory, Organisation, find_csrf_token
from tests.parity import REAL, TEXTS, VECTORS, publish_all

pytestmark = pytest.mark.once

PARTS = 4


def preview(browser: FlaskClient, token: str, text: str) -> dict[str, object]:
    """Asks for the preview as the form's script does."""
    answer = browser.post("/releases/preview", json={"notes": text}, headers={"X-CSRFToken": token})
    assert answer.status_code == 200
    body: dict[str, object] = answer.get_json()
    return body


def read_customer_notes(client: FlaskClient, path: str) -> list[str]:
    """Gives the notes of all releases on the customer page, and on those that it leads to."""
    found: list[str] = []
    while path:
        page = client.get(path).text
        for article in page.split('<article class="customer-release"')[1:]:
            body = article.partition("</article>")[0]
            found.append(body.partition('<div class="notes" dir="auto">')[2].rpartition("</div>")[0])
        link = re.search(r'href="([^"]+)" rel="next"', page)
        path = link[1].replace("&amp;", "&") if link else ""
    return found


@pytest.mark.parametrize("part", range(PARTS))
def test_every_reader_gets_the_bytes_that_were_previewed(
    make: Factory, owner: Organisation, client: FlaskClient, part: int
) -> None:
    texts = [text for text in TEXTS[part::PARTS] if find_notes_error(text) is None]
    assert len(texts) > len(TEXTS) // PARTS - 8
    browser, product = make.browser(owner), make.product(owner)
    token = find_csrf_token(browser.get("/products").text)
    previews = [preview(browser, token, text) for text in texts]
    assert [shown["errors"] for shown in previews] == [[]] * len(texts)
    ids = publish_all(owner, product.id, texts)
    for release_id, shown in zip(ids, previews, strict=True):
        page = browser.get(f"/releases/{release_id}").text
        if shown["html"]:
            assert f'<div class="notes" id="notes" dir="auto">{shown["html"]}</div>' in page
        else:
            assert "This release has no notes." in page
    customer_notes = read_customer_notes(client, f"/{owner.slug}/{product.slug}")
    assert customer_notes == [shown["html"] for shown in previews]


def test_what_no_release_can_hold_is_refused_alike_by_the_preview_and_by_both_doors(
    make: Factory, owner: Organisation
) -> None:
    browser, product, caller = make.browser(owner), make.product(owner), make.caller(owner)
    token = find_csrf_token(browser.get("/products").text)
    refused = [text for text in (*REAL, *VECTORS) if find_notes_error(text)]
    assert len(refused) >= 18
    for text in refused:
        shown = preview(browser, token, text)
        body = {"name": "Rocket", "version": "1.0", "productId": product.id, "notes": text}
        answer = caller.post("/v3/releases", json=body)
        assert (answer.status_code, answer.get_json()["errors"]) == (400, shown["errors"])
        page = browser.post("/releases", data={**body, "channel": "stable", "csrf_token": token})
        (error,) = answer.get_json()["errors"]
        assert (page.status_code, error["message"] in page.text) == (400, True)
