"""The validation of download keys, and of whether a product is restricted. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from app.language import say
from app.schemas import Line, Schema, find_unknown, parse_members

S = TypeVar("S", bound=Schema)

LABELS = {"name": say("Name"), "restricted": say("Restricted"), "revoked": say("Revoked")}


class DownloadKeySchema(Schema):
    """The members of a new download key: what it is called, such as the customer whom it is for."""

    name: Line


class DownloadKeyChangeSchema(Schema):
    """What can be changed of a download key; what is not given stays."""

    name: Line | None = None
    revoked: bool | None = None


class AccessSchema(Schema):
    """Whether a product's releases are only for those who have a token or a download key."""

    restricted: bool


def parse_download_key(raw: Mapping[str, Any], *, is_strict: bool = False) -> DownloadKeySchema:
    """Takes the members that were sent; gives the key's. Raises ValidationError with every broken rule."""
    return _parse(DownloadKeySchema, raw, is_strict)


def parse_download_key_change(raw: Mapping[str, Any], *, is_strict: bool = False) -> DownloadKeyChangeSchema:
    """Takes the members that were sent; gives what is to be changed. Raises ValidationError with every broken rule."""
    return _parse(DownloadKeyChangeSchema, raw, is_strict)


def parse_access(raw: Mapping[str, Any], *, is_strict: bool = False) -> AccessSchema:
    """Takes the members that were sent; gives who may have a product's releases. Raises ValidationError."""
    return _parse(AccessSchema, raw, is_strict)


def _parse(schema: type[S], raw: Mapping[str, Any], is_strict: bool) -> S:
    return parse_members(schema, raw, LABELS, find_unknown(schema, raw) if is_strict else ())
