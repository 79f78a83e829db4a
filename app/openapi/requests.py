"""The JSON Schemas of what is sent, out of the classes that validate it. Pure."""

from __future__ import annotations

from typing import Any

from app.openapi.description import JsonSchema, nullable
from app.schemas import Schema


def build_request_schema(schema: type[Schema]) -> JsonSchema:
    """Takes a class that validates what is sent; gives its JSON Schema, by the wire's names.

    ``null`` means that a member was not given, so it fits every member that may be left out.
    """
    built = schema.model_json_schema(by_alias=True)
    required = built.get("required", [])
    members = {name: _tidy(member) for name, member in built.get("properties", {}).items()}
    return {
        "type": "object",
        "description": " ".join((schema.__doc__ or "").split()).replace("``", "`"),
        "properties": {name: member if name in required else _allow_null(member) for name, member in members.items()},
        **({"required": required} if required else {}),
    }


def _tidy(value: Any) -> Any:
    # Titles are made of the members' names and say nothing new.
    if isinstance(value, dict):
        return {name: _tidy(item) for name, item in value.items() if name != "title"}
    return [_tidy(item) for item in value] if isinstance(value, list) else value


def _allow_null(member: JsonSchema) -> JsonSchema:
    if {"type": "null"} not in member.get("anyOf", []):
        return nullable(member)
    kinds = [kind for kind in member["anyOf"] if kind != {"type": "null"}]
    rest = {name: value for name, value in member.items() if name not in ("anyOf", "default")}
    return {**nullable(kinds[0]), **rest} if len(kinds) == 1 else member
