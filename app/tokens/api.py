"""The machines' door to access tokens: ``/v3/personal-access-tokens``. Its twin for people is ``views``."""

from __future__ import annotations

from flask import Blueprint, Response, g

from app import etags, times
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
from app.exceptions import DuplicateError
from app.json_body import read_json_object
from app.language import say
from app.schemas import describe_ignored, find_unknown
from app.tokens import filters, queries, service
from app.tokens.api_schema import TokenChangeSchema, TokenSchema, parse_token, parse_token_change
from app.tokens.serializers import serialize_token

blueprint = Blueprint("tokens_api", __name__, url_prefix="/v3/personal-access-tokens")

_COLLECTION = "/v3/personal-access-tokens"


@blueprint.post("")
@token_required("personalAccessToken:write")
def create_token() -> Response:
    """Makes a token of the caller's user, and answers it, once; or with ``validateOnly=true`` says whether it could.

    Nobody gives away more than they have. Without ``expiresAt`` it expires in 90 days.
    """
    is_trial, is_strict = read_flag("validateOnly"), read_flag("strict")
    key = read_idempotency_key()
    raw = read_json_object()
    moment = times.now()
    request = parse_token(raw, g.actor.scopes, moment, is_strict=is_strict)
    unknown = find_unknown(TokenSchema, raw)
    headers = name_ignored_fields(unknown)
    if is_trial:
        normalized = {"name": request.draft.name, "scopes": list(request.draft.scopes)}
        normalized["expiresAt"] = times.format_time(request.end(moment))
        return answer_trial(normalized, map(describe_ignored, unknown), headers)
    issued = service.issue_token(g.actor, request, key)
    if issued.token is None:
        raise DuplicateError(
            say("This token was made before, and cannot be shown again. Delete it, or make another one."),
            _COLLECTION,
            issued.row.id,
        )
    shown = serialize_token(issued.row)
    # What is answered here is nowhere else: nothing on the way may keep it.
    headers = {**headers, "Cache-Control": "no-store"}
    if issued.is_replay:
        status, headers = 200, {**headers, "Idempotent-Replayed": "true"}
    else:
        status, headers = 201, {**headers, "Location": build_url(f"{_COLLECTION}/{issued.row.id}")}
    return answer_entity({"accessToken": issued.token, **shown}, status, headers, tag=etags.build_tag(shown))


@blueprint.get("")
@token_required("personalAccessToken:write")
def list_tokens() -> Response:
    """Answers a bare array, with the next page's address in Link: the caller's own tokens.

    With ``owner=all`` it is everybody's, for whoever manages users.
    """
    wanted = filters.parse_list_query(list_parameters())
    found = queries.select_page(g.actor, wanted)
    shown = [serialize_token(row) for row in found]
    return answer_list(shown, wanted.limit, lambda: filters.build_cursor(found[-1]), ignored=wanted.ignored)


@blueprint.get("/<token_id>")
@token_required("personalAccessToken:write")
def get_token(token_id: str) -> Response:
    """Answers what is known of one token, without the token itself."""
    return answer_entity(serialize_token(queries.get_reachable_token(g.actor, token_id)))


@blueprint.patch("/<token_id>")
@token_required("personalAccessToken:write")
def update_token(token_id: str) -> Response:
    """Renames a token or revokes it, or with ``validateOnly=true`` says whether that could be done.

    A revoked one is refused at once, and stays so.
    """
    is_trial, is_strict = read_flag("validateOnly"), read_flag("strict")
    expected = read_precondition()
    raw = read_json_object()
    sent = parse_token_change(raw, is_strict=is_strict)
    unknown = find_unknown(TokenChangeSchema, raw)
    headers = name_ignored_fields(unknown)
    if is_trial:
        normalized = service.try_change(g.actor, token_id, sent, expected)
        return answer_trial(normalized, map(describe_ignored, unknown), headers)
    return answer_entity(serialize_token(service.update_token(g.actor, token_id, sent, expected)), headers=headers)


@blueprint.delete("/<token_id>")
@token_required("personalAccessToken:write")
def delete_token(token_id: str) -> Response:
    """Deletes a token: it is refused at once."""
    refuse_trial()
    service.delete_token(g.actor, token_id, read_precondition())
    return Response(status=204)
