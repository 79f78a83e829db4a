"""Builds the description from the application's routes and from what is said of each."""

from __future__ import annotations

import inspect
import re
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from flask import Flask
from werkzeug.routing import Rule

from app.accounts.actors import SCOPES
from app.limits import WINDOW_SECONDS
from app.openapi.description import JSON, PROBLEM, Answer, JsonSchema, Operation, Parameter, refer
from app.openapi.entities import ENTITIES
from app.openapi.more_entities import MORE_ENTITIES
from app.openapi.operations import OPERATIONS, TAGS
from app.openapi.requests import build_request_schema
from app.schemas import Schema

_VERSION: Final = "3.0"
_PLACE = re.compile(r"<(?:[^:>]+:)?([^>]+)>")
_METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE")
_INTRODUCTION: Final = """Slipway's API, for automation. Every list is a bare array; the header `Link` leads to its
next page. A filter is `field=value` or `field[operator]=value`. Text knows the operators eq, ne, sw, ew, cn, nc, in and
nin, numbers and times know eq, ne, gt, gte, lt and lte. `null` means that a member was not given. Every refusal is a
problem document (RFC 9457), which names all broken rules at once."""


def build_document(app: Flask, base_url: str) -> dict[str, Any]:
    """Takes the application and its address; gives its OpenAPI 3.1 document."""
    components = {**ENTITIES, **MORE_ENTITIES}
    paths: dict[str, dict[str, Any]] = {}
    for rule in sorted(list_rules(app), key=lambda rule: (TAGS_ORDER[OPERATIONS[rule.endpoint].tag], rule.rule)):
        item = paths.setdefault(spell_path(rule), {})
        for method in sorted((rule.methods or set()) & set(_METHODS), key=_METHODS.index):
            item[method.lower()] = _describe(app, rule, method, components)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Slipway",
            "version": _VERSION,
            "description": _INTRODUCTION.replace("\n", " "),
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "servers": [{"url": base_url}],
        "tags": [{"name": name, "description": words} for name, words in TAGS.items()],
        "paths": paths,
        "components": {
            "schemas": dict(sorted(components.items())),
            "securitySchemes": {
                "accessToken": {
                    "type": "http",
                    "scheme": "bearer",
                    "bearerFormat": "JWT",
                    "description": f"An access token. Its scopes are among {', '.join(SCOPES)}.",
                }
            },
        },
    }


TAGS_ORDER: Final = {name: number for number, name in enumerate(TAGS)}


def list_rules(app: Flask) -> list[Rule]:
    """Gives the routes of the API that are described."""
    return [rule for rule in app.url_map.iter_rules() if rule.endpoint in OPERATIONS]


def spell_path(rule: Rule) -> str:
    """Gives a route's path as OpenAPI spells it."""
    return _PLACE.sub(lambda match: f"{{{_camelize(match[1])}}}", rule.rule)


def _camelize(name: str) -> str:
    first, *rest = name.split("_")
    return first + "".join(part.capitalize() for part in rest)


def _describe(app: Flask, rule: Rule, method: str, components: dict[str, JsonSchema]) -> dict[str, Any]:
    operation = OPERATIONS[rule.endpoint]
    view = app.view_functions[rule.endpoint]
    first, _, more = inspect.cleandoc(view.__doc__ or "").partition("\n\n")
    places = [_camelize(name) for name in _PLACE.findall(rule.rule)]
    named: tuple[str, ...] = getattr(view, "required_scopes", ())
    scopes = named if operation.scopes is None else operation.scopes
    described: dict[str, Any] = {
        "operationId": _camelize(rule.endpoint.split(".")[1]) + _distinguish(rule),
        "tags": [operation.tag],
        # No Markdown: it is shown in one line.
        "summary": operation.summary or " ".join(first.split()).replace("``", ""),
        "parameters": [
            *({"name": name, "in": "path", "required": True, "schema": {"type": "string"}} for name in places),
            *(_describe_parameter(parameter) for parameter in operation.parameters),
        ],
        "responses": _describe_answers(operation, method, scopes, has_place=bool(places)),
        "security": [] if operation.is_public else [{"accessToken": list(scopes)}],
    }
    words = " ".join(more.split()).replace("``", "`")
    needs = f"Needs the scope{'s' if len(scopes) > 1 else ''} `{'` and `'.join(scopes)}`." if scopes else ""
    if described_as := " ".join(part for part in (words, needs) if part):
        described["description"] = described_as
    if operation.body is not None:
        described["requestBody"] = {
            "required": not operation.is_body_optional,
            "content": _describe_body(operation, components),
        }
    return described


def _distinguish(rule: Rule) -> str:
    # One function stands behind two routes; an operation's id stands for one.
    return "OfAccount" if "account_id" in rule.arguments else ""


def _describe_parameter(parameter: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": parameter.name,
        "in": parameter.place,
        "description": parameter.description,
        "schema": parameter.schema,
    }
    if parameter.is_required:
        described["required"] = True
    if parameter.example is not None:
        described["example"] = parameter.example
    return described


def _describe_body(operation: Operation, components: dict[str, JsonSchema]) -> dict[str, Any]:
    body = operation.body
    if isinstance(body, type) and issubclass(body, Schema):
        name = body.__name__.removesuffix("Schema") + "Request"
        components[name] = build_request_schema(body)
        body = {JSON: refer(name)}
    assert isinstance(body, Mapping)  # noqa: S101 - the two kinds that there are, for the type checker
    content: dict[str, Any] = {media_type: {"schema": schema} for media_type, schema in body.items()}
    if operation.example is not None:
        content[JSON]["example"] = operation.example
    return content


def _describe_answers(operation: Operation, method: str, scopes: tuple[str, ...], *, has_place: bool) -> dict[str, Any]:
    answers = {str(status): _describe_answer(answer) for status, answer in operation.answers.items()}
    refusals = {400, 429, 503, *operation.refusals}
    if not operation.is_public:
        refusals.add(401)
    if scopes:
        refusals.add(403)
    if has_place:
        refusals.add(404)
    if operation.body is not None:
        refusals |= {413, 415}
    if method == "GET":
        answers["304"] = {"description": "It is still what `If-None-Match` names; there is no body."}
        refusals.add(412)
    for status in sorted(refusals):
        answers.setdefault(
            str(status),
            {
                "description": _REFUSALS.get(status, HTTPStatus(status).phrase),
                "content": {PROBLEM: {"schema": refer("Problem")}},
            },
        )
    return dict(sorted(answers.items()))


_REFUSALS: Final = {
    400: "Something breaks a rule; `errors` names each.",
    401: "There is no access token, or it is invalid, expired or revoked.",
    403: "The token may not do this, or what it is about cannot be changed any more.",
    404: "There is no such thing.",
    409: "It does not fit what is there already.",
    412: "It was changed since the version that `If-Match` names.",
    422: "The `Idempotency-Key` came before with something else.",
    429: f"Too many requests within {WINDOW_SECONDS} seconds; `Retry-After` says when to come back.",
    503: "Something that Slipway needs is not there at the moment; `Retry-After` says when to come back.",
}


def _describe_answer(answer: Answer) -> dict[str, Any]:
    described: dict[str, Any] = {"description": answer.description}
    if answer.schema is not None:
        described["content"] = {answer.media_type: {"schema": answer.schema}}
    return described
