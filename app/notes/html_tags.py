"""HTML that people type into notes: which tags mean something, which vanish, and which are only text."""

from __future__ import annotations

import re
from dataclasses import dataclass

from app.notes.entities import decode_entities
from app.notes.links import clean_url
from app.notes.nodes import Node, Piece, wrap
from app.notes.sanitizer import ALIGNMENTS

_NAME = r"[A-Za-z_:][A-Za-z0-9_.:-]*+"
_VALUE = r"(?:[^\s\"'=<>`]++|'[^']*+'|\"[^\"]*+\")"
TAG = re.compile(rf"<(/?)([A-Za-z][A-Za-z0-9-]*+)((?:\s++{_NAME}(?:\s*+=\s*+{_VALUE})?+)*+)\s*+/?>")
_ATTRIBUTE = re.compile(rf"({_NAME})(?:\s*+=\s*+({_VALUE}))?+")

# What begins and what ends a span of HTML that shows nothing: comment, processing instruction, CDATA.
INVISIBLE_SPANS = (("<!--", "-->"), ("<?", "?>"), ("<![CDATA[", "]]>"))
INLINE_TAGS = frozenset({"a", "abbr", "b", "code", "del", "em", "i", "strong", "sub", "sup"})
BLOCK_TAGS = frozenset({
    "blockquote", "dd", "dl", "dt", "h1", "h2", "h3", "h4", "h5", "h6", "li", "ol", "p", "pre", "table", "tbody",
    "td", "th", "thead", "tr", "ul",
})  # fmt: skip
VOID_TAGS = frozenset({"br", "hr"})
_ALIASES = {"s": "del", "strike": "del"}
# Elements of HTML that leave no trace but what stands in them. All else between angle brackets, such as <int> or
# <your-name>, was never meant as HTML and stays as typed; so do scripts and styles, that nobody means to hide.
_VANISHING_TAGS = frozenset({
    "acronym", "address", "area", "article", "aside", "audio", "base", "basefont", "bdi", "bdo", "bgsound", "big",
    "body", "button", "canvas", "caption", "center", "cite", "col", "colgroup", "data", "datalist", "details", "dfn",
    "dialog", "dir", "div", "embed", "fieldset", "figcaption", "figure", "font", "footer", "form", "frame",
    "frameset", "head", "header", "hgroup", "html", "img", "input", "ins", "kbd", "label", "legend", "link", "main",
    "map", "mark", "marquee", "math", "menu", "meta", "meter", "nav", "nobr", "noscript", "object", "optgroup",
    "option", "output", "param", "path", "picture", "progress", "q", "rp", "rt", "ruby", "samp", "search", "section",
    "select", "slot", "small", "source", "span", "summary", "svg", "template", "tfoot", "time", "track", "tt", "u",
    "var", "video", "wbr",
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Tag:
    """A tag as typed: its name in lower case, and its attributes, the first of each name."""

    name: str
    is_closing: bool
    attributes: dict[str, str]


def read_tag(text: str, start: int) -> tuple[Tag, int] | None:
    """Takes text and where "<" stands in it; gives the tag that is known to HTML, and its end, or None."""
    found = TAG.match(text, start)
    if found is None:
        return None
    name = found[2].lower()
    name = _ALIASES.get(name, name)
    if name not in INLINE_TAGS | BLOCK_TAGS | VOID_TAGS | _VANISHING_TAGS:
        return None
    attributes: dict[str, str] = {}
    for attribute in _ATTRIBUTE.finditer(found[3]):
        value = attribute[2] or ""
        value = value[1:-1] if value[:1] in {"'", '"'} else value
        attributes.setdefault(attribute[1].lower(), decode_entities(value))
    return Tag(name, bool(found[1]), attributes), found.end()


def build_node(tag: Tag) -> Node | None:
    """Takes an opening tag; gives an empty node with the attributes that may stay, or None where it vanishes."""
    node = Node(tag.name)
    if tag.name == "a":
        url = clean_url(tag.attributes.get("href", ""))
        if url is None:
            return None
        node.attributes["href"] = url
    elif tag.name not in INLINE_TAGS | BLOCK_TAGS | VOID_TAGS:
        return None
    if tag.name in {"a", "abbr"} and tag.attributes.get("title"):
        node.attributes["title"] = tag.attributes["title"]
    if tag.name in {"td", "th"} and (alignment := tag.attributes.get("align", "").lower()) in ALIGNMENTS:
        node.attributes["align"] = alignment
    return node


def link_image(alternative: str, source: str) -> Piece:
    """Takes an image's alternative text and its source; gives a link to it, or only the text.

    No page loads anything from another host: that would tell it who reads.
    """
    url = clean_url(source)
    return alternative if url is None else wrap("a", [alternative.strip() or url], {"href": url})
