"""The machines' door to accounts: signing in, who a token is, roles, and the public keys of access tokens."""

from __future__ import annotations

from flask import Blueprint, Response, g

from app.accounts import caller, keys, login
from app.accounts.bearer import token_required
from app.accounts.login_schema import LoginSchema, parse_login
from app.answers import answer_entity, answer_json, list_parameters, name_ignored_fields, read_flag, refuse_trial
from app.json_body import read_json_object
from app.paging import Place
from app.parameters import PLACE, read_parameters
from app.requests import client_address
from app.schemas import find_unknown

blueprint = Blueprint("accounts_api", __name__)

_CACHE_SECONDS = 300


@blueprint.get("/.well-known/jwks.json")
def show_key_set() -> Response:
    """Answers the JWK set (RFC 7517, section 5). It is public."""
    return answer_json(keys.build_key_set(), headers={"Cache-Control": f"public, max-age={_CACHE_SECONDS}"})


@blueprint.post("/v3/accounts/login")
def log_in() -> Response:
    """Answers an access token that is good for an hour, for an e-mail address and a password.

    Who has a second factor sends its code, too.
    """
    refuse_trial()
    is_strict = read_flag("strict")
    raw = read_json_object()
    sent = parse_login(raw, is_strict=is_strict)
    headers = name_ignored_fields(find_unknown(LoginSchema, raw))
    return answer_json({"accessToken": login.log_in(sent, client_address())}, headers=headers)


@blueprint.get("/v3/me")
@token_required(is_for_publishers=True)
def show_caller() -> Response:
    """Answers who the token is. Any token may ask."""
    return answer_entity(caller.describe_caller(g.actor))


@blueprint.get("/v3/roles")
@token_required(is_for_publishers=True)
def list_roles() -> Response:
    """Answers a bare array: the roles that users of an organisation may have. Any token may ask."""
    place = Place(**read_parameters(list_parameters(), PLACE))
    roles = caller.list_roles(g.actor)
    if place.is_descending:
        roles.reverse()
    begin = (place.page - 1) * place.limit
    return answer_json(roles[begin : begin + place.limit])


@blueprint.get("/v3/roles/claims")
@token_required(is_for_publishers=True)
def list_claims() -> Response:
    """Answers an object of arrays: the scopes by what they are about. Any token may ask."""
    return answer_json(caller.list_claims())
