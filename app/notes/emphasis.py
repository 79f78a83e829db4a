"""Emphasis, strong emphasis and strikethrough: which runs of marks belong together.

Source: CommonMark 0.31.2, section 6.2, and "process emphasis" in the appendix; GitHub Flavored Markdown 0.29, section
6.5. The notes of what cannot be found below which opener keep the search linear.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from app.notes.nodes import Node, Piece, group, measure_depth

_RUN = re.compile(r"\*++|_++|~++")


@dataclass(slots=True)
class Run:
    """A run of the same mark. ``length`` counts those that are still unpaired, ``original`` those once typed."""

    mark: str
    length: int
    original: int
    can_open: bool
    can_close: bool


def read_run(text: str, start: int) -> Run:
    """Takes text and where a run of marks begins in it; gives the run, and whether it may open or close."""
    found = _RUN.match(text, start)
    length = len(found[0]) if found else 1
    mark = text[start]
    before, after = text[start - 1 : start] or " ", text[start + length : start + length + 1] or " "
    is_left = not after.isspace() and (not _is_punctuation(after) or before.isspace() or _is_punctuation(before))
    is_right = not before.isspace() and (not _is_punctuation(before) or after.isspace() or _is_punctuation(after))
    if mark == "_":
        can_open = is_left and (not is_right or _is_punctuation(before))
        can_close = is_right and (not is_left or _is_punctuation(after))
    else:
        # More than two tildes strike nothing through.
        is_mark = mark == "*" or length <= 2
        can_open, can_close = is_left and is_mark, is_right and is_mark
    return Run(mark, length, length, can_open, can_close)


def _is_punctuation(character: str) -> bool:
    return unicodedata.category(character)[0] in "PS"


def pair_runs(pieces: Sequence[Piece | Run], depth_limit: int) -> list[Piece]:
    """Takes pieces with runs among them; gives them with emphasis in place of the runs, or marks where none fits."""
    pairing = _Pairing(depth_limit)
    for piece in pieces:
        if isinstance(piece, Run):
            pairing.add_run(piece)
        else:
            pairing.pieces.append(piece)
    return [piece.mark * piece.length if isinstance(piece, Run) else piece for piece in pairing.pieces]


class _Pairing:
    """The pieces so far, and for each mark where the runs stand that may still open something."""

    def __init__(self, depth_limit: int) -> None:
        self.pieces: list[Piece | Run] = []
        self._depth_limit = depth_limit
        self._openers: list[int] = []
        # Below which height of the stack there is no opener for a closer of this kind.
        self._floors: dict[tuple[str, bool, int], int] = {}

    def add_run(self, run: Run) -> None:
        if run.can_close:
            while run.length and (height := self._find_opener(run)) is not None:
                self._pair(height, run)
        if run.length and run.can_open:
            self._openers.append(len(self.pieces))
        if run.length:
            self.pieces.append(run)

    def _find_opener(self, closer: Run) -> int | None:
        kind = (closer.mark, closer.can_open, closer.original % 3)
        floor = self._floors.get(kind, 0)
        for height in range(len(self._openers) - 1, floor - 1, -1):
            opener = self.pieces[self._openers[height]]
            if isinstance(opener, Run) and _can_pair(opener, closer):
                return height
        self._floors[kind] = len(self._openers)
        return None

    def _pair(self, height: int, closer: Run) -> None:
        at = self._openers[height]
        opener = self.pieces[at]
        if not isinstance(opener, Run):
            return
        inner = [piece.mark * piece.length if isinstance(piece, Run) else piece for piece in self.pieces[at + 1 :]]
        count = 2 if opener.length >= 2 and closer.length >= 2 else 1
        opener.length -= count
        closer.length -= count
        del self._openers[height + 1 if opener.length else height :]
        del self.pieces[at + 1 if opener.length else at :]
        self._floors = {kind: min(floor, len(self._openers)) for kind, floor in self._floors.items()}
        depth = measure_depth(inner) + 1
        if depth > self._depth_limit:
            # Beyond the limit the marks are dropped: what nests deeper looks no different.
            self.pieces.append(group(inner))
        else:
            tag = "del" if closer.mark == "~" else "strong" if count == 2 else "em"
            self.pieces.append(Node(tag, {}, inner, depth))


def _can_pair(opener: Run, closer: Run) -> bool:
    """Whether the runs fit: the same mark, and not, as rules 9 and 10 have it, a sum that three divides."""
    if opener.mark != closer.mark:
        return False
    if closer.mark == "~":
        return opener.original == closer.original
    if not (opener.can_close or closer.can_open):
        return True
    return (opener.original + closer.original) % 3 != 0 or (opener.original % 3 == 0 and closer.original % 3 == 0)
