"""What is said of trusted publishing."""

from __future__ import annotations

from typing import Final

from app.openapi.description import Answer, Operation, list_of, refer
from app.openapi.parameters import STRICT, TRIAL, list_parameters
from app.openapi.products import answer_creation
from app.openapi.requests import build_request_schema
from app.publishers.schema import SCHEMAS, MintSchema

_TAG: Final = "Trusted publishing"

PUBLISHERS: Final[dict[str, Operation]] = {
    "publishing_api.get_audience": Operation(
        tag=_TAG, is_public=True, answers={200: Answer("The audience.", refer("Audience"))}
    ),
    "publishing_api.mint_token": Operation(
        tag=_TAG,
        is_public=True,
        body=MintSchema,
        answers={200: Answer("A token for that product.", refer("MintedToken"))},
        refusals=(403, 409),
    ),
    "publishers_api.create_publisher": Operation(
        tag=_TAG,
        body={"application/json": {"anyOf": [build_request_schema(schema) for schema in SCHEMAS.values()]}},
        parameters=(TRIAL, STRICT),
        answers=answer_creation("TrustedPublisher"),
        refusals=(409,),
        example={"kind": "github", "repository": "acme/rocket", "workflow": "publish.yml", "environment": "production"},
    ),
    "publishers_api.list_publishers": Operation(
        tag=_TAG,
        summary="Lists whom a product trusts.",
        answers={200: Answer("Trusted publishers.", list_of(refer("TrustedPublisher")))},
        parameters=list_parameters({}),
    ),
    "publishers_api.get_publisher": Operation(
        tag=_TAG, answers={200: Answer("The trusted publisher.", refer("TrustedPublisher"))}
    ),
    "publishers_api.delete_publisher": Operation(tag=_TAG, answers={204: Answer("It is not trusted any more.")}),
    "publishers_api.revoke_publisher_tokens": Operation(
        tag=_TAG, answers={200: Answer("The trusted publisher.", refer("TrustedPublisher"))}
    ),
}
