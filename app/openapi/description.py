"""What is said of an operation beside what its route and its function say themselves. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from app.schemas import Schema

JsonSchema = dict[str, Any]

ID: Final[JsonSchema] = {"type": "string", "format": "uuid"}
TIME: Final[JsonSchema] = {"type": "string", "format": "date-time"}
TEXT: Final[JsonSchema] = {"type": "string"}
WHOLE: Final[JsonSchema] = {"type": "integer"}
NUMBER: Final[JsonSchema] = {"type": "number"}
FLAG: Final[JsonSchema] = {"type": "boolean"}
TEXTS: Final[JsonSchema] = {"type": "array", "items": TEXT}
JSON: Final = "application/json"
PROBLEM: Final = "application/problem+json"


@dataclass(frozen=True, slots=True)
class Parameter:
    """A parameter of the query or a header. ``schema`` is its JSON Schema."""

    name: str
    description: str
    schema: JsonSchema = field(default_factory=lambda: TEXT)
    is_required: bool = False
    place: str = "query"
    example: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer that is no refusal: what it says, and its body's schema, None if it has no body."""

    description: str
    schema: JsonSchema | None = None
    media_type: str = JSON


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """What is said of the function behind one endpoint.

    ``body`` is a schema class for a JSON object, or a mapping of media types to JSON Schemas. ``refusals`` are
    statuses beside those that every operation of its kind may answer.
    """

    tag: str
    # Where the function's own first sentence would say too little.
    summary: str = ""
    answers: Mapping[int, Answer]
    body: type[Schema] | Mapping[str, JsonSchema] | None = None
    is_body_optional: bool = False
    parameters: tuple[Parameter, ...] = ()
    refusals: tuple[int, ...] = ()
    scopes: tuple[str, ...] | None = None
    is_public: bool = False
    example: Any = None


def refer(name: str) -> JsonSchema:
    """Gives a reference to a component's schema."""
    return {"$ref": f"#/components/schemas/{name}"}


def list_of(items: JsonSchema) -> JsonSchema:
    """Gives the schema of an array."""
    return {"type": "array", "items": items}


def nullable(schema: JsonSchema) -> JsonSchema:
    """Gives a schema that null fits, too."""
    if isinstance(schema.get("type"), str):
        return {**schema, "type": [schema["type"], "null"]}
    return {"anyOf": [schema, {"type": "null"}]}


def record(
    description: str, members: Mapping[str, JsonSchema], optional: Mapping[str, JsonSchema] | None = None
) -> JsonSchema:
    """Gives the schema of an object that has these members and no others."""
    return {
        "type": "object",
        "description": description,
        "properties": {**members, **(optional or {})},
        "required": list(members),
        "additionalProperties": False,
    }
