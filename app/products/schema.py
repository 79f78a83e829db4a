"""The validation of a product. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator

from app.language import say
from app.schemas import Line, Schema, check_line, refuse, validate
from app.text import find_encoding_error

DESCRIPTION_LIMIT = 4096
LABELS = {"name": say("Name"), "displayName": say("Display name"), "description": say("Description")}
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


class ProductSchema(Schema):
    """The members of a product."""

    name: Line
    displayName: Annotated[str, AfterValidator(_check_optional_line)] = ""  # noqa: N815 - the wire's name
    description: Annotated[str, AfterValidator(_check_description)] = ""


def parse_product(raw: Mapping[str, Any]) -> ProductSchema:
    """Takes the members that were sent; gives the product's. Raises ValidationError with every broken rule."""
    return validate(ProductSchema, raw, LABELS)
