"""The machines' door to imports: ``/v3/imports``. Its twin for people is ``views``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from flask import Blueprint, Response, g, request

from app import paging
from app.accounts.bearer import token_required
from app.answers import answer_json, answer_list, build_url, list_parameters, read_flag, refuse_trial
from app.exceptions import FieldError, UnsupportedMediaTypeError, ValidationError
from app.imports import queries, service
from app.imports.formats.detection import CONTENT_LIMIT
from app.imports.judging import STATES
from app.imports.queries import DONE, ImportRecord, RowQuery
from app.imports.schema import LABELS
from app.imports.serializers import serialize_import, serialize_plan, serialize_row
from app.json_body import read_json_object
from app.language import say
from app.parameters import (
    PLACE,
    BadValueError,
    Reader,
    build_refusal,
    read_boolean,
    read_parameters,
    read_place,
)

blueprint = Blueprint("imports_api", __name__, url_prefix="/v3/imports")

# JSON spells some characters by six, and a file is mostly letters.
_BODY_LIMIT: Final = 2 * CONTENT_LIMIT
_BOOLEANS: Final = ("oneProduct", "private", "publish", "quiet")
_FLAGS: Final = ("validateOnly", "strict")


@blueprint.post("")
@token_required("release:write", is_for_publishers=True)
def create_import() -> Response:
    """Takes a file, and answers what would come of it; with ``validateOnly=true`` nothing is kept."""
    is_trial = read_flag("validateOnly")
    content, raw = _read_file()
    options = service.parse_options(g.actor, raw)
    if is_trial:
        return answer_json(serialize_plan(service.plan_import(g.actor, content, options), options))
    record, is_replay = service.create_import(g.actor, content, options)
    if is_replay:
        return _answer(record, 200, {"Idempotent-Replayed": "true"})
    return _answer(record, 201, {"Location": build_url(f"/v3/imports/{record.entity.id}")})


@blueprint.get("")
@token_required("release:read", is_for_publishers=True)
def list_imports() -> Response:
    """Answers a bare array, with the next page's address in Link."""
    wanted = read_place(list_parameters())
    found = queries.list_imports(g.actor, wanted)
    return answer_list(
        [serialize_import(record) for record in found],
        wanted.limit,
        lambda: paging.build_cursor(found[-1].entity.created_at, found[-1].entity.id),
    )


@blueprint.get("/<import_id>")
@token_required("release:read", is_for_publishers=True)
def get_import(import_id: str) -> Response:
    """Answers one import, with how far it is."""
    return _answer(queries.get_import(g.actor, import_id))


@blueprint.patch("/<import_id>")
@token_required("release:write", is_for_publishers=True)
def change_options(import_id: str) -> Response:
    """Reads the file of an import once more, with other options; ``null`` leaves one as it is."""
    refuse_trial()
    queries.get_import(g.actor, import_id)
    return _answer(service.change_options(g.actor, import_id, read_json_object()))


@blueprint.get("/<import_id>/rows")
@token_required("release:read", is_for_publishers=True)
def list_rows(import_id: str) -> Response:
    """Answers the rows of the file in their order, with the next page's address in Link."""
    queries.get_import(g.actor, import_id)
    wanted = _read_row_query()
    found = queries.list_rows(g.actor.tenant_id, import_id, wanted)
    return answer_list([serialize_row(row) for row in found], wanted.limit, lambda: str(found[-1].number))


@blueprint.post("/<import_id>/run")
@token_required("release:write", is_for_publishers=True)
def run_import(import_id: str) -> Response:
    """Begins an import, or goes on with one that was stopped. One that is running or done is answered as it is."""
    refuse_trial()
    record = service.run_import(g.actor, import_id)
    return _answer(record, 200 if record.entity.state == DONE else 202)


@blueprint.post("/<import_id>/stop")
@token_required("release:write", is_for_publishers=True)
def stop_import(import_id: str) -> Response:
    """Stops a running import; what it has created stays."""
    refuse_trial()
    return _answer(service.stop_import(g.actor, import_id))


def _answer(record: ImportRecord, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return answer_json(serialize_import(record), status, headers)


def _read_file() -> tuple[bytes, dict[str, Any]]:
    """Gives the file and its options: both out of a JSON object, or the body as it is and the query's parameters."""
    request.max_content_length = _BODY_LIMIT
    if request.mimetype == "application/json":
        raw = read_json_object()
        content = raw.pop("content", None)
        if not isinstance(content, str):
            code, rule = ("required", "is required") if content is None else ("wrong_type", "must be a string")
            raise ValidationError([FieldError("content", code, f"Content {rule}: it is the file as text.")])
        return content.encode("utf-8", "surrogatepass"), raw
    if request.mimetype in ("application/x-www-form-urlencoded", "multipart/form-data"):
        raise UnsupportedMediaTypeError("The body must be the file itself, or application/json with its text.")
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise UnsupportedMediaTypeError("Content-Encoding must be identity: compressed bodies are not read.")
    return request.get_data(cache=False), _read_options()


def _read_options() -> dict[str, Any]:
    platforms: list[str] = []

    def read_other(name: str, value: str) -> None:
        if name == "platforms":
            platforms.append(value)
        elif name not in _FLAGS:
            raise build_refusal([*LABELS, *_FLAGS])

    readers: dict[str, Reader] = {name: (name, str) for name in LABELS if name != "platforms"}
    readers |= {name: (name, read_boolean) for name in _BOOLEANS}
    raw = read_parameters(list_parameters(), readers, read_other)
    return {**raw, "platforms": platforms} if platforms else raw


def _read_row_query() -> RowQuery:
    def refuse(_name: str, _value: str) -> None:
        raise build_refusal(readers)

    readers: dict[str, Reader] = {
        **{name: PLACE[name] for name in ("page", "limit")},
        "cursor": ("after", _read_number),
        "state": ("states", _read_states),
        "warnings": ("is_warned", read_boolean),
    }
    return replace(RowQuery(), **read_parameters(list_parameters(), readers, refuse))


def _read_number(value: str) -> int:
    number = paging.parse_whole_number(value, 0, 10**9 - 1)
    if number is None:
        raise BadValueError("is not a cursor of this list.")
    return number


def _read_states(value: str) -> tuple[str, ...]:
    states = tuple(value.split(","))
    if any(state not in STATES for state in states):
        raise BadValueError(
            say("must be one or more of {choices}, with commas between them.", choices=", ".join(STATES))
        )
    return states
