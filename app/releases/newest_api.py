"""The door of those who use what is released: the newest release, whether there is an update, and all that is out."""

from __future__ import annotations

from dataclasses import replace

from flask import Blueprint, Response, g

from app.accounts.bearer import find_actor, token_required
from app.answers import answer_json, answer_list, list_parameters, name_ignored_fields
from app.releases import filters, listing, newest, queries
from app.releases.newest_schema import parse_newest
from app.releases.serializers import serialize_release

blueprint = Blueprint("newest_api", __name__, url_prefix="/v3")


@blueprint.get("/releases/latest")
def get_latest() -> Response:
    """Answers the newest release of a product for a platform. It needs no token."""
    actor = find_actor()
    wanted = parse_newest(list_parameters())
    return answer_json(serialize_release(newest.get_latest(actor, wanted)), headers=name_ignored_fields(wanted.ignored))


@blueprint.get("/releases/update")
def get_update() -> Response:
    """Answers the newest release if it is newer than the version that is asked about, nothing if not."""
    actor = find_actor()
    wanted = parse_newest(list_parameters(), has_version=True)
    headers = name_ignored_fields(wanted.ignored)
    release = newest.find_update(actor, wanted)
    return (
        answer_json(serialize_release(release), headers=headers) if release else Response(status=204, headers=headers)
    )


@blueprint.get("/me/releases")
@token_required()
def list_published_releases() -> Response:
    """Answers what is published, the newest first, as a bare array with the next page's address in Link."""
    tenant_id = g.actor.tenant_id
    wanted = filters.parse_list_query(list_parameters(), is_descending=True)
    shown = (
        (queries.is_published(),)
        if newest.may_see_private(g.actor, tenant_id)
        else (queries.is_for_customers(), queries.is_unrestricted())
    )
    wanted = replace(wanted, conditions=(*shown, *wanted.conditions))
    found = listing.list_releases(tenant_id, wanted)
    return answer_list(
        [serialize_release(release) for release in found],
        wanted.limit,
        lambda: listing.build_cursor(found[-1], is_by_version=wanted.is_by_version),
        ignored=wanted.ignored,
    )
