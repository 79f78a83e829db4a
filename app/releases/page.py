"""Renders the page of a release: its notes as customers see them, its files, who was told of it, and its history."""

from __future__ import annotations

from collections.abc import Sequence
from types import SimpleNamespace

from flask import render_template
from flask_login import current_user
from markupsafe import Markup

from app import times
from app.accounts import queries as accounts
from app.exceptions import NotFoundError
from app.files import pages as file_pages
from app.products import queries as products
from app.releases import deletion, history, pages, queries, replacements, service
from app.releases.delivery_groups import build_deliveries
from app.releases.history_pages import SHOWN_ON_PAGE, build_history
from app.releases.models import DeletedRelease, Release


def render_page(release_id: str) -> tuple[str, int]:
    """Gives the page of a release, or of one that was deleted and can be brought back, with its status.

    Raises NotFoundError for all others alike.
    """
    actor = current_user.actor
    if queries.find_release(actor.tenant_id, release_id) is None:
        return _render_deleted(release_id), 404
    notes_html = service.get_notes_html(queries.get_release(actor.tenant_id, release_id))
    # Keeping the HTML let go of what was read before.
    release = queries.get_release(actor.tenant_id, release_id)
    can_write = actor.has_scope("release:write")
    page = render_template(
        "releases/show.html",
        release=pages.build_page(
            release,
            products.list_products(actor.tenant_id),
            Markup(notes_html),  # noqa: S704 - notes.render gives safe HTML
        ),
        files=file_pages.build_rows(release.files),
        customer_url=pages.find_customer_url(release, current_user.tenant_slug),
        can_write=can_write,
        can_change=can_write and not release.published,
        plan=_describe_plan(release),
        replacement=replacements.find_replacement(release),
        deliveries=build_deliveries(actor.tenant_id, release.id),
        history=build_history(actor.tenant_id, release.id, SHOWN_ON_PAGE),
    )
    return page, 200


def _render_deleted(release_id: str) -> str:
    deleted = deletion.find_deleted(current_user.tenant_id, release_id)
    if deleted is None:
        raise NotFoundError("There is no such release.")
    (row,) = build_deleted_rows([deleted])
    return render_template("releases/page/gone.html", release=row)


def build_deleted_rows(found: Sequence[DeletedRelease]) -> list[SimpleNamespace]:
    """Takes releases that were deleted; gives what pages show of them."""
    names = {product.id: product.display_name for product in products.list_products(current_user.tenant_id)}
    return [
        SimpleNamespace(
            id=deleted.id,
            version=deleted.content["release"]["version"],
            name=deleted.content["release"]["name"],
            channel=deleted.content["release"]["channel"],
            product_name=names.get(deleted.content["release"]["product_id"], ""),
            deleted_by=deleted.deleted_by,
            deleted_at=deleted.deleted_at,
            ends_at=deletion.find_end(deleted),
        )
        for deleted in found
    ]


def _describe_plan(release: Release) -> SimpleNamespace | None:
    """Gives what is planned for a draft, or that it was not published as planned; None if there is nothing to tell."""
    if release.published or release.publish_by is None:
        return None
    planner = accounts.find_email(release.tenant_id, release.publish_by)
    if release.publish_at is not None:
        return SimpleNamespace(publish_at=release.publish_at, planner=planner, is_refused=False)
    refusal = history.find_refusal(release.tenant_id, release.id)
    planned_for = times.parse_time(str(refusal.details.get("plannedFor", ""))) if refusal else None
    return SimpleNamespace(publish_at=planned_for, planner=planner, is_refused=True)
