"""The validation of a product. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field, PlainValidator

from app.language import say
from app.products import metadata
from app.schemas import Line, Schema, check_line, describe_ignored, parse_members, refuse, refuse_all
from app.schemas import find_unknown as find_unknown_members
from app.text import find_encoding_error

DESCRIPTION_LIMIT = 4096
LABELS = {
    "name": say("Name"),
    "displayName": say("Display name"),
    "description": say("Description"),
    "metadata": say("Metadata"),
}
_check_display_name = check_line(256)


def _check_optional_line(value: str) -> str:
    return _check_display_name(value) if value else value


def _check_description(value: str) -> str:
    value = value.replace("\r\n", "\n")
    if error := find_encoding_error(value):
        raise refuse(*error)
    if len(value) > DESCRIPTION_LIMIT:
        raise refuse(
            "too_long",
            say("must have at most {limit} characters; it has {length}.", limit=DESCRIPTION_LIMIT, length=len(value)),
        )
    return value


def _check_metadata(value: Any) -> list[dict[str, Any]]:
    if broken := metadata.find_broken(value):
        raise refuse_all((it.code, it.message) for it in broken)
    return metadata.normalize(value)


DisplayName = Annotated[str, AfterValidator(_check_optional_line)]
Description = Annotated[str, AfterValidator(_check_description)]
Metadata = Annotated[list[dict[str, Any]], PlainValidator(_check_metadata, json_schema_input_type=list[metadata.Entry])]


class ProductSchema(Schema):
    """The members of ``POST /v3/products``."""

    name: Line
    displayName: DisplayName = ""  # noqa: N815 - the wire's name
    description: Description = ""
    metadata: Metadata = Field(default_factory=list)


class ProductChangeSchema(Schema):
    """The members of ``PATCH /v3/products/{id}``: what is not given stays as it is. Metadata is replaced whole."""

    name: Line | None = None
    displayName: DisplayName | None = None  # noqa: N815
    description: Description | None = None
    metadata: Metadata | None = None


def parse_product(raw: Mapping[str, Any], *, is_strict: bool = False) -> ProductSchema:
    """Takes the members that were sent; gives the product's.

    Raises ValidationError with every broken rule. With ``is_strict`` an unknown member breaks one.
    """
    return parse_members(ProductSchema, raw, LABELS, find_unknown(raw) if is_strict else ())


def parse_product_change(raw: Mapping[str, Any], *, is_strict: bool = False) -> ProductChangeSchema:
    """Takes the members that were sent; gives those to change. Raises as above."""
    return parse_members(ProductChangeSchema, raw, LABELS, find_unknown(raw) if is_strict else ())


def find_unknown(raw: Mapping[str, Any]) -> list[str]:
    """Gives the names of the members that say nothing, those of entries of the metadata by their paths."""
    return [*find_unknown_members(ProductSchema, raw), *metadata.find_unknown(raw.get("metadata"))]


def find_warnings(raw: Mapping[str, Any]) -> list[str]:
    """Takes what was sent; gives in words what of it is ignored."""
    return [describe_ignored(name) for name in find_unknown(raw)]
