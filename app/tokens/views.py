"""The pages of access tokens."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

from flask import Blueprint, flash, make_response, redirect, render_template, request, url_for
from flask_login import current_user
from werkzeug.wrappers import Response

from app import times
from app.accounts import tokens
from app.accounts.sessions import admit_form, is_sign_in_needed, sign_in_required
from app.exceptions import FieldError, PermissionDeniedError, SlipwayError
from app.extensions import csrf
from app.forms import FormState, create_once, list_errors, list_headers, telling_outages
from app.language import gettext as _
from app.tokens import pages, queries, schema, service

blueprint = Blueprint("tokens", __name__, url_prefix="/settings/tokens")

Answer = Response | str | tuple[str, int] | tuple[str, int, dict[str, str]]
_SCOPE = "personalAccessToken:write"


@blueprint.get("")
@sign_in_required
def list_tokens() -> str:
    """Shows one's own tokens or, for whoever manages users, those of others."""
    actor = current_user.actor
    actor.require(_SCOPE)
    wanted = pages.read_query(request.args, actor)
    found = queries.list_tokens(actor.tenant_id, wanted.filters, wanted.place)
    cursor = pages.find_cursor(found)
    return render_template(
        "tokens/list.html",
        tokens=pages.build_rows(found[: pages.PAGE_SIZE], actor),
        filters=wanted.values,
        can_see_all=actor.has_scope("user:write"),
        next_url=url_for(".list_tokens", **wanted.address, cursor=cursor) if cursor else None,
        newest_url=url_for(".list_tokens", **wanted.address) if request.args.get("cursor") else None,
    )


@blueprint.get("/new")
@sign_in_required
def new_token() -> Response:
    """Shows the empty form."""
    current_user.actor.require(_SCOPE)
    answer = make_response(_render_form(pages.build_new_values()))
    # Not "no-store": who goes back to this page must find what they had typed, and the same key.
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


@blueprint.post("/new")
def create_token() -> Answer:
    """Makes a token, and shows it once. Whatever stands in the way, what was typed comes back."""
    values = pages.read_values(request.form)
    try:
        with telling_outages():
            admit_form()
            issued = create_once(partial(service.issue_token, current_user.actor, _parse(values)), values)
    except PermissionDeniedError:
        raise
    except SlipwayError as error:
        return _render_form(values, list_errors(error)), error.status, list_headers(error)
    # What is shown here is nowhere else. Nothing may keep it (the default is "no-store").
    return render_template(
        "tokens/shown.html",
        row=issued.row,
        token=issued.token,
        example=pages.build_example(issued.row.scopes),
    )


# ``admit_form`` checks the token.
csrf.exempt(create_token)


@blueprint.post("/<token_id>/revoke")
@sign_in_required
def revoke_token(token_id: str) -> Response:
    """Revokes a token, and leads back to the list that its button was in."""
    tokens.revoke_token(current_user.actor, token_id)
    name = queries.get_token(current_user.tenant_id, token_id).name
    flash(_("The token {name} is revoked: it is refused from now on.", name=name), "success")
    owner = request.form.get("owner") or None
    return redirect(url_for(".list_tokens", owner=owner), 303)


def _parse(values: Mapping[str, Any]) -> schema.TokenRequest:
    actor = current_user.actor
    actor.require(_SCOPE)
    expiry = (values["expiry"], values["expiresOn"])
    return schema.parse_request(values["name"], values["scopes"], expiry, actor.scopes, times.now().date())


def _render_form(values: Mapping[str, Any], errors: Iterable[FieldError] = ()) -> str:
    form = FormState.build(values, errors)
    today = times.now().date()
    return render_template(
        "tokens/new.html",
        form=form,
        scopes=pages.list_scope_choices(current_user.actor if current_user.is_authenticated else None),
        expiries=pages.list_expiry_choices(),
        first_date=today.isoformat(),
        last_date=schema.find_last_date(today).isoformat(),
        sign_in_needed=is_sign_in_needed(),
        asks_nothing=form.is_outage,
    )
