"""What stands open while a text is read: the brackets and the HTML tags that wait for their end.

Source: CommonMark 0.31.2, appendix, "look for link or image".
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from app.notes.emphasis import Run, pair_runs
from app.notes.html_tags import Tag, build_node, link_image
from app.notes.links import clean_url
from app.notes.nodes import Node, Piece, group, measure_depth, show_text, strip_links

DEPTH_LIMIT = 16


@dataclass(slots=True)
class Opener:
    """A bracket or a tag: which piece it is, and, of a bracket, where in the text its content begins."""

    piece: int
    end: int = 0
    tag: Tag | None = None
    is_image: bool = False
    is_active: bool = True
    has_inner_bracket: bool = False


class Nesting:
    """The pieces of a text, as far as it is read. What is closed becomes one piece."""

    def __init__(self) -> None:
        self.pieces: list[Piece | Run] = []
        self._brackets: list[Opener] = []
        self._tags: list[Opener] = []
        self._open_tags: Counter[str] = Counter()

    @property
    def has_bracket(self) -> bool:
        """Whether a bracket stands open."""
        return bool(self._brackets)

    def has_tag(self, name: str) -> bool:
        """Whether a tag of this name stands open."""
        return self._open_tags[name] > 0

    def finish(self) -> list[Piece]:
        """Gives all pieces, at the end of the text: what is still open is only text."""
        return pair_runs(self.pieces, DEPTH_LIMIT)

    def open_bracket(self, shown: str, end: int) -> None:
        """Takes "[" or "![", and where its content begins."""
        if self._brackets:
            self._brackets[-1].has_inner_bracket = True
        self._brackets.append(Opener(len(self.pieces), end, is_image=shown == "!["))
        self.pieces.append(shown)

    def pop_bracket(self) -> Opener | None:
        """Gives the innermost bracket, which from now on is text unless a link is closed with it; None if none is."""
        return self._brackets.pop() if self._brackets else None

    def close_link(self, opener: Opener, destination: str, title: str) -> None:
        """Takes the bracket of a link or image; puts the link in its place, or what it shows if it may not be one."""
        self._discard_openers(opener.piece)
        url = clean_url(destination)
        if opener.is_image:
            shown = show_text(self._take_from(opener))
            self.pieces.append(link_image(shown, destination))
            return
        attributes = {} if url is None else {"href": url, "title": title} if title else {"href": url}
        self._wrap_from(opener, Node("" if url is None else "a", attributes))
        self._deactivate_brackets()

    def open_tag(self, tag: Tag) -> None:
        """Takes the opening tag of an element that may stay."""
        self._tags.append(Opener(len(self.pieces), tag=tag))
        self._open_tags[tag.name] += 1
        # An empty piece, so that no other opener stands at the same place.
        self.pieces.append("")

    def close_tag(self, name: str) -> None:
        """Wraps what stands since the opening tag. A tag that is opened and never closed leaves no trace."""
        while self._open_tags[name]:
            opener = self._tags[-1]
            self._discard_openers(opener.piece)
            if opener.tag and opener.tag.name == name:
                self._wrap_from(opener, build_node(opener.tag) or Node(""))
                return

    def _deactivate_brackets(self) -> None:
        """A link holds no link: the brackets around one are only brackets."""
        for opener in reversed(self._brackets):
            if not opener.is_image:
                if not opener.is_active:
                    return
                opener.is_active = False

    def _discard_openers(self, piece: int) -> None:
        while self._brackets and self._brackets[-1].piece >= piece:
            self._brackets.pop()
        while self._tags and self._tags[-1].piece >= piece:
            tag = self._tags.pop().tag
            if tag:
                self._open_tags[tag.name] -= 1

    def _take_from(self, opener: Opener) -> list[Piece]:
        """Takes what stands since the opener out of the pieces, the opener too, and gives it."""
        taken = pair_runs(self.pieces[opener.piece + 1 :], DEPTH_LIMIT)
        del self.pieces[opener.piece :]
        return taken

    def _wrap_from(self, opener: Opener, node: Node) -> None:
        """Puts what stands since the opener into the node, and the node in the opener's place."""
        children = self._take_from(opener)
        if node.tag == "a":
            children = strip_links(children)
        depth = measure_depth(children) + 1
        # Beyond the limit only the text remains: browsers and sanitizers rearrange what nests too deep.
        is_shown = node.tag and depth <= DEPTH_LIMIT
        self.pieces.append(Node(node.tag, node.attributes, children, depth) if is_shown else group(children))
