"""The machines' door to releases: ``/v3/releases``. Its twin for people is ``views``."""

from __future__ import annotations

from datetime import datetime

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
    read_idempotency_key,
    refuse_trial,
)
from app.json_body import read_json_object, read_optional_json_object
from app.releases import changes, deletion, filters, lifecycle, listing, planning, queries, service
from app.releases.serializers import serialize_release
from app.times import format_time

blueprint = Blueprint("releases_api", __name__, url_prefix="/v3/releases")


@blueprint.post("")
@token_required("release:write")
def create_release() -> Response:
    """Creates a release, or with ``validateOnly=true`` says whether it could be created."""
    is_trial, is_strict = read_flag("validateOnly"), read_flag("strict")
    key = read_idempotency_key()
    draft = service.parse_release(g.actor, read_json_object(), is_strict=is_strict)
    headers = name_ignored_fields(draft.ignored_fields)
    if is_trial:
        return answer_trial(draft.to_json(), service.find_warnings(g.actor, draft), headers)
    creation = service.create_release(g.actor, draft, key)
    if creation.is_replay:
        return answer_json(serialize_release(creation.release), 200, {**headers, "Idempotent-Replayed": "true"})
    location = build_url(f"/v3/releases/{creation.release.id}")
    return answer_json(serialize_release(creation.release), 201, {**headers, "Location": location})


@blueprint.get("")
@token_required("release:read")
def list_releases() -> Response:
    """Answers a bare array, with the next page's address in Link."""
    wanted = filters.parse_list_query(list_parameters())
    found = listing.list_releases(g.actor.tenant_id, wanted)
    return answer_list(
        [serialize_release(release) for release in found],
        wanted.limit,
        lambda: listing.build_cursor(found[-1], is_by_version=wanted.is_by_version),
    )


@blueprint.get("/<release_id>")
@token_required("release:read")
def get_release(release_id: str) -> Response:
    """Answers one release."""
    release = queries.get_release(g.actor.tenant_id, release_id)
    return answer_json(serialize_release(release), headers=_tell_plan(release.publish_at))


@blueprint.patch("/<release_id>")
@token_required("release:write")
def update_release(release_id: str) -> Response:
    """Changes what is given of a draft, or with ``validateOnly=true`` says whether it could be changed so.

    ``null`` leaves a member as it is.
    """
    is_trial, is_strict = read_flag("validateOnly"), read_flag("strict")
    change = changes.parse_change(g.actor, release_id, read_json_object(), is_strict=is_strict)
    headers = name_ignored_fields(change.ignored_fields)
    if is_trial:
        trial = changes.try_change(g.actor, release_id, change)
        return answer_trial(trial.normalized, trial.warnings, headers)
    return answer_json(serialize_release(changes.update_release(g.actor, release_id, change)), headers=headers)


@blueprint.delete("/<release_id>")
@token_required("release:write")
def delete_release(release_id: str) -> Response:
    """Deletes a draft. It can be restored for some days."""
    refuse_trial()
    deletion.delete_release(g.actor, release_id)
    return Response(status=204)


@blueprint.post("/<release_id>/restore")
@token_required("release:write")
def restore_release(release_id: str) -> Response:
    """Brings a deleted draft back, as bodiless as deleting it."""
    refuse_trial()
    restoration = deletion.restore_release(g.actor, release_id)
    headers = {"Idempotent-Replayed": "true"} if restoration.is_replay else {}
    return answer_json(serialize_release(restoration.release), headers=headers)


@blueprint.post("/<release_id>/publish")
@token_required("release:write")
def publish_release(release_id: str) -> Response:
    """Publishes a release: at once, as clients do who send no body, or at the time that a body names."""
    refuse_trial()
    publish_at = planning.parse_publication(g.actor, release_id, read_optional_json_object())
    if publish_at is None:
        return answer_json(serialize_release(lifecycle.publish_release(g.actor, release_id)))
    release = planning.plan_publication(g.actor, release_id, publish_at)
    return answer_json(serialize_release(release), headers=_tell_plan(release.publish_at))


@blueprint.delete("/<release_id>/publish")
@token_required("release:write")
def cancel_publication(release_id: str) -> Response:
    """Takes back that a release is to be published at a time."""
    refuse_trial()
    planning.cancel_publication(g.actor, release_id)
    return Response(status=204)


@blueprint.post("/<release_id>/archive")
@token_required("release:write")
def archive_release(release_id: str) -> Response:
    """Archives a release; a body may say why, and what stands in its place."""
    refuse_trial()
    archiving = lifecycle.parse_archiving(g.actor, release_id, read_optional_json_object())
    return answer_json(serialize_release(lifecycle.archive_release(g.actor, release_id, archiving)))


@blueprint.post("/<release_id>/unarchive")
@token_required("release:write")
def unarchive_release(release_id: str) -> Response:
    """Takes a release out of the archive, as bodiless as putting it there."""
    refuse_trial()
    return answer_json(serialize_release(lifecycle.unarchive_release(g.actor, release_id)))


def _tell_plan(publish_at: datetime | None) -> dict[str, str]:
    # The contract fixes the members of a release, so what is planned for one is a header.
    return {"Slipway-Publish-At": format_time(publish_at)} if publish_at else {}
