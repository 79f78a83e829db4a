"""The machines' door to channels and platforms: ``/v3/release-channels`` and ``/v3/release-platforms``."""

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
from app.channels import filters, queries, service
from app.channels.kinds import CHANNEL, PLATFORM, Kind
from app.channels.schema import NameChangeSchema, NameSchema, parse_name, parse_name_change
from app.channels.serializers import serialize_name
from app.json_body import read_json_object
from app.schemas import describe_ignored, find_unknown

channels = Blueprint("channels_api", __name__, url_prefix=CHANNEL.collection)
platforms = Blueprint("platforms_api", __name__, url_prefix=PLATFORM.collection)


@channels.post("")
@token_required("release:write")
def create_channel() -> Response:
    """Creates a channel, or with ``validateOnly=true`` says whether it could be created."""
    return _create(CHANNEL)


@channels.get("")
@token_required("release:read")
def list_channels() -> Response:
    """Answers a bare array, with what releases name and with the next page's address in Link."""
    return _list(CHANNEL)


@channels.get("/<channel_id>")
@token_required("release:read")
def get_channel(channel_id: str) -> Response:
    """Answers one channel."""
    return answer_entity(serialize_name(queries.get_name(g.actor.tenant_id, CHANNEL, channel_id)))


@channels.patch("/<channel_id>")
@token_required("release:write")
def update_channel(channel_id: str) -> Response:
    """Renames a channel that no release is on, or with ``validateOnly=true`` says whether that could be done."""
    return _rename(CHANNEL, channel_id)


@channels.delete("/<channel_id>")
@token_required("release:write")
def delete_channel(channel_id: str) -> Response:
    """Deletes a channel that no release is on."""
    return _delete(CHANNEL, channel_id)


@platforms.post("")
@token_required("release:write")
def create_platform() -> Response:
    """Creates a platform, or with ``validateOnly=true`` says whether it could be created."""
    return _create(PLATFORM)


@platforms.get("")
@token_required("release:read")
def list_platforms() -> Response:
    """Answers a bare array, with what releases name and with the next page's address in Link."""
    return _list(PLATFORM)


@platforms.get("/<platform_id>")
@token_required("release:read")
def get_platform(platform_id: str) -> Response:
    """Answers one platform."""
    return answer_entity(serialize_name(queries.get_name(g.actor.tenant_id, PLATFORM, platform_id)))


@platforms.patch("/<platform_id>")
@token_required("release:write")
def update_platform(platform_id: str) -> Response:
    """Renames a platform that no release names, or with ``validateOnly=true`` says whether that could be done."""
    return _rename(PLATFORM, platform_id)


@platforms.delete("/<platform_id>")
@token_required("release:write")
def delete_platform(platform_id: str) -> Response:
    """Deletes a platform that no release names."""
    return _delete(PLATFORM, platform_id)


def _create(kind: Kind) -> Response:
    is_trial, is_strict = read_flag("validateOnly"), read_flag("strict")
    key = read_idempotency_key()
    raw = read_json_object()
    sent = parse_name(raw, is_strict=is_strict)
    unknown = find_unknown(NameSchema, raw)
    headers = name_ignored_fields(unknown)
    if is_trial:
        service.refuse_taken(g.actor, kind, sent)
        return answer_trial({"name": sent.name}, map(describe_ignored, unknown), headers)
    made = service.create_name(g.actor, kind, sent, key)
    if made.is_replay:
        return answer_entity(serialize_name(made.row), 200, {**headers, "Idempotent-Replayed": "true"})
    location = build_url(f"{kind.collection}/{made.row.id}")
    return answer_entity(serialize_name(made.row), 201, {**headers, "Location": location})


def _list(kind: Kind) -> Response:
    wanted = filters.parse_list_query(kind, list_parameters())
    found = service.list_names(g.actor, kind, wanted)
    shown = [serialize_name(row) for row in found]
    return answer_list(shown, wanted.limit, lambda: filters.build_cursor(found[-1]), ignored=wanted.ignored)


def _rename(kind: Kind, name_id: str) -> Response:
    is_trial, is_strict = read_flag("validateOnly"), read_flag("strict")
    expected = read_precondition()
    raw = read_json_object()
    sent = parse_name_change(raw, is_strict=is_strict)
    unknown = find_unknown(NameChangeSchema, raw)
    headers = name_ignored_fields(unknown)
    if is_trial:
        normalized = {"name": service.try_rename(g.actor, kind, name_id, sent, expected)}
        return answer_trial(normalized, map(describe_ignored, unknown), headers)
    return answer_entity(serialize_name(service.rename(g.actor, kind, name_id, sent, expected)), headers=headers)


def _delete(kind: Kind, name_id: str) -> Response:
    refuse_trial()
    service.delete_name(g.actor, kind, name_id, read_precondition())
    return Response(status=204)
