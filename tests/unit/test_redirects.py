"""Where ``?next=`` may lead: to pages of Slipway's own, however an address is written."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import urljoin, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.accounts.redirects import find_own_path, find_referring_path
from tests.corpora import load_corpus

CASES: list[dict[str, Any]] = load_corpus("open_redirect")["cases"]
HERE = "https://portal.test/sign-in"


def read_value(row: dict[str, Any]) -> str:
    """Gives the value of a row."""
    value = json.loads(row["value_json"]) if "value_json" in row else eval(row["value_expr"])
    assert isinstance(value, str)
    return value


def resolve_like_browser(target: str) -> str:
    """Takes a Location; gives the host where a browser goes.

    As the WHATWG URL standard has it: tabs and line breaks are dropped, control characters and spaces around it cut,
    and a backslash is a slash.
    """
    target = re.sub(r"[\t\r\n]", "", target).strip("".join(map(chr, range(33)))).replace("\\", "/")
    return urlsplit(urljoin(HERE, re.sub(r"^/{2,}", "//", target))).netloc


@pytest.mark.parametrize("row", CASES, ids=lambda row: row["id"])
def test_next_never_leads_away(row: dict[str, Any]) -> None:
    found = find_own_path(read_value(row))
    if row["expect"] != "follow or home":
        assert found is None
    elif found is not None:
        assert resolve_like_browser(found) == "portal.test"


@given(st.text(alphabet="/\\.:@?#%ehtpsx \t\n\r\x00\u2028\uff0f\ud800", max_size=12))
def test_no_text_at_all_leads_away(target: str) -> None:
    found = find_own_path(target)
    assert found is None or (found.isprintable() and resolve_like_browser(found) == "portal.test")


@pytest.mark.parametrize(
    "target",
    [
        "/",
        "/releases",
        "/releases/new?product=1&channel=stable",
        "/caf\u00e9",
        "/a%2f%2fb",
        "/notes#x",
        "/sign-in-helpers/app",
        "/setup-works/app",
        "/releases?query=a//b",
    ],
)
def test_own_pages_are_followed(target: str) -> None:
    assert find_own_path(target) == target


@pytest.mark.parametrize("target", ["/sign-in", "/sign-in?next=/", "/sign-out", "/setup", "/setup#x", None, "", "x"])
def test_doors_and_nothing_lead_home(target: str | None) -> None:
    assert find_own_path(target) is None


def test_only_what_is_of_a_sane_length_is_followed() -> None:
    assert find_own_path("/" + "a" * 1999) is not None
    assert find_own_path("/" + "a" * 2000) is None


@pytest.mark.parametrize("row", CASES, ids=lambda row: row["id"])
def test_no_referer_leads_away_either(row: dict[str, Any]) -> None:
    for prefix in ("", "https://portal.test", "https://portal.test/"):
        found = find_referring_path(prefix + read_value(row), "portal.test")
        assert found is None or resolve_like_browser(found) == "portal.test"


@pytest.mark.parametrize(
    ("referer", "path"),
    [
        ("https://portal.test/webhooks?page=2#end", "/webhooks?page=2"),
        ("http://PORTAL.test/webhooks", "/webhooks"),
        ("https://portal.test:8000/webhooks", None),
        ("https://portal.test@evil.test/webhooks", None),
        ("ftp://portal.test/webhooks", None),
        ("https://portal.test", None),
        ("https://[/", None),
        ("", None),
        (None, None),
    ],
)
def test_the_page_that_a_form_was_sent_from_is_its_path_on_this_site(referer: str | None, path: str | None) -> None:
    assert find_referring_path(referer, "portal.test") == path
