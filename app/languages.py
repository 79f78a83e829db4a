"""Which language and which colours a page is in: as its reader has chosen, else as the browser asks."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from gettext import GNUTranslations, NullTranslations
from pathlib import Path
from typing import Any, Final

from babel.dates import format_date
from flask import Flask, g, has_request_context, request
from markupsafe import Markup, escape

from app import language

# What the catalogues hold, by the name that each language has for itself.
LOCALES: Final[dict[str, str]] = {"en": "English", "de": "Deutsch"}
DEFAULT_LOCALE: Final = "en"
THEMES: Final = ("light", "dark")
# For browsers in which nobody is signed in; whoever is has both in the account.
LOCALE_COOKIE: Final = "slipway_locale"
THEME_COOKIE: Final = "slipway_theme"
_CATALOGS = Path(__file__).parent / "translations"
_ENGLISH = NullTranslations()


class ReaderCatalog(NullTranslations):
    """Speaks the language of whoever reads the current page. It asks when a word is needed, not before."""

    def gettext(self, message: str) -> str:
        """Gives a sentence."""
        return load_catalog(find_locale()).gettext(message)

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        """Gives the form of a sentence that fits a count."""
        return load_catalog(find_locale()).ngettext(msgid1, msgid2, n)

    def pgettext(self, context: str, message: str) -> str:
        """Gives a word by its context."""
        return load_catalog(find_locale()).pgettext(context, message)


def init_app(app: Flask) -> None:
    """Takes the application; gives templates the words, and every page its language."""
    app.add_template_filter(language.translate, "translate")
    app.jinja_env.globals.update(
        {
            "_": language.gettext,
            "_html": say_html,
            "ngettext": language.ngettext,
            "pgettext": language.pgettext,
            "reader_locale": find_locale,
            "reader_theme": find_theme,
        }
    )
    app.before_request(_speak)


def remember_reader(user: Any) -> None:
    """Takes whoever is signed in: the rest of this request speaks to them."""
    g.reader_locale, g.reader_theme = user.locale, user.theme


def find_locale() -> str:
    """Gives the language of the current page. The API and commands speak English."""
    if not has_request_context() or request.path.startswith("/v3/"):
        return DEFAULT_LOCALE
    chosen = g.get("reader_locale") or request.cookies.get(LOCALE_COOKIE, "")
    return chosen if chosen in LOCALES else request.accept_languages.best_match(LOCALES) or DEFAULT_LOCALE


def find_theme() -> str:
    """Gives the colours that the reader has chosen, the empty string for those of the browser."""
    if not has_request_context():
        return ""
    chosen = g.get("reader_theme") or request.cookies.get(THEME_COOKIE, "")
    return chosen if chosen in THEMES else ""


@lru_cache(maxsize=len(LOCALES))
def load_catalog(locale: str) -> NullTranslations:
    """Gives the sentences of a language; English needs none."""
    path = _CATALOGS / locale / "LC_MESSAGES" / "messages.mo"
    if locale == DEFAULT_LOCALE or not path.exists():
        return _ENGLISH
    with path.open("rb") as file:
        return GNUTranslations(file)


def say_html(template: str, /, **values: Any) -> Markup:
    """Gives a sentence with elements in it, such as links. Everything but what is markup already is escaped."""
    return escape(language.gettext(template)).format(**{name: escape(value) for name, value in values.items()})


def spell_time(moment: datetime, *, seconds: bool = False) -> str:
    """Gives a time in UTC as the reader's language writes it, such as ``24 Aug 2019, 14:15 UTC``."""
    moment, locale = moment.astimezone(UTC), find_locale()
    clock = f"{moment:%H:%M:%S}" if seconds else f"{moment:%H:%M}"
    if locale == DEFAULT_LOCALE:
        return f"{moment.day} {moment:%b} {moment.year:04d}, {clock} UTC"
    return f"{format_date(moment, 'd. MMM y', locale=locale)}, {clock} UTC"


def _speak() -> None:
    language.speak(ReaderCatalog())
