"""What the page of a product's download keys shows: from rows to what a template needs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode
from uuid import uuid4

from flask import request, url_for

from app.answers import build_url
from app.download_keys import filters, queries
from app.download_keys.models import DownloadKey
from app.listing import ListQuery
from app.paging import build_cursor, parse_cursor

PAGE_SIZE = 50
_FIELDS = ("name", "idempotencyKey", "signInEmail")


@dataclass(frozen=True, slots=True)
class KeyList:
    """A page of keys, those in force or those that are revoked, and where the list goes on."""

    rows: Sequence[DownloadKey]
    is_revoked: bool
    next_url: str | None
    first_url: str | None


def build_new_values() -> dict[str, str]:
    """Gives the values of an empty form. Its key makes one download key of it, however often it is sent."""
    return {**dict.fromkeys(_FIELDS, ""), "idempotencyKey": str(uuid4())}


def read_values() -> dict[str, str]:
    """Gives what was typed into the form."""
    return {name: request.form.get(name, "") for name in _FIELDS}


def build_list(tenant_id: str, product_id: str, arguments: Mapping[str, str]) -> KeyList:
    """Takes the parameters of the address; gives the keys that it asks for, the newest first."""
    is_revoked = arguments.get("state") == "revoked"
    after = parse_cursor(arguments.get("cursor", ""))
    condition = filters.is_revoked() if is_revoked else filters.is_in_force()
    # One more row than is shown tells whether there is a next page.
    wanted = ListQuery(limit=PAGE_SIZE + 1, is_descending=True, after=after, conditions=(condition,))
    found = queries.list_keys(tenant_id, product_id, wanted)
    rows = found[:PAGE_SIZE]
    address: dict[str, Any] = {"product_id": product_id, **({"state": "revoked"} if is_revoked else {})}
    next_url = None
    if len(found) > PAGE_SIZE:
        cursor = build_cursor(rows[-1].created_at, rows[-1].id)
        next_url = url_for("download_keys.show_access", **address, cursor=cursor)
    first_url = url_for("download_keys.show_access", **address) if after else None
    return KeyList(rows, is_revoked, next_url, first_url)


def build_example(product_id: str) -> str:
    """Gives a command that asks for the newest release of a product with a key."""
    query = urlencode({"productId": product_id, "platform": "linux"})
    return f'curl -sS "{build_url("/v3/releases/latest")}?{query}&key=$KEY"'
