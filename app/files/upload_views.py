"""The people's door to the files themselves: what is uploaded in a browser, and what is downloaded there.

A script sends each file by itself, as it is; without one all come in a form.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any, Final

from flask import Blueprint, current_app, flash, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.datastructures import FileStorage
from werkzeug.wrappers import Response

from app.accounts import script_answers
from app.accounts.sessions import admit_form, ask_to_set_up_two_factor, ask_to_sign_in, sign_in_required
from app.answers import answer_json, read_flag
from app.exceptions import AuthenticationError, FieldError, NotFoundError, SlipwayError
from app.extensions import csrf
from app.files import downloads, forms, schema, uploads
from app.files.incoming import expect_content, expect_files, open_upload
from app.files.sending import send_download
from app.files.troubles import STORAGE_FULL, StorageError
from app.files.uploads import UploadOrder
from app.forms import FormState, list_errors, list_headers, telling_outages
from app.language import gettext as _
from app.language import say
from app.releases import queries as releases

blueprint = Blueprint("file_uploads", __name__, url_prefix="/releases/<release_id>/files")

_FILES_AT_ONCE: Final = 10
_CHUNK: Final = 256 * 1024
_NONE_CHOSEN: Final = FieldError("file", "required", say("Choose at least one file."))
_ENDED: Final = say("Your session has ended. Sign in again.")


@blueprint.post("/upload")
def upload_files(release_id: str) -> Any:
    """Adds files to a draft. Those that are in order are added, whatever is wrong with the others."""
    # Nothing of the form is read for whoever may not send it.
    if not current_user.is_authenticated:
        return ask_to_sign_in()
    if current_user.needs_two_factor:
        return ask_to_set_up_two_factor()
    current_user.actor.require("release:write")
    releases.get_release(current_user.tenant_id, release_id)
    expect_files(current_app.extensions["slipway"].settings.storage.file_size_limit * _FILES_AT_ONCE)
    try:
        _admit()
        errors = _add_all(release_id, [file for file in request.files.getlist("file") if file.filename])
    except SlipwayError as error:
        return _render(release_id, list_errors(error)), error.status, list_headers(error)
    if errors:
        return _render(release_id, errors), 400
    return redirect(url_for("releases.show_release", release_id=release_id), 303)


def _admit() -> None:
    try:
        admit_form()
    except OSError as error:
        # The disk on which the files are put down for the moment.
        raise StorageError(STORAGE_FULL) from error


def _add_all(release_id: str, files: list[FileStorage]) -> list[FieldError]:
    """Adds files; gives what is wrong with those that were not. Raises what is wrong with all of them."""
    if not files:
        return [_NONE_CHOSEN]
    errors: list[FieldError] = []
    is_secured = bool(request.form.get("secured"))
    for file in files:
        name = schema.suggest_name(file.filename or "")
        order = UploadOrder(release_id, name, is_secured, file.seek(0, 2))
        file.seek(0)
        try:
            with telling_outages():
                _add(order, _read(file))
        except SlipwayError as error:
            errors += [
                FieldError("file", item.code, say("{name}: {rule}", name=file.filename, rule=item.message))
                for item in list_errors(error)
            ]
    return errors


def _read(file: FileStorage) -> Iterator[bytes]:
    while chunk := file.read(_CHUNK):
        yield chunk


def _add(order: UploadOrder, chunks: Iterable[bytes]) -> uploads.Upload:
    upload = uploads.upload_file(current_user.actor, order, chunks)
    name = upload.record.file.name
    if upload.is_replay:
        flash(_("File {name} was there already, and is the same.", name=name), "info")
    else:
        flash(_("File {name} was added.", name=name), "success")
    return upload


@blueprint.post("/content/<file_name>")
def upload_content(release_id: str, file_name: str) -> Response:
    """Adds one file to a draft, which is the body; the parameter ``secured`` says whether it is. For a script."""
    try:
        if not current_user.is_authenticated or current_user.needs_two_factor:
            raise AuthenticationError(_ENDED, code="authentication_required")
        releases.get_release(current_user.tenant_id, release_id)
        # The token is in a header: the body is only looked at once it is known to be good.
        expect_content()
        admit_form()
        incoming = open_upload()
        order = UploadOrder(release_id, schema.suggest_name(file_name), read_flag("secured"), incoming.length)
        with telling_outages():
            upload = _add(order, incoming.chunks)
    except NotFoundError:
        raise
    except SlipwayError as error:
        return script_answers.refuse(error)
    return answer_json({"name": upload.record.file.name, "size": upload.record.file.size})


for view in (upload_files, upload_content):
    # ``admit_form`` checks the token.
    csrf.exempt(view)


@blueprint.get("/<file_id>/download")
@sign_in_required
def download_file(release_id: str, file_id: str) -> Any:
    """Sends a file of a release, or leads to where it lies, to whoever is signed in."""
    return send_download(downloads.get_download(current_user.actor, release_id, file_id))


def _render(release_id: str, errors: Iterable[FieldError]) -> str:
    return render_template(
        "files/new.html",
        release_id=release_id,
        form=FormState.build({**forms.read_values({}), "secured": request.form.get("secured")}, errors),
        sign_in_needed=not current_user.is_authenticated,
    )
