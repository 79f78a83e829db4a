"""Renders notes for a comparison with GitHub's HTML: without what Slipway adds for safety and assistive tools."""

from __future__ import annotations

import re

from app.notes import render

_ADDED = re.compile(
    r' (?:rel="nofollow noopener noreferrer ugc"|tabindex="0"|aria-label="(?:Incomplete|Completed) task")'
)


def render_bare(notes: str) -> str:
    """Takes notes; gives their HTML without the added attributes, and without line breaks between elements."""
    return re.sub(r"(?<=>)\n+(?=<)", "", _ADDED.sub("", render(notes)))
