"""The parameters that many operations have. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from app.openapi.description import FLAG, TEXT, JsonSchema, Parameter
from app.paging import DEFAULT_LIMIT, MAX_LIMIT

TRIAL: Final = Parameter("validateOnly", "Only say whether this could be done; nothing is written.", FLAG)
STRICT: Final = Parameter("strict", "Refuse what is not known, instead of leaving it out.", FLAG)
IDEMPOTENCY_KEY: Final = Parameter(
    "Idempotency-Key",
    "Whoever sends the same again under one key gets the first one back.",
    {"type": "string", "minLength": 1, "maxLength": 255, "pattern": "^[!-~]+$"},
    place="header",
)
IF_MATCH: Final = Parameter(
    "If-Match",
    "The `ETag` of what the caller has seen: if it was changed since, nothing is done.",
    TEXT,
    place="header",
)
KEY: Final = Parameter("key", "A download key of the product. Where none is needed it says nothing.", TEXT)
ACCOUNT: Final = Parameter("accountId", "Says nothing here: it is for clients that send it.", TEXT)
_OPERATORS: Final = {
    "string": "eq, ne, sw, ew, cn, nc, in, nin",
    "boolean": "eq, ne",
    "integer": "eq, ne, gt, gte, lt, lte",
}


def list_parameters(
    filters: Mapping[str, JsonSchema], sorts: Sequence[str] = ("createdAt", "-createdAt")
) -> tuple[Parameter, ...]:
    """Takes the fields that a list is filtered by, and its orders; gives its parameters."""
    return (
        *(Parameter(name, _describe_filter(name, schema), schema) for name, schema in filters.items()),
        Parameter("sort", "The order.", {"type": "string", "enum": list(sorts), "default": sorts[0]}),
        Parameter("page", "Which page; deep ones are quicker by the header `Link`.", {"type": "integer", "minimum": 1}),
        Parameter(
            "limit",
            "How many there are on a page.",
            {"type": "integer", "minimum": 1, "maximum": MAX_LIMIT, "default": DEFAULT_LIMIT},
        ),
        Parameter("cursor", "Where a page begins, as the header `Link` names it.", TEXT),
    )


def _describe_filter(name: str, schema: JsonSchema) -> str:
    if name == "query":
        return "Words to look for."
    kind = "integer" if schema.get("format") == "date-time" else str(schema.get("type"))
    return f"Only those whose {name} is this. Operators, as in `{name}[ne]=`: {_OPERATORS[kind]}."
