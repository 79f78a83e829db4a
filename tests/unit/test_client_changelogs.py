"""The client takes a version's section out of a changelog, in whatever shape people write them."""

from __future__ import annotations

from textwrap import dedent

import pytest

from tests.client import load_client

pytestmark = pytest.mark.once

KEEP = """\
# Changelog

All notable changes. The form is that of [Keep a Changelog](https://keepachangelog.com/en/1.1.0/).

## [Unreleased]

### Added

- Not yet.

## [1.10.0] - 2024-06-02

### Added

- Ten comes after nine ([#12]), as [the docs] say.

### Fixed

- A [x] in a box.

## [1.1.0] - 2024-05-01 [YANKED]

- Taken back.

## 1.0.0 - 2024-01-01

- First.

[Unreleased]: https://example.com/compare/1.10.0...HEAD
[1.10.0]: https://example.com/compare/1.1.0...1.10.0
[#12]: https://example.com/12
[The Docs]: https://example.com/docs "Docs"
"""
TEN = """\
### Added

- Ten comes after nine ([#12]), as [the docs] say.

### Fixed

- A [x] in a box.

[#12]: https://example.com/12
[The Docs]: https://example.com/docs "Docs\""""

NOTES = "# New\n\n- yes\n\n## Coming from 1.3\n\n- this"

# What it is, the changelog, the version, and what is to be found.
SHAPES = [
    ("keep a changelog", KEEP, "1.10.0", TEN),
    ("a version that was yanked, by fewer zeros", KEEP, "1.1", "- Taken back."),
    ("the last one, before the links", KEEP, "1.0.0", "- First."),
    ("what is not released yet", KEEP, "Unreleased", "### Added\n\n- Not yet."),
    ("lines that end as on Windows", KEEP.replace("\n", "\r\n"), "1.0.0", "- First."),
    (
        "standard-version: a patch and its parts in headings of one level",
        "### [1.4.1](https://x/1) (2020)\n\n\n### Fixes\n\n* one\n\n### New\n\n* two\n\n## [1.4.0](https://x)\n\n* no",
        "1.4.1",
        "### Fixes\n\n* one\n\n### New\n\n* two",
    ),
    ("standard-version: a patch below", "# [1.4.0](x) (2020)\n\n* one\n\n## [1.3.9](y)\n\n* no", "1.4.0", "* one"),
    ("a v, and a colon", "## v1.4.0: Boost\n\nyes\n\n## v1.3.0: Old\n\nno", "1.4.0", "yes"),
    ("a word", "# Version 1.4.0 (May 1, 2024)\nyes\n# Release 1.3.0\nno", "1.4.0", "yes"),
    ("a date in words", "## 0.28.1 (6th December, 2024)\n\n* yes\n\n## 0.28.0\n\n* no", "0.28.1", "* yes"),
    (
        "a date that comes first",
        "## 2024-05-01, Version 20.1.0 (Current), @me\nyes\n## 2024-04-01, Version 20.0.0\nno",
        "20.1.0",
        "yes",
    ),
    ("the product's name", "## Rocket 1.4.0\nyes\n## Rocket 1.3.0\nno", "1.4.0", "yes"),
    ("a name of several words", "# Rocket for Desktop 1.4.0\nyes\n# Rocket for Desktop 1.3.0\nno", "1.4.0", "yes"),
    ("a package", "## @acme/rocket@1.4.0\nyes\n## @acme/rocket@1.3.0\nno", "1.4.0", "yes"),
    ("a tag", "## rocket-v1.4.0\nyes\n## rocket-v1.3.0\nno", "1.4.0", "yes"),
    ("a sign, and the name of one", "## 🚀 1.4.0\nyes\n## :bug: 1.3.0\nno", "1.4.0", "yes"),
    ("emphasis", "## **1.4.0** — _2024_\nyes\n## __1.3.0__\nno", "1.4.0", "yes"),
    ("an anchor", '## <a name="1.4.0"></a>1.4.0 (2024)\nyes\n## <a id="x"></a> 1.3.0\nno', "1.4.0", "yes"),
    ("signs that close the heading", "## 1.4.0 ##\nyes\n## 1.3.0 ##\nno", "1.4.0", "yes"),
    ("underlines", "Changes\n=======\n\n1.4.0 (2024)\n------------\n\nyes\n\n1.3.0\n-----\nno", "1.4.0", "yes"),
    ("reStructuredText", "1.4.0\n~~~~~\n\nyes\n\n1.3.0\n~~~~~\n\nno", "1.4.0", "yes"),
    ("AsciiDoc", "= Changes\n\n== 1.4.0\n\nyes\n\n== 1.3.0\n\nno", "1.4.0", "yes"),
    ("WordPress", "== Changelog ==\n\n= 1.4.0 =\n* yes\n\n= 1.3.0 =\n* no\n\n== Upgrade Notice ==", "1.4.0", "* yes"),
    ("bold letters for headings", "**1.4.0**\n\n### New\n\n- yes\n\n**1.3.0**\n\n- no", "1.4.0", "### New\n\n- yes"),
    ("a pre-release comes first", "## 1.4.0-beta.1\nno\n## 1.4.0rc2\nno\n## 1.4.0\nyes\n## 1.3.0\nno", "1.4.0", "yes"),
    ("four numbers", "## 1.4.0.1\nno\n## 1.4.0\nyes", "1.4.0.0", "yes"),
    ("a chapter after the last one", "## 1.4.0\n\nyes\n\n## Thanks\n\nno", "1.4.0", "yes"),
    ("headings in code", "## 1.4.0\n\n```md\n## 1.3.0\n```\n\nyes\n\n## 1.3.0", "1.4.0", "```md\n## 1.3.0\n```\n\nyes"),
    ("headings in a comment", "<!--\n## 1.4.0\nno\n-->\n## 1.4.0\nyes", "1.4.0", "yes"),
    ("words about another version", "## 1.4.0\n\n### 1.3 users, look\n\n## 1.3.0", "1.4.0", "### 1.3 users, look"),
    ("notes, and no changelog", NOTES, "1.4.0", NOTES),
    ("no heading at all", "\n\n- yes\n\n", "1.4.0", "- yes"),
]  # fmt: skip


def test_the_section_of_a_version_is_found_in_every_shape_of_changelog() -> None:
    client = load_client()
    wrong = []
    for what, changelog, version, wanted in SHAPES:
        try:
            found = client.find_section(changelog, version, "Rocket")
        except client.ClientError as error:
            found = error
        if found != wanted:
            wrong.append((what, found))
    assert wrong == []


def test_a_section_that_is_not_there_is_named_with_those_that_are() -> None:
    client = load_client()
    missing = {
        "keep a changelog": (KEEP, "2.0.0", "It has Unreleased, 1.10.0, 1.1.0, 1.0.0."),
        "only a pre-release": ("## 1.4.0-beta.1\nx", "1.4.0", "It has 1.4.0-beta.1."),
        "only another one's name": ("# Rocket for Desktop 1.3.0\nx", "1.4.0", "Use --section"),
    }
    for changelog, version, wanted in missing.values():
        with pytest.raises(client.ClientError, match=f"no section for {version}") as caught:
            client.find_section(changelog, version, "Rocket")
        assert caught.value.details[0].startswith(wanted)
        assert caught.value.exit_code == client.EXIT_INVALID
    with pytest.raises(client.ClientError, match=r"1\.4\.0 .* is empty"):
        client.find_section("## 1.4.0\n\n## 1.3.0\nx", "1.4.0")


def test_a_long_changelog_is_read_in_linear_time() -> None:
    client = load_client()
    line = "## " + "1.4 " * 20_000
    text = dedent(f"""\
        {line}
        {"[" * 20_000}
        {"a" * 20_000}: [x]
        ## {"#" + " " * 50_000}x
        ## 9.9.9
        yes
        """)
    assert client.find_section(text, "9.9.9") == "yes"


def test_notes_that_are_too_long_end_where_a_reader_would_stop_and_say_so() -> None:
    client = load_client()
    assert client.cut_notes("a\r\n" * 2048, "") == "a\n" * 2048
    lines = "\n\n".join(["```python", *("x" * 80 for _ in range(90))])
    cut = client.cut_notes(lines, "https://example.com/notes")
    ending = "x\n```\n\n*These notes were shortened.* [Read all of them](https://example.com/notes)"
    assert (len(cut) <= 4096, cut.endswith(ending)) == (True, True)
    assert len(client.cut_notes("😀" * 5000, "")) <= 4096
    assert client.cut_notes("word " * 1000, "").endswith("word\n\n*These notes were shortened.*")
