"""``make translations``: collects the sentences for people, puts new ones into the catalogues, and compiles these."""

from __future__ import annotations

import sys
from datetime import UTC, datetime
from pathlib import Path

from babel.messages import Catalog
from babel.messages.extract import extract_from_dir
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from app.languages import DEFAULT_LOCALE, LOCALES
from tests.stack import PROJECT

TRANSLATIONS = PROJECT / "app" / "translations"
# Functions that take a sentence, and which of their arguments it is.
KEYWORDS = {
    "_": None,
    "_html": None,
    "gettext": None,
    "say": None,
    "say_html": None,
    "ngettext": (1, 2),
    "pgettext": ((1, "c"), 2),
}
SOURCES = (("app", [("**.py", "python")]), ("templates", [("**.html", "jinja2")]))


def collect() -> Catalog:
    """Gives all sentences that there are, without translations."""
    found = Catalog(charset="utf-8")
    for folder, methods in SOURCES:
        options = {"**.html": {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}}
        extracted = extract_from_dir(PROJECT / folder, methods, options, keywords=KEYWORDS)
        for _, _, message, comments, context in extracted:
            found.add(message, None, auto_comments=comments, context=context)
    return found


def find_catalog(locale: str) -> Path:
    """Gives the file that the translations into a language are in."""
    return TRANSLATIONS / locale / "LC_MESSAGES" / "messages.po"


def read_catalog(locale: str) -> Catalog:
    """Gives the sentences of a language as they are written down."""
    path = find_catalog(locale)
    if not path.exists():
        return Catalog(locale=locale, charset="utf-8")
    with path.open("rb") as file:
        catalog = read_po(file, locale=locale, charset="utf-8")
    # The same sentences are the same bytes, whoever compiles them and when.
    catalog.project, catalog.version, catalog.fuzzy = "Slipway", "", False
    catalog.creation_date = catalog.revision_date = datetime(2026, 1, 1, tzinfo=UTC)
    return catalog


def list_missing(catalog: Catalog) -> list[str]:
    """Gives the sentences that a catalogue does not translate, in the singular."""
    said = [(message.id, message.string) for message in catalog if message.id]
    return [
        text[0] if isinstance(text, tuple | list) else text
        for text, string in said
        if not all(string if isinstance(string, tuple | list) else [string])
    ]


def main() -> int:
    """Writes the catalogues; gives the exit code."""
    found = collect()
    for locale in sorted(set(LOCALES) - {DEFAULT_LOCALE}):
        catalog = read_catalog(locale)
        catalog.update(found, no_fuzzy_matching=True, update_header_comment=False)
        catalog.obsolete.clear()
        path = find_catalog(locale)
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("wb") as file:
            write_po(file, catalog, width=120, sort_output=True, omit_header=True, no_location=True)
        with path.with_suffix(".mo").open("wb") as file:
            write_mo(file, catalog)
        missing = list_missing(catalog)
        sys.stdout.write(f"{locale}: {len(catalog)} sentences, {len(missing)} of them not translated\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
