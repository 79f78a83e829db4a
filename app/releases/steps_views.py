"""The people's door to the steps in a release's life: publish, plan, archive, delete, and back. Its twin is ``api``."""

from __future__ import annotations

from collections.abc import Callable

from flask import Blueprint, flash, redirect, render_template, request, url_for
from flask_login import current_user
from markupsafe import Markup
from werkzeug.wrappers import Response

from app.accounts.sessions import admit_form, sign_in_required
from app.exceptions import ConflictError, DuplicateReleaseError, NotFoundError, SlipwayError
from app.extensions import csrf
from app.forms import list_errors, list_headers, telling_outages
from app.language import gettext as _
from app.language import translate
from app.languages import say_html as _html
from app.paging import Place, build_cursor, parse_cursor
from app.releases import deletion, lifecycle, planning, queries, step_pages
from app.releases.page import build_deleted_rows

Answer = Response | tuple[str, int] | tuple[str, int, dict[str, str]]

blueprint = Blueprint("release_steps", __name__, url_prefix="/releases")

_DELETED_PAGE_SIZE = 50


@blueprint.get("/<release_id>/<any(publish, plan, archive, delete):step>")
@sign_in_required
def ask(release_id: str, step: str) -> str:
    """Says what comes of a step, and asks whether it is meant."""
    return step_pages.render_step(step, release_id)


@blueprint.post("/<release_id>/publish")
@sign_in_required
def publish_release(release_id: str) -> Response:
    """Publishes a release."""
    try:
        release = lifecycle.publish_release(current_user.actor, release_id)
        flash(_("Release {version} is published.", version=release.version), "success")
    except ConflictError as error:
        # Perhaps by the first of two clicks.
        flash(translate(error.message), "info")
    return _lead_back(release_id)


@blueprint.post("/<release_id>/plan")
def plan_publication(release_id: str) -> Answer:
    """Plans when a draft is published. Whatever stands in the way, what was typed comes back."""

    def plan(raw: dict[str, str]) -> str:
        moment = planning.parse_publication(current_user.actor, release_id, raw)
        if moment is None:
            return ""
        release = planning.plan_publication(current_user.actor, release_id, moment)
        return _("The publication of release {version} is planned.", version=release.version)

    return _take_step("plan", release_id, plan)


@blueprint.post("/<release_id>/plan/cancel")
@sign_in_required
def cancel_publication(release_id: str) -> Response:
    """Takes back that a draft is to be published at a time, or takes away the notice that it was not."""
    try:
        release = planning.cancel_publication(current_user.actor, release_id)
        flash(_("Release {version} stays a draft until somebody publishes it.", version=release.version), "success")
    except ConflictError as error:
        flash(translate(error.message), "info")
    return _lead_back(release_id)


@blueprint.post("/<release_id>/archive")
def archive_release(release_id: str) -> Answer:
    """Archives a release. Whatever stands in the way, what was typed comes back."""

    def archive(raw: dict[str, str]) -> str:
        archiving = lifecycle.parse_archiving(current_user.actor, release_id, raw)
        release = lifecycle.archive_release(current_user.actor, release_id, archiving)
        return _("Release {version} is archived.", version=release.version)

    return _take_step("archive", release_id, archive)


# ``admit_form`` checks the token.
csrf.exempt(plan_publication)
csrf.exempt(archive_release)


@blueprint.post("/<release_id>/unarchive")
@sign_in_required
def unarchive_release(release_id: str) -> Response:
    """Takes a release out of the archive."""
    try:
        release = lifecycle.unarchive_release(current_user.actor, release_id)
        flash(_("Release {version} is out of the archive again.", version=release.version), "success")
    except ConflictError as error:
        flash(translate(error.message), "info")
    return _lead_back(release_id)


@blueprint.post("/<release_id>/delete")
@sign_in_required
def delete_release(release_id: str) -> Response:
    """Deletes a draft, and offers to bring it back."""
    try:
        release = deletion.delete_release(current_user.actor, release_id)
    except ConflictError as error:
        flash(translate(error.message), "error")
        return _lead_back(release_id)
    except NotFoundError:
        # A second click finds it deleted, and its page offers the same.
        if deletion.find_deleted(current_user.tenant_id, release_id) is None:
            raise
        return _lead_back(release_id)
    offer = render_template("releases/page/undo.html", release=release)
    flash(Markup(offer), "success")  # noqa: S704 - a template, which escapes
    return redirect(url_for("releases.list_releases"), 303)


@blueprint.get("/deleted")
@sign_in_required
def list_deleted() -> str:
    """Shows the deleted releases that can be brought back, the newest first."""
    # One more than is shown tells whether there is a next page.
    place = Place(_DELETED_PAGE_SIZE + 1, is_descending=True, after=parse_cursor(request.args.get("cursor", "")))
    found = deletion.list_deleted(current_user.tenant_id, place)
    shown = found[:_DELETED_PAGE_SIZE]
    next_url = None
    if len(found) > len(shown):
        next_url = url_for(".list_deleted", cursor=build_cursor(shown[-1].deleted_at, shown[-1].id))
    return render_template(
        "releases/page/deleted.html",
        releases=build_deleted_rows(shown),
        kept_days=deletion.KEPT_DAYS,
        next_url=next_url,
        is_first=not request.args.get("cursor"),
    )


@blueprint.post("/<release_id>/restore")
@sign_in_required
def restore_release(release_id: str) -> Response:
    """Brings a deleted draft back. Pressed twice, it says the same."""
    try:
        restoration = deletion.restore_release(current_user.actor, release_id)
    except DuplicateReleaseError as error:
        url = url_for("releases.show_release", release_id=error.release_id)
        link = Markup('<a href="{}">{}</a>').format(url, _("See the release that exists"))
        flash(_html("{message} {link}", message=translate(error.message), link=link), "error")
        return redirect(url_for(".list_deleted"), 303)
    except ConflictError as error:
        flash(translate(error.message), "error")
        return redirect(url_for(".list_deleted"), 303)
    flash(_("Release {version} is back, as it was.", version=restoration.release.version), "success")
    return _lead_back(release_id)


def _take_step(step: str, release_id: str, take: Callable[[dict[str, str]], str]) -> Answer:
    """Takes a step whose form has fields: parses them, and shows what came of it, or the form again."""
    values = step_pages.read_values(step, request.form)
    try:
        with telling_outages():
            admit_form()
            queries.get_release(current_user.tenant_id, release_id)
            said = take(step_pages.build_raw(step, values))
    except NotFoundError:
        raise
    except ConflictError as error:
        # The release is not what the form was about any more: its page shows what it is.
        flash(translate(error.message), "info")
        return _lead_back(release_id)
    except SlipwayError as error:
        return step_pages.render_step(step, release_id, values, list_errors(error)), error.status, list_headers(error)
    flash(said, "success")
    return _lead_back(release_id)


def _lead_back(release_id: str) -> Response:
    return redirect(url_for("releases.show_release", release_id=release_id), 303)
