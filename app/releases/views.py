"""The people's door to releases: the list, the form and the page. Its twin for machines is ``api``."""

from __future__ import annotations

from functools import partial
from typing import Any

from flask import Blueprint, Response, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from markupsafe import Markup
from werkzeug.wrappers import Response as BaseResponse

from app import notes
from app.accounts.sessions import admit_form, sign_in_required
from app.answers import answer_json
from app.deliveries import pages as delivery_pages
from app.exceptions import (
    ConflictError,
    DuplicateReleaseError,
    FieldError,
    NotFoundError,
    SlipwayError,
)
from app.extensions import csrf
from app.files import pages as file_pages
from app.forms import create_once, list_errors, list_headers, telling_outages
from app.json_body import read_json_object
from app.products import queries as products
from app.releases import changes, filters, forms, lifecycle, pages, queries, schema, service
from app.releases.editor import render_form
from app.releases.serializers import serialize_release
from app.webhooks import pages as webhook_pages

Answer = BaseResponse | tuple[str, int] | tuple[str, int, dict[str, str]]

blueprint = Blueprint("releases", __name__, url_prefix="/releases")


@blueprint.get("")
@sign_in_required
def list_releases() -> str:
    """Shows the releases of the tenant, the newest first."""
    wanted = pages.read_filters(request.args)
    found = queries.list_releases(current_user.tenant_id, wanted.query)
    shown: dict[str, Any] = dict(wanted.values)
    next_url = None
    if len(found) == wanted.query.limit:
        next_url = url_for(".list_releases", **shown, cursor=filters.build_cursor(found[-1]))
    own = products.list_products(current_user.tenant_id)
    return render_template(
        "releases/list.html",
        releases=pages.build_rows(found, own),
        products=own,
        filters=wanted.values,
        next_url=next_url,
        newest_url=url_for(".list_releases", **shown),
    )


@blueprint.get("/new")
@sign_in_required
def new_release() -> Response:
    """Shows the empty form."""
    product_id = request.args.get("product", "") or queries.find_last_product(current_user.tenant_id)
    answer = make_response(render_form(forms.build_new_values(product_id)))
    # Not "no-store": who goes back to this page must find what they had typed, and the same key.
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


@blueprint.post("")
def create_release() -> Answer:
    """Creates a release. Whatever stands in the way, what was typed comes back."""
    values = forms.read_values(request.form)
    try:
        with telling_outages():
            admit_form()
            if request.form.get("action") == "preview":
                return render_form(values, preview=True), 200
            draft = service.parse_release(current_user.actor, forms.build_raw(values))
            creation = create_once(partial(service.create_release, current_user.actor, draft), values)
    except DuplicateReleaseError as error:
        return render_form(values, [FieldError("version", error.code, error.message)], error.release_id), error.status
    except SlipwayError as error:
        return render_form(values, list_errors(error)), error.status, list_headers(error)
    if creation.is_replay:
        flash("This release exists already, just as you sent it. Nothing was doubled.", "info")
    else:
        flash(f"Release {creation.release.version} was created.", "success")
    return redirect(url_for(".show_release", release_id=creation.release.id), 303)


# ``admit_form`` checks the token.
csrf.exempt(create_release)


@blueprint.post("/preview")
@sign_in_required
def preview_notes() -> Response:
    """Renders notes as every reader will see them, with the errors that a release with them would have."""
    text = read_json_object().get("notes")
    value, errors = schema.parse_notes(text if isinstance(text, str) else "")
    html = "" if errors else notes.render(value)
    shown = [{"field": error.field, "code": error.code, "message": error.message} for error in errors]
    return answer_json({"html": html, "length": len(value), "errors": shown})


@blueprint.get("/<release_id>")
@sign_in_required
def show_release(release_id: str) -> str:
    """Shows a release with its files and deliveries."""
    actor = current_user.actor
    notes_html = service.get_notes_html(queries.get_release(actor.tenant_id, release_id))
    # Keeping the HTML let go of what was read before.
    release = queries.get_release(actor.tenant_id, release_id)
    can_write = actor.has_scope("release:write")
    return render_template(
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
        archive_effect=pages.describe_archive(release),
        delete_effect=pages.describe_delete(release),
        publish_effect=webhook_pages.describe_publish(actor.tenant_id, is_private=release.private),
        deliveries=delivery_pages.list_of_entity(actor.tenant_id, release.id),
    )


@blueprint.get("/<release_id>/edit")
@sign_in_required
def edit_release(release_id: str) -> Response | BaseResponse:
    """Shows the form with what is stored of a draft."""
    current_user.actor.require("release:write")
    release = queries.get_release(current_user.tenant_id, release_id)
    if release.published:
        flash("This release is published, and read-only from then on.", "error")
        return redirect(url_for(".show_release", release_id=release_id), 303)
    answer = make_response(render_form(forms.build_stored_values(serialize_release(release)), release_id=release_id))
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


@blueprint.post("/<release_id>/edit")
def update_release(release_id: str) -> Answer:
    """Changes a draft. Whatever stands in the way, what was typed comes back."""
    values = forms.read_values(request.form)
    try:
        with telling_outages():
            admit_form()
            if request.form.get("action") == "preview":
                queries.get_release(current_user.tenant_id, release_id)
                return render_form(values, release_id=release_id, preview=True), 200
            change = changes.parse_change(current_user.actor, release_id, forms.build_raw(values))
            changes.update_release(current_user.actor, release_id, change)
    except NotFoundError:
        raise
    except DuplicateReleaseError as error:
        errors = [FieldError("version", error.code, error.message)]
        return render_form(values, errors, error.release_id, release_id=release_id), error.status
    except SlipwayError as error:
        return render_form(values, list_errors(error), release_id=release_id), error.status, list_headers(error)
    flash("The release was saved.", "success")
    return redirect(url_for(".show_release", release_id=release_id), 303)


# ``admit_form`` checks the token.
csrf.exempt(update_release)


@blueprint.post("/<release_id>/publish")
@sign_in_required
def publish_release(release_id: str) -> BaseResponse:
    """Publishes a release."""
    return _take_step(lifecycle.publish_release, release_id, "is published")


@blueprint.post("/<release_id>/archive")
@sign_in_required
def archive_release(release_id: str) -> BaseResponse:
    """Archives a release."""
    return _take_step(lifecycle.archive_release, release_id, "is archived")


@blueprint.post("/<release_id>/unarchive")
@sign_in_required
def unarchive_release(release_id: str) -> BaseResponse:
    """Takes a release out of the archive."""
    return _take_step(lifecycle.unarchive_release, release_id, "is out of the archive again")


@blueprint.post("/<release_id>/delete")
@sign_in_required
def delete_release(release_id: str) -> BaseResponse:
    """Deletes a draft."""
    try:
        lifecycle.delete_release(current_user.actor, release_id)
    except ConflictError as error:
        flash(error.message, "error")
        return redirect(url_for(".show_release", release_id=release_id), 303)
    flash("The release was deleted.", "success")
    return redirect(url_for(".list_releases"), 303)


def _take_step(step: lifecycle.Step, release_id: str, words: str) -> BaseResponse:
    """Takes a step of a release's life, and shows what came of it on its page."""
    try:
        release = step(current_user.actor, release_id)
        flash(f"Release {release.version} {words}.", "success")
    except ConflictError as error:
        flash(error.message, "error")
    return redirect(url_for(".show_release", release_id=release_id), 303)
