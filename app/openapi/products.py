"""What is said of products, of who may have their releases, and of channels and platforms."""

from __future__ import annotations

from typing import Final

from app.channels.schema import NameChangeSchema, NameSchema
from app.download_keys.schema import AccessSchema, DownloadKeyChangeSchema, DownloadKeySchema
from app.openapi.description import FLAG, TEXT, TIME, Answer, JsonSchema, Operation, list_of, refer
from app.openapi.parameters import IDEMPOTENCY_KEY, IF_MATCH, STRICT, TRIAL, list_parameters
from app.products.schema import ProductChangeSchema, ProductSchema

_GONE: Final = Answer("It is done; there is no body.")


def answer_creation(name: str) -> dict[int, Answer]:
    """Gives the answers of creating what a component describes."""
    return {
        200: Answer(
            "It was there before, or with `validateOnly=true`: this could be created.",
            {"anyOf": [refer(name), refer("Trial")]},
        ),
        201: Answer("It was created.", refer(name)),
    }


def answer_change(name: str) -> dict[int, Answer]:
    """Gives the answers of changing what a component describes."""
    return {
        200: Answer(
            "As it is now, or with `validateOnly=true`: it could be changed so.",
            {"anyOf": [refer(name), refer("Trial")]},
        )
    }


def _describe_names(blueprint: str, noun: str, plural: str) -> dict[str, Operation]:
    tag, name = "Channels and platforms", "ReleaseName"
    filters: dict[str, JsonSchema] = {"name": TEXT, "createdAt": TIME, "updatedAt": TIME, "query": TEXT}
    return {
        f"{blueprint}.create_{noun}": Operation(
            tag=tag,
            body=NameSchema,
            parameters=(TRIAL, STRICT, IDEMPOTENCY_KEY),
            answers=answer_creation(name),
            refusals=(409, 422),
        ),
        f"{blueprint}.list_{plural}": Operation(
            tag=tag,
            summary=f"Lists {plural}, those that releases name and those that were made.",
            answers={200: Answer("Their names.", list_of(refer(name)))},
            parameters=list_parameters(filters),
        ),
        f"{blueprint}.get_{noun}": Operation(tag=tag, answers={200: Answer("It.", refer(name))}),
        f"{blueprint}.update_{noun}": Operation(
            tag=tag,
            body=NameChangeSchema,
            parameters=(TRIAL, STRICT, IF_MATCH),
            answers=answer_change(name),
            refusals=(409, 412),
        ),
        f"{blueprint}.delete_{noun}": Operation(
            tag=tag, parameters=(IF_MATCH,), answers={204: _GONE}, refusals=(409, 412)
        ),
    }


PRODUCTS: Final[dict[str, Operation]] = {
    "products_api.create_product": Operation(
        tag="Products",
        body=ProductSchema,
        parameters=(TRIAL, STRICT, IDEMPOTENCY_KEY),
        answers=answer_creation("Product"),
        refusals=(409, 422),
        example={"name": "rocket", "displayName": "Rocket", "description": "Goes up."},
    ),
    "products_api.list_products": Operation(
        tag="Products",
        summary="Lists products.",
        answers={200: Answer("Products.", list_of(refer("Product")))},
        parameters=list_parameters(
            {
                "name": TEXT,
                "displayName": TEXT,
                "description": TEXT,
                "createdAt": TIME,
                "updatedAt": TIME,
                "query": TEXT,
            }
        ),
    ),
    "products_api.get_product": Operation(tag="Products", answers={200: Answer("The product.", refer("Product"))}),
    "products_api.update_product": Operation(
        tag="Products",
        body=ProductChangeSchema,
        parameters=(TRIAL, STRICT, IF_MATCH),
        answers=answer_change("Product"),
        refusals=(409, 412),
        example={"metadata": [{"key": "Documentation", "value": "https://example.com/docs", "visible": True}]},
    ),
    "products_api.delete_product": Operation(
        tag="Products", parameters=(IF_MATCH,), answers={204: _GONE}, refusals=(409, 412)
    ),
    "download_keys_api.get_access": Operation(tag="Products", answers={200: Answer("Whether.", refer("Access"))}),
    "download_keys_api.update_access": Operation(
        tag="Products",
        body=AccessSchema,
        parameters=(TRIAL, STRICT, IF_MATCH),
        answers=answer_change("Access"),
        refusals=(412,),
    ),
    "download_keys_api.list_keys": Operation(
        tag="Products",
        summary="Lists the download keys of a product.",
        answers={200: Answer("Download keys, without the keys themselves.", list_of(refer("DownloadKey")))},
        parameters=list_parameters({"name": TEXT, "revoked": FLAG}),
    ),
    "download_keys_api.create_key": Operation(
        tag="Products",
        body=DownloadKeySchema,
        parameters=(TRIAL, STRICT, IDEMPOTENCY_KEY),
        answers=answer_creation("DownloadKey"),
        refusals=(409, 422),
    ),
    "download_keys_api.get_key": Operation(
        tag="Products", answers={200: Answer("The download key.", refer("DownloadKey"))}
    ),
    "download_keys_api.update_key": Operation(
        tag="Products",
        body=DownloadKeyChangeSchema,
        parameters=(TRIAL, STRICT, IF_MATCH),
        answers=answer_change("DownloadKey"),
        refusals=(409, 412),
    ),
    "download_keys_api.revoke_key": Operation(
        tag="Products", parameters=(IF_MATCH,), answers={204: _GONE}, refusals=(412,)
    ),
    **_describe_names("channels_api", "channel", "channels"),
    **_describe_names("platforms_api", "platform", "platforms"),
}
