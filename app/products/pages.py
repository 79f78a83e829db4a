"""What the pages of products show: from rows to what a template needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from flask import render_template, url_for
from flask_login import current_user

from app.accounts.sessions import is_sign_in_needed
from app.exceptions import FieldError
from app.forms import FormState
from app.note_templates import queries as note_templates
from app.products import forms, metadata, queries, schema
from app.products.models import Product
from app.products.queries import COUNT_LIMIT
from app.publishers import queries as publishers
from app.releases.pages import build_rows

PAGE_SIZE = 50
_TEXT_LIMIT = 256
# In a row of the list, and on the page of a product.
_ROW_CHANNELS = 3
_PAGE_CHANNELS = 50


def render_list(text: str, after: str) -> str:
    """Takes what is searched for, and the name behind which the list goes on; gives the page."""
    tenant_id = current_user.tenant_id
    # NUL is in no name, and no database lets one ask for it.
    text, after = (value.replace("\x00", "")[:_TEXT_LIMIT] for value in (text, after))
    found = queries.list_page(tenant_id, text, after, PAGE_SIZE + 1)
    shown = found[:PAGE_SIZE]
    searched: dict[str, Any] = {"query": text} if text else {}
    next_url = None
    if len(found) > PAGE_SIZE:
        next_url = url_for("products.list_products", **searched, after=shown[-1].name)
    return render_template(
        "products/list.html",
        products=_build_rows(tenant_id, shown),
        text=text,
        next_url=next_url,
        first_url=url_for("products.list_products", **searched) if after else None,
        # Who has a handful of products sees them all.
        can_search=bool(text or after or next_url or len(shown) > 5),
    )


def render_page(product: Product) -> str:
    """Takes a product; gives its page."""
    tenant_id = current_user.tenant_id
    (row,) = _build_rows(tenant_id, [product], _PAGE_CHANNELS)
    return render_template(
        "products/show.html",
        product=row,
        template_count=len(note_templates.list_templates(tenant_id, product.id)),
        publisher_count=publishers.count_publishers(tenant_id, product.id),
    )


def render_form(
    values: Mapping[str, Any], errors: Iterable[FieldError] = (), product_id: str | None = None, spare_count: int = 0
) -> str:
    """Takes the values of the form and what is wrong with them; gives the page, of a new product or a stored one.

    It has so many empty rows for metadata behind the filled ones, and one where there is none. During an outage of
    the database it shows what was sent, and no more.
    """
    form = FormState.build(values, errors)
    product = None
    if product_id and current_user.is_authenticated and not form.is_outage:
        product = queries.get_product(current_user.tenant_id, product_id)
    return render_template(
        "products/form.html",
        form=form,
        product_id=product_id,
        product=product,
        customer_url=build_customer_url(product) if product else None,
        entry_rows=forms.build_entry_rows(
            values["metadata"], spare_count or int(not values["metadata"]), tells_errors="metadata" in form.errors
        ),
        limits={"description": schema.DESCRIPTION_LIMIT, "entries": metadata.ENTRY_LIMIT},
        sign_in_needed=is_sign_in_needed(),
        asks_nothing=form.is_outage,
    )


def build_customer_url(product: Product) -> str:
    """Gives the address of the page where customers read of a product of the current user's tenant."""
    return url_for("customer.show_product", tenant=current_user.tenant_slug, product=product.slug)


def _build_rows(tenant_id: str, products: Sequence[Product], channel_limit: int = _ROW_CHANNELS) -> list[Any]:
    ids = [product.id for product in products]
    counts = queries.count_releases(tenant_id, ids)
    newest = queries.list_newest(tenant_id, ids, channel_limit + 1)
    return [
        SimpleNamespace(
            id=product.id,
            name=product.name,
            display_name=product.display_name,
            description=product.description,
            entries=product.entries,
            customer_url=build_customer_url(product),
            is_restricted=product.is_restricted,
            created_at=product.created_at,
            release_count=min(counts.get(product.id, 0), COUNT_LIMIT),
            has_more_releases=counts.get(product.id, 0) > COUNT_LIMIT,
            newest=build_rows([it.release for it in newest.get(product.id, ())][:channel_limit], [product]),
            has_more_channels=len(newest.get(product.id, ())) > channel_limit,
        )
        for product in products
    ]
