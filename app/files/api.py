"""The machines' door to files of releases: ``/v3/release-files``. Its twin for people is ``views``."""

from __future__ import annotations

from flask import Blueprint, Response, g

from app.accounts.bearer import token_required
from app.answers import (
    answer_json,
    answer_list,
    answer_trial,
    build_url,
    list_parameters,
    name_ignored_fields,
    read_flag,
    refuse_trial,
)
from app.files import filters, queries, service
from app.files.serializers import serialize_file
from app.json_body import read_json_object

blueprint = Blueprint("files_api", __name__, url_prefix="/v3/release-files")


@blueprint.post("")
@token_required("release:write")
def create_file() -> Response:
    """Adds a file that lies elsewhere to a draft, or with ``validateOnly=true`` says whether it could be added."""
    is_trial, is_strict = read_flag("validateOnly"), read_flag("strict")
    draft = service.parse_file(g.actor, read_json_object(), is_strict=is_strict)
    headers = name_ignored_fields(draft.ignored_fields)
    if is_trial:
        return answer_trial(draft.to_json(), service.find_warnings(g.actor, draft), headers)
    record = service.create_file(g.actor, draft)
    location = build_url(f"/v3/release-files/{record.file.id}")
    return answer_json(serialize_file(record), 201, {**headers, "Location": location})


@blueprint.get("")
@token_required("release:read")
def list_files() -> Response:
    """Answers a bare array, with the next page's address in Link."""
    wanted = filters.parse_list_query(list_parameters())
    found = queries.list_files(g.actor.tenant_id, wanted)
    return answer_list(
        [serialize_file(record) for record in found], wanted.limit, lambda: filters.build_cursor(found[-1])
    )


@blueprint.get("/<file_id>")
@token_required("release:read")
def get_file(file_id: str) -> Response:
    """Answers one file."""
    return answer_json(serialize_file(queries.get_file(g.actor.tenant_id, file_id)))


@blueprint.delete("/<file_id>")
@token_required("release:write")
def delete_file(file_id: str) -> Response:
    """Takes a file off a draft."""
    refuse_trial()
    service.delete_file(g.actor, file_id)
    return Response(status=204)
