"""The allow-list of what a reader's browser may get. Bleach applies it first, nh3 applies it again as the last word."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable

import bleach
import nh3
from pygments.token import STANDARD_TYPES

TAGS = frozenset({
    "a", "abbr", "b", "blockquote", "br", "code", "dd", "del", "dl", "dt", "em", "h1", "h2", "h3", "h4", "h5", "h6",
    "hr", "i", "li", "ol", "p", "pre", "strong", "sub", "sup", "table", "tbody", "td", "th", "thead", "tr", "ul",
})  # fmt: skip
PROTOCOLS = frozenset({"http", "https", "mailto"})
LINK_REL = "nofollow noopener noreferrer ugc"
ALIGNMENTS = frozenset({"left", "center", "right"})
# What a reader hears of a checkbox: not done, done.
CHECKBOX_LABELS = ("Incomplete task", "Completed task")
LANGUAGE_CLASS = re.compile(r"language-[A-Za-z0-9+#.-]{1,32}\Z")
# Pygments names its classes with one to three letters; the empty name is that of plain text.
HIGHLIGHT_CLASSES = frozenset(name for name in STANDARD_TYPES.values() if name)

_DROPPED_WITH_CONTENT = {"script", "style"}
_local = threading.local()


def _is_code_class(tag: str, name: str, value: str) -> bool:
    return name == "class" and LANGUAGE_CLASS.match(value) is not None


def _is_alignment(tag: str, name: str, value: str) -> bool:
    return name == "align" and value in ALIGNMENTS


_FIRST_ATTRIBUTES: dict[str, list[str] | Callable[[str, str, str], bool]] = {
    "a": ["href", "title"],
    "abbr": ["title"],
    "code": _is_code_class,
    "td": _is_alignment,
    "th": _is_alignment,
    "ol": ["start"],
}


def _get_first_cleaner() -> bleach.Cleaner:
    # Bleach's cleaner keeps its parser's state, so that each thread needs its own.
    cleaner: bleach.Cleaner | None = getattr(_local, "cleaner", None)
    if cleaner is None:
        cleaner = _local.cleaner = bleach.Cleaner(
            tags=TAGS,
            attributes=_FIRST_ATTRIBUTES,
            protocols=PROTOCOLS,
            strip=True,
            strip_comments=True,
        )
    return cleaner


def _filter_attribute(tag: str, name: str, value: str) -> str | None:
    if tag == "code" and name == "class" and LANGUAGE_CLASS.match(value) is None:
        return None
    return value


_last_cleaner = nh3.Cleaner(
    tags=set(TAGS) | {"span", "input"},
    clean_content_tags=_DROPPED_WITH_CONTENT,
    attributes={"a": {"href", "title"}, "abbr": {"title"}, "code": {"class"}, "ol": {"start"}},
    attribute_filter=_filter_attribute,
    allowed_classes={"span": set(HIGHLIGHT_CLASSES)},
    tag_attribute_values={
        "td": {"align": set(ALIGNMENTS)},
        "th": {"align": set(ALIGNMENTS)},
        "input": {"checked": {""}, "type": {"checkbox"}, "aria-label": set(CHECKBOX_LABELS)},
    },
    # Whatever an input was, nobody can use it. To set a second attribute here would let chance decide their order.
    # Code and tables scroll by themselves, which must not take a mouse (WCAG 2.2, criterion 2.1.1).
    set_tag_attribute_values={"input": {"disabled": ""}, "pre": {"tabindex": "0"}, "table": {"tabindex": "0"}},
    url_schemes=set(PROTOCOLS),
    url_relative="deny",
    link_rel=LINK_REL,
)


def sanitize_markup(html: str) -> str:
    """Takes HTML that people had a hand in; gives what of it the allow-list for people permits."""
    return _get_first_cleaner().clean(html)


def sanitize_page(html: str) -> str:
    """Takes HTML with our own highlighting and checkboxes; gives it by the allow-list for browsers.

    Doing it twice changes nothing.
    """
    return _last_cleaner.clean(html)
