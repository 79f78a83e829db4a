"""Every sentence that people read can be translated, and is, into German."""

from __future__ import annotations

import copy
import pickle
import re
import string
from gettext import NullTranslations

import pytest
from babel.messages import Message

from app.language import format_number, gettext, ngettext, say, speaking, translate
from app.languages import DEFAULT_LOCALE, LOCALES, load_catalog
from tests.stack import PROJECT
from tests.translations import collect, list_missing, read_catalog

pytestmark = pytest.mark.once
FOREIGN = sorted(set(LOCALES) - {DEFAULT_LOCALE})
# What stands on a page and is a name, a word of a protocol or a sample of code in every language.
NAMES = re.compile(
    r"\b(?:Slipway|UTC|URL|POST|PATCH|GET|UUID|webhook-id|Markdown|md|ms|API|CI|CSV|JSON|QR|of)\b|&[a-z]+;|[^A-Za-z]"
)
MARKUP = re.compile(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}|<!--.*?-->", re.DOTALL)
# Some macros make attributes alone, one piece after the other.
ATTRIBUTE = re.compile(r"\b[a-z-]+=\"[^\"]*\"?|\b(?:error|hint)-[a-z-]*")
CODE = re.compile(r"<(code|pre|kbd|script|svg)\b.*?</\1>", re.DOTALL)


def list_fields(template: str) -> set[str]:
    """Gives the names that stand in braces."""
    return {name for _, name, _, _ in string.Formatter().parse(template) if name}


def list_strings(message: Message) -> list[str | None]:
    """Gives the translations of a sentence: one, or one for each number that the language tells apart."""
    return list(message.string) if isinstance(message.string, tuple | list) else [message.string]


@pytest.mark.parametrize("locale", FOREIGN)
def test_every_sentence_is_translated_and_none_is_left_over(locale: str) -> None:
    catalog, wanted = read_catalog(locale), collect()
    assert list_missing(catalog) == []
    keys = {(message.id, message.context) for message in catalog if message.id}
    assert keys == {(message.id, message.context) for message in wanted if message.id}


@pytest.mark.parametrize("locale", FOREIGN)
def test_a_translation_says_what_the_sentence_says(locale: str) -> None:
    wrong = []
    for message in read_catalog(locale):
        ids = message.id if isinstance(message.id, tuple | list) else (message.id,)
        said = [text or "" for text in list_strings(message)]
        wanted = set().union(*(list_fields(text) for text in ids))
        # The singular may leave the number out.
        wrong += [text for text in said if not list_fields(text) <= wanted or wanted - list_fields(text) - {"count"}]
    assert wrong == []


@pytest.mark.parametrize("locale", FOREIGN)
def test_pages_use_what_is_written_down(locale: str) -> None:
    used = load_catalog(locale)
    for message in read_catalog(locale):
        if isinstance(message.id, tuple | list):
            singular, plural = message.id
            assert [used.ngettext(singular, plural, count) for count in (1, 2)] == list_strings(message)
        elif message.context:
            assert used.pgettext(message.context, message.id) == message.string
        elif message.id:
            assert used.gettext(message.id) == message.string


def test_no_page_has_a_word_that_cannot_be_translated() -> None:
    found = {}
    for path in sorted((PROJECT / "templates").rglob("*.html")):
        shown = CODE.sub("", MARKUP.sub("", path.read_text()))
        attributes = re.findall(r"\s(?:title|aria-label|placeholder|alt)=\"([^\"]*)\"", shown)
        text = " ".join([ATTRIBUTE.sub(" ", re.sub(r"<[^>]*>", " ", shown)), *attributes])
        # A class of the page's frame is in a block of its own.
        words = [word for word in text.split() if len(NAMES.sub("", word)) > 1 and not word.startswith("is-")]
        if words:
            found[path.relative_to(PROJECT).as_posix()] = words
    assert found == {}


class Shouting(NullTranslations):
    """A language that is English in capitals."""

    def gettext(self, message: str) -> str:
        """Gives a sentence."""
        return re.sub(r"[a-z]+(?![^{]*})", lambda match: match[0].upper(), message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Gives the form that fits."""
        return self.gettext(msgid1 if n == 1 else msgid2)

    def pgettext(self, context: str, message: str) -> str:
        """Gives a word by its context."""
        return "." if context == "between groups of three digits" else self.gettext(message)


def test_a_sentence_is_english_until_a_page_says_it() -> None:
    message = say("{field} must have at most {limit:,} characters.", field=say("Notes"), limit=4096)
    assert message == "Notes must have at most 4,096 characters."
    with speaking(Shouting()):
        assert str(message) == "Notes must have at most 4,096 characters."
        assert translate(message) == "NOTES MUST HAVE AT MOST 4.096 CHARACTERS."
        assert translate("Rocket 1.4") == "Rocket 1.4"
        assert gettext("It is {name}.", name="Rocket") == "IT IS Rocket."
        assert ngettext("{count:,} file", "{count:,} files", 1) == "1 FILE"
        assert ngettext("{count:,} file", "{count:,} files", 4096) == "4.096 FILES"
        assert format_number(1234567) == "1.234.567"
    assert translate(message) == message
    assert format_number(1234567) == "1,234,567"


def test_braces_in_what_somebody_typed_stay_braces() -> None:
    assert say("{name} is taken.", name="{0.__class__}") == "{0.__class__} is taken."
    with speaking(Shouting()):
        assert translate(say("{name} is taken.", name="{x}")) == "{x} IS TAKEN."
    assert say("Such as {this}: a literal") == "Such as {this}: a literal"


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda it: pickle.loads(pickle.dumps(it))])
def test_a_copy_of_a_sentence_can_be_translated_too(copied: object) -> None:
    message = copied(say("{name} is taken.", name="Rocket"))  # type: ignore[operator]
    assert message == "Rocket is taken."
    with speaking(Shouting()):
        assert translate(message) == "Rocket IS TAKEN."


def test_a_language_without_a_catalogue_is_english() -> None:
    assert load_catalog("xx").gettext("Sign out") == "Sign out"
    assert load_catalog(DEFAULT_LOCALE).gettext("Sign out") == "Sign out"
