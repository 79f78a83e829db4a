"""The customer pages: for everybody, without signing in."""

from __future__ import annotations

from types import SimpleNamespace

from flask import Blueprint, render_template, request, url_for
from markupsafe import Markup

from app.exceptions import NotFoundError, ValidationError
from app.files import pages as file_pages
from app.paging import Key
from app.releases import filters, listing, queries, service
from app.releases.listing import ReleaseFilter
from app.releases.pages import build_anchor

blueprint = Blueprint("customer", __name__)

_PAGE_SIZE = 20


@blueprint.get("/<tenant_slug:tenant>/<slug:product>")
def show_product(tenant: str, product: str) -> str:
    """Shows a product's releases, the newest first."""
    owner, shown = queries.find_public_product(tenant, product)
    wanted = ReleaseFilter(
        conditions=(queries.is_for_customers(), queries.is_of_product(shown.id)),
        is_descending=True,
        limit=_PAGE_SIZE,
        after=_read_place(),
    )
    found = listing.list_releases(owner.id, wanted)
    next_url = None
    if len(found) == _PAGE_SIZE:
        cursor = listing.build_cursor(found[-1])
        next_url = url_for(".show_product", tenant=tenant, product=product, cursor=cursor)
    return render_template(
        "customer/product.html",
        tenant=owner,
        product=shown,
        entries=[entry for entry in shown.entries if entry["visible"]],
        next_url=next_url,
        releases=[
            SimpleNamespace(
                name=release.name,
                version=release.version,
                anchor=build_anchor(release),
                channel=release.channel,
                platforms=release.platforms,
                published_at=release.published_at,
                created_at=release.created_at,
                files=file_pages.build_customer_rows(release.files, is_restricted=shown.is_restricted),
                notes_html=Markup(service.get_notes_html(release)),  # noqa: S704 - notes.render gives safe HTML
            )
            for release in found
        ],
    )


def _read_place() -> Key | None:
    cursor = request.args.get("cursor")
    if not cursor:
        return None
    try:
        return filters.parse_list_query([("cursor", cursor)]).after
    except ValidationError:
        raise NotFoundError("There is no such page.") from None
