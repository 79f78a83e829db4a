"""The people's door to imports: the form, the preview, progress and results. Its twin for machines is ``api``."""

from __future__ import annotations

from typing import Any, Final

from flask import Blueprint, Response, abort, current_app, flash, redirect, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response as BaseResponse

from app.accounts.sessions import admit_form, sign_in_required
from app.exceptions import ConflictError, NotFoundError, SlipwayError, ValidationError
from app.extensions import csrf
from app.forms import list_errors, list_headers, telling_outages
from app.imports import export, forms, pages, queries, service
from app.imports.formats.detection import CONTENT_LIMIT
from app.language import gettext as _
from app.language import translate
from app.products import queries as products

blueprint = Blueprint("imports", __name__, url_prefix="/imports")

# The file and, where it comes back as text, that; and what stands around them.
_FORM_LIMIT: Final = 2 * CONTENT_LIMIT
_CHOICES: Final = ("prereleases", "longNotes")
_EXPORTS: Final = {"csv": (export.write_csv, "text/csv"), "jsonl": (export.write_json_lines, "application/x-ndjson")}

Answer = BaseResponse | str | tuple[str, int, dict[str, str]]


@blueprint.get("")
@sign_in_required
def list_imports() -> str:
    """Shows the newest imports."""
    current_user.actor.require("release:read")
    return pages.render_list(request.args.get("product", ""))


@blueprint.get("/new")
@sign_in_required
def new_import() -> str:
    """Shows the empty form."""
    current_user.actor.require("release:write")
    product_id = request.args.get("product", "")
    if product_id:
        products.get_product(current_user.tenant_id, product_id)
    return pages.render_form(forms.build_new_values(product_id))


@blueprint.post("")
def create_import() -> Answer:
    """Takes a file and leads to its preview. Whatever stands in the way, the file comes back, as text."""
    request.max_content_length = request.max_form_memory_size = _FORM_LIMIT
    values = forms.read_values(request.form)
    content = _read_content(values)
    try:
        with telling_outages():
            admit_form()
            options = service.parse_options(current_user.actor, forms.build_raw(values))
            record, _is_replay = service.create_import(current_user.actor, content, options)
    except SlipwayError as error:
        return pages.render_form(values, list_errors(error)), error.status, list_headers(error)
    return redirect(url_for(".show_import", import_id=record.entity.id), 303)


@blueprint.get("/<import_id>")
@sign_in_required
def show_import(import_id: str) -> str:
    """Shows what would come of a file, how far its import is, or what has come of it."""
    current_user.actor.require("release:read")
    return pages.render_import(queries.get_import(current_user.actor, import_id))


@blueprint.get("/<import_id>/options")
@sign_in_required
def edit_options(import_id: str) -> Answer:
    """Shows the form with what was chosen."""
    current_user.actor.require("release:write")
    entity = queries.get_import(current_user.actor, import_id).entity
    if entity.state != queries.PREVIEW:
        return redirect(url_for(".show_import", import_id=import_id), 303)
    return pages.render_form(forms.build_stored_values(entity.options), import_id=import_id)


@blueprint.post("/<import_id>/options")
def change_options(import_id: str) -> Answer:
    """Reads the file once more, by other options. Whatever stands in the way, what was chosen comes back."""
    values = forms.read_values(request.form)
    try:
        with telling_outages():
            admit_form()
            raw = forms.build_raw(values)
            # What product and platforms were, an empty field takes back.
            service.change_options(current_user.actor, import_id, raw, is_whole=True)
    except NotFoundError:
        raise
    except SlipwayError as error:
        return pages.render_form(values, list_errors(error), import_id), error.status, list_headers(error)
    return redirect(url_for(".show_import", import_id=import_id), 303)


# ``admit_form`` checks the token.
csrf.exempt(create_import)
csrf.exempt(change_options)


@blueprint.post("/<import_id>/choose")
@sign_in_required
def choose(import_id: str) -> BaseResponse:
    """Changes one option by a button of the preview."""
    raw = {name: request.form[name] for name in _CHOICES if name in request.form}
    try:
        service.change_options(current_user.actor, import_id, raw)
    except (ConflictError, ValidationError) as error:
        flash(translate(error.message), "error")
    return redirect(url_for(".show_import", import_id=import_id), 303)


@blueprint.post("/<import_id>/run")
@sign_in_required
def run_import(import_id: str) -> BaseResponse:
    """Begins an import, or goes on with it. Pressed twice, it is one."""
    try:
        service.run_import(current_user.actor, import_id)
    except ConflictError as error:
        flash(translate(error.message), "error")
    return redirect(url_for(".show_import", import_id=import_id), 303)


@blueprint.post("/<import_id>/stop")
@sign_in_required
def stop_import(import_id: str) -> BaseResponse:
    """Stops an import; one that has ended by itself meanwhile is no error to whoever pressed the button."""
    try:
        service.stop_import(current_user.actor, import_id)
        flash(_("The import was stopped. What it has created stays."), "success")
    except ConflictError as error:
        flash(translate(error.message), "info")
    return redirect(url_for(".show_import", import_id=import_id), 303)


@blueprint.get("/<import_id>/rows.<ending>")
@sign_in_required
def export_rows(import_id: str, ending: str) -> Response:
    """Sends the rows with what has come of them as a file."""
    actor = current_user.actor
    actor.require("release:read")
    queries.get_import(actor, import_id)
    if ending not in _EXPORTS:
        abort(404)
    write, mimetype = _EXPORTS[ending]
    # What is written after this request has ended, it writes in contexts of its own.
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # noqa: SLF001
    headers = {"Content-Disposition": f'attachment; filename="import-{import_id[:8]}.{ending}"'}
    return Response(write(app, actor.tenant_id, import_id), headers=headers, content_type=f"{mimetype}; charset=utf-8")


def _read_content(values: dict[str, Any]) -> bytes:
    """Gives the file that was chosen, else the text that was pasted; puts it among the values, to come back."""
    sent = request.files.get("file")
    if sent is None or not sent.filename:
        return str(values["content"]).encode("utf-8", "surrogatepass")
    content: bytes = sent.read()
    # A browser may send the way to the file, too.
    values["fileName"] = sent.filename.replace("\\", "/").rpartition("/")[2][:256]
    values["content"] = content.decode("utf-8", "replace").removeprefix("\ufeff")
    return content
