"""What the release pages show: from rows to what a template needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from flask import url_for
from markupsafe import Markup

from app.products.models import Product
from app.releases import listing, queries
from app.releases.models import Release

CUSTOMER_PAGE_SIZE = 20


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
        archive_reason=release.archive_reason,
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
        "publish_at": release.publish_at,
        "is_plan_refused": release.publish_by is not None and release.publish_at is None and not release.published,
        "product_id": release.product_id,
        "product_name": product_names.get(release.product_id, ""),
    }


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
        place["cursor"] = listing.build_cursor(newer[0])
    return url_for("customer.show_product", **place, _anchor=build_anchor(release))


def build_anchor(release: Release) -> str:
    """Gives the fragment that names a release on the customer page; one version may stand there for two channels."""
    return f"v{release.version.replace('.', '-')}-{release.id[:8]}"
