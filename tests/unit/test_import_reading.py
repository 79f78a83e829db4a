"""What an entry of a file becomes: versions out of tags, days out of words, notes that fit."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from app.imports.dates import parse_date
from app.imports.formats.entries import Entry
from app.imports.reading import Catalog, KnownProduct, Reading, read_entry
from app.imports.schema import parse_options
from app.imports.shortening import cut_notes
from app.imports.words import pack, unpack
from app.language import Message, say
from app.releases.schema import NOTES_LIMIT
from tests.corpora import load_real_releases

pytestmark = pytest.mark.once

NOW = datetime(2026, 1, 1, tzinfo=UTC)
PRODUCT = KnownProduct("0f8fad5b-d9cb-469f-a165-70867728950e", "rocket", "Rocket")
CATALOG = Catalog({PRODUCT.id: PRODUCT}, {"rocket": PRODUCT, "Rocket": PRODUCT})


def read(members: dict[str, Any], **options: Any) -> Reading:
    given = parse_options({"productId": PRODUCT.id, **options})
    return read_entry(Entry(1, {"date": "2024-01-01", **members}), given, CATALOG, NOW)


def describe(reading: Reading) -> str:
    if reading.is_skipped:
        return f"skip: {reading.warnings[-1].message}"
    if reading.draft is None:
        return " ".join(error.message for error in reading.errors)
    return f"{reading.draft.version} {reading.draft.channel}"


GRAMMAR = "Version must be two to four numbers with dots between them: x.x, x.x.x or x.x.x.x, such as 1.4.0."
PRERELEASE = "Version is a prerelease. Choose whether prereleases go to a channel of their own or are left out."


def test_a_version_is_found_in_its_tag() -> None:
    tags: dict[Any, str] = {
        "1.2.3": "1.2.3 stable",
        "v1.2.3": "1.2.3 stable",
        "app/v1.2.3": "1.2.3 stable",
        "release-1.2": "1.2 stable",
        "@scope/pkg@1.2.3": "1.2.3 stable",
        "app2-1.2": "1.2 stable",
        "1.2.3.4": "1.2.3.4 stable",
        "1.2.3.4.5": GRAMMAR,
        "v1": GRAMMAR,
        "nightly": GRAMMAR,
        "1.2.3+5": GRAMMAR,
        "1.0.post1": GRAMMAR,
        "1.2.3-beta.1": PRERELEASE,
        "2.0rc1": PRERELEASE,
        1.10: "Version must be a string.",
        None: "Version is required.",
    }
    assert {tag: describe(read({"version": tag})) for tag in tags} == tags
    assert [warning.message for warning in read({"version": "app/v1.2"}).warnings] == ['In the file it is "app/v1.2".']
    assert not read({"version": "1.2"}).warnings
    # Every tag of most files begins so.
    assert not read({"version": "v1.2"}).warnings


def test_prereleases_go_where_they_are_wanted() -> None:
    tags: dict[str, str] = {
        "1.2.3-beta.4": "1.2.3.4 beta",
        "2.0b1": "2.0.0.1 beta",
        "v2.0.0-rc.12": "2.0.0.12 rc",
        "1.2.3-SNAPSHOT": "1.2.3 snapshot",
        "1.2.3-beta.1.2": GRAMMAR,
        "1.2.3.4-rc1": "Version has four numbers already: there is no place for the number of the prerelease.",
    }
    assert {tag: describe(read({"version": tag}, prereleases="channel")) for tag in tags} == tags
    flagged = {"version": "1.2.3", "prerelease": True}
    assert describe(read(flagged)) == PRERELEASE
    assert describe(read(flagged, prereleases="channel")) == "1.2.3 beta"
    assert describe(read({"version": "2.0rc1", "channel": "next"}, prereleases="channel")) == "2.0.0.1 next"
    assert describe(read(flagged, prereleases="skip")) == "skip: Prereleases are left out."
    assert describe(read({"version": "lib/v1.2"}, tagPrefix="app/")) == 'skip: It does not begin with "app/".'
    assert describe(read({"version": "app/v1.2"}, tagPrefix="app/")) == "1.2 stable"


def test_what_a_row_does_not_say_the_options_say() -> None:
    reading = read({"version": "1.0"}, channel="lts", platforms=["linux"], private=True, publish=True)
    assert reading.draft is not None
    assert reading.draft.to_json() == {
        "name": "Rocket 1.0",
        "version": "1.0",
        "channel": "lts",
        "platforms": ["linux"],
        "private": True,
        "notes": "",
        "productId": PRODUCT.id,
        "createdAt": "2024-01-01T00:00:00Z",
    }
    assert (reading.publishes, reading.is_day) == (True, True)
    own = {"version": "1.0", "name": "Own", "channel": "beta", "platforms": ["win64"], "private": False, "draft": True}
    said = read(own, channel="lts", platforms=["linux"], private=True, publish=True)
    assert said.draft is not None
    assert (said.draft.name, said.draft.channel, said.draft.platforms, said.draft.private) == (
        "Own", "beta", ("win64",), False,
    )  # fmt: skip
    assert not said.publishes
    assert not read({"version": "1.0", "published": False}, publish=True).publishes


def test_the_schema_of_both_doors_judges_every_row() -> None:
    wrong = {
        "version": "1.0",
        "name": "x" * 257,
        "channel": "a\x00",
        "platforms": ["linux", 5],
        "private": "no",
        "notes": "y" * (NOTES_LIMIT + 1),
        "date": "01/02/2024",
        "product": "Boat\x00",
    }
    errors = [(error.field, error.code) for error in read(wrong).errors]
    assert errors == [
        ("productId", "unknown_product"),
        ("createdAt", "invalid_time"),
        ("name", "too_long"),
        ("channel", "invalid_character"),
        ("platforms", "wrong_type"),
        ("private", "wrong_type"),
        ("notes", "too_long"),
    ]
    assert describe(read({"version": "1.0", "date": "2031-01-01"})) == (
        "Created at must not be in the future: it is only for old releases."
    )
    assert read({"version": "1.0", "product": "Boat"}, oneProduct=True).draft is not None


def test_dates_are_read_as_people_write_them() -> None:
    days = ("2024-12-06", "2024/12/6", "6th December, 2024", "6 Dec 2024", "Dec 6th 2024", "December 6, 2024")
    assert {parse_date(day) for day in days} == {parse_date("2024-12-06")}
    assert all(parse_date(release["date"]) for release in load_real_releases() if release["date"])
    moments = ("2024-12-06T10:00:00Z", "2024-12-06 10:00", "2024-12-06 12:00:00 +0200", "Fri, 06 Dec 2024 10:00:00 GMT")
    assert {parse_date(moment) for moment in moments} == {parse_date("2024-12-06T10:00:00Z")}
    assert not any(
        parse_date(other) for other in ("06/12/2024", "2024-13-01", "yesterday", "", "0000-01-01", "6 Foo 2024")
    )


def test_notes_are_cut_where_a_reader_would_stop() -> None:
    text = "".join(f"Paragraph {number}.\n\n" for number in range(400))
    cut = cut_notes(text, "https://example.org/full")
    assert len(cut) <= NOTES_LIMIT
    kept, _, end = cut.rpartition("\n\n")
    assert text.startswith(kept + "\n\n")
    assert end == "*These notes were shortened.* [Read all of them](https://example.org/full)"
    assert cut_notes(text, "javascript:x").endswith("*These notes were shortened.*")
    code = cut_notes("```\n" + "x = 1\n" * 2000)
    assert code.count("```") == 2
    assert len(cut_notes("x" * 9999)) <= NOTES_LIMIT
    assert cut_notes("short\r\n") == "short\n"


def test_sentences_are_kept_so_that_they_can_be_translated() -> None:
    sentence = say("{label} {rule}", label=say("Notes"), rule=say("must have {count}.", count=3))
    kept = unpack(pack(sentence))
    assert isinstance(kept, Message)
    assert (kept, kept.template) == (sentence, sentence.template)
    assert isinstance(kept.values["label"], Message)
    assert unpack(pack("plain")) == "plain"
