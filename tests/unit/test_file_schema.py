"""The one validation of a file, by itself, and how its size and extension are told."""

from __future__ import annotations

import json
from typing import Any

import pytest
from werkzeug.utils import secure_filename

from app.exceptions import ValidationError
from app.files.schema import is_name, parse_file, suggest_name
from app.files.serializers import find_extension
from app.files.sizes import describe_size
from tests.corpora import load_corpus
from tests.recorded import FILE

RAW: dict[str, Any] = {**FILE, "releaseId": "0f8fad5b-d9cb-469f-a165-70867728950e"}
NAMES = [(row["id"], json.loads(row["name_json"])) for row in load_corpus("file_names")["cases"]]
CONTRACT_SIGNS = frozenset("()[]_.-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def find_errors(**changes: Any) -> dict[str, str]:
    """Gives the machine word of each field that is refused."""
    try:
        parse_file({**RAW, **changes})
    except ValidationError as error:
        return {item.field: item.code for item in error.errors}
    return {}


@pytest.mark.parametrize(("row", "name"), NAMES, ids=[row for row, _ in NAMES])
def test_a_name_of_the_corpus_is_kept_as_it_is_or_refused(row: str, name: str) -> None:
    if not find_errors(name=name):
        # Nothing is left of what could be a path, a header's end, HTML, or a hidden file.
        assert name == secure_filename(name)
    else:
        # The contract's signs are fewer than those of the corpus's legal names, and the contract wins.
        assert not row.startswith("file/ok-") or not set(name) <= CONTRACT_SIGNS


@pytest.mark.parametrize(
    "name", ["abc", "a" * 256, "a.tar.gz", "README", "Rocket[1](2)_x-y.ZIP", "x.xml", "console.txt", "---"]
)
def test_a_name_of_the_contract_is_accepted(name: str) -> None:
    assert parse_file({**RAW, "name": name}).name == name


@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("", "required"),
        ("ab", "too_short"),
        ("a" * 257, "too_long"),
        ("a b.zip", "invalid_character"),
        ("a/b.zip", "invalid_character"),
        ("abc\n", "invalid_character"),
        ("дист.zip", "invalid_character"),
        ("١٢٣.zip", "invalid_character"),
        (".env", "invalid_name"),
        ("abc.", "invalid_name"),
        ("...", "invalid_name"),
        ("CON", "invalid_name"),
        ("lpt1.txt.gz", "invalid_name"),
        (5, "wrong_type"),
        ("a\ud800.zip", "invalid_character"),
    ],
)
def test_a_name_is_refused_by_rule(name: object, code: str) -> None:
    assert find_errors(name=name) == {"name": code}


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org",
        "https://example.org/a%20b?c=d&e=[f]",
        "https://files.example.org/p.whl#sha256=e3b0c442",
        "http://localhost:8080/x",
        "http://10.0.0.1/x",
        "https://[2001:db8::1]:22/x",
        "HTTPS://EXAMPLE.org/x",
        "https://example.org/" + "x" * 2028,
    ],
)
def test_an_address_is_judged_by_its_spelling_alone(url: str) -> None:
    assert parse_file({**RAW, "url": url}).url == url


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("", "required"),
        ("https://example.org/" + "x" * 2029, "too_long"),
        ("javascript:alert(1)", "bad_scheme"),
        ("data:text/html,x", "bad_scheme"),
        ("ftp://example.org/x", "bad_scheme"),
        ("//example.org/x", "bad_scheme"),
        ("https:example.org", "bad_host"),
        ("https:///x", "bad_host"),
        ("https://user:secret@example.org/x", "userinfo"),
        ("http://127.0.0.1\\@example.com/", "bad_url"),
        ("http://①②⑦.⓪.⓪.①/", "bad_url"),
        ("http://2130706433/", "bad_host"),
        ("https://example.org:0/x", "bad_port"),
        ("https://example.org/a b", "bad_url"),
        ("https://example.org/%zz", "bad_url"),
        ("https://example.org/x#a#b", "bad_url"),
        ("https://example.org/x#%z", "bad_url"),
        ("https://example.org/x\r\nX: y", "invalid_character"),
        ("https://example.org/\x00", "invalid_character"),
        ("https://example.org/\u202egpj.exe", "invalid_character"),
    ],
)
def test_an_address_that_two_programs_may_read_differently_is_refused(url: str, code: str) -> None:
    assert find_errors(url=url) == {"url": code}


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("size", -1, "out_of_range"),
        ("size", 2**53 + 1, "out_of_range"),
        ("size", "5", "wrong_type"),
        ("size", 5.0, "wrong_type"),
        ("size", True, "wrong_type"),
        ("size", None, "required"),
        ("checksum", "", "required"),
        ("checksum", "d41d8cd98f00b204e9800998ecf8427", "invalid_checksum"),
        ("checksum", "g" * 32, "invalid_checksum"),
        ("checksum", "a" * 40, "invalid_checksum"),
        ("checksum", "a" * 64 + "\n", "invalid_checksum"),
        ("secured", "true", "wrong_type"),
        ("secured", 1, "wrong_type"),
        ("releaseId", None, "required"),
        ("releaseId", 7, "wrong_type"),
    ],
)
def test_size_checksum_and_the_rest_are_not_coerced(field: str, value: object, code: str) -> None:
    assert find_errors(**{field: value}) == {field: code}


def test_what_is_at_the_limits_is_accepted() -> None:
    for size in (0, 2**53):
        assert parse_file({**RAW, "size": size}).size == size
    for checksum in ("A" * 32, "0f" * 32):
        assert parse_file({**RAW, "checksum": checksum}).checksum == checksum
    assert parse_file({**RAW, "secured": None}).secured is False


def test_external_is_tolerated_and_what_is_unknown_is_named() -> None:
    draft = parse_file({**RAW, "external": True, "owner": "x", "id": None})
    assert draft.ignored_fields == ("owner",)
    with pytest.raises(ValidationError) as caught:
        parse_file({**RAW, "external": True, "owner": "x"}, is_strict=True)
    assert [(error.field, error.code) for error in caught.value.errors] == [("owner", "unknown_field")]


def test_every_broken_rule_is_told_at_once_and_in_order() -> None:
    with pytest.raises(ValidationError) as caught:
        parse_file({"secured": "x"})
    fields = [error.field for error in caught.value.errors]
    assert fields == ["name", "url", "size", "checksum", "secured", "releaseId"]


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (0, "0 bytes"), (1, "1 byte"), (999, "999 bytes"), (1000, "1 kB"), (1_500_000, "1.5 MB"),
        (999_949, "999.9 kB"), (999_950, "1 MB"), (2**53, "9 PB"),
    ],
)  # fmt: skip
def test_a_size_is_told_in_words(size: int, words: str) -> None:
    assert describe_size(size) == words.replace(" ", "\N{NO-BREAK SPACE}")


@pytest.mark.parametrize(("name", "extension"), [("a.tar.gz", ".gz"), ("README", ""), ("x.XML", ".XML")])
def test_an_extension_has_its_dot(name: str, extension: str) -> None:
    assert find_extension(name) == extension


@pytest.mark.parametrize(
    ("given", "suggested"),
    [
        ("rocket-1.2.tar.gz", "rocket-1.2.tar.gz"),
        ("My Rocket (final).zip", "My-Rocket-(final).zip"),
        ("Größe  1.bin", "Große-1.bin".replace("ß", "_")),
        (r"C:\fakepath\a b.exe", "a-b.exe"),
        ("../../etc/passwd", "passwd"),
        ("日本語.zip", "_.zip"),
        ("x" * 300 + ".zip", "x" * 252 + ".zip"),
        ("a\x00b\r\n.zip", "a_b-.zip"),
    ],
)
def test_a_name_of_somebodys_machine_becomes_the_nearest_one_that_may_be(given: str, suggested: str) -> None:
    assert suggest_name(given) == suggested
    assert is_name(suggested)
