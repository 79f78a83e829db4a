"""Words for people, in their language. Pure: who reads what, and in which language, is the business of ``languages``.

The API speaks English alone. A page translates: ``_`` gives a sentence in the reader's language now, ``say`` gives one
that is English until a page shows it. So a schema's verdict is written once, and both doors give the same one.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from gettext import NullTranslations
from typing import Any, Self

_ENGLISH = NullTranslations()
_CATALOG: ContextVar[NullTranslations] = ContextVar("catalog", default=_ENGLISH)


class Message(str):
    """A sentence in English that knows how to be said in other languages: a template and what is put into it."""

    __slots__ = ("template", "values")

    template: str
    values: dict[str, Any]

    def __new__(cls, template: str, values: dict[str, Any]) -> Self:
        """Takes a template with names in braces, and the value of each."""
        message = super().__new__(cls, template.format(**values) if values else template)
        message.template, message.values = template, values
        return message

    def __reduce__(self) -> tuple[type[Message], tuple[str, dict[str, Any]]]:
        """Gives what a copy is made of."""
        return Message, (self.template, self.values)


def say(template: str, /, **values: Any) -> Message:
    """Gives a sentence that can be translated later. Its template is a literal, so that the catalogues hold it.

    Values that are sentences themselves are translated with it. Without values, braces mean themselves.
    """
    return Message(template, values)


def translate(text: str) -> str:
    """Gives a sentence in the reader's language; a text that does not know how comes back as it is."""
    return gettext(text.template, **text.values) if isinstance(text, Message) else text


def gettext(template: str, /, **values: Any) -> str:
    """Gives a sentence in the reader's language now."""
    translated = _CATALOG.get().gettext(template)
    said = {name: _translate_value(value) for name, value in values.items()}
    return translated.format(**said) if said else translated


def ngettext(singular: str, plural: str, count: int, /, **values: Any) -> str:
    """Gives the form of a sentence that fits a count, which stands in it as ``{count}``."""
    said = {name: _translate_value(value) for name, value in {"count": count, **values}.items()}
    return _CATALOG.get().ngettext(singular, plural, count).format(**said)


def pgettext(context: str, template: str, /, **values: Any) -> str:
    """Gives a word in the reader's language that means several things in English; the context says which."""
    translated = _CATALOG.get().pgettext(context, template)
    return translated.format(**values) if values else translated


@contextmanager
def speaking(catalog: NullTranslations) -> Iterator[None]:
    """Within it, this thread of work speaks by a catalogue."""
    token = _CATALOG.set(catalog)
    try:
        yield
    finally:
        _CATALOG.reset(token)


def speak(catalog: NullTranslations) -> None:
    """From now on this thread of work speaks by a catalogue."""
    _CATALOG.set(catalog)


def format_number(number: int) -> str:
    """Gives a whole number as the reader's language groups its digits."""
    return int.__format__(number, ",").replace(",", pgettext("between groups of three digits", ","))


class Count(int):
    """A whole number that groups its digits as the reader's language does, where a sentence asks for groups."""

    def __format__(self, spec: str, /) -> str:
        """Gives it as a sentence asks for it: ``{count:,}`` is in groups."""
        return format_number(self) if spec == "," else super().__format__(spec)


def _translate_value(value: Any) -> Any:
    if isinstance(value, int) and not isinstance(value, bool):
        return Count(value)
    return translate(value) if isinstance(value, str) else value
