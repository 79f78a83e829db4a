"""The validation of a channel or a platform. Pure, and by the rules of a release that names one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.language import say
from app.schemas import Line, Schema, find_unknown, parse_members

LABELS = {"name": say("Name")}


class NameSchema(Schema):
    """The members of ``POST /v3/release-channels`` and ``POST /v3/release-platforms``."""

    name: Line


class NameChangeSchema(Schema):
    """The members of the PATCH of one: what is not given stays as it is."""

    name: Line | None = None


def parse_name(raw: Mapping[str, Any], *, is_strict: bool = False) -> NameSchema:
    """Takes the members that were sent; gives those of a channel or a platform.

    Raises ValidationError with every broken rule. With ``is_strict`` an unknown member breaks one.
    """
    return parse_members(NameSchema, raw, LABELS, find_unknown(NameSchema, raw) if is_strict else ())


def parse_name_change(raw: Mapping[str, Any], *, is_strict: bool = False) -> NameChangeSchema:
    """Takes the members that were sent; gives those to change. Raises as above."""
    return parse_members(NameChangeSchema, raw, LABELS, find_unknown(NameChangeSchema, raw) if is_strict else ())
