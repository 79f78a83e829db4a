"""The schemas of what the API answers. The members are those that the serializers write, no others. Pure."""

from __future__ import annotations

from typing import Final

from app.deliveries.schema import KNOWN_EVENT_TYPES, STATES
from app.openapi.description import (
    FLAG,
    ID,
    NUMBER,
    TEXT,
    TEXTS,
    TIME,
    WHOLE,
    JsonSchema,
    list_of,
    nullable,
    record,
    refer,
)
from app.webhooks import signing
from app.webhooks.events import ALL_EVENT_TYPES

_DATES: Final = {"id": ID, "createdAt": TIME, "updatedAt": TIME}
_EVENT: Final[JsonSchema] = {"type": "string", "enum": sorted(KNOWN_EVENT_TYPES)}
_EVENTS: Final = list_of({"type": "string", "enum": list(ALL_EVENT_TYPES)})

_ERROR: Final = record(
    "A rule that was broken: by which field, a word for machines, and a sentence for people.",
    {"field": TEXT, "code": TEXT, "message": TEXT},
)
_EXISTING: Final = record("What is there already.", {"id": ID, "url": TEXT})
_PROBLEM: Final = {
    **record(
        "A refusal, by RFC 9457.",
        {
            "type": TEXT,
            "title": TEXT,
            "status": WHOLE,
            "detail": TEXT,
            "message": TEXT,
            "code": TEXT,
            "requestId": TEXT,
        },
        {"errors": list_of(_ERROR), "existing": _EXISTING, "scope": TEXT},
    ),
    "additionalProperties": True,
}
_RELEASE: Final = record(
    "A release.",
    {
        **_DATES,
        "name": TEXT,
        "channel": TEXT,
        "version": TEXT,
        "platforms": TEXTS,
        "notes": TEXT,
        "totalFiles": WHOLE,
        "publishedAt": nullable(TIME),
        "files": list_of(refer("ReleaseFile")),
        "published": FLAG,
        "private": FLAG,
        "archived": FLAG,
        "productId": ID,
        "tenantId": ID,
    },
)
_FILE: Final = record(
    "A file of a release. `size` counts bytes, `checksum` is hexadecimal.",
    {
        **_DATES,
        "name": TEXT,
        "url": TEXT,
        "size": WHOLE,
        "downloads": WHOLE,
        "extension": TEXT,
        "checksum": TEXT,
        "secured": FLAG,
        "published": FLAG,
        "releaseId": ID,
        "releaseName": TEXT,
    },
)
_TRIAL: Final = record(
    "What `validateOnly=true` says where all is well: nothing was written.",
    {"valid": FLAG, "normalized": {"type": "object"}, "warnings": TEXTS},
)
_WEBHOOK: Final = record(
    "A webhook. `token` and the values of `headers` are masked for whoever may not change it.",
    {
        **_DATES,
        "name": TEXT,
        "url": TEXT,
        "token": TEXT,
        "active": FLAG,
        "events": _EVENTS,
        "scheme": {"type": "string", "enum": sorted(signing.SCHEMES)},
        "headers": {"type": "object", "additionalProperties": TEXT},
        "maxConcurrency": WHOLE,
        "ratePerSecond": nullable(WHOLE),
        "paused": FLAG,
        "disabledReason": nullable(TEXT),
        "formerTokenExpiresAt": nullable(TIME),
    },
)
_HEALTH: Final = record(
    "How a webhook does.",
    {
        "state": TEXT,
        "words": TEXT,
        "attemptCount": WHOLE,
        "successCount": WHOLE,
        "successRate": nullable(NUMBER),
        "p50Milliseconds": nullable(NUMBER),
        "p95Milliseconds": nullable(NUMBER),
        "lastSuccessAt": nullable(TIME),
        "lastFailureAt": nullable(TIME),
        "failingSince": nullable(TIME),
        "failureCount": WHOLE,
        "disablesAt": nullable(TIME),
        "disabledAt": nullable(TIME),
        "disabledReason": nullable(TEXT),
        "noticeDismissedAt": nullable(TIME),
    },
)
_DELIVERY_MEMBERS: Final = {
    **_DATES,
    "webhookId": ID,
    "webhookName": TEXT,
    "event": _EVENT,
    "eventId": ID,
    "entityId": ID,
    "requestId": nullable(TEXT),
    "state": {"type": "string", "enum": list(STATES)},
    "reason": TEXT,
    "attempts": WHOLE,
    "nextAttemptAt": nullable(TIME),
    "deliveredAt": nullable(TIME),
    "heldAt": nullable(TIME),
    "test": FLAG,
}
_ATTEMPT: Final = record(
    "One attempt at a delivery: one call of the receiver.",
    {
        "id": TEXT,
        "createdAt": TIME,
        "updatedAt": TIME,
        "webhookId": ID,
        "webhookName": TEXT,
        "url": TEXT,
        "event": _EVENT,
        "eventId": ID,
        "deliveryId": ID,
        "entityId": ID,
        "requestId": nullable(TEXT),
        "attempt": WHOLE,
        "outcome": TEXT,
        "statusCode": nullable(WHOLE),
        "sentAt": TIME,
        "receivedAt": nullable(TIME),
        "durationMilliseconds": nullable(WHOLE),
        "error": nullable(TEXT),
        "errorMessage": nullable(TEXT),
        "retryReason": nullable(TEXT),
        "retryAt": nullable(TIME),
        "phases": nullable({"type": "object", "additionalProperties": NUMBER}),
        "address": TEXT,
        "requestHeaders": nullable({"type": "object"}),
        "responseBody": TEXT,
        "test": FLAG,
    },
)
_REPLAY: Final = record(
    "An order to send a webhook what it was owed in a span of time once more, and how far it is.",
    {
        **_DATES,
        "webhookId": ID,
        "since": TIME,
        "until": TIME,
        "events": nullable(list_of(_EVENT)),
        "includeMissed": FLAG,
        "state": TEXT,
        "waiting": nullable(TEXT),
        "total": WHOLE,
        "queued": WHOLE,
        "delivered": WHOLE,
        "dead": WHOLE,
        "pending": WHOLE,
        "retrying": WHOLE,
        "takenBack": WHOLE,
        "createdBy": TEXT,
        "finishedAt": nullable(TIME),
    },
)

ENTITIES: Final[dict[str, JsonSchema]] = {
    "Problem": _PROBLEM,
    "Release": _RELEASE,
    "ReleaseFile": _FILE,
    "Trial": _TRIAL,
    "Webhook": _WEBHOOK,
    "WebhookHealth": _HEALTH,
    "WebhookEvents": {
        "type": "object",
        "description": "The event types by what they are about.",
        "additionalProperties": TEXTS,
    },
    "Delivery": record("One event that is owed to one webhook.", _DELIVERY_MEMBERS),
    "WholeDelivery": record(
        "A delivery with the body that is sent and all its attempts.",
        {**_DELIVERY_MEMBERS, "requestBody": TEXT, "log": list_of(refer("WebhookEventLog"))},
    ),
    "WebhookEventLog": _ATTEMPT,
    "TestDelivery": record("The delivery of a test.", {"deliveryId": ID}),
    "Replay": _REPLAY,
    "ReplayPreview": record(
        "What a replay would send.", {"matching": WHOLE, "total": WHOLE, "missed": WHOLE, "until": TIME}
    ),
}
