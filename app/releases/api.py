"""The machines' door to releases: ``/v3/releases``. Its twin for people is ``views``."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from flask import Blueprint, Response, g, request

from app.accounts.bearer import token_required
from app.accounts.tokens import recall_caller
from app.answers import (
    answer_entity,
    answer_list,
    answer_trial,
    build_url,
    list_parameters,
    name_ignored_fields,
    read_choice,
    read_flag,
    read_idempotency_key,
    read_precondition,
    refuse_trial,
)
from app.exceptions import SlipwayError
from app.json_body import read_json_object, read_optional_json_object
from app.releases import (
    changes,
    conflicts,
    deletion,
    filters,
    insertion,
    lifecycle,
    listing,
    planning,
    queries,
    service,
)
from app.releases.serializers import serialize_release
from app.times import format_time

blueprint = Blueprint("releases_api", __name__, url_prefix="/v3/releases")


def _create_at_once(token: str) -> Response | None:
    """Creates what most callers send by one statement, which verifies the caller as well; None if that was not done."""
    caller = None if request.args else recall_caller(token)
    if caller is None:
        return None
    # The usual way may have to read it again.
    request.get_data()
    try:
        key = read_idempotency_key()
        draft = service.parse_release(caller.actor, read_json_object(), is_created_next=True)
        release = insertion.create_at_once(caller, draft, key)
    except SlipwayError:
        # What is wrong is told to whoever may know it, once that is known.
        return None
    if release is None:
        return None
    headers = {**name_ignored_fields(draft.ignored_fields), **_locate(release.id)}
    return answer_entity(serialize_release(release), 201, headers)


@blueprint.post("")
@token_required("release:write", is_for_publishers=True, shortcut=_create_at_once)
def create_release() -> Response:
    """Creates a release, or with ``validateOnly=true`` says whether it could be created.

    ``onConflict`` says what is done where another one has its place.
    """
    is_trial, is_strict = read_flag("validateOnly"), read_flag("strict")
    mode, key = read_choice("onConflict", conflicts.MODES), read_idempotency_key()
    draft = service.parse_release(g.actor, read_json_object(), is_strict=is_strict, is_created_next=not is_trial)
    headers = name_ignored_fields(draft.ignored_fields)
    if is_trial:
        return answer_trial(draft.to_json(), conflicts.find_warnings(g.actor, draft, mode), headers)
    outcome = conflicts.create_release(g.actor, draft, key, mode)
    status, told = _tell_outcome(outcome)
    return answer_entity(serialize_release(outcome.release), status, {**headers, **told})


@blueprint.get("")
@token_required("release:read", is_for_publishers=True)
def list_releases() -> Response:
    """Answers a bare array, with the next page's address in Link."""
    wanted = filters.parse_list_query(list_parameters())
    wanted = replace(wanted, conditions=(*wanted.conditions, *queries.is_in_reach(g.actor)))
    found = listing.list_releases(g.actor.tenant_id, wanted)
    return answer_list(
        [serialize_release(release) for release in found],
        wanted.limit,
        lambda: listing.build_cursor(found[-1], is_by_version=wanted.is_by_version),
        ignored=wanted.ignored,
    )


@blueprint.get("/<release_id>")
@token_required("release:read", is_for_publishers=True)
def get_release(release_id: str) -> Response:
    """Answers one release."""
    release = queries.get_reachable_release(g.actor, release_id)
    return answer_entity(serialize_release(release), headers=_tell_plan(release.publish_at))


@blueprint.patch("/<release_id>")
@token_required("release:write", is_for_publishers=True)
def update_release(release_id: str) -> Response:
    """Changes what is given of a draft, or with ``validateOnly=true`` says whether it could be changed so.

    ``null`` leaves a member as it is.
    """
    is_trial, is_strict = read_flag("validateOnly"), read_flag("strict")
    expected = read_precondition()
    change = changes.parse_change(g.actor, release_id, read_json_object(), is_strict=is_strict)
    headers = name_ignored_fields(change.ignored_fields)
    if is_trial:
        trial = changes.try_change(g.actor, release_id, change, expected)
        return answer_trial(trial.normalized, trial.warnings, headers)
    release = changes.update_release(g.actor, release_id, change, expected)
    return answer_entity(serialize_release(release), headers=headers)


@blueprint.delete("/<release_id>")
@token_required("release:write", is_for_publishers=True)
def delete_release(release_id: str) -> Response:
    """Deletes a draft. It can be restored for some days."""
    refuse_trial()
    deletion.delete_release(g.actor, release_id, read_precondition())
    return Response(status=204)


@blueprint.post("/<release_id>/restore")
@token_required("release:write", is_for_publishers=True)
def restore_release(release_id: str) -> Response:
    """Brings a deleted draft back, as bodiless as deleting it."""
    refuse_trial()
    restoration = deletion.restore_release(g.actor, release_id)
    headers = {"Idempotent-Replayed": "true"} if restoration.is_replay else {}
    return answer_entity(serialize_release(restoration.release), headers=headers)


@blueprint.post("/<release_id>/publish")
@token_required("release:write", is_for_publishers=True)
def publish_release(release_id: str) -> Response:
    """Publishes a release: at once, as clients do who send no body, or at the time that a body names."""
    refuse_trial()
    expected = read_precondition()
    publish_at = planning.parse_publication(g.actor, release_id, read_optional_json_object())
    if publish_at is None:
        return answer_entity(serialize_release(lifecycle.publish_release(g.actor, release_id, expected)))
    release = planning.plan_publication(g.actor, release_id, publish_at, expected)
    return answer_entity(serialize_release(release), headers=_tell_plan(release.publish_at))


@blueprint.delete("/<release_id>/publish")
@token_required("release:write", is_for_publishers=True)
def cancel_publication(release_id: str) -> Response:
    """Takes back that a release is to be published at a time."""
    refuse_trial()
    planning.cancel_publication(g.actor, release_id, read_precondition())
    return Response(status=204)


@blueprint.post("/<release_id>/archive")
@token_required("release:write", is_for_publishers=True)
def archive_release(release_id: str) -> Response:
    """Archives a release; a body may say why, and what stands in its place."""
    refuse_trial()
    expected = read_precondition()
    archiving = lifecycle.parse_archiving(g.actor, release_id, read_optional_json_object())
    return answer_entity(serialize_release(lifecycle.archive_release(g.actor, release_id, archiving, expected)))


@blueprint.post("/<release_id>/unarchive")
@token_required("release:write", is_for_publishers=True)
def unarchive_release(release_id: str) -> Response:
    """Takes a release out of the archive, as bodiless as putting it there."""
    refuse_trial()
    return answer_entity(serialize_release(lifecycle.unarchive_release(g.actor, release_id, read_precondition())))


def _tell_outcome(outcome: conflicts.Outcome) -> tuple[int, dict[str, str]]:
    """Gives the status and the headers that say what became of a create."""
    if outcome.word == conflicts.CREATED:
        return 201, _locate(outcome.release.id)
    if outcome.word == conflicts.REPLAYED:
        return 200, {"Idempotent-Replayed": "true"}
    return 200, {"Slipway-On-Conflict": outcome.word}


def _locate(release_id: str) -> dict[str, str]:
    return {"Location": build_url(f"/v3/releases/{release_id}")}


def _tell_plan(publish_at: datetime | None) -> dict[str, str]:
    # The contract fixes the members of a release, so what is planned for one is a header.
    return {"Slipway-Publish-At": format_time(publish_at)} if publish_at else {}
