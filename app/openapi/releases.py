"""What is said of releases and their files."""

from __future__ import annotations

from typing import Final

from app.openapi.description import FLAG, TEXT, TIME, Answer, Operation, Parameter, list_of, refer
from app.openapi.parameters import ACCOUNT, IDEMPOTENCY_KEY, IF_MATCH, KEY, STRICT, TRIAL, list_parameters
from app.releases.schema import ReleaseChangeSchema, ReleaseSchema
from app.releases.step_schema import ArchiveSchema, PlanSchema

_RELEASE: Final = Answer("The release.", refer("Release"))
_GONE: Final = Answer("It is done; there is no body.")

_FILTERS: Final = {
    "productId": TEXT,
    "name": TEXT,
    "platform": TEXT,
    "channel": TEXT,
    "version": TEXT,
    "published": FLAG,
    "private": FLAG,
    "archived": FLAG,
    "createdAt": TIME,
    "updatedAt": TIME,
    "query": TEXT,
}
_SORTS: Final = ("createdAt", "-createdAt", "version", "-version")
_NEWEST: Final = (
    Parameter("productId", "The product.", TEXT, is_required=True),
    Parameter("platform", "The platform. A release that names none is for all.", TEXT, is_required=True),
    Parameter("channel", "The channel.", {**TEXT, "default": "stable"}),
    KEY,
    ACCOUNT,
)

RELEASES: Final[dict[str, Operation]] = {
    "releases_api.create_release": Operation(
        tag="Releases",
        body=ReleaseSchema,
        parameters=(
            TRIAL,
            STRICT,
            Parameter(
                "onConflict",
                "What is to be done if another release has this place: refuse, keep the stored one, or change it.",
                {"type": "string", "enum": ["error", "ignore", "update"], "default": "error"},
            ),
            IDEMPOTENCY_KEY,
        ),
        answers={
            200: Answer(
                "The release was there before, or with `validateOnly=true`: this could be created.",
                {"anyOf": [refer("Release"), refer("Trial")]},
            ),
            201: Answer("The release was created.", refer("Release")),
        },
        refusals=(409, 422),
        example={
            "name": "Rocket 1.4.0",
            "version": "1.4.0",
            "channel": "stable",
            "platforms": ["linux", "windows"],
            "private": False,
            "notes": "- Starts twice as fast",
            "productId": "0b6f3c5e-52a1-4a7b-8d0f-6f2f4f9b7c11",
        },
    ),
    "releases_api.list_releases": Operation(
        tag="Releases",
        summary="Lists releases.",
        answers={200: Answer("Releases, the oldest first unless asked otherwise.", list_of(refer("Release")))},
        parameters=list_parameters(_FILTERS, _SORTS),
    ),
    "releases_api.get_release": Operation(tag="Releases", answers={200: _RELEASE}),
    "releases_api.update_release": Operation(
        tag="Releases",
        body=ReleaseChangeSchema,
        parameters=(TRIAL, STRICT, IF_MATCH),
        answers={
            200: Answer(
                "The release as it is now, or with `validateOnly=true`: it could be changed so.",
                {"anyOf": [refer("Release"), refer("Trial")]},
            )
        },
        refusals=(409, 412),
        example={"notes": "- Starts three times as fast"},
    ),
    "releases_api.delete_release": Operation(
        tag="Releases", parameters=(IF_MATCH,), answers={204: _GONE}, refusals=(409, 412)
    ),
    "releases_api.restore_release": Operation(tag="Releases", answers={200: _RELEASE}, refusals=(409,)),
    "releases_api.publish_release": Operation(
        tag="Releases",
        body=PlanSchema,
        is_body_optional=True,
        answers={200: _RELEASE},
        refusals=(409, 412),
        parameters=(IF_MATCH,),
    ),
    "releases_api.cancel_publication": Operation(tag="Releases", answers={204: _GONE}, refusals=(409,)),
    "releases_api.archive_release": Operation(
        tag="Releases",
        body=ArchiveSchema,
        is_body_optional=True,
        answers={200: _RELEASE},
        refusals=(409, 412),
        parameters=(IF_MATCH,),
    ),
    "releases_api.unarchive_release": Operation(tag="Releases", answers={200: _RELEASE}, refusals=(409,)),
    "newest_api.get_latest": Operation(
        tag="Releases", is_public=True, parameters=_NEWEST, answers={200: _RELEASE}, refusals=(401, 403, 404)
    ),
    "newest_api.get_update": Operation(
        tag="Releases",
        is_public=True,
        parameters=(
            *_NEWEST,
            Parameter(
                "version",
                "What the caller has. As many parts are compared as it has.",
                TEXT,
                is_required=True,
                example="1.4.0",
            ),
        ),
        answers={200: Answer("There is a newer one.", refer("Release")), 204: Answer("There is none.")},
        refusals=(401, 403, 404),
    ),
    "newest_api.list_published_releases": Operation(
        tag="Releases",
        summary="Lists what is published, the newest first.",
        parameters=list_parameters(_FILTERS, _SORTS),
        answers={200: Answer("Published releases.", list_of(refer("Release")))},
    ),
}
