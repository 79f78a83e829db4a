"""The event types that a webhook can subscribe to, and the one that it cannot: a test. Pure."""

from __future__ import annotations

from typing import Final

RELEASE_CREATED: Final = "release.created"
RELEASE_UPDATED: Final = "release.updated"
RELEASE_PUBLISHED: Final = "release.published"
RELEASE_ARCHIVED: Final = "release.archived"
RELEASE_DELETED: Final = "release.deleted"
RELEASE_FILE_CREATED: Final = "release.file.created"

# By the entity that they tell of, as ``GET /v3/webhooks/events`` answers them.
EVENT_TYPES: dict[str, tuple[str, ...]] = {
    "release": (
        RELEASE_CREATED,
        RELEASE_UPDATED,
        RELEASE_PUBLISHED,
        RELEASE_ARCHIVED,
        RELEASE_DELETED,
        RELEASE_FILE_CREATED,
    )
}
ALL_EVENT_TYPES: tuple[str, ...] = tuple(name for names in EVENT_TYPES.values() for name in names)

# Sent to one webhook when its owner asks for it, whatever that webhook subscribed to.
WEBHOOK_TEST: Final = "webhook.test"
