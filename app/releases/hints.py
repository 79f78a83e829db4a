"""What can be said of the fields of a release before the form is sent: which versions are free, what looks alike.

A hint promises nothing: whoever sends the form gets the verdict of schema, service and database, as ever.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from app import times
from app.exceptions import ValidationError
from app.releases import forms, hint_queries, queries, schema, versions
from app.releases.hint_queries import Neighbour
from app.releases.lookalikes import find_lookalike, find_lookalike_platform
from app.releases.versions import NextVersion
from app.text import find_line_error, is_canonical_id

VersionState = Literal["", "invalid", "prefixed", "taken", "beside", "lower", "first", "newest"]
ChannelState = Literal["", "new", "new for product", "lookalike"]


@dataclass(frozen=True, slots=True)
class VersionHint:
    """What is known of the version: its state, the release that has it or is newer, and what may follow the newest."""

    state: VersionState = ""
    version: str = ""
    message: str = ""
    other: Neighbour | None = None
    # For which platforms the other one has it; none is all of them.
    platforms: tuple[str, ...] = ()
    newest: Neighbour | None = None
    following: tuple[NextVersion, ...] = ()


@dataclass(frozen=True, slots=True)
class ChannelHint:
    """What is known of the channel, and the one in use that was probably meant."""

    state: ChannelState = ""
    lookalike: str = ""


@dataclass(frozen=True, slots=True)
class PlatformHint:
    """A platform that was typed, and the one in use that was probably meant."""

    typed: str
    lookalike: str


@dataclass(frozen=True, slots=True)
class TimeHint:
    """When an old release was, or what is wrong with the time."""

    created_at: datetime | None = None
    messages: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Hints:
    """All of them. ``product_slug`` is empty while no product is chosen."""

    product_name: str
    product_slug: str
    channel_name: str
    version: VersionHint
    channel: ChannelHint
    platforms: tuple[PlatformHint, ...]
    time: TimeHint


def build_hints(tenant_id: str, values: Mapping[str, Any], release_id: str | None = None) -> Hints:
    """Takes the values of the form, and the release that it changes if it changes one; gives what is known of them.

    Whatever was typed is taken: what makes no sense has no hint.
    """
    product = hint_queries.find_product(tenant_id, values["productId"])
    channel = values["channel"]
    channels, platforms = queries.list_offered(tenant_id)
    is_channel = not find_line_error(channel) and len(channel) <= schema.NAME_LIMIT
    except_id = release_id if release_id and is_canonical_id(release_id) else None
    newest = None
    version = _judge_version(values["version"])
    if product and is_channel:
        newest = hint_queries.find_newest(tenant_id, product.id, channel, except_id)
        version = _add_following(_compare_version(version, tenant_id, values, newest, except_id), newest)
    return Hints(
        product_name=product.display_name if product else "",
        product_slug=product.slug if product else "",
        channel_name=channel,
        version=version,
        channel=_judge_channel(tenant_id, channel, channels, newest, has_product=product is not None)
        if is_channel
        else ChannelHint(),
        platforms=tuple(_find_lookalike_platforms(values, platforms)),
        time=_judge_time(values),
    )


def _judge_version(text: str) -> VersionHint:
    """Gives what can be said of a version by itself, and its text if it is one."""
    if versions.is_unfinished(text):
        return VersionHint()
    if stripped := versions.strip_prefix(text):
        return VersionHint("prefixed", stripped)
    if error := versions.find_version_error(text):
        return VersionHint("invalid", message=error[1])
    return VersionHint(version=text)


def _compare_version(
    hint: VersionHint, tenant_id: str, values: Mapping[str, Any], newest: Neighbour | None, except_id: str | None
) -> VersionHint:
    """Gives what can be said of a version beside those that are stored; what is none keeps its hint."""
    if hint.state or not hint.version:
        return hint
    version, key = hint.version, versions.build_version_key(hint.version)
    place = (tenant_id, values["productId"], values["channel"], key)
    wanted = set(forms.build_raw(values)["platforms"]) or {""}
    others = hint_queries.list_beside(*place, except_id)
    for other in others:
        if shared := wanted & set(other.platforms or ("",)):
            return VersionHint("taken", version, other=other, platforms=tuple(sorted(shared - {""})))
    if except_id and hint_queries.has_place(tenant_id, except_id, values["channel"], key):
        # A draft that keeps its version needs not hear of it.
        return hint
    if newest and newest.version_key > key:
        return VersionHint("lower", version, other=newest)
    if others:
        return VersionHint("beside", version, other=others[0], platforms=others[0].platforms)
    return VersionHint("newest" if newest else "first", version)


def _add_following(hint: VersionHint, newest: Neighbour | None) -> VersionHint:
    following = versions.list_next(newest.version) if newest else [NextVersion("first", versions.FIRST_VERSION)]
    return VersionHint(
        hint.state, hint.version, hint.message, hint.other, hint.platforms, newest=newest, following=tuple(following)
    )


def _judge_channel(
    tenant_id: str, channel: str, in_use: Collection[str], newest: Neighbour | None, *, has_product: bool
) -> ChannelHint:
    if newest:
        return ChannelHint()
    if hint_queries.is_channel_used(tenant_id, channel):
        return ChannelHint("new for product") if has_product else ChannelHint()
    if channel in in_use:
        # Somebody has made it, and this is its first release.
        return ChannelHint()
    if lookalike := find_lookalike(channel, in_use):
        return ChannelHint("lookalike", lookalike)
    # The usual one is not worth a word.
    return ChannelHint() if channel == schema.DEFAULT_CHANNEL else ChannelHint("new")


def _find_lookalike_platforms(values: Mapping[str, Any], in_use: Iterable[str]) -> Iterable[PlatformHint]:
    known = list(in_use)
    for typed in dict.fromkeys(forms.split_platforms(values["platformsOther"])):
        if (lookalike := find_lookalike_platform(typed, known)) is not None:
            yield PlatformHint(typed, lookalike)


def _judge_time(values: Mapping[str, Any]) -> TimeHint:
    if not values["oldDate"]:
        return TimeHint()
    text = forms.build_raw(values)["createdAt"]
    try:
        schema.parse_release_change({"createdAt": text}, times.now())
    except ValidationError as error:
        return TimeHint(messages=tuple(item.message for item in error.errors))
    return TimeHint(times.parse_time(text))
