"""The machines' door to the files themselves: ``PUT`` and ``GET /v3/{releaseId}/{fileName}``."""

from __future__ import annotations

from typing import Any

from flask import Blueprint, Response, g, request

from app.accounts.bearer import find_actor, token_required
from app.answers import answer_entity, read_flag, refuse_trial
from app.exceptions import NotFoundError, ValidationError
from app.files import downloads, schema, uploads
from app.files.downloads import Place
from app.files.incoming import open_upload
from app.files.sending import send_download
from app.files.serializers import serialize_file
from app.files.uploads import UploadOrder

blueprint = Blueprint("file_transfers_api", __name__, url_prefix="/v3")


@blueprint.put("/<id:release_id>/<rest:file_name>")
@token_required("release:read", "release:write", is_for_publishers=True)
def upload_file(release_id: str, file_name: str) -> Response:
    """Adds the body, or the part ``file`` of a form, to a draft. It is secured unless ``secured=false`` says otherwise.

    The same again changes nothing, and says so.
    """
    try:
        name = schema.parse_name(file_name)
    except ValidationError as error:
        # An address that no file can have.
        raise NotFoundError(error.message) from None
    refuse_trial()
    is_secured = read_flag("secured") if "secured" in request.args else True
    incoming = open_upload()
    order = UploadOrder(release_id, name, is_secured, incoming.length, incoming.is_form)
    upload = uploads.upload_file(g.actor, order, incoming.chunks)
    headers = {"Idempotent-Replayed": "true"} if upload.is_replay else {}
    return answer_entity(serialize_file(upload.record), 200, headers)


@blueprint.get("/<id:release_id>/<rest:file_name>")
@blueprint.get("/<id:account_id>/<id:release_id>/<rest:file_name>")
def download_file(release_id: str, file_name: str, account_id: str | None = None) -> Any:
    """Sends a file, or a part of it, to whoever may have it: by a token, by a download key, or because it is open."""
    place = Place(release_id, file_name, account_id)
    return send_download(downloads.find_download(find_actor(), place, request.args.get("key")))
