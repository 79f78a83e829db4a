"""What is asked of lists of releases, and of what is newest: each filter by itself, some together, and each place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, urlencode

from app.paging import build_cursor


@dataclass(frozen=True)
class Query:
    """A request: what it asks for in words, its address, and whether it carries a token.

    ``is_scanned`` says that no index answers it, by decision: then there is no aim that it must meet.
    """

    name: str
    path: str
    has_token: bool = True
    is_scanned: bool = False


def list_queries(product_id: str, size: int) -> Iterator[Query]:
    """Gives what is asked of a list of so many releases."""
    start = datetime(2018, 1, 1, tzinfo=UTC)
    places = {
        share: build_cursor(start + timedelta(days=8 * 365.25) * share, "0f8fad5b-d9cb-469f-a165-70867728950e")
        for share in (0.5, 0.99)
    }
    lists: Mapping[str, Mapping[str, str]] = {
        "first page": {},
        "newest first": {"sort": "-createdAt"},
        "100 releases": {"limit": "100"},
        "page by cursor, in the middle": {"cursor": places[0.5]},
        "page by cursor, near the end": {"cursor": places[0.99]},
        "highest version first": {"sort": "-version"},
        "of a product": {"productId": product_id},
        "of a product, highest version first": {"productId": product_id, "sort": "-version"},
        "name": {"name": _name(size, size // 2)},
        "name[ne]": {"name[ne]": _name(size, 0)},
        "name[sw], common": {"name[sw]": "Atlas"},
        "name[sw], rare": {"name[sw]": "Beacon Zephyr"},
        "name[ew]": {"name[ew]": ".7"},
        "name[cn]": {"name[cn]": "Desktop"},
        "name[nc]": {"name[nc]": "Desktop"},
        "name[in]": {"name[in]": f"{_name(size, 3)},{_name(size, size - 5000)}"},
        "name[nin]": {"name[nin]": f"{_name(size, 3)},{_name(size, 4)}"},
        "platform, common": {"platform": "linux"},
        "platform, rare": {"platform": "solaris"},
        "platform[ne]": {"platform[ne]": "linux"},
        "platform[in]": {"platform[in]": "ios,solaris"},
        "channel, common": {"channel": "stable"},
        "channel, rare": {"channel": "lts"},
        "channel[ne]": {"channel[ne]": "stable"},
        "channel[in]": {"channel[in]": "lts,rc"},
        "channel[nin]": {"channel[nin]": "stable,rc"},
        "version": {"version": _version(size // 2)},
        "version[in]": {"version[in]": f"{_version(0)},{_version(size - 1)}"},
        "version[sw]": {"version[sw]": _version(size - 1).rpartition(".")[0] + "."},
        "version[gt], newest": {"version[gt]": _version(size - 2000)},
        "published=true": {"published": "true"},
        "published=false": {"published": "false"},
        "private=true": {"private": "true"},
        "archived=true, newest first": {"archived": "true", "sort": "-createdAt"},
        "createdAt, a span": {"createdAt[gte]": "2022-03-01T00:00:00Z", "createdAt[lt]": "2022-03-02T00:00:00Z"},
        "query, common": {"query": "desktop"},
        "query, a version": {"query": "v0.1"},
        "product, channel, published, newest first": {
            "productId": product_id,
            "channel": "beta",
            "published": "true",
            "sort": "-createdAt",
        },
        "platform, channel, published": {"platform": "windows", "channel": "rc", "published": "true"},
        "name[cn], channel, platform": {"name[cn]": "Server", "channel": "beta", "platform": "linux"},
        "channel, rare, and archived=false": {"channel": "lts", "archived": "false"},
    }
    for name, query in lists.items():
        yield Query(name, _path("", query))
    yield Query("me/releases", "/v3/me/releases")
    yield Query("me/releases, of a product", f"/v3/me/releases?productId={product_id}")
    shop = {"productId": product_id, "platform": "linux"}
    yield Query("latest", _path("/latest", shop), has_token=False)
    yield Query("latest, on a channel", _path("/latest", {**shop, "channel": "beta"}), has_token=False)
    yield Query("latest, with a token", _path("/latest", shop))
    yield Query("update, there is one", _path("/update", {**shop, "version": "0.0.1"}), has_token=False)
    yield Query("update, there is none", _path("/update", {**shop, "version": "999.0"}), has_token=False)
    yield Query("name[cn], of a word that is rare", _path("", {"name[cn]": "Zephyr"}), is_scanned=True)
    yield Query("query, of a word that is rare", _path("", {"query": "zephyr"}), is_scanned=True)


def _path(place: str, query: Mapping[str, str]) -> str:
    return f"/v3/releases{place}?{urlencode(query, quote_via=quote)}"


def _version(number: int) -> str:
    count = number // 50
    return f"{count // 1000}.{count // 10 % 100}.{count % 10}"


def _name(size: int, number: int) -> str:
    first = ("Atlas", "Beacon", "Compass", "Dynamo", "Ember", "Falcon", "Granite", "Harbor")[number % 8]
    second = ("Desktop", "Server", "Mobile", "Agent", "CLI")[number % 5]
    return f"{first}{' Zephyr ' if number >= size - 40 else ' '}{second} {_version(number)}"
