"""Files of releases as tools and people write them, read into entries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.exceptions import ValidationError
from app.imports.formats.detection import CONTENT_LIMIT, read_file
from app.imports.formats.entries import ROW_LIMIT, ReadFile
from app.imports.formats.tables import COLUMN_LIMIT
from tests.corpora import load_real_releases
from tests.importing import CHANGELOG, build_real_file

pytestmark = pytest.mark.once

GITHUB = [
    {
        "tag_name": "v1.4.0",
        "name": "",
        "body": "a\r\nb",
        "draft": False,
        "prerelease": True,
        "created_at": "2024-05-01T09:00:00Z",
        "published_at": "2024-05-01T10:00:00Z",
        "html_url": "https://github.com/o/r/releases/tag/v1.4.0",
        "assets": [{}, {}],
    }
]
GITLAB = [
    {
        "tag_name": "1.0",
        "name": "One",
        "description": "x",
        "created_at": "2024-01-02T00:00:00Z",
        "released_at": "2024-01-01T00:00:00.000+01:00",
        "_links": {"self": "https://gitlab.com/o/r/-/releases/1.0"},
        "assets": {"count": 4, "links": []},
    }
]


def read(content: str | bytes, file_name: str = "", file_format: str = "auto") -> ReadFile:
    return read_file(content.encode() if isinstance(content, str) else content, file_format, file_name)


def list_members(content: str | bytes, file_name: str = "") -> list[dict[str, Any]]:
    return [dict(entry.members) for entry in read(content, file_name).entries]


def test_the_format_is_found_by_the_name_or_by_the_content() -> None:
    pages = json.dumps(GITHUB) + json.dumps(GITHUB)
    files = {
        ("github", ""): json.dumps(GITHUB),
        ("gitlab", "releases.json"): json.dumps(GITLAB),
        ("jsonl", "x.json"): '[{"version": "1.0"}]',
        ("jsonl", ""): '{"version": "1.0"}\n\n{"version": "1.1"}\n',
        ("csv", ""): "Version;Date\n1.0;2024-01-01\n",
        ("csv", "x.tsv"): "tag\tbody\n1.0\tx\n",
        ("changelog", ""): CHANGELOG,
        ("changelog", "links.txt"): "[see]: https://example.org\n\n## 1.0\nx\n",
    }
    found = {key: read(content, key[1]).format for key, content in files.items()}
    assert found == {key: key[0] for key in files}
    # As tools write the pages of a list: one array after another, or an array of them.
    assert len(read(pages).entries) == len(read(json.dumps([GITHUB, GITHUB])).entries) == 2


def test_forges_say_what_they_say() -> None:
    (entry,) = read(json.dumps(GITHUB)).entries
    assert entry.members == {
        "version": "v1.4.0",
        "notes": "a\r\nb",
        "date": "2024-05-01T10:00:00Z",
        "draft": False,
        "prerelease": True,
        "url": "https://github.com/o/r/releases/tag/v1.4.0",
    }
    assert [warning.message for warning in entry.warnings] == ["Its files are not imported; there are 2."]
    assert list_members(json.dumps(GITLAB)) == [
        {
            "version": "1.0",
            "name": "One",
            "notes": "x",
            "date": "2024-01-01T00:00:00.000+01:00",
            "url": "https://gitlab.com/o/r/-/releases/1.0",
        }
    ]
    listed = [{"tagName": "v1.0", "isDraft": True, "publishedAt": None, "createdAt": "2024-01-01T00:00:00Z"}]
    assert list_members(json.dumps(listed))[0]["draft"] is True


def test_json_lines_are_read_one_by_one() -> None:
    lines = [
        '{"version": "1.0", "body": "x", "released_at": "2024-01-01", "platform": "linux", "licence": "MIT"}',
        '{"version": "1.1", "version": "1.2"}',
        '{"version": NaN}',
        "[1]",
        '{"version": ' + "1" * 5000 + "}",
        "[" * 100_000,
        '{"version": "1.3\u2028"}',
    ]
    entries = read("\r\n".join(lines)).entries
    assert entries[0].members == {"version": "1.0", "notes": "x", "date": "2024-01-01", "platforms": ["linux"]}
    assert [entry.errors[0].message if entry.errors else "" for entry in entries[1:]] == [
        'The member "version" is given more than once.',
        "This is not valid JSON: NaN is no JSON number.",
        "Each line must be one JSON object.",
        "A number has more than 64 digits.",
        "This is nested too deeply.",
        "",
    ]
    assert [entry.line for entry in entries] == [1, 2, 3, 4, 5, 6, 7]
    assert list_members('{\n  "version": "1.0"\n}\n{\n  "version": "1.1"\n}') == [
        {"version": "1.0"},
        {"version": "1.1"},
    ]


def test_tables_of_spreadsheets_are_read() -> None:
    table = (
        "\ufeffRelease Version;Release Date;Release Notes;Foo;Private;Platforms;name\r\n"
        '1.2;2024-01-01;"a\r\nb; ""c""";x;yes;linux, macos;"  One "\r\n'
        "\r\n"
        "1.3;;d;;perhaps\r\n"
        "1.4;;;;;;;eight\r\n"
        '1.5;;"x\r\n1.6'
    )
    found = read(table)
    assert found.warnings == ('The column "Foo" is not read.',)
    first, second, third, fourth = found.entries
    assert first.members == {
        "version": "1.2",
        "date": "2024-01-01",
        "notes": 'a\nb; "c"',
        "private": True,
        "platforms": ["linux", "macos"],
        "name": "One",
    }
    assert [error.message for error in second.errors] == ["Private must be yes or no."]
    assert [error.message for error in third.errors] == ["This row has 8 cells, and the first line names 7."]
    assert fourth.errors[0].code == "malformed"
    assert [entry.line for entry in found.entries] == [2, 5, 6, 7]


def test_changelogs_are_cut_at_their_versions() -> None:
    unreleased, newest, second, first = read(CHANGELOG).entries
    assert [warning.code for warning in unreleased.warnings] == ["unreleased"]
    assert newest.members == {
        "version": "1.2.0",
        "date": "2024-03-01",
        "notes": "### Added\n- Lands by itself ([#12]).\n\n[#12]: https://example.org/issues/12",
        "url": "https://example.org/compare/1.1.0...1.2.0",
    }
    assert (second.line, second.members["notes"]) == (10, "- Second.")
    assert first.members["notes"] == "- First."


def test_other_kinds_of_changelogs_are_cut_too() -> None:
    other = """History
=======

2.1 (unreleased)
----------------

v2.0.1 / 2020-01-02
-------------------
* In a block is no heading:

```
## 1.9
```

## Not a version: about 1.0

0.9.1 (6th December, 2019)
--------------------------
"""
    entries = read(other, "HISTORY.md").entries
    assert [(entry.members["version"], entry.members.get("date")) for entry in entries] == [
        ("2.1", "unreleased"),
        ("v2.0.1", "2020-01-02"),
        ("0.9.1", "6th December, 2019"),
    ]
    assert "## 1.9" in entries[1].members["notes"]
    headings = (
        "## [v1.2.0](https://example.org) (2024-01-02)\n- a\n### Fixed\n## **1.1.0** - [YANKED]\n- b\n## Release 1.0\n"
    )
    assert [(entry.members["version"], entry.members.get("date")) for entry in read(headings).entries] == [
        ("v1.2.0", "2024-01-02"),
        ("1.1.0", None),
        ("Release 1.0", None),
    ]


_TOO_MANY = "The file has more than 5000 releases. At most so many can be imported at once."


def test_no_changelog_takes_the_square_of_its_length() -> None:
    blanks = " " * 50_000
    [entry] = read(f"## 1.0{blanks}##{blanks}\na\n## {blanks}x\n{blanks}\n").entries
    assert entry.members == {"version": "1.0", "notes": "a"}
    # Each section uses one of the links that stand at the end.
    text = "".join(f"## {number}.0\n[a{number}]\n" for number in range(ROW_LIMIT))
    links = "".join(f"[a{number}]: https://a.example/{number}\n" for number in range(50_000))
    entries = read(f"{text}## older\n{links}").entries
    assert entries[-1].members["notes"] == "[a4999]\n\n[a4999]: https://a.example/4999"


def test_a_file_that_cannot_be_read_says_why() -> None:
    files: dict[bytes, str] = {
        b" \n": "The file is empty.",
        b"\xff\xfev\x00": "The file is UTF-16. Save it as UTF-8.",
        b"version\n1.0\n1.1\xe4\n": "Line 3 is not UTF-8. Save the file as UTF-8.",
        b"hello": "The format cannot be told from the file. Choose it.",
        b"[1,\n2": "Line 2: This is not valid JSON: Expecting ',' delimiter at column 2.",
        b"[]": "There is no release in this file.",
        b"{}\n" * (CONTENT_LIMIT // 3): _TOO_MANY,
        b"{\n" * (CONTENT_LIMIT // 2): _TOO_MANY,
        b"# 1.0\n" * (ROW_LIMIT + 1): _TOO_MANY,
        b"version\n" + b"1.0\n" * (ROW_LIMIT + 1): _TOO_MANY,
        b"version" + b",a" * COLUMN_LIMIT + b"\n": "The first line names more than 200 columns.",
        b"x" * (CONTENT_LIMIT + 1): "The file must have at most 10 MiB.",
    }
    said = {}
    for content in files:
        with pytest.raises(ValidationError) as caught:
            read(content)
        said[content] = caught.value.message
    assert said == files
    for file_format, message in (
        ("csv", "The first line must name the columns, and one of them must be version."),
        ("github", "The file must be an array of releases."),
        ("changelog", "There is no heading with a version, such as ## [1.4.0] - 2024-05-28."),
    ):
        with pytest.raises(ValidationError, match="^" + message.replace("[", r"\[")):
            read('{"a": 1}', file_format=file_format)


def test_all_real_releases_are_read() -> None:
    entries = read(build_real_file(), "real-releases.jsonl").entries
    assert len(entries) == len(load_real_releases())
    assert {entry.members["product"] for entry in entries} == {"httpx", "black", "pydantic"}
