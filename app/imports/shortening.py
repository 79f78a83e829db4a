"""Cuts notes that are too long for a release, at a place where a reader would stop, too. Pure."""

from __future__ import annotations

import re
from typing import Final

from app import notes
from app.releases.schema import NOTES_LIMIT
from app.text import find_line_error

_FENCE = re.compile(r"^ {0,3}(`{3,}|~{3,})", re.MULTILINE)
_ADDRESS = re.compile(r"https?://[^\s<>()\[\]]{1,1000}\Z")
_MARKER: Final = "\n\n*These notes were shortened.*"
_MARKER_WITH_LINK: Final = "\n\n*These notes were shortened.* [Read all of them]({url})"
# Rather a whole paragraph less than half of one, unless that would cost more than this part.
_LEAST_KEPT = 0.75


def cut_notes(text: str, url: str = "") -> str:
    """Takes notes, and the address of where they stand in full, if there is one; gives at most as many characters as
    a release may have, with a line at the end that says so."""
    text = notes.normalize(text)
    if len(text) <= NOTES_LIMIT:
        return text
    is_address = _ADDRESS.match(url) is not None and find_line_error(url) is None
    marker = _MARKER_WITH_LINK.format(url=url) if is_address else _MARKER
    # Room for the end of a block of code that is cut through.
    room = NOTES_LIMIT - len(marker) - len("\n````````")
    kept = text[:room]
    for end in ("\n\n", "\n", " "):
        at = kept.rfind(end)
        if at >= room * _LEAST_KEPT:
            kept = kept[:at]
            break
    kept = kept.rstrip()
    fences = _FENCE.findall(kept)
    if len(fences) % 2:
        kept += "\n" + fences[-1][:8]
    return kept + marker
