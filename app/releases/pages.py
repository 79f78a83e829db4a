"""What the release pages show: from rows to what a template needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

from flask import url_for
from markupsafe import Markup
from werkzeug.datastructures import MultiDict

from app.exceptions import ValidationError
from app.products.models import Product
from app.releases import filters, queries
from app.releases.models import Release
from app.releases.queries import ReleaseFilter
from app.webhooks import events
from app.webhooks import queries as webhooks

PAGE_SIZE = 50
CUSTOMER_PAGE_SIZE = 20
# The list's states, and the API's filters that they stand for.
STATES: dict[str, dict[str, str]] = {
    "draft": {"published": "false"},
    "published": {"published": "true"},
    "private": {"private": "true"},
    "archived": {"archived": "true"},
}


@dataclass(frozen=True, slots=True)
class ListFilters:
    """The filters of the list: as the page shows them, and as the query knows them."""

    values: dict[str, str]
    query: ReleaseFilter


def read_filters(arguments: MultiDict[str, str]) -> ListFilters:
    """Takes the URL's arguments. What makes no sense there filters nothing: an address may be old or cut."""
    values = {name: arguments.get(name, "") for name in ("product_id", "channel", "state", "query")}
    parameters = [("limit", str(PAGE_SIZE)), ("sort", "-createdAt"), *STATES.get(values["state"], {}).items()]
    for shown, name in (("product_id", "productId"), ("channel", "channel"), ("query", "query")):
        if values[shown]:
            parameters.append((name, values[shown]))
    if cursor := arguments.get("cursor"):
        parameters.append(("cursor", cursor))
    try:
        return ListFilters(values, filters.parse_list_query(parameters))
    except ValidationError:
        return ListFilters(values, filters.parse_list_query(parameters[:2]))


def build_rows(releases: Iterable[Release], products: Iterable[Product]) -> list[SimpleNamespace]:
    """Gives the rows of a list."""
    names = {product.id: product.display_name for product in products}
    return [SimpleNamespace(**_describe(release, names)) for release in releases]


def build_page(release: Release, products: Iterable[Product], notes_html: Markup) -> SimpleNamespace:
    """Gives a release with its notes as HTML."""
    names = {product.id: product.display_name for product in products}
    return SimpleNamespace(
        **_describe(release, names),
        notes=release.notes,
        notes_html=notes_html,
        updated_at=release.updated_at,
        total_files=release.total_files,
    )


def _describe(release: Release, product_names: Mapping[str, str]) -> dict[str, Any]:
    return {
        "id": release.id,
        "name": release.name,
        "version": release.version,
        "channel": release.channel,
        "platforms": release.platforms,
        "private": release.private,
        "published": release.published,
        "published_at": release.published_at,
        "archived": release.archived,
        "created_at": release.created_at,
        "is_historic": release.is_historic,
        "product_id": release.product_id,
        "product_name": product_names.get(release.product_id, ""),
    }


def describe_archive(release: Release) -> str:
    """Says, before somebody archives a release, who will miss it and which webhooks will fire."""
    is_shown = release.published and not release.private
    who = "Customers will not see it any more. " if is_shown else ""
    told = _count_told(release, events.RELEASE_ARCHIVED)
    return f"{who}It keeps its version, and can be taken out of the archive again. {told}"


def describe_delete(release: Release) -> str:
    """Says, before somebody deletes a draft, what goes with it and which webhooks will fire."""
    files = f" with its {release.total_files} file{'s' if release.total_files > 1 else ''}"
    told = _count_told(release, events.RELEASE_DELETED)
    return f"It is gone for good{files if release.total_files else ''}, and its version is free again. {told}"


def _count_told(release: Release, event_type: str) -> str:
    count = webhooks.count_subscribers(release.tenant_id, event_type)
    return f"{count} webhook{'s' if count > 1 else ''} will be told." if count else "No webhook fires."


def find_customer_url(release: Release, tenant_slug: str) -> str | None:
    """Gives the address where customers read the release, or None while they cannot."""
    if release.private or release.archived or not release.published:
        return None
    place: dict[str, Any] = {
        "tenant": tenant_slug,
        "product": queries.get_product_slug(release.tenant_id, release.product_id),
    }
    newer = queries.list_newer_for_customers(release, CUSTOMER_PAGE_SIZE)
    if len(newer) == CUSTOMER_PAGE_SIZE:
        # It is not on the first page: the link begins with it.
        place["cursor"] = filters.build_cursor(newer[0])
    return url_for("customer.show_product", **place, _anchor=build_anchor(release))


def build_anchor(release: Release) -> str:
    """Gives the fragment that names a release on the customer page; one version may stand there for two channels."""
    return f"v{release.version.replace('.', '-')}-{release.id[:8]}"
