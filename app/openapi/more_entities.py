"""The schemas of what the API answers about products, accounts, imports and trusted publishing. Pure."""

from __future__ import annotations

from typing import Final

from app.openapi.description import (
    FLAG,
    ID,
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

_DATES: Final = {"id": ID, "createdAt": TIME, "updatedAt": TIME}
_ENTRY: Final = record("An entry of the metadata.", {"key": TEXT, "value": TEXT, "visible": FLAG})
_TOKEN_MEMBERS: Final = {
    "id": ID,
    "name": TEXT,
    "scopes": TEXTS,
    "expiresAt": TIME,
    "revoked": FLAG,
    "createdAt": TIME,
    "updatedAt": TIME,
    "userId": ID,
    "lastUsedAt": nullable(TIME),
}
_NOTE: Final = record(
    "What is wrong with a row, or what was made of it.", {"field": TEXT, "code": TEXT, "message": TEXT}
)
_COUNTS: Final[JsonSchema] = {
    "type": "object",
    "description": "How many rows are in each state.",
    "additionalProperties": WHOLE,
}
_IMPORT_ROW: Final = record(
    "A row of a file.",
    {
        "number": WHOLE,
        "line": nullable(WHOLE),
        "state": TEXT,
        "version": nullable(TEXT),
        "name": nullable(TEXT),
        "channel": nullable(TEXT),
        "platforms": TEXTS,
        "private": FLAG,
        "publish": FLAG,
        "createdAt": nullable(TIME),
        "productId": nullable(ID),
        "releaseId": nullable(ID),
        "errors": list_of(_NOTE),
        "warnings": list_of(_NOTE),
    },
)
_CALLER: Final = record(
    "Whoever asks. Of a job of CI that a product trusts, what only a user has is null.",
    {
        "id": nullable(ID),
        "createdAt": TIME,
        "updatedAt": TIME,
        "email": nullable(TEXT),
        "name": TEXT,
        "role": nullable(TEXT),
        "tenantId": ID,
        "tenant": record("The organisation.", {"id": ID, "name": TEXT, "slug": TEXT}),
        "scopes": TEXTS,
        "productId": nullable(ID),
        "productName": nullable(TEXT),
        "token": record("The token.", {"id": ID, "kind": TEXT, "name": TEXT, "expiresAt": nullable(TIME)}),
    },
)
_PUBLISHER: Final[JsonSchema] = {
    **record(
        "A job of CI that a product trusts. Which members say what it is depends on `kind`.",
        {
            **_DATES,
            "productId": ID,
            "kind": TEXT,
            "issuer": TEXT,
            "ownerId": TEXT,
            "lastUsedAt": nullable(TIME),
        },
    ),
    "additionalProperties": True,
}

MORE_ENTITIES: Final[dict[str, JsonSchema]] = {
    "Product": record(
        "A product.",
        {
            **_DATES,
            "name": TEXT,
            "displayName": TEXT,
            "description": TEXT,
            "totalReleases": WHOLE,
            "metadata": list_of(_ENTRY),
        },
    ),
    "ReleaseName": record("A channel or a platform.", {**_DATES, "name": TEXT}),
    "Access": record("Whether a product's releases are only for whoever has a token or a key.", {"restricted": FLAG}),
    "DownloadKey": record(
        "A download key. `key` is in the answer of its creation alone.",
        {
            **_DATES,
            "name": TEXT,
            "ending": TEXT,
            "revoked": FLAG,
            "lastUsedAt": nullable(TIME),
            "productId": ID,
        },
        {"key": TEXT},
    ),
    "AccessToken": record("An access token, without the token itself.", _TOKEN_MEMBERS),
    "NewAccessToken": record("An access token. It is shown this once.", {"accessToken": TEXT, **_TOKEN_MEMBERS}),
    "Login": record("An access token.", {"accessToken": TEXT}),
    "Caller": _CALLER,
    "Role": record("A role, and what it may do.", {**_DATES, "name": TEXT, "description": TEXT, "claims": TEXTS}),
    "Import": {
        **record(
            "An import: a file, how it is read, and how far it is.",
            {
                **_DATES,
                "state": TEXT,
                "reason": nullable(TEXT),
                "format": TEXT,
                "fileName": TEXT,
                "productId": nullable(ID),
                "total": WHOLE,
                "processed": WHOLE,
                "counts": _COUNTS,
                "warnings": TEXTS,
                "createdBy": TEXT,
                "startedAt": nullable(TIME),
                "finishedAt": nullable(TIME),
            },
        ),
        "additionalProperties": True,
    },
    "ImportRow": _IMPORT_ROW,
    "ImportPlan": record(
        "What would come of a file; nothing was kept.",
        {
            "valid": FLAG,
            "normalized": {"type": "object"},
            "warnings": TEXTS,
            "total": WHOLE,
            "counts": _COUNTS,
            "rows": list_of(refer("ImportRow")),
        },
    ),
    "Audience": record("Whom an identity token must be for.", {"audience": TEXT}),
    "MintedToken": record(
        "An access token for one product, good for some minutes.",
        {
            "success": FLAG,
            "token": TEXT,
            "expiresAt": TIME,
            "expiresIn": WHOLE,
            "scopes": TEXTS,
            "productId": ID,
            "productName": TEXT,
        },
    ),
    "TrustedPublisher": _PUBLISHER,
}
