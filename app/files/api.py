"""The machines' door to files of releases: ``/v3/release-files``. Its twin for people is ``views``."""

from __future__ import annotations

from flask import Blueprint, Response, g

from app.accounts.bearer import token_required
from app.answers import (
    answer_entity,
    answer_list,
    answer_trial,
    build_url,
    list_parameters,
    name_ignored_fields,
    read_flag,
    read_idempotency_key,
    read_precondition,
    refuse_trial,
)
from app.files import filters, queries, service
from app.files.serializers import serialize_file
from app.json_body import read_json_object

blueprint = Blueprint("files_api", __name__, url_prefix="/v3/release-files")


@blueprint.post("")
@token_required("release:write", is_for_publishers=True)
def create_file() -> Response:
    """Adds a file that lies elsewhere to a draft, or with ``validateOnly=true`` says whether it could be added."""
    is_trial, is_strict = read_flag("validateOnly"), read_flag("strict")
    key = read_idempotency_key()
    draft = service.parse_file(g.actor, read_json_object(), is_strict=is_strict)
    headers = name_ignored_fields(draft.ignored_fields)
    if is_trial:
        return answer_trial(draft.to_json(), service.find_warnings(g.actor, draft), headers)
    creation = service.create_file(g.actor, draft, key)
    shown = serialize_file(creation.record)
    if creation.is_replay:
        return answer_entity(shown, 200, {**headers, "Idempotent-Replayed": "true"})
    return answer_entity(shown, 201, {**headers, "Location": build_url(f"/v3/release-files/{shown['id']}")})


@blueprint.get("")
@token_required("release:read", is_for_publishers=True)
def list_files() -> Response:
    """Answers a bare array, with the next page's address in Link."""
    wanted = filters.parse_list_query(list_parameters())
    found = queries.list_files(g.actor, wanted)
    return answer_list(
        [serialize_file(record) for record in found],
        wanted.limit,
        lambda: filters.build_cursor(found[-1]),
        ignored=wanted.ignored,
    )


@blueprint.get("/<file_id>")
@token_required("release:read", is_for_publishers=True)
def get_file(file_id: str) -> Response:
    """Answers one file."""
    return answer_entity(serialize_file(queries.get_file(g.actor, file_id)))


@blueprint.delete("/<file_id>")
@token_required("release:write", is_for_publishers=True)
def delete_file(file_id: str) -> Response:
    """Takes a file off a draft."""
    refuse_trial()
    service.delete_file(g.actor, file_id, read_precondition())
    return Response(status=204)
