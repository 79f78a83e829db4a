"""From the bytes of a file to its entries: what it is written in, and what it is. Pure."""

from __future__ import annotations

from typing import Final

from app.exceptions import FieldError, ValidationError
from app.imports.formats.changelogs import is_changelog, read_changelog
from app.imports.formats.entries import ReadFile
from app.imports.formats.json_files import detect_array, read_github, read_gitlab, read_lines
from app.imports.formats.tables import is_table, read_table
from app.imports.schema import AUTO, CHANGELOG, CSV, GITHUB, GITLAB, JSONL
from app.language import say

CONTENT_LIMIT: Final = 10 * 1024 * 1024
_READERS: Final = {
    JSONL: read_lines,
    CSV: read_table,
    GITHUB: read_github,
    GITLAB: read_gitlab,
    CHANGELOG: read_changelog,
}
_ENDINGS: Final = {
    "jsonl": JSONL,
    "ndjson": JSONL,
    "csv": CSV,
    "tsv": CSV,
    "md": CHANGELOG,
    "markdown": CHANGELOG,
}


def read_file(content: bytes, file_format: str, file_name: str) -> ReadFile:
    """Takes a file, its format or ``auto``, and its name if it has one; gives its entries.

    Raises ValidationError on ``content`` if it cannot be read, or is too much.
    """
    text = decode(content)
    found = detect(text, file_name) if file_format == AUTO else file_format
    read = _READERS[found](text)
    if not read.entries:
        raise _refuse("empty", say("There is no release in this file."))
    return read


def decode(content: bytes) -> str:
    """Takes a file; gives its text, with one kind of line end but in what is quoted. Raises ValidationError."""
    if len(content) > CONTENT_LIMIT:
        raise _refuse("too_large", say("The file must have at most {limit} MiB.", limit=CONTENT_LIMIT // 1024**2))
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise _refuse("invalid_encoding", say("The file is UTF-16. Save it as UTF-8."))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise _refuse("invalid_encoding", say("Line {line} is not UTF-8. Save the file as UTF-8.", line=line)) from None
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    if not text.strip():
        raise _refuse("required", say("The file is empty."))
    return text


def detect(text: str, file_name: str) -> str:
    """Takes a text and the name of its file; gives its format. Raises ValidationError if that cannot be told."""
    if found := _ENDINGS.get(file_name.rpartition(".")[2].lower()):
        return found
    start = text.lstrip()[:1]
    if start == "{":
        return JSONL
    # A line of Markdown may begin with a bracket, too.
    if start == "[" and (file_name.lower().endswith(".json") or not is_changelog(text)):
        return detect_array(text)
    if is_changelog(text):
        return CHANGELOG
    if is_table(text):
        return CSV
    raise ValidationError(
        [FieldError("format", "unknown_format", say("The format cannot be told from the file. Choose it."))]
    )


def _refuse(code: str, message: str) -> ValidationError:
    return ValidationError([FieldError("content", code, message)])
