"""What is said of imports."""

from __future__ import annotations

from typing import Final

from app.imports.judging import STATES
from app.imports.schema import FORMATS, LONG_NOTES, PRERELEASES, ImportSchema
from app.openapi.description import FLAG, TEXT, Answer, JsonSchema, Operation, Parameter, list_of, refer
from app.openapi.parameters import TRIAL, list_parameters
from app.openapi.requests import build_request_schema

_IMPORT: Final = Answer("The import as it is now.", refer("Import"))


def _build_body() -> JsonSchema:
    options = build_request_schema(ImportSchema)
    content = {**TEXT, "description": "The file as text."}
    return {**options, "properties": {"content": content, **options["properties"]}, "required": ["content"]}


_OPTIONS: Final = tuple(
    Parameter(name, f"As in the JSON body, where the body is the file: {name}.", schema)
    for name, schema in {
        "productId": TEXT,
        "oneProduct": FLAG,
        "format": {"type": "string", "enum": list(FORMATS)},
        "fileName": TEXT,
        "channel": TEXT,
        "private": FLAG,
        "publish": FLAG,
        "quiet": FLAG,
        "prereleases": {"type": "string", "enum": list(PRERELEASES)},
        "longNotes": {"type": "string", "enum": list(LONG_NOTES)},
        "tagPrefix": TEXT,
    }.items()
)
_FILE: Final[JsonSchema] = {"type": "string", "format": "binary"}

IMPORTS: Final[dict[str, Operation]] = {
    "imports_api.create_import": Operation(
        tag="Imports",
        body={"application/json": _build_body(), "application/octet-stream": _FILE, "text/csv": _FILE},
        parameters=(TRIAL, *_OPTIONS),
        answers={
            200: Answer(
                "This was sent before, or with `validateOnly=true`: what would come of it.",
                {"anyOf": [refer("Import"), refer("ImportPlan")]},
            ),
            201: Answer("What would come of it, kept until it is run.", refer("Import")),
        },
        refusals=(409,),
        example={
            "content": "version,date,notes\n1.0,2019-08-24,- The first one\n",
            "fileName": "releases.csv",
            "productId": "0b6f3c5e-52a1-4a7b-8d0f-6f2f4f9b7c11",
        },
    ),
    "imports_api.list_imports": Operation(
        tag="Imports",
        summary="Lists imports.",
        answers={200: Answer("Imports.", list_of(refer("Import")))},
        parameters=list_parameters({}),
    ),
    "imports_api.get_import": Operation(tag="Imports", answers={200: _IMPORT}),
    "imports_api.change_options": Operation(
        tag="Imports", body=ImportSchema, answers={200: _IMPORT}, refusals=(409,), example={"prereleases": "channel"}
    ),
    "imports_api.list_rows": Operation(
        tag="Imports",
        answers={200: Answer("Rows.", list_of(refer("ImportRow")))},
        parameters=(
            Parameter("state", f"One or more of {', '.join(STATES)}, with commas between them.", TEXT),
            Parameter("warnings", "Only those with warnings.", FLAG),
            *(it for it in list_parameters({}) if it.name != "sort"),
        ),
    ),
    "imports_api.run_import": Operation(
        tag="Imports",
        answers={200: Answer("It is done.", refer("Import")), 202: Answer("It is running.", refer("Import"))},
        refusals=(409,),
    ),
    "imports_api.stop_import": Operation(tag="Imports", answers={200: _IMPORT}, refusals=(409,)),
}
