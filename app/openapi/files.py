"""What is said of the files of releases."""

from __future__ import annotations

from typing import Final

from app.files.schema import FileSchema
from app.openapi.description import FLAG, TEXT, Answer, Operation, Parameter, list_of, refer
from app.openapi.parameters import IDEMPOTENCY_KEY, IF_MATCH, KEY, STRICT, TRIAL, list_parameters

_BYTES: Final = {"type": "string", "format": "binary"}

FILES: Final[dict[str, Operation]] = {
    "files_api.create_file": Operation(
        tag="Files",
        body=FileSchema,
        parameters=(TRIAL, STRICT, IDEMPOTENCY_KEY),
        answers={
            200: Answer(
                "The file was there before, or with `validateOnly=true`: this could be added.",
                {"anyOf": [refer("ReleaseFile"), refer("Trial")]},
            ),
            201: Answer("The file was added.", refer("ReleaseFile")),
        },
        refusals=(409, 422),
        example={
            "name": "rocket-1.4.0.tar.gz",
            "url": "https://downloads.example.com/rocket-1.4.0.tar.gz",
            "size": 1048576,
            "checksum": "d41d8cd98f00b204e9800998ecf8427e",
            "releaseId": "0b6f3c5e-52a1-4a7b-8d0f-6f2f4f9b7c11",
        },
    ),
    "files_api.list_files": Operation(
        tag="Files",
        summary="Lists files.",
        answers={200: Answer("Files.", list_of(refer("ReleaseFile")))},
        parameters=list_parameters({"releaseId": TEXT}),
    ),
    "files_api.get_file": Operation(tag="Files", answers={200: Answer("The file.", refer("ReleaseFile"))}),
    "files_api.delete_file": Operation(
        tag="Files", parameters=(IF_MATCH,), answers={204: Answer("It is deleted.")}, refusals=(409, 412)
    ),
    "file_transfers_api.upload_file": Operation(
        tag="Files",
        body={
            "application/octet-stream": _BYTES,
            "multipart/form-data": {"type": "object", "properties": {"file": _BYTES}, "required": ["file"]},
        },
        parameters=(
            Parameter("secured", "Whether a download needs a token or a download key.", {**FLAG, "default": True}),
        ),
        answers={200: Answer("The file; it may have been there before.", refer("ReleaseFile"))},
        refusals=(409, 411),
    ),
    "file_transfers_api.download_file": Operation(
        tag="Files",
        is_public=True,
        parameters=(KEY, Parameter("Range", "Which bytes of it, by RFC 9110.", TEXT, place="header")),
        answers={
            200: Answer("The file.", _BYTES, "application/octet-stream"),
            206: Answer("A part of the file.", _BYTES, "application/octet-stream"),
            302: Answer("The file lies elsewhere: at `Location`."),
        },
        refusals=(401, 403, 412, 416),
    ),
}
