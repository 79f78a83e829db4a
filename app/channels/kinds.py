"""What tells channels from platforms. All else is the same for both."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from app.channels import used
from app.channels.models import Name, ReleaseChannel, ReleasePlatform
from app.language import Message, say
from app.releases.hint_queries import is_channel_used


@dataclass(frozen=True, slots=True)
class Kind:
    """One of the two: its rows, where the API has it, what the audit log says of it, and what it is refused with."""

    collection: str
    model: type[Name]
    list_used: Callable[[str], set[str]]
    is_used: Callable[[str, str], bool]
    created: str
    renamed: str
    deleted: str
    missing: Message
    taken: Message
    in_use: Message


CHANNEL: Final = Kind(
    "/v3/release-channels",
    ReleaseChannel,
    used.list_used_channels,
    is_channel_used,
    "channel.created",
    "channel.updated",
    "channel.deleted",
    say("There is no such channel."),
    say("Name is taken: another channel has it."),
    say("A channel that releases are on cannot be renamed or deleted."),
)
PLATFORM: Final = Kind(
    "/v3/release-platforms",
    ReleasePlatform,
    used.list_used_platforms,
    used.is_platform_used,
    "platform.created",
    "platform.updated",
    "platform.deleted",
    say("There is no such platform."),
    say("Name is taken: another platform has it."),
    say("A platform that releases name cannot be renamed or deleted."),
)
