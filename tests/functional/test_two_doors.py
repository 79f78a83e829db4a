"""The form and the API are twins: the same input gets the same verdict, in the same words, at the same field."""

from __future__ import annotations

import html
import re
from typing import Any

import pytest
from sqlalchemy import delete, select

from app.extensions import db
from app.releases.models import Release
from tests.corpora import check_all
from tests.factories import Caller, Factory, Organisation, find_csrf_token

pytestmark = pytest.mark.once

VALID: dict[str, Any] = {
    "name": "My App 1.2",
    "version": "1.2.0",
    "channel": "stable",
    "platforms": ["linux"],
    "notes": "# hi",
}
# Where the form shows an error of the API's field.
SHOWN_AT = {"createdAt": "oldDate"}

# One table, through both doors: what is changed in a valid release.
TABLE: list[dict[str, Any]] = [
    {},
    {"name": "x"},
    {"name": ""},
    {"name": " "},
    {"name": "\u00a0"},
    {"name": "\u200b"},
    {"name": "a" * 256},
    {"name": "a" * 257},
    {"name": "é" * 256},
    {"name": "😀" * 256},
    {"name": "😀" * 257},
    {"name": "👨‍👩‍👧" * 51},
    {"name": "a\tb"},
    {"name": "a\x1b[31mred"},
    {"name": "a\x00b"},
    {"name": "\u202egpj.exe"},
    {"name": "<script>alert(1)</script>"},
    {"name": "../../etc/passwd"},
    {"name": "{{7*7}}"},
    {"version": ""},
    {"version": "1"},
    {"version": "1.2"},
    {"version": "1.2.3.4"},
    {"version": "1.2.3.4.5"},
    {"version": "v1.2"},
    {"version": "1.2.x"},
    {"version": "1..2"},
    {"version": " 1.2"},
    {"version": "1.2 "},
    {"version": "1.2\n"},
    {"version": "1.2-beta"},
    {"version": "1.٢"},
    {"version": "1.18446744073709551615"},
    {"version": "1.18446744073709551616"},
    {"version": "1." + "9" * 300},
    {"version": "1.2\x00"},
    {"channel": ""},
    {"channel": "beta"},
    {"channel": "b" * 257},
    {"channel": "st\x00able"},
    {"channel": "a\nb"},
    {"platforms": []},
    {"platforms": ["linux", "windows"]},
    {"platforms": ["linux", "linux"]},
    {"platforms": ["Linux", "linux"]},
    {"platforms": ["\u041binux"]},
    {"platforms": ["p" * 257]},
    {"platforms": ["li\x00nux"]},
    {"platforms": [f"p{number}" for number in range(64)]},
    {"platforms": [f"p{number}" for number in range(65)]},
    {"private": True},
    {"private": False},
    {"notes": ""},
    {"notes": "a" * 4096},
    {"notes": "a" * 4097},
    {"notes": "😀" * 4096},
    {"notes": "😀" * 4097},
    {"notes": "\r\n" * 2049},
    {"notes": "\r\n" * 4097},
    {"notes": "[" * 4096},
    {"notes": "> " * 2000 + "x"},
    {"notes": "a\x00b"},
    {"notes": "<script>alert(1)</script>"},
    {"productId": ""},
    {"productId": "nobody"},
    {"productId": "0f8fad5b-d9cb-469f-a165-70867728950e"},
    {"productId": "p\x00"},
    {"productId": "@FOREIGN@"},
    {"productId": "@UPPER@"},
    {"createdAt": "2019-08-24T14:15:22+00:00"},
    {"createdAt": "2019-08-24T14:15:22+05:30"},
    {"createdAt": "2019-02-29T00:00:00+00:00"},
    {"createdAt": "2099-01-01T00:00:00+00:00"},
    {"createdAt": "2019-08-24T25:00:00+00:00"},
    {"createdAt": "yesterday+00:00"},
    {"createdAt": "+00:00"},
    {"name": "", "version": "v1", "channel": "", "notes": "a" * 5000, "productId": ""},
    {"name": "a\x00", "version": "", "createdAt": "2099-01-01T00:00:00+00:00"},
]


def build_form(raw: dict[str, Any]) -> dict[str, Any]:
    """Takes the members of an API body; gives the form that says the same."""
    form = {name: raw.get(name, "") for name in ("name", "version", "channel", "notes", "productId")}
    form["platforms"] = raw.get("platforms", [])
    if raw.get("private"):
        form["private"] = "on"
    if "createdAt" in raw:
        form |= {"isOld": "on", "oldDate": raw["createdAt"][:-6], "oldZone": raw["createdAt"][-6:]}
    return form


def read_form_errors(page: str) -> list[tuple[str, str]]:
    """Takes the page of a refused form; gives field and message of each entry of its summary."""
    summary = re.search(r'<[^>]+id="error-summary".*?</ul>', page, re.DOTALL)
    assert summary is not None, page
    found = re.findall(r'<a[^>]+href="#field-([A-Za-z]+)"[^>]*>(.*?)</a>', summary[0], re.DOTALL)
    return [(field, html.unescape(message).strip()) for field, message in found]


def read_stored(product_ids: list[str]) -> dict[str, Any] | None:
    """Gives what is stored of the one release of a product."""
    db.session.rollback()
    release = db.session.scalars(select(Release).where(Release.product_id.in_(product_ids))).one_or_none()
    if release is None:
        return None
    members = ("name", "version", "channel", "platforms", "private", "notes", "is_historic")
    stored = {member: getattr(release, member) for member in members}
    return stored | {"created_at": release.created_at if release.is_historic else None}


def test_both_doors_give_one_verdict_in_one_voice(make: Factory, owner: Organisation, caller: Caller) -> None:
    foreign, browser = make.product(make.organisation()).id, make.browser(owner)
    token = find_csrf_token(browser.get("/releases/new").text)

    def check(changes: dict[str, Any]) -> None:
        product_id = make.product(owner).id
        filled = {"@FOREIGN@": foreign, "@UPPER@": product_id.upper()}
        raw = {**VALID, "productId": product_id, **changes}
        raw["productId"] = filled.get(raw["productId"], raw["productId"])

        by_api = caller.post("/v3/releases", json=raw)
        api_stored = read_stored([product_id])
        if api_stored:
            # The second door must find the place free.
            db.session.execute(delete(Release))
            db.session.commit()
        by_form = browser.post("/releases", data={**build_form(raw), "csrf_token": token})

        if by_api.status_code == 201:
            assert by_form.status_code == 303, by_form.text
            assert read_stored([product_id]) == api_stored
        else:
            assert (by_api.status_code, by_form.status_code) == (400, 400)
            expected = [
                (SHOWN_AT.get(item["field"], item["field"]), item["message"]) for item in by_api.get_json()["errors"]
            ]
            assert read_form_errors(by_form.text) == expected
            assert read_stored([product_id]) is None

    check_all(TABLE, check)


def test_the_table_has_at_least_sixty_rows() -> None:
    assert len(TABLE) >= 60
