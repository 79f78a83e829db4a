"""The pages of the audit log: the list, and the same as a file."""

from __future__ import annotations

from flask import Blueprint, Response, current_app, render_template, request, url_for
from flask_login import current_user

from app.accounts.sessions import sign_in_required
from app.audit import export, pages, queries
from app.exceptions import ValidationError
from app.forms import FormState
from app.times import now

blueprint = Blueprint("audit", __name__, url_prefix="/settings/audit")

_ACTORS_SHOWN = 200


@blueprint.get("")
@sign_in_required
def list_entries() -> tuple[str, int]:
    """Shows the entries that fit the filters, the newest first."""
    actor = current_user.actor
    actor.require("account:read")
    wanted = pages.read_query(request.args)
    found = []
    if not wanted.errors:
        # One more entry than is shown tells whether there is a next page.
        found = list(queries.list_entries(actor.tenant_id, wanted.filters, pages.PAGE_SIZE + 1, wanted.before))
    shown = found[: pages.PAGE_SIZE]
    page = render_template(
        "audit/list.html",
        form=FormState.build(wanted.values, wanted.errors),
        entries=pages.build_rows(actor.tenant_id, shown),
        actions=pages.list_action_choices(),
        actors=queries.list_actors(actor.tenant_id, _ACTORS_SHOWN),
        is_filtered=bool(wanted.address),
        next_url=url_for(".list_entries", **wanted.address, before=shown[-1].id) if len(found) > len(shown) else None,
        newest_url=url_for(".list_entries", **wanted.address) if wanted.before else None,
        export_url=url_for(".export_entries", **wanted.address),
    )
    return page, 400 if wanted.errors else 200


@blueprint.get("/audit-log.csv")
@sign_in_required
def export_entries() -> Response:
    """Sends the entries that fit the filters as a file. Raises ValidationError for filters that make no sense."""
    actor = current_user.actor
    actor.require("account:read")
    wanted = pages.read_query(request.args)
    if wanted.errors:
        raise ValidationError(wanted.errors)
    name = f"audit-log-{current_user.tenant_slug}-{now():%Y-%m-%d}.csv"
    # What is written after this request has ended, it writes in contexts of its own.
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    body = export.write_csv(app, actor.tenant_id, wanted.filters)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(body, headers=headers, content_type="text/csv; charset=utf-8; header=present")
